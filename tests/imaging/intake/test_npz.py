"""NPZ files as MedMNIST has them, through the whole intake: what comes in, and what is refused in words."""

import io
import zipfile

import numpy as np
import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib import format as npy

from imaging import storage
from imaging.intake.foreground import ForegroundContext
from imaging.intake.importing import run_import
from imaging.intake.limits import Limits
from imaging.intake.npz import AHEAD, CLASS_NAMES, NpzSource, read_class_names
from imaging.intake.parameters import ImportParameters
from imaging.intake.report import Report, SourceError
from imaging.models import Dataset, Image
from imaging.services import retry_import, start_import
from worker.models import Job

pytestmark = pytest.mark.django_db
NAMES = "normal; pneumonia"


def images(n: int, *, first: int = 0, shape=(28, 28), dtype=np.uint8) -> np.ndarray:
    """Random slices, each another one."""
    draw = np.random.default_rng(first)
    return draw.integers(0, np.iinfo(dtype).max, (n, *shape), dtype=dtype)


def arrays(**changes) -> dict[str, np.ndarray]:
    """6 + 3 + 4 images, of two classes in turn."""
    made = {}
    for place, (split, n) in enumerate((("train", 6), ("val", 3), ("test", 4))):
        made[f"{split}_images"] = images(n, first=place)
        made[f"{split}_labels"] = (np.arange(n) % 2).astype(np.uint8)[:, None]
    return made | changes


def write(path, *, packed: bool = True, **changes):
    (np.savez_compressed if packed else np.savez)(path, **arrays(**changes))
    return path


def reasons(report) -> str:
    return " ".join(f"{one['file']}: {one['reason']} {one['fix']}" for one in report["problems"])


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("size", [28, 64])
def test_every_slice_comes_in_with_its_split_and_class(packed, size, do_import, tmp_path):
    made = {f"{split}_images": images(n, first=n, shape=(size, size)) for split, n in (("train", 6), ("val", 3))}
    source = write(tmp_path / "pneumoniamnist_64.npz", packed=packed, **made, test_images=images(4, shape=(size, size)))

    report = do_import(source)

    dataset = Dataset.objects.get()
    assert (report["problems"], report["counts"]) == ([], {"normal": 7, "pneumonia": 6})
    expected = arrays(**made, test_images=images(4, shape=(size, size)))
    found = {}
    for split, name in (("train", "train"), ("val", "tune"), ("test", "test")):
        for slice_, label in zip(expected[f"{split}_images"], expected[f"{split}_labels"][:, 0], strict=True):
            found[storage.pixel_sha256(slice_)] = (name, ("normal", "pneumonia")[label])
    rows = dataset.images.values_list("pixel_sha256", "split", "label")
    assert {sha256: (split, label) for sha256, split, label in rows} == found
    first = dataset.images.get(pixel_sha256=storage.pixel_sha256(expected["train_images"][0]))
    assert np.array_equal(storage.load_pixels(first), expected["train_images"][0])


def test_names_that_are_given_go_before_those_of_the_file(do_import, tmp_path):
    report = do_import(write(tmp_path / "pneumoniamnist.npz"), label_names="healthy; ill")
    assert report["counts"] == {"healthy": 7, "ill": 6}


def test_an_upload_is_known_by_what_the_user_calls_it(do_import, tmp_path):
    source = write(tmp_path / "a.npz")
    source = source.rename(tmp_path / "1234.upload")
    report = do_import(source, source_name="BreastMNIST_28.npz")
    assert report["counts"] == {"malignant": 7, "normal, benign": 6}


def test_without_names_it_is_said_what_is_missing(do_import, tmp_path, state):
    before = state()
    report = do_import(write(tmp_path / "mine.npz"))
    assert report["dataset_id"] is None
    assert "numbers 0, 1; what they are called is not known" in reasons(report)
    assert state()[1:] == before[1:]


def test_equal_images_count_once_and_are_said(do_import, tmp_path):
    made = arrays()
    made["train_images"][2] = made["train_images"][0]  # of the same class
    made["test_images"][2] = made["train_images"][0]

    report = do_import(write(tmp_path / "a.npz", **made), label_names=NAMES)

    assert (report["imported"], report["duplicates"]) == (11, 2)
    assert {(one["file"], one["duplicate_of"]) for one in report["duplicate_files"]} == {
        ("train/0.png", "test/2.png"),
        ("train/2.png", "test/2.png"),
    }
    assert "another split than the picture that was kept" in report["notes"][0]


