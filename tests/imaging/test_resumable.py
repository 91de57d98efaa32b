"""Uploads in parts: what arrived stays, nothing is added twice or out of step, and each belongs to one user."""

import os
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.urls import reverse

from imaging import resumable
from imaging.models import Upload
from imaging.resumable import (
    OutOfStepError,
    UploadError,
    append_part,
    begin_upload,
    discard_upload,
    finish_upload,
    part_path,
    received_bytes,
)
from imaging.uploads import KEPT_SECONDS
from tests.factories import UserFactory
from tests.imaging.archives import GOOD, write_zip
from worker.models import Job

pytestmark = pytest.mark.django_db
DATA = os.urandom(1000)


def send(upload: Upload, start: int, end: int) -> int:
    data = DATA[start:end]
    return append_part(upload=upload, offset=start, data=data, crc32=zlib.crc32(data))


@pytest.fixture
def upload(investigator) -> Upload:
    return begin_upload(user=investigator, name="chests.zip", key="1-abc", size=len(DATA))


def test_parts_become_the_file(upload):
    assert [send(upload, start, start + 300) for start in (0, 300, 600, 900)] == [300, 600, 900, 1000]

    path = finish_upload(upload=upload)

    assert path.read_bytes() == DATA
    assert not Upload.objects.exists()
    assert not list(path.parent.glob("*.part"))


def test_the_same_file_goes_on_where_it_stopped(upload, investigator):
    send(upload, 0, 400)

    again = begin_upload(user=investigator, name="renamed.zip", key="1-abc", size=len(DATA))

    assert (again, received_bytes(again)) == (upload, 400)


@pytest.mark.parametrize("change", [{"key": "1-abd"}, {"size": 999}, {"user": None}])
def test_another_file_or_user_begins_anew(upload, investigator, change):
    send(upload, 0, 400)
    values = {"user": investigator, "name": "chests.zip", "key": "1-abc", "size": len(DATA)} | change

    other = begin_upload(**values | {"user": values["user"] or UserFactory(role="investigator")})

    assert other != upload
    assert received_bytes(other) == 0


@pytest.mark.parametrize("start", [0, 300, 500])
def test_a_part_that_does_not_follow_is_not_taken(upload, start):
    send(upload, 0, 400)

    with pytest.raises(OutOfStepError) as refusal:
        send(upload, start, start + 100)

    assert refusal.value.received == received_bytes(upload) == 400


def test_a_part_damaged_on_its_way_is_asked_for_again(upload):
    with pytest.raises(OutOfStepError) as refusal:
        append_part(upload=upload, offset=0, data=DATA[:100], crc32=zlib.crc32(DATA[:99]))

    assert refusal.value.received == received_bytes(upload) == 0


def test_more_than_was_said_is_not_taken(upload):
    send(upload, 0, 990)

    with pytest.raises(UploadError, match="changed meanwhile"):
        append_part(upload=upload, offset=990, data=bytes(11), crc32=zlib.crc32(bytes(11)))

    assert received_bytes(upload) == 990


def test_the_same_part_from_several_requests_at_once_is_added_once(upload):
    def attempt(_: int) -> bool:
        try:
            send(upload, 0, 500)
        except OutOfStepError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(attempt, range(8)))

    assert sum(taken) == 1
    assert part_path(upload).read_bytes() == DATA[:500]


def test_an_incomplete_upload_is_not_imported(upload):
    send(upload, 0, 400)

    with pytest.raises(UploadError, match=r"Only 0\.0 of 0\.0 MB have arrived\. Choose the file again"):
        finish_upload(upload=upload)

    assert received_bytes(upload) == 400


def test_a_disk_without_room_is_said_before_anything_is_sent(investigator, settings):
    settings.MIN_FREE_BYTES = 2**60

    with pytest.raises(UploadError, match="the server's disk has only"):
        begin_upload(user=investigator, name="chests.zip", key="1-abc", size=1)

    assert not Upload.objects.exists()


def test_what_nobody_goes_on_with_is_removed_after_a_week(upload, investigator):
    fresh = begin_upload(user=investigator, name="fresh.zip", key="fresh", size=10)
    stray = part_path(upload).with_name("stray.part")
    stray.touch()
    long_ago = time.time() - KEPT_SECONDS - 60
    for path in (part_path(upload), stray):
        os.utime(path, (long_ago, long_ago))

    resumable.remove_forgotten_parts()

    assert list(Upload.objects.all()) == [fresh]
    assert [path.name for path in part_path(fresh).parent.glob("*.part")] == [f"{fresh.pk}.part"]


