"""Datasets: names, additions, freezing, removal, and the files behind them."""

import os
import threading
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from imaging import storage
from imaging.intake.parameters import KIND, ImportParameters
from imaging.models import Dataset, Image
from imaging.services import (
    DatasetError,
    add_image,
    create_synthetic_dataset,
    delete_dataset,
    freeze_dataset,
    lock_pixel_files,
    remove_unreferenced_pixels,
    retry_import,
    start_import,
)
from tests.factories import DatasetFactory, ImageFactory
from tests.imaging.archives import GOOD, grey, write_zip
from tests.imaging.conftest import files_below
from worker.models import Job

pytestmark = pytest.mark.django_db


def test_create_synthetic_dataset(investigator):
    dataset = create_synthetic_dataset(name="  Samples ", description="d", created_by=investigator, is_phantom=True)

    dataset.refresh_from_db()
    assert (dataset.name, dataset.origin, dataset.description) == ("Samples", "synthetic", "d")
    assert (dataset.is_phantom, dataset.created_by, dataset.frozen_at) == (True, investigator, None)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Taken", "There is a dataset called “Taken” already. Choose another name."),
        ("  ", "The dataset needs a name."),
        ("x" * 201, "The name has 201 characters; 200 are allowed."),
    ],
)
def test_names_are_checked(name, words):
    DatasetFactory(name="Taken")

    with pytest.raises(DatasetError) as refusal:
        create_synthetic_dataset(name=name, description="", created_by=None)

    assert str(refusal.value) == words


def test_add_image():
    dataset = DatasetFactory()

    image, new = add_image(
        dataset=dataset, pixels=grey(1, 20, bits=16), label="ill", provenance={"seed": 3}, age_years=40, split="train"
    )

    image.refresh_from_db()
    assert new
    assert (image.width, image.height, image.bit_depth) == (20, 20, 16)
    assert (image.label, image.provenance, image.age_years, image.split) == ("ill", {"seed": 3}, 40.0, "train")
    assert (storage.load_pixels(image) == grey(1, 20, bits=16)).all()


def test_adding_the_same_pixels_again_keeps_the_first():
    dataset, other = DatasetFactory(), DatasetFactory()
    first, _ = add_image(dataset=dataset, pixels=grey(1), label="ill")

    again, new = add_image(dataset=dataset, pixels=grey(1), label="normal", provenance={"seed": 9})
    elsewhere, new_elsewhere = add_image(dataset=other, pixels=grey(1), label="normal")

    assert (again.pk, again.label, again.provenance, new) == (first.pk, "ill", {}, False)
    assert new_elsewhere
    assert elsewhere.pixel_sha256 == first.pixel_sha256
    assert list(storage.stored_hashes()) == [first.pixel_sha256]


def test_an_image_needs_a_label(data_dir):
    with pytest.raises(ValueError, match="An image needs a label"):
        add_image(dataset=DatasetFactory(), pixels=grey(1), label=" ")

    assert files_below(data_dir) == set()


def test_nothing_is_added_to_a_frozen_dataset(data_dir):
    dataset = DatasetFactory(name="Chests")
    freeze_dataset(dataset=dataset)
    stale = Dataset(pk=dataset.pk, name="Chests")  # what a process read before the freeze

    for handle in (dataset, stale):
        with pytest.raises(DatasetError, match=r"The dataset “Chests” is frozen since .* Import the images as a new"):
            add_image(dataset=handle, pixels=grey(1), label="ill")

    assert files_below(data_dir) == set()
    assert Image.objects.count() == 0


def test_freezing_again_keeps_the_first_date():
    dataset = DatasetFactory()
    freeze_dataset(dataset=dataset)
    first = dataset.frozen_at

    freeze_dataset(dataset=dataset)

    dataset.refresh_from_db()
    assert first is not None
    assert dataset.frozen_at == first


def test_delete_dataset_takes_only_its_own_files(django_capture_on_commit_callbacks):
    own, shared = ImageFactory(pixels=grey(1)), ImageFactory(pixels=grey(2))
    ImageFactory(dataset=own.dataset, pixels=grey(2))

    with django_capture_on_commit_callbacks(execute=True):
        delete_dataset(dataset=own.dataset)

    assert list(Dataset.objects.all()) == [shared.dataset]
    assert list(storage.stored_hashes()) == [shared.pixel_sha256]


def test_files_stay_when_the_deletion_is_rolled_back(django_capture_on_commit_callbacks):
    image = ImageFactory()

    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        delete_dataset(dataset=image.dataset)
        transaction.set_rollback(True)

    assert storage.has_pixels(image.pixel_sha256)


def test_a_dataset_in_use_stays(django_capture_on_commit_callbacks):
    # Arrange: a study protects its datasets; any model with a PROTECT key would do, and this is the one there is
    from django.apps import apps

    real, synthetic = ImageFactory(dataset__name="Real ones"), ImageFactory()
    apps.get_model("turing", "Study").objects.create(
        name="Reading 1",
        real_dataset=real.dataset,
        synthetic_dataset=synthetic.dataset,
        n_real=1,
        n_synthetic=1,
        seed=1,
        image_size=56,
    )

    with django_capture_on_commit_callbacks(execute=True), pytest.raises(DatasetError) as refusal:
        delete_dataset(dataset=real.dataset)

    assert str(refusal.value) == (
        "The dataset “Real ones” cannot be deleted: it is used by study “Reading 1”. Delete those first; a dataset "
        "stays as long as results rest on it."
    )
    assert Image.objects.filter(pk=real.pk).exists()
    assert storage.has_pixels(real.pixel_sha256)