def test_three_equal_channels_are_grey_and_colours_are_refused(do_import, tmp_path):
    grey = images(6)
    coloured = np.repeat(grey[..., None], 3, axis=3)
    coloured[4, ..., 0] //= 2

    report = do_import(write(tmp_path / "a.npz", train_images=coloured), label_names=NAMES, skip_bad=True)

    assert (report["imported"], report["problem_count"]) == (12, 1)
    assert reasons(report).startswith("train/4.png: The image is coloured")
    assert Image.objects.filter(pixel_sha256=storage.pixel_sha256(grey[0])).exists()


def test_sixteen_bits_stay_sixteen_bits(do_import, tmp_path):
    deep = images(6, dtype=np.uint16)
    do_import(write(tmp_path / "a.npz", train_images=deep.astype(">u2")), label_names=NAMES)
    assert Image.objects.get(pixel_sha256=storage.pixel_sha256(deep[3])).bit_depth == 16


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_images": images(6).astype(np.float32)}, "values of the type float32; grey of 8 or 16 bits"),
        ({"train_images": images(6, shape=(8, 8, 8))}, "has the shape 6 x 8 x 8 x 8"),
        ({"train_images": images(6, shape=())}, "has the shape 6;"),
        ({"train_images": images(6, shape=(0, 8))}, "images of 8 x 0 pixels"),
        ({"train_images": np.asfortranarray(images(6))}, "column by column"),
        ({"train_images": np.array([{}] * 6)}, "Python objects, which can run code"),
        ({"train_labels": np.array([{}] * 6)}, "Python objects, which can run code"),
        ({"train_labels": np.zeros((6, 14), dtype=np.uint8)}, "14 labels for each image (several findings at once"),
        ({"train_labels": np.zeros(6)}, "labels of the type float64"),
        ({"train_labels": np.zeros(5, dtype=int)}, "5 labels for 6 images"),
        ({"train_labels": np.full(6, 2)}, "has the label 2, but there are 2 names of classes (normal; pneumonia)"),
        ({"train_labels": np.full(6, -1)}, "has the label -1"),
    ],
)
def test_arrays_that_are_something_else(changes, words, do_import, tmp_path):
    report = do_import(write(tmp_path / "a.npz", **changes), label_names=NAMES, skip_bad=True)
    assert report["dataset_id"] is None
    assert words in reasons(report)
    assert not Dataset.objects.exists()


def test_images_without_labels(do_import, tmp_path):
    np.savez(tmp_path / "a.npz", train_images=images(2))
    assert "train_images but no train_labels" in reasons(do_import(tmp_path / "a.npz", label_names=NAMES))


@pytest.mark.parametrize("names", ["a; ", "a; A", ";"])
def test_names_that_cannot_be(names):
    with pytest.raises(ValueError, match="name of its own"):
        read_class_names(names, "")


@pytest.mark.parametrize("name", sorted(CLASS_NAMES))
def test_the_names_are_those_of_the_package(name):
    info = pytest.importorskip("medmnist").INFO[name]
    assert CLASS_NAMES[name] == tuple(info["label"][str(place)] for place in range(len(info["label"])))
    assert (info["n_channels"], "multi-label" in info["task"]) == (1, False)


def rewritten(path, name: str, data: bytes):
    """The file with another member."""
    with zipfile.ZipFile(path) as old:
        members = {one: old.read(one) for one in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for one, kept in (members | {name: data}).items():
            new.writestr(one, kept)
    return path


def as_npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    npy.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (as_npy(images(6))[:-1], "does not have the length"),
        (as_npy(images(6)) + b"\0", "does not have the length"),
        (b"", "not a readable array"),
        (b"\x93NUMPY\x01\x00", "not a readable array"),
        (b"\x93NUMPY\x09\x00v\x00", "not a readable array"),
        (as_npy(images(6)).replace(b"(6, 28, 28)", b"(6,9**9999)"), "not a readable array"),
        (as_npy(images(6)).replace(b"(6, 28, 28)", b"(-6,28, 28)"), "does not have the length"),
    ],
)
def test_members_that_are_damaged(data, words, do_import, tmp_path):
    source = rewritten(write(tmp_path / "a.npz"), "train_images.npy", data)
    assert words in reasons(do_import(source, label_names=NAMES, skip_bad=True))
    assert not Dataset.objects.exists()


