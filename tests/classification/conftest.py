"""A small study in the database: squares on noise, bright in one class, and a synthetic set that knows the training."""

import numpy as np
import pytest
import torch

from classification.cnn.backbones import BackboneWeights, create_backbone
from classification.cnn.checkpoint import save_classifier
from classification.cnn.config import ClassifierConfig, SweepSettings
from classification.cnn.head_training import Head
from classification.cnn.training import Trained, to_file
from classification.models import Classifier, Experiment
from classification.services import start_experiment
from tests.classification.outcomes import DESIGNS, results_of, train_all
from tests.factories import DatasetFactory, ExperimentFactory, ImageFactory, TrainingRunFactory

CLASSES = ("normal", "pneumonia")
CONFIG = ClassifierConfig(
    backbone="resnet18",
    input_side=32,
    epochs=6,
    learning_rate=0.05,
    augmentation_slots=2,
    extraction_batch=16,
    seed=3,
)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def media_root(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.DATA_DIR = tmp_path
    return settings.MEDIA_ROOT


def picture(*, label: str, seed: int) -> np.ndarray:
    """32 px: noise, with a square that is brighter where there is something to find."""
    draw = np.random.default_rng(seed)
    pixels = draw.normal(90, 12, (32, 32))
    pixels[8:20, 8:20] += 60 if label == "pneumonia" else 15
    return np.clip(pixels, 0, 255).astype(np.uint8)


def fill(dataset, counts, *, first, split="", **fields):
    seed = first
    for label, count in counts.items():
        for _ in range(count):
            ImageFactory(
                dataset=dataset,
                label=label,
                split=split,
                pixels=picture(label=label, seed=seed),
                patient_pseudonym="" if dataset.origin == "synthetic" else f"p{seed}",
                **fields,
            )
            seed += 1


@pytest.fixture
def real(db):
    dataset = DatasetFactory(name="Chests")
    fill(dataset, {"normal": 6, "pneumonia": 4}, first=0, split="train")
    fill(dataset, {"normal": 5, "pneumonia": 5}, first=100, split="tune")
    fill(dataset, {"normal": 8, "pneumonia": 8}, first=200, split="test")
    return dataset


@pytest.fixture
def synthetic(real):
    run = TrainingRunFactory(dataset=real, filters={"splits": ["train"]})
    dataset = DatasetFactory(name="Made", origin="synthetic")
    fill(dataset, {"normal": 26, "pneumonia": 26}, first=300, provenance={"run": str(run.pk)})
    return dataset


@pytest.fixture
def elsewhere(db):
    dataset = DatasetFactory(name="Elsewhere")
    fill(dataset, {"normal": 6, "pneumonia": 6}, first=400)
    return dataset


@pytest.fixture
def experiment(real, synthetic, elsewhere) -> Experiment:
    """Queued, not run yet: K up to 4."""
    return start_experiment(
        name="Does it help?",
        kind="kong",
        dataset=real,
        synthetic=synthetic,
        external=[elsewhere],
        positive="pneumonia",
        config=CONFIG,
        design=SweepSettings(window=2, largest_k=4, seeds=2),
        weights={"kind": "none"},
        created_by=None,
    )


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Kind of experiment -> (outcome, backbone), from real trainings of a tiny network."""
    return train_all(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="session")
def stored(trained):
    """Kind -> the record of its results."""
    return {kind: results_of(kind, *trained[kind]) for kind in DESIGNS}


@pytest.fixture
def ended(stored, db):
    """Makes the experiment of a kind with its results on record, without the files of a job."""

    def make(kind: str) -> Experiment:
        results = stored[kind]
        classes = [one["label"] for one in results["arms"][0]["counts"]]
        positive = next(iter(results["test_sets"].values()))["measures"][0]["positive"]
        changes = {"synthetic": None} if kind == "single" else {}
        return ExperimentFactory(
            name=f"Tiny {kind}",
            kind=kind,
            classes=classes,
            positive=positive,
            results=results,
            design=DESIGNS[kind].to_dict(),
            **changes,
        )

    return make


def make_classifier(dataset, *, side=64, backbone="resnet18", seed=5, **fields) -> Classifier:
    """A classifier in its file, with a random head on a random backbone, as an experiment on `dataset` leaves it."""
    config = ClassifierConfig(backbone=backbone, input_side=side, epochs=1, extraction_batch=4)
    made = create_backbone(backbone, weights=BackboneWeights(), input_side=side)
    draw = np.random.default_rng(seed)
    head = Head(
        weights=draw.normal(size=(made.n_features, 1)).astype(np.float32),
        bias=np.zeros(1, dtype=np.float32),
        loss="bce",
        positive=1,
    )
    trained = Trained(
        seed=seed,
        head=head,
        backbone=made,
        fine_tuned=False,
        epochs=1,
        stopped_early=False,
        train_loss=(),
        tune_loss=(),
        scores={},
    )
    experiment = ExperimentFactory(dataset=dataset, config=config.to_dict(), job__state="succeeded")
    name = "classifiers/od.classifier.pt"
    data = to_file(trained, config=config, classes=CLASSES, arm="OD")
    sha256 = save_classifier(experiment.job.directory / name, data)
    return Classifier.objects.create(
        experiment=experiment, arm="OD", seed=seed, file_name=name, sha256=sha256, **fields
    )


@pytest.fixture
def chests(db):
    """Images of 40 x 64 px and of 48 x 48 px to look at, a patient each."""
    dataset = DatasetFactory(name="Chests")
    for number in range(6):
        label = CLASSES[number % 2]
        pixels = picture(label=label, seed=number)
        pixels = np.pad(pixels, ((4, 4), (16, 16)) if number < 2 else 8, constant_values=20)
        ImageFactory(dataset=dataset, label=label, split="test", pixels=pixels, patient_pseudonym=f"p{number}")
    return dataset


@pytest.fixture
def classifier(chests) -> Classifier:
    """64 px: the last layer has 2 x 2 cells."""
    return make_classifier(chests)