def test_discarded(upload):
    discard_upload(upload=upload)

    assert not part_path(upload).exists()
    with pytest.raises(UploadError, match="no longer on the server"):
        send(upload, 0, 10)


# --- addresses -------------------------------------------------------------------------------------------------


def begin(client, **values):
    return client.post(reverse("imaging:upload_begin"), {"name": "a.zip", "key": "k", "size": 10} | values)


def part(client, pk, data, **query):
    address = reverse("imaging:upload_part", args=[pk], query={"offset": 0, "crc32": zlib.crc32(data)} | query)
    return client.post(address, data, content_type="application/octet-stream")


def test_an_archive_in_parts_is_imported(client, investigator, tmp_path):
    client.force_login(investigator)
    data = write_zip(tmp_path / "a.zip", GOOD).read_bytes()
    pk = begin(client, size=len(data)).json()["id"]
    form = {"dataset_name": "Chests", "upload": pk}
    assert part(client, pk, data[:100]).json() == {"received": 100}
    early = client.post(reverse("imaging:import_new"), form, headers={"accept": "application/json"})
    assert (early.status_code, "have arrived" in early.json()["errors"]["archive"][0]) == (400, True)
    assert part(client, pk, data[100:], offset=100).json() == {"received": len(data)}

    answer = client.post(reverse("imaging:import_new"), form, headers={"accept": "application/json"})

    job = Job.objects.get()
    assert answer.json() == {"url": reverse("imaging:import_result", args=[job.pk])}
    assert (job.parameters["source_name"], job.parameters["delete_source"]) == ("a.zip", True)
    with open(job.parameters["source"], "rb") as file:  # noqa: PTH123
        assert file.read() == data


def test_a_part_out_of_step_hears_what_is_there(client, investigator):
    client.force_login(investigator)
    pk = begin(client).json()["id"]
    part(client, pk, b"1234")

    answer = part(client, pk, b"1234")

    assert (answer.status_code, answer.json()) == (409, {"received": 4})


@pytest.mark.parametrize("query", [{"offset": ""}, {"offset": "-1"}, {"offset": "x"}, {"crc32": "1.5"}, {"crc32": "²"}])
def test_numbers_that_are_none(client, investigator, query):
    client.force_login(investigator)
    pk = begin(client).json()["id"]

    assert part(client, pk, b"1234", **query).status_code == 400


@pytest.mark.parametrize("values", [{"size": "-1"}, {"size": "many"}, {"key": ""}, {"key": "k" * 101}, {"name": "\0"}])
def test_a_beginning_that_makes_no_sense(client, investigator, values):
    client.force_login(investigator)

    assert begin(client, **values).status_code == 400
    assert not Upload.objects.exists()


def test_one_larger_than_allowed_is_refused_before_it_is_sent(client, investigator, settings):
    settings.MAX_UPLOAD_BYTES = 2**20
    client.force_login(investigator)

    answer = begin(client, size=2**20 + 1)

    assert answer.status_code == 413
    assert "1 MB are allowed. Split it over several imports" in answer.json()["error"]


def test_a_part_larger_than_agreed_is_refused(client, investigator, monkeypatch):
    monkeypatch.setattr("imaging.views.uploads.PART_BYTES", 3)
    client.force_login(investigator)
    pk = begin(client).json()["id"]

    assert part(client, pk, b"1234").status_code == 413
    assert received_bytes(Upload.objects.get()) == 0


def test_nobody_else_touches_it(client, upload, investigator):
    other = UserFactory(role="investigator")
    client.force_login(other)

    assert part(client, upload.pk, DATA[:10]).status_code == 404
    assert client.post(reverse("imaging:upload_discard", args=[upload.pk])).status_code == 404
    form = {"dataset_name": "Chests", "upload": upload.pk}
    assert client.post(reverse("imaging:import_new"), form).status_code == 400
    assert upload.name not in client.get(reverse("imaging:import_new")).content.decode()
    assert received_bytes(upload) == 0

    client.force_login(investigator)
    assert upload.name in client.get(reverse("imaging:import_new")).content.decode()
    client.post(reverse("imaging:upload_discard", args=[upload.pk]))
    assert not Upload.objects.exists()
