"""The search as a job: what it finds within a dataset and between datasets, and that it goes on after a stop."""

import csv

import pytest

from imaging.duplicates.fingerprints import compute_fingerprints, missing_fingerprints
from imaging.duplicates.pairs import PAIRS
from imaging.duplicates.selectors import read_pairs, with_images
from imaging.duplicates.services import start_fingerprints, start_search
from imaging.models import DatasetReport, Fingerprint, Image
from imaging.reports import find_report_file
from imaging.services import DatasetError, remove_unreferenced_pixels
from imaging.storage import delete_pixels
from tests.factories import DatasetFactory, ImageFactory
from tests.generation.conftest import run_job
from tests.imaging.duplicates.conftest import brighter, smooth
from worker.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def chests():
    """Twelve pictures, of which 0 is copied within the dataset: tests, of another class and patient."""
    dataset = DatasetFactory(name="Chests")
    for seed in range(12):
        split = "test" if seed >= 9 else "train"
        ImageFactory(dataset=dataset, pixels=smooth(seed), split=split, patient_pseudonym=f"P{seed}")
    ImageFactory(
        dataset=dataset, pixels=brighter(smooth(0)), split="test", label="pneumonia", patient_pseudonym="P99"
    )  # fmt: skip
    return dataset


def test_a_test_image_that_is_a_copy_of_a_training_image(chests, run_search, investigator):
    report = run_search(start_search(dataset=chests, created_by=investigator))

    [pair] = read_pairs(report)
    assert {pair.first_split, pair.second_split} == {"train", "test"}
    assert {pair.first_label, pair.second_label} == {"normal", "pneumonia"}
    assert pair.patient == "different"
    assert not pair.is_exact
    assert pair.distance <= 48
    assert report.values["counts"] == {"pairs": 1, "test_train": 1, "label_conflict": 1, "other_patient": 1}
    assert "1 of them has a test image on one side" in report.values["summary"][1]
    assert report.created_by == investigator
    [shown] = with_images(report, [pair])
    assert {shown.first.pixel_sha256, shown.second.pixel_sha256} == {pair.first, pair.second}


def test_another_dataset_has_the_same_image_and_a_copy(chests, run_search):
    other = DatasetFactory(name="Other")
    ImageFactory(dataset=other, pixels=smooth(3), patient_pseudonym="P3")
    ImageFactory(dataset=other, pixels=brighter(smooth(4)))
    ImageFactory(dataset=other, pixels=smooth(77))

    report = run_search(start_search(dataset=chests, others=[other], created_by=None))

    across = [pair for pair in read_pairs(report) if pair.dataset == str(other.pk)]
    assert [(pair.is_exact, pair.patient) for pair in sorted(across, key=lambda pair: not pair.is_exact)] == [
        (True, "same"),
        (False, "not known"),
    ]
    assert report.values["counts"]["pairs"] == 3
    assert [one["compared"] for one in report.values["datasets"]] == [13, 3]
    assert [pair.is_exact for pair in read_pairs(report, show="exact")] == [True]
    with find_report_file(report, PAIRS).open() as file:
        assert len(list(csv.DictReader(file))) == 3


def test_nothing_is_found_where_nothing_is(run_search):
    dataset = DatasetFactory(name="Different ones")
    for seed in range(6):
        ImageFactory(dataset=dataset, pixels=smooth(seed))

    report = run_search(start_search(dataset=dataset, created_by=None))

    assert report.values["summary"] == ["No duplicates within “Different ones” (6 images), at 48 of 256 bits."]
    assert read_pairs(report) == []


def test_an_image_whose_file_is_lost_is_left_out_and_said(chests, run_search):
    delete_pixels([Image.objects.filter(dataset=chests, split="train").last().pixel_sha256])

    report = run_search(start_search(dataset=chests, created_by=None))

    assert report.values["unreadable"] == 1
    assert "1 images could not be read" in report.values["summary"][-1]


class StoppedError(Exception):
    pass


def test_hashes_computed_before_a_stop_stay(chests, monkeypatch):
    monkeypatch.setattr("imaging.duplicates.fingerprints.BATCH", 5)
    missing = missing_fingerprints([chests.pk])
    assert len(missing) == 13

    def stop(done, total):
        if done == 8:
            raise StoppedError

    with pytest.raises(StoppedError):
        compute_fingerprints(missing, step=stop)

    assert Fingerprint.objects.count() == 5
    assert len(missing_fingerprints([chests.pk])) == 8


def test_hashes_are_computed_once_and_shared_by_copies(chests):
    job = start_fingerprints(dataset_id=str(chests.pk), created_by_id=None)
    assert start_fingerprints(dataset_id=str(chests.pk), created_by_id=None) is None  # a job is at it
    run_job(job)
    copy = DatasetFactory()
    ImageFactory(dataset=copy, pixels=smooth(1))

    assert Fingerprint.objects.count() == 13
    assert missing_fingerprints([chests.pk, copy.pk]) == []
    assert start_fingerprints(dataset_id=str(copy.pk), created_by_id=None) is None


def test_a_search_that_ended_is_not_written_twice(chests, run_search):
    job = start_search(dataset=chests, created_by=None)
    run_search(job)
    Job.objects.filter(pk=job.pk).update(state=Job.State.QUEUED, finished_at=None)
    run_search(Job.objects.get(pk=job.pk))

    assert DatasetReport.objects.count() == 1


def test_the_hash_goes_with_the_pixels(chests):
    run_job(start_fingerprints(dataset_id=str(chests.pk), created_by_id=None))
    hashes = list(chests.images.values_list("pixel_sha256", flat=True))
    kept = DatasetFactory()
    ImageFactory(dataset=kept, pixels=smooth(1))

    chests.delete()
    remove_unreferenced_pixels(hashes)

    assert list(Fingerprint.objects.values_list("pixel_sha256", flat=True)) == [kept.images.get().pixel_sha256]


def test_what_cannot_be_searched(chests):
    with pytest.raises(DatasetError, match="“Empty” has no images to compare"):
        start_search(dataset=chests, others=[DatasetFactory(name="Empty")], created_by=None)
    with pytest.raises(ValueError, match="limit is 65; it must be from 0 to 64 bits"):
        start_search(dataset=chests, limit=65, created_by=None)
    with pytest.raises(ValueError, match="compared with itself anyway"):
        start_search(dataset=chests, others=[chests], created_by=None)
