"""Datasets through the API, from the upload to the deletion."""

import io
import json
import zipfile
import zlib

import numpy as np
import pytest

from imaging.models import Dataset, Image, Upload
from imaging.storage import encode_png
from tests.turing.builders import make_dataset
from worker.models import Job

pytestmark = pytest.mark.django_db


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for place in range(2):
            pixels = np.full((16, 16), 40 * place, dtype=np.uint8)
            file.writestr(f"normal/{place}.png", encode_png(pixels))
    return buffer.getvalue()


def send_bytes(api, address: str, data: bytes):
    return api.generic("POST", f"/api/v1/{address}", data, content_type="application/octet-stream")


def test_a_file_at_once_and_its_import(api):
    upload = send_bytes(api, "uploads/whole/?name=scans.zip", archive()).json()
    assert upload["received"] == upload["size"] == len(archive())

    wrong = api.send("imports/", {"dataset_name": "Ward", "upload": upload["id"], "origin": "synthetic"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"] == [{"field": "made_with", "message": "Say what the images were made with."}]

    body = {"dataset_name": "Ward", "upload": upload["id"], "licence": "CC BY 4.0"}
    first = api.send("imports/", body, **{"Idempotency-Key": "import-1"})
    again = api.send("imports/", body, **{"Idempotency-Key": "import-1"})
    assert (first.status_code, first.json()) == (201, again.json())
    assert again.headers["Idempotent-Replay"] == "true"
    job = Job.objects.get()
    assert (job.kind, job.parameters["licence"]) == ("imaging.import", "CC BY 4.0")
    assert "source" not in first.json()["parameters"]
    other = api.send("imports/", {**body, "licence": ""}, **{"Idempotency-Key": "import-1"})
    assert (other.status_code, other.json()["errors"][0]["field"]) == (422, "Idempotency-Key")


def test_a_file_in_parts_goes_on_where_it_stopped(api):
    data = archive()
    begun = api.send("uploads/", {"name": "scans.zip", "key": "my file", "size": len(data)}).json()
    place = f"uploads/{begun['id']}/parts/"
    first, second = data[:100], data[100:]

    send_bytes(api, f"{place}?offset=0&crc32={zlib.crc32(first)}", first)
    repeated = send_bytes(api, f"{place}?offset=0&crc32={zlib.crc32(first)}", first)
    assert repeated.status_code == 409
    assert "has 100 bytes" in repeated.json()["detail"]
    early = api.send("imports/", {"dataset_name": "Ward", "upload": begun["id"]})
    assert early.status_code == 409
    resumed = api.send("uploads/", {"name": "scans.zip", "key": "my file", "size": len(data)}).json()
    assert (resumed["id"], resumed["received"]) == (begun["id"], 100)
    done = send_bytes(api, f"{place}?offset=100&crc32={zlib.crc32(second)}", second).json()
    assert done["received"] == len(data)
    assert api.delete(f"/api/v1/uploads/{begun['id']}/").status_code == 204
    assert not Upload.objects.exists()


def test_the_upload_of_somebody_else_is_not_there(api, other_api):
    upload = send_bytes(api, "uploads/whole/?name=scans.zip", archive()).json()

    assert other_api.look(f"uploads/{upload['id']}/").status_code == 404
    assert other_api.look("uploads/").json()["results"] == []
    refused = other_api.send("imports/", {"dataset_name": "Ward", "upload": upload["id"]})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "upload")


def test_images_are_listed_filtered_and_fetched(api):
    dataset = make_dataset(n=3, labels=["normal", "lesion"], name="Ward A")
    (row,) = api.look("datasets/", name="Ward A").json()["results"]
    assert (row["counts"], row["total"]) == ({"lesion": 1, "normal": 2}, 3)
    found = api.look(f"datasets/{dataset.pk}/images/", label="lesion").json()["results"]
    assert [one["label"] for one in found] == ["lesion"]
    pixels = api.look(f"images/{found[0]['id']}/pixels/", depth="8")
    assert (pixels.headers["Content-Type"], pixels.content[:4]) == ("image/png", b"\x89PNG")


def test_split_include_freeze_and_delete(api):
    dataset = make_dataset(n=20)
    Image.objects.update(age_years=30, sex="F")
    shares = {"train": 0.5, "tune": 0.25, "test": 0.25, "seed": 1}
    planned = api.send(f"datasets/{dataset.pk}/split/", {**shares, "preview": True}).json()
    assert {row["split"]: row["images"] for row in planned} == {"test": 5, "train": 10, "tune": 5}
    assert not Image.objects.exclude(split="").exists()
    assert api.send(f"datasets/{dataset.pk}/split/", shares).status_code == 200
    assert Image.objects.filter(split="test").count() == 5
    assert "add up to" in api.send(f"datasets/{dataset.pk}/split/", {**shares, "train": 0.6}).json()["detail"]

    included = api.send(f"datasets/{dataset.pk}/include/", {"name": "Women", "sexes": ["F"], "youngest": 19}).json()
    assert (included["dataset"]["total"], included["steps"][0]["left"]) == (20, 20)
    taken = api.send(f"datasets/{dataset.pk}/include/", {"name": "Women", "sexes": ["F"]})
    assert (taken.status_code, taken.json()["errors"][0]["field"]) == (422, "name")

    assert api.send(f"datasets/{dataset.pk}/freeze/").json()["frozen_at"] is not None
    assert api.send(f"datasets/{dataset.pk}/split/", shares).status_code == 409
    assert api.delete(f"/api/v1/datasets/{dataset.pk}/").status_code == 204
    assert api.look(f"datasets/{dataset.pk}/").status_code == 404
    assert Dataset.everything.get(pk=dataset.pk).state == "deleted"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"train": "0.5", "tune": 0.25, "test": 0.25, "seed": 1}, 400, "train"),
        ({"train": 0.5, "tune": 0.25, "test": 0.25}, 400, "seed"),
        ({"train": 0.5, "tune": 0.25, "test": 0.25, "seed": True}, 400, "seed"),
        ({"train": 0.5, "tune": 0.25, "test": 0.25, "seed": 1, "sed": 2}, 400, "sed"),
        ({"train": 0.5, "tune": 0.25, "test": 2.5, "seed": 1}, 400, "test"),
    ],
)
def test_what_has_not_the_form_is_refused_at_its_field(api, body, status, field):
    answer = api.send(f"datasets/{make_dataset().pk}/split/", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)


def test_a_body_that_is_too_large_is_not_read(api):
    answer = api.send(f"datasets/{make_dataset().pk}/include/", {"name": "x" * 3_000_000})
    assert answer.status_code == 413
    assert json.loads(answer.content)["title"] == "Too large"
