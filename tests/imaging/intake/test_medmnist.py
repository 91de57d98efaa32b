"""The download of MedMNIST, as far as it goes without a network: a file that lies there already, and refusals."""

import hashlib
import socket
import sys

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from imaging.intake.medmnist import MedmnistError, fetch_medmnist
from imaging.models import Dataset

medmnist = pytest.importorskip("medmnist")


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def lay_down(folder, monkeypatch, *, published: bool):
    """A file in the folder of downloads; `published`: the package takes it for the one that MedMNIST publishes."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    path = folder / "pneumoniamnist_64.npz"
    np.savez_compressed(
        path,
        **{f"{split}_images": draw.integers(0, 256, (4, 64, 64), dtype=np.uint8) for split in ("train", "val", "test")},
        **{f"{split}_labels": np.array([[0], [1], [1], [1]], dtype=np.uint8) for split in ("train", "val", "test")},
    )
    if published:
        digest = hashlib.md5(path.read_bytes()).hexdigest()  # noqa: S324  that is what MedMNIST publishes
        monkeypatch.setitem(medmnist.INFO["pneumoniamnist"], "MD5_64", digest)
    return path


@pytest.mark.django_db
def test_a_file_that_is_there_is_imported_with_its_licence_and_citation(settings, tmp_path, monkeypatch, no_network):
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    path = lay_down(tmp_path / "medmnist", monkeypatch, published=True)

    call_command("import_images", "--medmnist", "pneumoniamnist", "--size", "64", "--name", "PneumoniaMNIST")

    dataset = Dataset.objects.get()
    assert dict(dataset.images.order_by().values_list("split").distinct().values_list("split", "width")) == {
        "train": 64, "tune": 64, "test": 64,
    }  # fmt: skip
    assert dataset.images.filter(label="pneumonia").count() == 9
    assert dataset.licence == "CC BY 4.0"
    assert "MedMNIST v2" in dataset.citation
    assert path.exists()


def test_another_file_under_that_name_is_not_taken(tmp_path, monkeypatch, no_network):
    lay_down(tmp_path, monkeypatch, published=False)
    with pytest.raises(MedmnistError, match="its MD5 differs"):
        fetch_medmnist("pneumoniamnist", size=64, folder=tmp_path)


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [("chestmnist", 28, "several labels for each image"), ("pathmnist", 28, "coloured"), ("mnist", 28, "“mnist”"),
     ("pneumoniamnist", 100, "no size 100; there are 28, 64, 128, 224")],
)  # fmt: skip
def test_what_cannot_be_imported(name, size, words, tmp_path):
    with pytest.raises(MedmnistError, match=words):
        fetch_medmnist(name, size=size, folder=tmp_path)


@pytest.mark.django_db
def test_without_the_package_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "medmnist", None)
    with pytest.raises(CommandError, match=r"pip install 'turing-reader\[medmnist\]'"):
        call_command("import_images", "--medmnist", "pneumoniamnist", "--name", "X")


@pytest.mark.django_db
@pytest.mark.parametrize("arguments", [[], ["a.zip", "--medmnist", "pneumoniamnist"]])
def test_one_source_is_needed(arguments):
    with pytest.raises(CommandError, match="Say what is to be imported"):
        call_command("import_images", *arguments, "--name", "X")
