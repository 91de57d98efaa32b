"""The archive of a dataset: an import of it gives an equal dataset, and the same dataset gives the same bytes."""

import csv
import io
import zipfile

import pytest
from django.urls import reverse

from imaging.cards.exporting import write_archive
from imaging.cards.services import start_export
from imaging.intake.foreground import ForegroundContext
from imaging.intake.importing import run_import
from imaging.intake.parameters import ImportParameters
from imaging.models import Dataset, Image
from imaging.services import DatasetError
from imaging.storage import delete_pixels
from tests.factories import DatasetFactory, ImageFactory
from tests.generation.conftest import run_job
from tests.imaging.archives import grey
from tests.turing.builders import make_draft
from turing.services import close_study, open_study
from worker.models import Job, JobArtefact

pytestmark = pytest.mark.django_db

FIELDS = (
    "width", "height", "bit_depth", "label", "split", "age_years", "sex", "view_position", "manufacturer", "modality",
    "body_part", "study_year", "pixel_spacing_mm", "follow_up",
)  # fmt: skip


@pytest.fixture
def chests() -> Dataset:
    """Classes that no folder can be called, 16 bits, values with commas and quotes, and some that are not known."""
    dataset = DatasetFactory(name="Chests, winter")
    ImageFactory(
        dataset=dataset, pixels=grey(1, bits=16), label="a/b: c", split="train", patient_pseudonym="P1", age_years=90.0,
        sex="F", view_position="PA", manufacturer='GE "Healthcare", Ltd', modality="DX", body_part="CHEST",
        pixel_spacing_mm=0.1431, follow_up=3, study_year=2019,
    )  # fmt: skip
    for seed, label in enumerate(("train", "images", ".hidden", "normal", "Gesundheit ü", "normal"), start=2):
        ImageFactory(
            dataset=dataset, pixels=grey(seed), label=label, split="test", patient_pseudonym="P1", age_years=0.5
        )
    ImageFactory(dataset=dataset, pixels=grey(20), label="normal", patient_pseudonym="P2", follow_up=0)
    ImageFactory(dataset=dataset, pixels=grey(21), label="normal")
    return dataset


def write(dataset, path):
    write_archive(dataset, path, step=lambda done, total: None)
    return path


def described(dataset) -> dict[str, tuple]:
    return {one.pixel_sha256: tuple(getattr(one, field) for field in FIELDS) for one in dataset.images.all()}


def patients(dataset) -> set[frozenset[str]]:
    """Which images are of one patient, whatever the patient is called."""
    found: dict[str, set[str]] = {}
    for sha256, patient in dataset.images.exclude(patient_pseudonym="").values_list(
        "pixel_sha256", "patient_pseudonym"
    ):
        found.setdefault(patient, set()).add(sha256)
    return {frozenset(group) for group in found.values()}


def test_an_import_of_it_gives_an_equal_dataset(chests, tmp_path):
    path = write(chests, tmp_path / "out.zip")
    expected, grouped = described(chests), patients(chests)
    assert len(expected) == 9

    context = ForegroundContext(directory=tmp_path, on_progress=lambda *_: None)
    result = run_import(context, ImportParameters(source=str(path), dataset_name="Back again"))

    back = Dataset.objects.get(name="Back again")
    assert result["problems"] == []
    assert described(back) == expected
    assert patients(back) == grouped
    assert back.images.filter(patient_pseudonym="").count() == 1


def test_the_same_dataset_gives_the_same_bytes(chests, tmp_path):
    assert write(chests, tmp_path / "one.zip").read_bytes() == write(chests, tmp_path / "two.zip").read_bytes()


def test_what_is_inside(chests, tmp_path):
    with zipfile.ZipFile(write(chests, tmp_path / "out.zip")) as archive:
        names = archive.namelist()
        rows = list(csv.DictReader(io.StringIO(archive.read("metadata.csv").decode())))
        card = archive.read("README.md").decode()

    folders = {name.split("/")[0] for name in names if "/" in name}
    assert folders == {"normal", "Gesundheit ü", "images"}
    assert sorted(row["file"] for row in rows) == sorted(name for name in names if "/" in name)
    assert card.startswith("# Dataset card: Chests, winter\n")
    assert not list(tmp_path.glob("*.csv"))  # nothing is left beside it


def test_the_job_shows_the_archive(chests, investigator, investigator_client):
    job = start_export(dataset=chests, created_by=investigator)
    run_job(job)
    job.refresh_from_db()

    assert job.state == Job.State.SUCCEEDED
    assert job.result["images"] == 9
    artefact = JobArtefact.objects.get(job=job)
    assert artefact.name == "chests--winter.zip"
    page = investigator_client.get(reverse("imaging:dataset_export", args=[chests.pk])).text
    address = reverse("worker:job_artefact", args=[job.pk, artefact.pk])
    assert address in page
    content = b"".join(investigator_client.get(address).streaming_content)
    assert len(content) == job.result["bytes"]


def test_a_file_that_is_lost_is_named_and_nothing_is_left(chests):
    lost = Image.objects.filter(dataset=chests).first().pixel_sha256
    delete_pixels([lost])
    job = start_export(dataset=chests, created_by=None)

    run_job(job)

    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert f"The pixels of image {lost[:12]} are missing" in job.error
    assert not [path for path in job.directory.iterdir() if path.suffix in (".zip", ".part", ".csv")]


def test_only_a_dataset_with_images(investigator_client):
    empty = DatasetFactory(name="Empty")

    with pytest.raises(DatasetError, match="“Empty” has no images to export"):
        start_export(dataset=empty, created_by=None)
    answer = investigator_client.post(reverse("imaging:dataset_export", args=[empty.pk]), follow=True)
    assert "“Empty” has no images to export." in answer.text


@pytest.mark.parametrize(("status", "warned"), [("draft", False), ("open", True), ("closed", False)])
def test_an_open_study_is_named(investigator_client, status, warned):
    study = make_draft(name="Winter reading")
    if status != "draft":
        open_study(study=study, by=None)
    if status == "closed":
        close_study(study=study, by=None)

    page = investigator_client.get(reverse("imaging:dataset_export", args=[study.real_dataset_id])).text

    assert ("The study “Winter reading” is open and shows images of this dataset" in page) == warned
