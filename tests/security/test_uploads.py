"""Hostile files through every door that takes one, with the real import behind it.

What must hold: a refusal in words instead of an error, nothing outside the data directory, memory that stays bounded,
and out again comes only what this program has drawn itself.
"""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image as PillowImage

from config.accounts.models import User
from imaging.models import Dataset, Image
from tests.generation.conftest import run_job
from tests.imaging.archives import GOOD, encoded, grey
from tests.imaging.dicom.builders import make_file
from tests.security import payloads
from turing.models import AnswerTable
from worker.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def around(tmp_path) -> Path:
    """Everything that the tests may write to; the data directory is one folder in it."""
    return tmp_path


def files_outside(around: Path) -> set[str]:
    inside = around / "data"
    return {str(path.relative_to(around)) for path in around.rglob("*") if inside not in (path, *path.parents)}


def send(client, data: bytes, name: str = "upload.zip", kind: str = "application/zip", **fields: str):
    values = {"dataset_name": "Sent", "folders": "anything", "one_class": "normal", "skip_bad": "on", **fields}
    return client.post(reverse("imaging:import_new"), values | {"archive": SimpleUploadedFile(name, data, kind)})


def imported(client, data: bytes, name: str = "upload.zip", **fields: str) -> Job | None:
    """The import's job, run to its end; None where the form refused already."""
    answer = send(client, data, name, **fields)
    if answer.status_code != 302:
        assert answer.status_code in (400, 413)
        return None
    job = Job.objects.latest("created_at")
    return run_job(job)


def served(client) -> list[bytes]:
    """All that the site gives out of the images that it has."""
    found = []
    for image in Image.objects.all():
        for variant in ("original", "view", "thumbnail"):
            answer = client.get(reverse(f"imaging:image_{variant}", args=[image.pk]))
            data = b"".join(answer) if answer.streaming else answer.content
            assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("image/png", "nosniff")
            assert "script-src 'self'" in answer["Content-Security-Policy"]
            found.append(data)
    return found


POLYGLOTS = {
    "png-with-script": ("a.png", payloads.png_with_script(1)),
    "png-and-zip": ("a.png", payloads.png_and_zip(2)),
    "jpeg-with-script": ("a.jpg", payloads.jpeg_with_script(3)),
    "dicom-with-a-script-before-it": ("a.dcm", payloads.HTML[:128].ljust(128, b" ") + make_file()[128:]),
    "dicom-with-a-page-behind-it": ("a.dcm", make_file() + payloads.HTML),
}


@pytest.mark.parametrize("kind", POLYGLOTS)
@pytest.mark.parametrize("packed", [False, True], ids=["alone", "in a ZIP"])
def test_of_a_file_that_is_two_things_only_the_pixels_come_back(kind, packed, investigator_client, around, data_dir):
    name, data = POLYGLOTS[kind]

    if packed:
        job = imported(investigator_client, payloads.zipped({f"normal/{name}": data, **GOOD}))
    else:
        job = imported(investigator_client, data, name)

    pictures = served(investigator_client)
    assert job is not None
    assert bool(pictures) == (job.state == "succeeded")
    for picture in pictures:
        opened = PillowImage.open(io.BytesIO(picture))
        opened.load()
        assert (opened.format, opened.info) == ("PNG", {})
        assert not any(active in picture for active in payloads.ACTIVE)
        assert picture.endswith(b"IEND\xaeB`\x82")
    kept = [path for path in (data_dir / "media").rglob("*") if path.is_file()]
    assert not [path for path in kept if payloads.SCRIPT.encode() in path.read_bytes()]
    assert files_outside(around) == set()


def test_some_polyglot_is_taken_in_the_end(investigator_client):
    """The test above is not about refusals alone."""
    job = imported(investigator_client, payloads.png_with_script(1), "a.png")

    assert (job.state, len(served(investigator_client))) == ("succeeded", 3)


NO_IMAGES = {
    "svg": ("a.svg", payloads.SVG),
    "svg-called-png": ("a.png", payloads.SVG),
    "html-called-png": ("a.png", payloads.HTML),
    "html-called-dicom": ("a.dcm", payloads.HTML),
    "gifar": ("a.gif", payloads.gifar(1)),
    "gif-called-png": ("a.png", payloads.gifar(1)),
    "php": ("a.png.php", encoded(grey(1))),
    "png-called-dicom": ("a.dcm", encoded(grey(1))),
}


@pytest.mark.parametrize("kind", NO_IMAGES)
def test_what_is_no_radiograph_is_refused_whatever_it_is_called(kind, investigator_client, around):
    name, data = NO_IMAGES[kind]

    alone = imported(investigator_client, data, name, content_type="image/png")
    packed = imported(investigator_client, payloads.zipped({f"normal/{name}": data}))

    for job in (alone, packed):
        assert job is None or job.state == "failed"
        if job is not None:
            page = investigator_client.get(reverse("imaging:import_result", args=[job.pk])).content.decode()
            assert "<script>alert" not in page
    assert (Dataset.objects.count(), served(investigator_client), files_outside(around)) == (0, [], set())


NAMES = {
    "up": "../../../owned.png",
    "up-windows": "..\\..\\owned.png",
    "absolute": "/tmp/owned.png",
    "drive": "C:\\owned.png",
    "share": "\\\\host\\share\\owned.png",
    "null": "owned.png\x00.zip",
    "long": "a" * 5000 + ".zip",
    "deep": "a/" * 2000 + "x.png",
    "header": 'x.zip"\r\nSet-Cookie: owned=1',
    "script": f"{payloads.SCRIPT}.zip",
    "override": "x\u202egnp.zip",
    "combining": "e" + "\u0301" * 500 + ".zip",
    "device": "CON.zip",
}


