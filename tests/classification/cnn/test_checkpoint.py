"""A classifier's file: whole or not there, unchanged or refused."""

import pytest
import torch

from classification.cnn.checkpoint import ClassifierData, ClassifierFileError, load_classifier, save_classifier


@pytest.fixture
def data() -> ClassifierData:
    return ClassifierData(
        backbone="resnet18", normalisation="imagenet", input_side=64, weights_title="random", weights_sha256="1" * 64,
        backbone_state={"conv1.weight": torch.arange(6.0).view(2, 3)}, head_weights=torch.ones(4, 1),
        head_bias=torch.zeros(1), loss="bce", classes=("normal", "disc"), positive="disc", config={"epochs": 3}, seed=5,
        epochs=3, about={"k": 14, "auc": 0.9},
    )  # fmt: skip


def test_comes_back_as_it_was(tmp_path, data):
    digest = save_classifier(tmp_path / "one.classifier.pt", data)
    again = load_classifier(tmp_path / "one.classifier.pt", sha256=digest)

    assert torch.equal(again.backbone_state["conv1.weight"], data.backbone_state["conv1.weight"])
    assert torch.equal(again.head_weights, data.head_weights)
    assert (again.classes, again.about, again.seed) == (data.classes, data.about, 5)
    assert [path.name for path in tmp_path.iterdir()] == ["one.classifier.pt"]


def test_missing_changed_damaged_and_foreign_files_are_named(tmp_path, data):
    path = tmp_path / "one.classifier.pt"
    with pytest.raises(ClassifierFileError, match=r"one\.classifier\.pt is missing"):
        load_classifier(path)
    save_classifier(path, data)
    with pytest.raises(ClassifierFileError, match="has changed"):
        load_classifier(path, sha256="0" * 64)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ClassifierFileError, match="damaged"):
        load_classifier(path)
    torch.save({"format": 99}, path)
    with pytest.raises(ClassifierFileError, match="not a classifier of format 1"):
        load_classifier(path)


def test_a_file_that_would_run_code_is_refused(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    with pytest.raises(ClassifierFileError, match="cannot be read"):
        load_classifier(tmp_path / "module.pt")