def test_remove_unreferenced_pixels_keeps_what_an_image_needs():
    kept, loose = ImageFactory(pixels=grey(1)), storage.store_pixels(grey(2))

    assert remove_unreferenced_pixels([kept.pixel_sha256, loose.sha256, "0" * 64]) == 1

    assert list(storage.stored_hashes()) == [kept.pixel_sha256]


def test_sweep_removes_what_killed_processes_left_and_nothing_else(data_dir):
    kept = ImageFactory(pixels=grey(1))
    storage.store_pixels(grey(2))
    incoming = data_dir / "media/images/incoming"
    (incoming / "old").write_bytes(b"half")
    (incoming / "fresh").write_bytes(b"being written right now")
    os.utime(incoming / "old", (0, 0))
    out = StringIO()

    call_command("sweep_images", stdout=out)

    assert out.getvalue() == "Removed 2 files that no image needs.\n"
    assert files_below(data_dir) == {f"media/{storage.pixel_name(kept.pixel_sha256)}", "media/images/incoming/fresh"}


@pytest.mark.django_db(transaction=True)
def test_removal_waits_for_whoever_relies_on_a_stored_file():
    """A stores a row for a file that is there already; B, whose import failed, takes its files back meanwhile."""
    dataset = DatasetFactory()
    sha256 = storage.store_pixels(grey(1)).sha256
    removed = []

    def take_back():
        try:
            removed.append(remove_unreferenced_pixels([sha256]))
        finally:
            connection.close()

    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=dataset.pk)
        lock_pixel_files()
        thread = threading.Thread(target=take_back)
        thread.start()
        thread.join(0.5)  # long enough to do harm, were it not waiting
        ImageFactory(dataset=dataset, pixels=grey(1))
    thread.join(20)

    assert removed == [0]
    assert storage.has_pixels(sha256)


# --- imports as jobs ---


@pytest.fixture
def source(tmp_path):
    return write_zip(tmp_path / "a.zip", GOOD)


def test_start_import(source, investigator):
    job = start_import(
        source=source,
        dataset_name=" Chests ",
        skip_bad=True,
        licence="CC0",
        citation="c",
        description="d",
        is_phantom=True,
        created_by=investigator,
        delete_source=True,
        source_name="mine.zip",
    )

    job.refresh_from_db()
    assert (job.kind, job.state, job.queue, job.title, job.created_by) == (
        KIND,
        "queued",
        "cpu",
        "Import “Chests”",
        investigator,
    )
    assert ImportParameters(**job.parameters) == ImportParameters(
        source=str(source),
        source_name="mine.zip",
        dataset_name="Chests",
        skip_bad=True,
        licence="CC0",
        citation="c",
        description="d",
        is_phantom=True,
        delete_source=True,
        created_by_id=investigator.pk,
    )


def test_start_import_refuses_at_once_what_can_be_seen_at_once(source, tmp_path):
    DatasetFactory(name="Taken")

    with pytest.raises(DatasetError, match="called “Taken” already"):
        start_import(source=source, dataset_name="Taken", created_by=None)
    with pytest.raises(ValueError, match=r"There is no file or folder .*gone\.zip"):
        start_import(source=tmp_path / "gone.zip", dataset_name="New", created_by=None)

    assert Job.objects.count() == 0


def test_retry_import_needs_no_second_upload(source, investigator):
    job = start_import(source=source, dataset_name="Chests", licence="CC0", created_by=None, delete_source=True)
    Job.objects.update(state="failed")
    job.refresh_from_db()

    again = retry_import(job=job, skip_bad=True, created_by=investigator, dataset_name="Others")

    changed = {"skip_bad": True, "created_by_id": investigator.pk, "dataset_name": "Others"}
    assert again.parameters == job.parameters | changed
    assert again.pk != job.pk


def test_retry_import_only_after_a_failure_and_with_its_source(source):
    job = start_import(source=source, dataset_name="Chests", created_by=None)

    with pytest.raises(ValueError, match="Only an import that was refused or cancelled"):
        retry_import(job=job, skip_bad=True, created_by=None)
    job.state = "failed"
    source.unlink()
    with pytest.raises(ValueError, match=r"no longer on the server\. Upload it again"):
        retry_import(job=job, skip_bad=True, created_by=None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": "relative.zip"}, "source must be an absolute path, not 'relative.zip'"),
        ({"dataset_name": " "}, "dataset_name must have 1 to 200 characters"),
        ({"licence": "x" * 201}, "licence may have 200 characters, not 201"),
    ],
)
def test_parameters_check_themselves(changes, words):
    with pytest.raises(ValueError, match=words):
        ImportParameters(**({"source": "/a.zip", "dataset_name": "a"} | changes))