@pytest.mark.parametrize("kind", NAMES)
def test_a_file_name_is_only_ever_a_label(kind, investigator_client, around):
    name = NAMES[kind]
    inside = payloads.zipped({f"normal/{name}" if kind != "null" else name: encoded(grey(3)), **GOOD})

    job = imported(investigator_client, inside, name)

    assert job is None or job.is_final
    assert files_outside(around) == set()
    stored = [path.name for path in (around / "data").rglob("*")]
    assert not [found for found in stored if "owned" in found or payloads.SCRIPT in found or "CON" in found]
    if job is not None:
        for address in (reverse("imaging:import_result", args=[job.pk]), job.get_absolute_url()):
            answer = investigator_client.get(address)
            assert answer.status_code == 200
            assert payloads.SCRIPT not in answer.content.decode()
            assert "owned" not in answer.cookies


@pytest.mark.parametrize("kind", NAMES)
def test_nor_is_that_of_an_upload_in_parts(kind, investigator_client, around):
    values = {"name": NAMES[kind], "key": "k", "size": 10}

    answer = investigator_client.post(reverse("imaging:upload_begin"), values)
    page = investigator_client.get(reverse("imaging:import_new"))

    assert answer.status_code in (200, 201, 400)
    assert (page.status_code, payloads.SCRIPT in page.content.decode(), files_outside(around)) == (200, False, set())
    parts = [path.name for path in (around / "data" / "uploads").glob("*")] if answer.status_code < 400 else []
    assert all(len(name) == len("00000000-0000-4000-8000-000000000000.part") for name in parts)


BOMBS = {
    "png": lambda: payloads.zipped({"normal/a.png": payloads.png_bomb(), **GOOD}, packed=False),
    "png-alone": payloads.png_bomb,
    "text-in-png": lambda: payloads.zipped({"normal/a.png": payloads.text_bomb(), **GOOD}, packed=False),
    "overlapping": payloads.overlapping_zip,
    "nested": payloads.nested_zip,
    "huge-shape": payloads.npz_of_huge_shape,
    "objects": payloads.npz_of_objects,
    "gzip": payloads.gzip_bomb,
}


def test_a_bomb_is_refused_in_little_memory(around):
    """Each in a process that may not take more than 1.5 GB of addresses beyond what the program itself has."""
    folder = around / "bombs"
    folder.mkdir()
    for kind, make in BOMBS.items():
        (folder / f"{kind}{'.png' if kind == 'png-alone' else '.zip'}").write_bytes(make())
    data = around / "bomb-data"
    environment = {**os.environ, "DATA_DIR": str(data), "DATABASE_URL": f"sqlite:///{data}/db.sqlite3"}

    run = subprocess.run(
        [sys.executable, "-m", "tests.security.bombs", str(folder)],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    told = dict(line.split("\t", 1) for line in run.stdout.splitlines() if "\t" in line)
    assert (run.returncode, set(told)) == (0, set(BOMBS)), run.stderr[-2000:]
    assert [kind for kind, words in told.items() if not words.startswith("refused")] == []


TABLES = {
    "gzip": payloads.gzip_bomb(2**20),
    "zip": payloads.zipped({"answers.csv": b"reader,image\n"}),
    "svg": payloads.SVG,
    "html": payloads.HTML,
    "utf-16-without-end": b"\xff\xfe" + b"<\x00" * 9999 + b"<",
    "one-endless-line": b"a," * 500_000,
    "quotes-without-end": b'reader,image,truth,answer\n"' + b"x\n" * 100_000,
    "zero-bytes": bytes(10_000),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_of_answers_that_is_none(kind, investigator_client, around):
    upload = SimpleUploadedFile(f"{payloads.SCRIPT}.csv", TABLES[kind], "text/csv")

    answer = investigator_client.post(reverse("turing:answer_tables"), {"file": upload}, follow=True)

    assert answer.status_code in (200, 422)
    assert payloads.SCRIPT not in answer.content.decode()
    assert (AnswerTable.objects.count(), files_outside(around)) == (0, set())


def test_who_may_not_import_leaves_nothing(client, reader, data_dir, around):
    client.force_login(reader)

    refused = [
        send(client, payloads.png_with_script(1), "a.png"),
        client.post(reverse("generation:foreign_new"), {"file": SimpleUploadedFile("g.pt", b"x" * 5_000_000)}),
        client.post(reverse("turing:answer_tables"), {"file": SimpleUploadedFile("a.csv", b"x" * 5_000_000)}),
        client.post(reverse("imaging:upload_begin"), {"name": "a.zip", "key": "k", "size": 9}),
    ]

    assert [answer.status_code for answer in refused] == [403] * 4
    assert [path for path in data_dir.rglob("*") if path.is_file()] == []


def test_a_file_in_a_field_that_wants_none(investigator_client, around):
    """A form is sent with files where it asks for text, and with text where it asks for a file."""
    hidden = SimpleUploadedFile("../../owned.txt", payloads.HTML, "text/html")

    told = [
        investigator_client.post(reverse("turing:study_create"), {"name": hidden, "consent": hidden}),
        investigator_client.post(reverse("imaging:import_new"), {"dataset_name": hidden, "archive": "no file"}),
        investigator_client.post(reverse("turing:answer_tables"), {"file": "no file"}),
        investigator_client.post(reverse("generation:foreign_new"), {"file": "no file", "name": hidden}),
    ]

    assert [answer.status_code for answer in told if answer.status_code not in (200, 400, 422)] == []
    assert files_outside(around) == set()
    assert User.objects.count() == 1
