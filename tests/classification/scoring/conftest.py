"""Classifiers with a file of their own, small and untrained, and a study that three readers have read."""

import numpy as np
import pytest
import torch

from classification.cnn.backbones import BackboneWeights, create_backbone
from classification.cnn.checkpoint import ClassifierData, save_classifier
from classification.models import Classifier, Experiment
from imaging.models import Dataset
from tests.classification.conftest import CLASSES, CONFIG, media_root, picture  # noqa: F401  a fixture of all
from tests.factories import ClassifierFactory, DatasetFactory, ImageFactory
from tests.turing.builders import make_draft
from tests.turing.results.readings import read
from turing.models import Study
from turing.services import close_study, open_study


def write_classifier(classifier: Classifier, *, seed: int = 0) -> Classifier:
    """A file with a random head on a random backbone, whose scores spread over the whole range."""
    experiment = classifier.experiment
    backbone = create_backbone(CONFIG.backbone, weights=BackboneWeights(), input_side=CONFIG.input_side, device="cpu")
    draw = np.random.default_rng(seed)
    weights = torch.from_numpy(draw.normal(0, 1, (backbone.n_features, 1)).astype(np.float32))
    data = ClassifierData(
        backbone=backbone.name,
        normalisation=backbone.normalisation,
        input_side=backbone.input_side,
        weights_title=backbone.weights.title,
        weights_sha256=backbone.weights_sha256,
        backbone_state=None,
        head_weights=weights,
        head_bias=torch.zeros(1),
        loss="bce",
        classes=tuple(experiment.classes),
        positive=experiment.positive,
        config=CONFIG.to_dict(),
        seed=classifier.seed,
        epochs=1,
    )
    classifier.sha256 = save_classifier(classifier.path, data)
    classifier.save(update_fields=["sha256"])
    return classifier


def fill(dataset: Dataset, n: int, *, first: int, label: str = "normal", **fields) -> Dataset:
    """`n` small pictures, of a patient each where they are real."""
    for seed in range(first, first + n):
        is_real = dataset.origin == Dataset.Origin.REAL
        patient = {"patient_pseudonym": f"p{seed}"} if is_real else {}
        ImageFactory(dataset=dataset, label=label, pixels=picture(label=label, seed=seed), **{**patient, **fields})
    return dataset


@pytest.fixture
def pneumonia_classifier(db) -> Classifier:
    """Trained on real images that no study has."""
    trained_on = fill(DatasetFactory(name="Trained on"), 4, first=900, split="train")
    return write_classifier(
        ClassifierFactory(
            experiment__kind=Experiment.Kind.SINGLE,
            experiment__synthetic=None,
            experiment__name="Pneumonia",
            experiment__dataset=trained_on,
            experiment__config=CONFIG.to_dict(),
        )
    )


@pytest.fixture
def machine_reader(db) -> Classifier:
    """Of images that no study has, three real and three synthetic ones in training."""
    trained_on = DatasetFactory(name="Real, trained on")
    for split, first in (("train", 950), ("tune", 960), ("test", 970)):
        fill(trained_on, 3, first=first, split=split)
    made = fill(DatasetFactory(name="Made, trained on", origin="synthetic"), 9, first=980)
    return write_classifier(
        ClassifierFactory(
            arm="Machine reader",
            experiment__kind=Experiment.Kind.ORIGIN,
            experiment__name="Who is real?",
            experiment__classes=["real", "synthetic"],
            experiment__positive="synthetic",
            experiment__dataset=trained_on,
            experiment__synthetic=made,
            experiment__config=CONFIG.to_dict(),
        ),
        seed=1,
    )


@pytest.fixture
def real_images(db) -> Dataset:
    dataset = DatasetFactory(name="Real ones")
    for label, first in zip(CLASSES, (0, 50), strict=True):
        fill(dataset, 5, first=first, label=label)
    return dataset


@pytest.fixture
def made_images(db) -> Dataset:
    dataset = DatasetFactory(name="Made ones", origin="synthetic")
    for label, first in zip(CLASSES, (100, 150), strict=True):
        fill(dataset, 5, first=first, label=label)
    return dataset


@pytest.fixture
def draft(real_images, made_images) -> Study:
    """Eight and eight images, of ten and ten; two for practice and two twice."""
    return make_draft(
        name="Can you tell?",
        n_real=8,
        n_synthetic=8,
        n_practice=2,
        n_repeats=2,
        real_dataset=real_images,
        synthetic_dataset=made_images,
    )


def close(study: Study) -> Study:
    close_study(study=study, by=None)
    study.refresh_from_db()
    return study


@pytest.fixture
def closed(draft) -> Study:
    """Read by Ann, who is right of all; Bob, who calls everything synthetic; Cid, who errs of every third image."""
    study = open_study(study=draft, by=None)
    read(study, lambda trial, times: trial.truth.origin)
    read(study, lambda trial, times: "synthetic")
    other = {"real": "synthetic", "synthetic": "real"}
    read(
        study,
        lambda trial, times: trial.truth.origin if trial.position % 3 else other[trial.truth.origin],
    )
    return close(study)
