"""Pages: who sees them, what they show, and that their queries do not grow with the data."""

import io

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image as PillowImage

from imaging.intake.foreground import ForegroundContext
from imaging.intake.importing import ImportRefusedError, run_import
from imaging.intake.parameters import KIND, ImportParameters
from imaging.models import Dataset
from imaging.rendering import render_square, to_8_bit
from tests.factories import DatasetFactory, ImageFactory
from tests.imaging.archives import GOOD, grey, write_zip
from tests.imaging.conftest import files_below
from worker.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def image():
    return ImageFactory(
        dataset__name="Chests", label="ill", age_years=90, sex="F", view_position="PA", pixels=grey(1, 20, bits=16)
    )


@pytest.fixture
def archive(tmp_path) -> bytes:
    return write_zip(tmp_path / "good.zip", GOOD).read_bytes()


def import_job(tmp_path, *, files=GOOD, state="queued", **options) -> Job:
    """An import job as the worker leaves it: run for real, in this process."""
    source = write_zip(tmp_path / "upload.zip", files)
    parameters = ImportParameters(source=str(source), dataset_name="Chests", **options)
    job = Job.objects.create(kind=KIND, title="Import “Chests”", parameters=parameters.__dict__, state=state)
    if state == "queued":
        return job
    job.directory.mkdir(parents=True)
    context = ForegroundContext(directory=job.directory, on_progress=lambda *_: None)
    context.job_id = str(job.pk)
    try:
        result, error = run_import(context, parameters), ""
    except ImportRefusedError as refusal:
        result, error = refusal.result, str(refusal)
    Job.objects.filter(pk=job.pk).update(result=result, error=error)
    job.refresh_from_db()
    return job


def every_address(image, job) -> list[str]:
    return [
        reverse("imaging:dataset_list"),
        reverse("imaging:dataset_detail", args=[image.dataset.pk]),
        reverse("imaging:dataset_delete", args=[image.dataset.pk]),
        reverse("imaging:import_new"),
        reverse("imaging:check_name"),
        reverse("imaging:import_result", args=[job.pk]),
        reverse("imaging:import_retry", args=[job.pk]),
        *(reverse(f"imaging:image_{name}", args=[image.pk]) for name in ("detail", "original", "view", "thumbnail")),
    ]


def test_only_investigators_see_anything(client, reader, investigator, image, tmp_path):
    addresses = every_address(image, import_job(tmp_path))

    anonymous = {address: client.get(address) for address in addresses}
    client.force_login(reader)
    forbidden = {address: client.get(address).status_code for address in addresses}
    posted = {address: client.post(address).status_code for address in addresses}
    client.force_login(investigator)
    allowed = {address: client.get(address).status_code for address in addresses}

    assert {address: answer.status_code for address, answer in anonymous.items()} == dict.fromkeys(addresses, 302)
    assert all(answer["Location"].startswith("/accounts/login/") for answer in anonymous.values())
    assert forbidden == posted == dict.fromkeys(addresses, 403)
    retry = reverse("imaging:import_retry", args=[Job.objects.get().pk])
    assert allowed == dict.fromkeys(addresses, 200) | {retry: 405}
    assert Dataset.objects.filter(pk=image.dataset.pk).exists()


def test_the_list_is_empty_first(investigator_client):
    page = investigator_client.get(reverse("imaging:dataset_list")).content.decode()

    assert "No datasets yet" in page
    assert f'href="{reverse("imaging:import_new")}"' in page


@pytest.mark.parametrize("n", [1, 3])
def test_the_list_shows_counts_in_constant_queries(n, investigator_client, django_assert_num_queries):
    for index in range(n):
        dataset = DatasetFactory(name=f"Set {index}", is_phantom=index == 0)
        ImageFactory.create_batch(index + 1, dataset=dataset, label="ill")

    with django_assert_num_queries(7):  # session, user, project, number of datasets, datasets, counts, deleted ones
        page = investigator_client.get(reverse("imaging:dataset_list")).content.decode()

    assert [f"ill {index + 1}" in page for index in range(n)] == [True] * n
    assert page.count("Phantom, not a patient") == 1