def test_bytes_that_were_changed_are_found_by_their_checksum(do_import, tmp_path):
    source = write(tmp_path / "a.npz", packed=False)
    content = bytearray(source.read_bytes())
    place = bytes(content).index(images(6)[3].tobytes())
    content[place] ^= 1
    source.write_bytes(content)
    assert "damaged inside the file" in reasons(do_import(source, label_names=NAMES, skip_bad=True))


def test_a_bomb_is_stopped_on_the_way(do_import, tmp_path):
    source = write(
        tmp_path / "a.npz",
        train_images=np.zeros((200, 256, 256), dtype=np.uint8),
        train_labels=np.zeros(200, dtype=np.uint8),
    )
    report = do_import(source, label_names=NAMES, skip_bad=True, limits=Limits(max_ratio=50))
    assert "this is a ZIP bomb" in reasons(report)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(max_files=12), "more than 12 images"),
        (Limits(max_total_bytes=5000), "unpack to more than"),
        (Limits(max_pixels=27 * 28), "images of 28 x 28 pixels"),
    ],
)
def test_limits_hold_as_for_files(limits, words, do_import, tmp_path):
    assert words in reasons(do_import(write(tmp_path / "a.npz"), label_names=NAMES, limits=limits))


@given(st.permutations(range(60)), st.integers(1, 8))
def test_threads_that_ask_out_of_step_get_their_own_slice(order, threads):
    """Also backwards and with leaps, where the array is read again from its beginning."""
    made = images(60, shape=(2, 3))
    file = io.BytesIO()
    np.savez_compressed(file, train_images=made, train_labels=np.zeros(60, dtype=int))
    with NpzSource(zipfile.ZipFile(file), Limits(), ("normal",)) as source:
        entries = {entry.name: entry for entry in source.entries(Report())}
        nearly = sorted(order, key=lambda index: index + (order.index(index) % threads))
        for index in [*nearly, *order[:10]]:
            png = source.read(entries[f"train/{index}.png"])
            assert png[-12:-8] == b"\0\0\0\0"  # whole
            assert len(source._slices["train"]._ahead) <= AHEAD
            slices = source._slices["train"]
            assert slices.read(index) == made[index].tobytes()


def test_an_encrypted_member_is_refused():
    file = io.BytesIO()
    np.savez(file, train_images=images(1), train_labels=np.zeros(1, dtype=int))
    archive = zipfile.ZipFile(file)
    archive.infolist()[0].flag_bits |= 1
    with pytest.raises(SourceError, match="encrypted"):
        NpzSource(archive, Limits(), ("normal",)).entries(Report())


@pytest.mark.parametrize(("name", "label_names"), [("pneumoniamnist.npz", ""), ("mine.npz", NAMES)])
def test_from_the_page_to_the_dataset(name, label_names, investigator_client, data_dir, tmp_path):
    values = {"dataset_name": "From the page", "label_names": label_names, "origin": "real"}
    with write(tmp_path / name).open("rb") as file:
        answer = investigator_client.post(reverse("imaging:import_new"), values | {"archive": file})
    job = Job.objects.get()
    assert answer.url == reverse("imaging:import_result", args=[job.pk])
    (tmp_path / "job").mkdir()
    context = ForegroundContext(directory=tmp_path / "job", on_progress=lambda *_: None)

    report = run_import(context, ImportParameters(**job.parameters))

    assert report["counts"] == {"normal": 7, "pneumonia": 6}


def test_names_that_cannot_be_are_refused_at_their_field(investigator_client, data_dir, tmp_path):
    values = {"dataset_name": "From the page", "label_names": "a; a", "origin": "real"}
    with write(tmp_path / "a.npz").open("rb") as file:
        answer = investigator_client.post(reverse("imaging:import_new"), values | {"archive": file})
    assert list(answer.context["form"].errors) == ["label_names"]
    assert not Job.objects.exists()


def test_a_refused_import_is_tried_again_with_the_same_names(investigator_client, investigator, data_dir, tmp_path):
    job = start_import(
        source=write(tmp_path / "a.npz"), dataset_name="Again", label_names="a; b", created_by=investigator
    )
    Job.objects.update(state=Job.State.FAILED)
    again = retry_import(job=Job.objects.get(), skip_bad=True, created_by=investigator)
    assert (again.pk != job.pk, again.parameters["label_names"]) == (True, "a; b")
