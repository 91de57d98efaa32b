"""Measuring from the request to the record, run by the worker's own code."""

import csv
import json

import numpy as np
import pytest
from django.urls import reverse

from generation.gan.measures.config import MeasureSettings
from generation.measuring.image_sets import find_sets
from generation.measuring.measuring_job import features_folder, run_measuring
from generation.measuring.parameters import MeasureParameters
from generation.measuring.services import start_measuring
from generation.services import GenerationError
from imaging.models import Dataset, DatasetReport
from imaging.phantoms import chest_phantom
from imaging.reports import report_folder
from imaging.services import delete_dataset
from tests.factories import DatasetFactory, ImageFactory
from tests.generation.conftest import run_job
from worker.models import Job
from worker.registry import JobStopped

pytestmark = pytest.mark.django_db(transaction=True)
QUICK = MeasureSettings(kid_subsets=3, floor_splits=2, pairs_per_class=5, suspicion=0.05)


def phantom(seed: int) -> np.ndarray:
    return chest_phantom(seed=seed, size=40, lesion=seed % 2 == 0)


@pytest.fixture
def real(db) -> Dataset:
    """26 phantoms, two of each of 13 patients; the last six images, three patients, are held out."""
    dataset = DatasetFactory(name="Real ones")
    for seed in range(26):
        ImageFactory(
            dataset=dataset, pixels=phantom(seed), label="lesion" if seed % 2 == 0 else "normal",
            patient_pseudonym=f"P{seed // 2}", split="train" if seed < 20 else "test",
        )  # fmt: skip
    return dataset


@pytest.fixture
def synthetic(db) -> Dataset:
    """Twelve others, and two that copy training images: one exactly, one with a little noise."""
    dataset = DatasetFactory(name="Made ones", origin=Dataset.Origin.SYNTHETIC)
    for seed in range(100, 112):
        ImageFactory(dataset=dataset, pixels=phantom(seed), label="lesion" if seed % 2 == 0 else "normal")
    ImageFactory(dataset=dataset, pixels=phantom(4), label="lesion")
    noise = np.random.default_rng(0).integers(-1, 2, (40, 40))
    ImageFactory(dataset=dataset, pixels=np.clip(phantom(7) + noise, 0, 255).astype(np.uint8), label="normal")
    return dataset


def start(synthetic: Dataset, real: Dataset, **options) -> Job:
    return start_measuring(
        **{
            "dataset": synthetic, "training": real, "training_filters": {"splits": ["train"]}, "held_out": real,
            "held_out_filters": {"splits": ["test"]}, "settings": QUICK, "device": "cpu", "created_by": None, **options,
        }
    )  # fmt: skip