@pytest.mark.parametrize("n", [1, 3])
def test_the_dataset_page_takes_constant_queries(n, investigator_client, django_assert_num_queries):
    dataset = DatasetFactory()
    for label in ("ill", "normal"):
        ImageFactory.create_batch(n, dataset=dataset, label=label, age_years=40)

    with django_assert_num_queries(16):
        answer = investigator_client.get(dataset.get_absolute_url())

    assert answer.content.decode().count("thumbnail.png") == 2 * n


def test_the_dataset_page_filters_its_grid(investigator_client):
    dataset = DatasetFactory()
    young = ImageFactory(dataset=dataset, label="ill", age_years=20)
    old = ImageFactory(dataset=dataset, label="ill", age_years=70)
    other = ImageFactory(dataset=dataset, label="normal", age_years=70)
    unknown = ImageFactory(dataset=dataset, label="ill")

    page = investigator_client.get(
        dataset.get_absolute_url(), {"labels": "ill", "age_min": "19.5", "age_max": "80"}
    ).content.decode()

    shown = {
        name: str(image.pk) in page
        for name, image in {"young": young, "old": old, "other": other, "unknown": unknown}.items()
    }
    assert shown == {"young": True, "old": True, "other": False, "unknown": False}
    assert "2 of 4 images: label ill; age 19.5 to 80 years" in " ".join(page.split())


def test_filters_without_effect_are_not_offered(investigator_client):
    dataset = ImageFactory(label="ill").dataset

    page = investigator_client.get(dataset.get_absolute_url()).content.decode()

    assert 'aria-label="Filter images"' not in page


def test_wrong_filters_are_said(investigator_client):
    dataset = ImageFactory(age_years=20).dataset

    page = investigator_client.get(dataset.get_absolute_url(), {"age_min": "50", "age_max": "20"}).content.decode()

    assert "age_min 50 is above age_max 20" in page


def test_the_grid_has_pages_that_keep_the_filters(investigator_client):
    dataset = DatasetFactory()
    ImageFactory.create_batch(61, dataset=dataset, label="ill")
    ImageFactory(dataset=dataset, label="normal")

    page = investigator_client.get(dataset.get_absolute_url(), {"labels": "ill", "page": "2"}).content.decode()

    assert page.count("thumbnail.png") == 1
    assert 'href="?labels=ill&amp;page=1"' in page


def test_the_image_page(investigator_client, image):
    page = investigator_client.get(reverse("imaging:image_detail", args=[image.pk])).content.decode()

    assert "90 years or older" in page
    assert "20 × 20 px, 16 bits" in page
    assert image.pixel_sha256 in page


@pytest.mark.parametrize(
    ("variant", "expected"),
    [("original", lambda p: p), ("view", to_8_bit), ("thumbnail", lambda p: render_square(p, 160))],
)
def test_pixels_are_served_as_png(variant, expected, investigator_client, image):
    answer = investigator_client.get(reverse(f"imaging:image_{variant}", args=[image.pk]))

    assert answer["Content-Type"] == "image/png"
    assert "private" in answer["Cache-Control"]
    served = np.array(PillowImage.open(io.BytesIO(b"".join(answer) if answer.streaming else answer.content)))
    assert np.array_equal(served, expected(grey(1, 20, bits=16)))


def test_missing_pixels_are_not_found(investigator_client, image, data_dir):
    for path in (data_dir / "media").rglob("*.png"):
        path.unlink()

    for variant in ("original", "view", "thumbnail"):
        assert investigator_client.get(reverse(f"imaging:image_{variant}", args=[image.pk])).status_code == 404


def test_delete_asks_first(investigator_client, image, django_capture_on_commit_callbacks):
    address = reverse("imaging:dataset_delete", args=[image.dataset.pk])

    asked = investigator_client.get(address).content.decode()
    assert Dataset.objects.count() == 1
    with django_capture_on_commit_callbacks(execute=True):
        answer = investigator_client.post(address, follow=True)

    assert "Delete “Chests”?" in asked
    assert "The dataset “Chests” was deleted." in answer.content.decode()
    assert Dataset.objects.count() == 0


