"""The page of the PACS: count, refuse in words, and the job from the press of the button to the dataset."""

import pytest
from django.urls import reverse

from imaging.intake.retrieving import RETRIEVE
from imaging.models import Dataset
from tests.factories import UserFactory
from tests.generation.conftest import run_job
from tests.imaging.dicom.builders import make_file, ramp
from tests.imaging.intake.pacs_server import FakePacs, Stored, serving
from worker.models import Job

pytest.importorskip("dicomweb_client")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pacs(settings):
    """Two chests of two days."""
    stored = []
    for number in (1, 2):
        uids = {name: f"1.{place}.{number}" for place, name in enumerate(("study", "series", "uid"), start=2)}
        data = make_file(
            ramp() // number,
            StudyInstanceUID=uids["study"],
            SeriesInstanceUID=uids["series"],
            SOPInstanceUID=uids["uid"],
            PatientID=f"patient {number}",
            BurnedInAnnotation="NO",
        )
        stored.append(Stored(**uids, date=f"2024010{number}", modality="DX", body_part="CHEST", data=data))
    with serving(FakePacs(stored)) as running:
        settings.DICOMWEB_URL = running.url
        yield running


@pytest.fixture
def administrator_client(client, db):
    client.force_login(UserFactory(role="administrator"))
    return client


def post(client, **changes):
    values = {"modality": "dx", "label": "normal", "dataset_name": "From the PACS"} | changes
    return client.post(reverse("imaging:import_pacs"), values)


def test_how_many_there_are_can_be_asked_without_a_name(pacs, administrator_client):
    page = post(administrator_client, dataset_name="", study_date="2024-01-02", count="1")
    assert "1 image matches." in " ".join(page.content.decode().split())
    assert not Job.objects.exists()


def test_from_the_page_to_the_dataset(pacs, administrator_client, data_dir, caplog):
    answer = post(administrator_client, size="256")
    job = Job.objects.get()
    assert answer.url == reverse("imaging:import_result", args=[job.pk])
    assert "url" not in job.parameters
    assert (job.parameters["size"], job.parameters["label"]) == (256, "normal")
    run_job(job)
    assert job.state == Job.State.SUCCEEDED, job.error

    dataset = Dataset.objects.get()
    assert (dataset.images.count(), dataset.created_by.role) == (2, "administrator")
    assert set(dataset.images.values_list("width", "height")) == {(256, 256)}
    page = administrator_client.get(answer.url).content.decode()
    assert "From the PACS" in page
    assert "patient 1" not in page + caplog.text
    assert not list((data_dir / "pacs").rglob("*.dcm"))


def test_a_job_that_was_refused_is_shown_and_can_be_resumed(pacs, administrator_client, data_dir):
    pacs.dies_after = 1
    post(administrator_client)
    job = run_job(Job.objects.get(kind=RETRIEVE))
    assert job.state == Job.State.FAILED
    page = administrator_client.get(reverse("imaging:import_result", args=[job.pk])).content.decode()
    assert "The PACS answers with an error (500)" in page
    pacs.dies_after = -1
    administrator_client.post(reverse("worker:job_resume", args=[job.pk]))
    run_job(job)
    assert job.state == Job.State.SUCCEEDED, job.error
    assert pacs.retrieved == 3  # the one that came, the one that did not, and that one again


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [({"modality": ""}, "__all__", "Say what is looked for"), ({"study_date": "2024"}, "study_date", "not understood"),
     ({"dataset_name": ""}, "dataset_name", "required"), ({"label": "a\tb"}, "label", "control characters"),
     ({"modality": "D*"}, "__all__", "examples of what is understood")],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_at_its_field(changes, field, words, pacs, administrator_client):
    page = post(administrator_client, **changes)
    assert words in str(page.context["form"].errors[field])
    assert not Job.objects.exists()


def test_a_pacs_that_refuses_is_said_on_the_page(pacs, administrator_client):
    pacs.account = ("somebody", "else")
    page = post(administrator_client, count="1")
    assert "The PACS refuses access (401)" in page.content.decode()
