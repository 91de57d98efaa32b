"""Scores of a stored classifier are those that it had when it was trained; what does not belong together is refused."""

from dataclasses import replace

import numpy as np
import pytest

from classification.cnn.backbones import BackboneWeights, create_backbone
from classification.cnn.checkpoint import load_classifier, save_classifier
from classification.cnn.config import ClassifierConfig
from classification.cnn.training import Trainer, from_file, score_images, to_file
from tests.classification.cnn.conftest import CLASSES, make_images


def make_config(**changes) -> ClassifierConfig:
    config = ClassifierConfig(
        **{"input_side": 32, "epochs": 3, "extraction_batch": 8, "learning_rate": 0.01, **changes}
    )
    object.__setattr__(config, "backbone", "tiny")
    return config


def make_trainer(tmp_path, tiny, config, **changes) -> Trainer:
    return Trainer(
        **{
            "backbone": tiny, "config": config, "train": make_images(12, seed=1), "synthetic": None,
            "tune": make_images(8, seed=2), "tests": {"internal": make_images(9, seed=3)}, "positive": "disc",
            "folder": tmp_path / "features", "work": tmp_path / "work", "writer": "one", **changes,
        }
    )  # fmt: skip


@pytest.mark.parametrize("fine_tuned", [False, True])
def test_a_stored_classifier_scores_as_it_did(tmp_path, tiny, fine_tuned):
    trainer = make_trainer(tmp_path, tiny, make_config(fine_tune=fine_tuned))
    (trained,) = trainer.train(np.arange(12)[None], seeds=[4], name="all")
    path = tmp_path / "one.classifier.pt"
    stored = to_file(trained, config=ClassifierConfig(extraction_batch=8), classes=CLASSES, k=3)
    save_classifier(path, stored)

    data = load_classifier(path)
    extractor, head = from_file(data, path, weights=BackboneWeights())
    scores = score_images(extractor, head, make_images(9, seed=3))

    assert np.array_equal(scores, trained.scores["internal"])
    assert (data.about, data.positive, data.seed) == ({"k": 3}, "disc", 4)
    assert (data.backbone_state is None) is not fine_tuned


def test_a_head_needs_the_backbone_that_it_was_trained_on(tmp_path, tiny):
    trainer = make_trainer(tmp_path, tiny, make_config())
    (trained,) = trainer.train(np.arange(12)[None], seeds=[4], name="all")
    data = to_file(trained, config=ClassifierConfig(), classes=CLASSES)

    with pytest.raises(ValueError, match="holds the head alone"):
        from_file(data, tmp_path / "one.classifier.pt")
    with pytest.raises(ValueError, match="features of other weights"):
        from_file(data, tmp_path / "one.classifier.pt", weights=BackboneWeights(seed=1))


def test_augmented_training_sees_the_variants_of_real_and_synthetic_images(tmp_path, tiny):
    """With nothing to turn or mirror the variants are the images, and so is the head."""
    rows = np.array([[0, 3, 5, 12, 13], [1, 2, 7, 13, 15]])
    heads = {}
    for rotation, augmented in ((0.0, False), (0.0, True), (20.0, True)):
        config = make_config(rotation_degrees=rotation, mirror=False, augmentation_slots=2)
        trainer = make_trainer(tmp_path, tiny, config, synthetic=make_images(6, seed=5, synthetic=True))
        trained = trainer.train(rows, seeds=[0, 1], name="some", augmented=augmented)
        heads[rotation, augmented] = np.stack([one.head.weights for one in trained])

    assert np.array_equal(heads[0.0, False], heads[0.0, True])
    assert not np.array_equal(heads[0.0, True], heads[20.0, True])
    assert [path.name for path in (tmp_path / "work").glob("some*")] == []


def test_two_sets_scores_do_not_depend_on_blocks(tiny, tmp_path, monkeypatch):
    trainer = make_trainer(tmp_path, tiny, make_config())
    (trained,) = trainer.train(np.arange(12)[None], seeds=[4], name="all")
    monkeypatch.setattr("classification.cnn.training.SCORE_BLOCK", 4)
    steps = []
    scores = score_images(
        trainer.extractor, trained.head, trainer.evaluated["internal"], progress=lambda *step: steps.append(step)
    )
    assert np.array_equal(scores, trained.scores["internal"])
    assert steps == [(4, 9), (8, 9), (9, 9)]


def test_several_classes_have_one_against_the_rest(tmp_path, tiny):
    def three(count, seed):
        images = make_images(count, seed=seed)
        return replace(images, classes=("normal", "disc", "other"), labels=np.arange(count) % 3)

    trainer = make_trainer(
        tmp_path, tiny, make_config(loss="ce"), train=three(12, 1), tune=three(9, 2), tests={"internal": three(9, 3)}
    )
    (trained,) = trainer.train(np.arange(12)[None], seeds=[0], name="all")
    predictions = trainer.predictions(trained, "internal")

    assert (predictions.positive, predictions.negative, predictions.n_positive) == ("disc", "not disc", 3)
    assert trained.head.weights.shape == (16, 3)


def test_what_does_not_belong_together_is_named(tmp_path, tiny, tiny_kind):
    with pytest.raises(ValueError, match="test set is called 'tuning'"):
        make_trainer(tmp_path, tiny, make_config(), tests={"tuning": make_images(4)})
    other = create_backbone(tiny_kind, weights=BackboneWeights(), input_side=48)
    with pytest.raises(ValueError, match="backbone is tiny at 48 px; the settings say tiny at 32 px"):
        make_trainer(tmp_path, other, make_config())
    with pytest.raises(ValueError, match="no class 'effusion'"):
        make_trainer(tmp_path, tiny, make_config(), positive="effusion")