def test_the_record_its_files_and_the_planted_copies(synthetic, real, investigator_client):
    job = run_job(start(synthetic, real))

    assert job.state == Job.State.SUCCEEDED, job.error
    report = DatasetReport.objects.get()
    values = report.values
    assert (str(report.pk), report.dataset, report.kind) == (job.result["report_id"], synthetic, "generation.measure")
    assert (values["n_synthetic"], values["n_training"], values["n_held_out"]) == (14, 20, 6)
    assert [measure["key"] for measure in values["measures"]] == ["fid", "kid", "precision", "recall", "mifid"]
    assert all({"floor", "synthetic", "n"} <= set(measure["floor"]) for measure in values["measures"])
    assert "random weights" in values["extractor"]["title"]
    assert len(values["extractor"]["weights_sha256"]) == 64
    assert [row["label"] for row in values["ms_ssim"]] == ["lesion", "normal"]
    assert "2 scales at 40 px" in values["ms_ssim"][0]["variant"]
    assert (values["images"]["pixel_copies"], values["images"]["side"]) == (1, 40)
    assert sorted(path.name for path in report_folder(report.pk).iterdir()) == report.files
    stored = json.loads((report_folder(report.pk) / "measures.json").read_text())
    assert stored == values

    with (report_folder(report.pk) / "memorisation.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    by_hash = {image.pixel_sha256: image for image in real.images.all()}
    copied = [by_hash[row["nearest_training"][1:]] for row in rows[:2]]
    assert rows[0]["synthetic"] == rows[0]["nearest_training"]
    assert [image.patient_pseudonym for image in copied] == ["P2", "P3"]
    assert [row["flagged"] for row in rows[:2]] == ["1", "1"]
    assert len(rows) == 14

    page = investigator_client.get(reverse("generation:measure_detail", args=[report.pk])).content.decode()
    assert "Real-real floor" in page
    assert values["extractor"]["weights_sha256"] in page
    assert "1 synthetic image is a training image," in " ".join(page.split())


@pytest.mark.sqlite_is_enough
def test_a_second_measurement_computes_no_feature_again(synthetic, real):
    run_job(start(synthetic, real))
    before = sum(path.stat().st_size for path in features_folder().rglob("*.features"))

    again = run_job(start(synthetic, real))

    assert again.state == Job.State.SUCCEEDED
    assert sum(path.stat().st_size for path in features_folder().rglob("*.features")) == before
    first, second = (
        {k: v for k, v in report.values.items() if k != "summary"} for report in DatasetReport.objects.all()
    )
    assert first == second


@pytest.mark.sqlite_is_enough
def test_cancelled_and_resumed_it_goes_on(synthetic, real, tmp_path):
    job = start(synthetic, real)
    parameters = MeasureParameters(**job.parameters)

    def stop(context):
        if context.done >= 32:
            raise JobStopped("Cancelled")

    context = _context(job, tmp_path, stop)
    with pytest.raises(JobStopped):
        run_measuring(context, parameters)
    (kept,) = features_folder().rglob("*.features")
    half = kept.stat().st_size
    assert half > 0
    assert not DatasetReport.objects.exists()

    run_job(job)

    assert job.state == Job.State.SUCCEEDED, job.error
    assert kept.stat().st_size == half * 39 // 32  # 14 + 20 + 6 images, one of them twice
    assert DatasetReport.objects.count() == 1


def _context(job: Job, folder, at_step):
    class Stopping:
        job_id, attempt, directory, done = str(job.pk), 1, folder, 0

        def progress(self, done, total, unit="", message=""):
            self.done = done

        def raise_if_stopped(self):
            at_step(self)

        def log(self, *args, **options): ...
        def device(self, name): ...

    return Stopping()


class TestHeldOut:
    def test_patients_who_were_trained_on_are_left_out(self, synthetic, real):
        ImageFactory(dataset=real, pixels=phantom(50), label="normal", patient_pseudonym="P1", split="test")
        ImageFactory(dataset=real, pixels=phantom(51), label="normal", patient_pseudonym="", split="test")

        sets = find_sets(MeasureParameters(**start(synthetic, real).parameters))

        assert (len(sets.held_out), sets.n_left_out) == (7, 1)
        assert not set(sets.held_out.patients) & set(sets.training.patients)

    @pytest.mark.sqlite_is_enough
    def test_without_them_other_patients_are_the_reference(self, synthetic, real):
        job = run_job(start(synthetic, real, held_out=None, held_out_filters={}))

        assert job.state == Job.State.SUCCEEDED, job.error
        found = DatasetReport.objects.get().values["memorisation"]
        assert (found["reference"], found["n_reference"]) == ("other_patients", 20)


class TestRefused:
    def test_the_wrong_origin(self, synthetic, real):
        with pytest.raises(GenerationError, match="measured are synthetic images"):
            start(real, real)
        with pytest.raises(GenerationError, match="against real ones"):
            start(synthetic, synthetic)

    def test_too_few_images(self, synthetic, real):
        with pytest.raises(GenerationError, match=r"“Real ones” has 6 images \(split test\); at least 20"):
            start(synthetic, real, training_filters={"splits": ["test"]})
        assert not Job.objects.exists()


def test_a_dataset_takes_its_reports_and_their_files_along(synthetic, real):
    run_job(start(synthetic, real))
    folder = report_folder(DatasetReport.objects.get().pk)
    assert folder.is_dir()

    delete_dataset(dataset=synthetic)

    assert not DatasetReport.objects.exists()
    assert not folder.exists()