# --- import ---


def post_archive(client, data: bytes, name="mine.zip", **fields):
    upload = SimpleUploadedFile(name, data, content_type="application/zip")
    headers = fields.pop("headers", {})
    return client.post(
        reverse("imaging:import_new"), {"dataset_name": "Chests", "archive": upload} | fields, headers=headers
    )


def test_a_plain_form_starts_an_import(investigator_client, investigator, archive, data_dir):
    answer = post_archive(investigator_client, archive, skip_bad="on", licence="CC0", citation="c", description="d")

    job = Job.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == reverse("imaging:import_result", args=[job.pk])
    parameters = ImportParameters(**job.parameters)
    assert (parameters.dataset_name, parameters.skip_bad, parameters.licence) == ("Chests", True, "CC0")
    assert (parameters.citation, parameters.description, parameters.source_name) == ("c", "d", "mine.zip")
    assert (parameters.delete_source, parameters.created_by_id) == (True, investigator.pk)
    [stored] = files_below(data_dir)  # the upload itself, once, and no temporary copy
    assert (data_dir / stored).read_bytes() == archive
    assert parameters.source == str(data_dir / stored)


def test_images_of_a_generator_say_what_made_them(investigator_client, archive):
    page = investigator_client.get(reverse("imaging:import_new"), {"origin": "synthetic"})
    assert page.context["form"]["origin"].value() == "synthetic"

    nameless = post_archive(investigator_client, archive, origin="synthetic")
    assert "Say what the images were made with." in nameless.content.decode()
    assert not Job.objects.exists()
    post_archive(investigator_client, archive, origin="synthetic", made_with="StyleGAN3 of others")

    parameters = ImportParameters(**Job.objects.get().parameters)
    assert (parameters.origin, parameters.made_with) == ("synthetic", "StyleGAN3 of others")


def test_the_script_gets_json(investigator_client, archive):
    json = {"Accept": "application/json"}

    accepted = post_archive(investigator_client, archive, headers=json)
    DatasetFactory(name="Taken")
    refused = post_archive(investigator_client, archive, headers=json, dataset_name="Taken")

    assert accepted.json() == {"url": reverse("imaging:import_result", args=[Job.objects.get().pk])}
    assert (refused.status_code, refused.json()) == (
        400,
        {"errors": {"dataset_name": ["There is a dataset called “Taken” already. Choose another name."]}},
    )


def test_a_refused_form_keeps_no_file(investigator_client, archive, data_dir):
    answer = post_archive(investigator_client, archive, dataset_name="")

    assert answer.status_code == 400
    assert "This field is required." in answer.content.decode()
    del answer
    assert files_below(data_dir) == set()
    assert Job.objects.count() == 0


@pytest.mark.parametrize("headers", [{}, {"Accept": "application/json"}])
def test_an_upload_over_the_limit(headers, investigator_client, archive, settings, data_dir):
    settings.MAX_UPLOAD_BYTES = 1000

    answer = post_archive(investigator_client, archive + bytes(10_000), headers=headers)

    assert answer.status_code == 413
    assert "The upload is larger than 0.000953674 MB. Split the archive" in answer.content.decode()
    assert files_below(data_dir) == set()
    assert Job.objects.count() == 0


def test_an_upload_needs_the_csrf_token(investigator, archive, data_dir):
    """The view sets upload handlers before the token can be read: the check must still be there."""
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(investigator)

    assert post_archive(client, archive).status_code == 403
    token = client.get(reverse("imaging:import_new")).cookies["csrftoken"].value
    assert post_archive(client, archive, headers={"X-CSRFToken": token}).status_code == 302
    assert Job.objects.count() == 1


def test_forgotten_uploads_are_removed_and_awaited_ones_kept(investigator_client, archive, data_dir, monkeypatch):
    post_archive(investigator_client, archive)
    post_archive(investigator_client, archive, dataset_name="Second")
    first, second = Job.objects.order_by("created_at")
    Job.objects.filter(pk=first.pk).update(state="failed")
    import time

    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 8 * 24 * 3600)

    post_archive(investigator_client, archive, dataset_name="Third")

    third = Job.objects.get(parameters__dataset_name="Third")
    kept = {str(path) for path in (data_dir / "uploads").iterdir()}
    assert kept == {second.parameters["source"], third.parameters["source"]}


@pytest.mark.parametrize(
    ("name", "error"), [("New", ""), ("Taken", "There is a dataset called “Taken” already. Choose another name.")]
)
def test_check_name(name, error, investigator_client):
    DatasetFactory(name="Taken")

    assert investigator_client.get(reverse("imaging:check_name"), {"name": name}).json() == {"error": error}


def test_while_it_runs_the_page_asks_again_and_then_stops(investigator_client, tmp_path):
    job = import_job(tmp_path)
    address = reverse("imaging:import_result", args=[job.pk])

    page = investigator_client.get(address).content.decode()
    waiting = investigator_client.get(address, headers={"HX-Request": "true"})
    Job.objects.update(state="failed")
    ended = investigator_client.get(address, headers={"HX-Request": "true"})

    assert f'hx-get="{address}"' in page
    assert (waiting.status_code, ended.status_code) == (200, 286)


def test_an_accepted_import_leads_to_its_dataset(investigator_client, tmp_path):
    job = import_job(tmp_path, state="succeeded", files={**GOOD, "ill/copy.png": GOOD["ill/1.png"], "README": b""})

    page = " ".join(investigator_client.get(reverse("imaging:import_result", args=[job.pk])).content.decode().split())

    assert "4 images imported" in page
    assert f'href="{Dataset.objects.get().get_absolute_url()}"' in page
    assert "1 duplicate, kept once" in page
    assert "1 file ignored" in page
    assert "Import again" not in page


def test_a_refused_import_lists_its_problems_and_can_be_done_again(investigator_client, tmp_path):
    # Arrange
    job = import_job(tmp_path, state="failed", files={**GOOD, "ill/<b>.png": b""})
    page = investigator_client.get(reverse("imaging:import_result", args=[job.pk])).content.decode()

    # Act
    answer = investigator_client.post(
        reverse("imaging:import_retry", args=[job.pk]), {"dataset_name": "Chests", "skip_bad": "1"}
    )

    # Assert
    assert "ill/&lt;b&gt;.png" in page
    assert "The file is empty (0 bytes)." in page
    assert "Import again, skipping the bad files" in page
    again = Job.objects.exclude(pk=job.pk).get()
    assert answer["Location"] == reverse("imaging:import_result", args=[again.pk])
    assert again.parameters == job.parameters | {"skip_bad": True, "created_by_id": again.created_by_id}


def test_what_cannot_be_skipped_is_not_offered(investigator_client, tmp_path):
    job = import_job(tmp_path, state="failed", files={**GOOD, "metadata.csv": b"\xff"})

    page = investigator_client.get(reverse("imaging:import_result", args=[job.pk])).content.decode()

    assert "cannot be skipped" in page
    assert "skipping the bad files" not in page


def test_import_again_under_a_name_that_is_taken(investigator_client, tmp_path):
    job = import_job(tmp_path, state="failed", files={**GOOD, "ill/x.png": b""})
    DatasetFactory(name="Taken")

    answer = investigator_client.post(reverse("imaging:import_retry", args=[job.pk]), {"dataset_name": "Taken"})

    assert answer.status_code == 400
    assert "There is a dataset called “Taken” already. Choose another name." in answer.content.decode()
    assert Job.objects.count() == 1


def test_other_jobs_have_no_import_page(investigator_client):
    job = Job.objects.create(kind="generation.train", title="x")

    assert investigator_client.get(reverse("imaging:import_result", args=[job.pk])).status_code == 404
