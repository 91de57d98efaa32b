"""From a PACS over real HTTP to a dataset: search, retrieval, faults and going on after them."""

import io
import logging
import os
import sys
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pydicom import dcmread

from imaging.intake.foreground import ForegroundContext
from imaging.intake.pacs import Instance, InstanceError, Pacs, PacsAccess, PacsError, PacsQuery, parse_dates
from imaging.intake.retrieving import RetrieveParameters, remove_forgotten_folders, run_retrieval
from imaging.models import Dataset, Image, QuarantinedImage
from imaging.pseudonyms import patient_pseudonym
from tests.imaging.conftest import files_below
from tests.imaging.dicom.builders import make_file
from tests.imaging.intake.pacs_server import FakePacs, Stored, serving, store
from tests.imaging.intake.test_dicom_import import CASES, real_cases
from worker.registry import JobError

pytest.importorskip("dicomweb_client")
pytestmark = pytest.mark.django_db
DX = PacsQuery(modality="DX")


@pytest.fixture(scope="module")
def cases() -> list[bytes]:
    with zipfile.ZipFile(CASES) as archive:
        found = [archive.read(name) for name in sorted(archive.namelist()) if name.endswith(".dcm")]
    uid = str(dcmread(io.BytesIO(found[-1])).SOPInstanceUID).encode()
    return [*found[:-1], found[-1].replace(uid, uid[:-1] + b"9")]  # the truncated one has that of another


@pytest.fixture
def pacs(cases):
    """The 26 cases, three of a study."""
    stored = [store(data, study=f"1.2.3.{number // 3}") for number, data in enumerate(cases)]
    with serving(FakePacs(stored)) as running:
        yield running


def access(pacs: FakePacs, **changes) -> PacsAccess:
    return PacsAccess(url=pacs.url, pause_ms=1, **changes)


def retrieve(pacs: FakePacs, tmp_path, **changes) -> dict:
    (tmp_path / "job").mkdir(exist_ok=True)
    context = ForegroundContext(directory=tmp_path / "job", on_progress=lambda *_: None)
    parameters = RetrieveParameters(**{"modality": "DX", "dataset_name": "From the PACS", "skip_bad": True} | changes)
    return run_retrieval(context, parameters, access=access(pacs))


def left_in(data_dir: Path) -> list[str]:
    """Files of patients that a retrieval has left."""
    return [str(path) for path in (data_dir / "pacs").rglob("*") if path.suffix != ".lock" and path.is_file()]


def test_no_warning_quotes_what_is_odd_in_a_file():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        odd = make_file(PatientAge="MUSTERMANN-ERIKA", BodyPartExamined="mustermann erika", SOPInstanceUID="1.2.3")
        stored = store(odd)

    with warnings.catch_warnings(record=True) as said, serving(FakePacs([stored])) as running:
        warnings.simplefilter("always")
        connection = Pacs(access(running))
        connection.retrieve(connection.find(DX)[0])

    assert [str(one.message) for one in said if "mustermann" in str(one.message).lower()] == []


@real_cases
def test_all_images_are_found_once_and_come_as_they_are(pacs):
    connection = Pacs(access(pacs))
    found = connection.find(DX)
    assert sorted(one.uid for one in found) == sorted(one.uid for one in pacs.stored)
    by_uid = {one.uid: one for one in pacs.stored}
    checked = 0
    for one in found:
        sent = by_uid[one.uid].data
        try:
            header = dcmread(io.BytesIO(sent))
            _ = header.SOPInstanceUID
        except Exception:  # noqa: S112  # the one that is no DICOM file
            continue
        came = dcmread(io.BytesIO(connection.retrieve(one)))
        assert came.PixelData == header.PixelData
        assert came.file_meta.TransferSyntaxUID == header.file_meta.TransferSyntaxUID
        assert {e.tag: e.value for e in came} == {e.tag: e.value for e in header}
        checked += 1
    assert checked == 25


@real_cases
def test_the_cases_are_imported_as_from_a_folder_and_nothing_else_stays(pacs, tmp_path, data_dir):
    result = retrieve(pacs, tmp_path, label="chest")

    dataset = Dataset.objects.get()
    assert result["counts"] == {"chest": 23}
    assert [one["reason"] for one in result["problems"]] == ["The pixel data is cut off: 58,932 of 524,288 bytes."]
    assert result["notes"] == ["Left out: 1 image damaged or cut off on the way."]
    assert QuarantinedImage.objects.count() == 1
    assert dataset.images.filter(patient_pseudonym=patient_pseudonym("PT-2001")).count() == 2
    assert left_in(data_dir) == []


@real_cases
def test_no_identifier_is_logged_or_stored(pacs, tmp_path, data_dir, caplog):
    uids = [one.uid for one in pacs.stored] + [one.series for one in pacs.stored] + [one.study for one in pacs.stored]
    pacs.missing = {pacs.stored[0].uid}
    pacs.cut_off = Counter({pacs.stored[1].uid: 9})
    with caplog.at_level(logging.INFO):
        retrieve(pacs, tmp_path)
    pacs.dies_after = 3
    with caplog.at_level(logging.INFO), pytest.raises(JobError) as stopped:
        retrieve(pacs, tmp_path, dataset_name="Again")

    assert not [uid for uid in uids if uid in caplog.text]
    assert not [uid for uid in uids if uid in str(stopped.value)]
    media = data_dir / "media"
    stored = b"".join((media / name).read_bytes() for name in files_below(media))
    assert not [uid for uid in uids if uid.encode() in stored]


@real_cases
def test_broken_off_it_goes_on_where_it_stopped(pacs, tmp_path, data_dir):
    pacs.dies_after = 10
    with pytest.raises(JobError, match=r"error \(500\)"):
        retrieve(pacs, tmp_path)
    kept = left_in(data_dir)
    assert len(kept) == 10
    assert all(Path(path).parent.stat().st_mode & 0o077 == 0 for path in kept)
    assert not Dataset.objects.exists()
    pacs.dies_after = -1
    before = pacs.retrieved

    result = retrieve(pacs, tmp_path)

    assert pacs.retrieved - before == 26 - 10 + 1  # the damaged one is asked for twice
    assert result["imported"] == 23


@real_cases
def test_cut_off_once_an_image_is_asked_for_again(pacs):
    one = pacs.stored[0]
    pacs.cut_off[one.uid] = 1
    found = Pacs(access(pacs)).retrieve(Instance(study=one.study, series=one.series, uid=one.uid))
    assert dcmread(io.BytesIO(found)).SOPInstanceUID == one.uid


@real_cases
@pytest.mark.parametrize("fault", ["cut_off", "swapped", "missing"])
def test_images_that_do_not_come_whole_are_counted(fault, pacs, tmp_path):
    uid, other = pacs.stored[0].uid, pacs.stored[1].uid
    setattr(pacs, fault, {"cut_off": Counter({uid: 99}), "swapped": {uid: other}}.get(fault, {uid}))
    words = "not in the PACS any more" if fault == "missing" else "damaged or cut off on the way"

    with pytest.raises(JobError, match=words):
        retrieve(pacs, tmp_path, skip_bad=False)
    assert not Dataset.objects.exists()
    result = retrieve(pacs, tmp_path)

    assert result["imported"] == 22
    assert words in result["notes"][-1]


@real_cases
def test_half_a_file_is_listed_and_asked_for_again(pacs, tmp_path):
    pacs.stored = pacs.stored[:3]
    pacs.half = {pacs.stored[0].uid}
    with pytest.raises(JobError, match=r"cut off: [0-9,]+ of [0-9,]+ bytes"):
        retrieve(pacs, tmp_path, skip_bad=False)
    pacs.half, before = set(), pacs.retrieved

    result = retrieve(pacs, tmp_path, skip_bad=False)

    assert (pacs.retrieved - before, result["imported"]) == (1, 3)


@real_cases
def test_a_busy_pacs_is_asked_again(pacs):
    pacs.busy = 3
    assert len(Pacs(access(pacs)).find(DX)) == 26


@real_cases
def test_a_pacs_that_stays_busy_is_said(pacs, tmp_path):
    pacs.busy = 1000
    with pytest.raises(JobError, match=r"busy \(503\) and stays so"):
        retrieve(pacs, tmp_path)
    assert pacs.busy == 995


@real_cases
def test_the_account_comes_from_the_environment(pacs, settings, data_dir):
    pacs.account = ("reader", "a secret word")
    settings.DICOMWEB_URL, settings.DICOMWEB_USER, settings.DICOMWEB_PASSWORD = pacs.url, "reader", "wrong"
    with pytest.raises(CommandError, match=r"refuses access \(401\). Set DICOMWEB_USER") as refused:
        call_command("import_from_pacs", "--modality", "DX", "--name", "X")
    assert "wrong" not in str(refused.value)
    settings.DICOMWEB_PASSWORD = "a secret word"
    out = io.StringIO()
    call_command("import_from_pacs", "--modality", "dx", "--count", stdout=out)
    assert "26 images match DX." in out.getvalue()


@real_cases
def test_from_the_command_line(pacs, settings, data_dir):
    out = io.StringIO()
    arguments = ["--url", pacs.url, "--study-date", "2000-01-01..2099-12-31", "--label", "chest"]
    call_command("import_from_pacs", *arguments, "--name", "PACS", "--skip-bad", stdout=out)
    assert "Imported 23 images as “PACS”" in " ".join(out.getvalue().split())
    assert Image.objects.filter(label="chest").count() == 23
    with pytest.raises(CommandError, match="no image for 19990101"):
        call_command("import_from_pacs", "--url", pacs.url, "--study-date", "1999-01-01", "--name", "None")


@pytest.fixture
def several():
    """24 images of 24 studies on two days, of two modalities and two body parts."""
    data, stored = make_file(), []
    for number in range(24):
        uids = (f"1.2.{number}", f"1.3.{number}", f"1.4.{number}")
        modality, part = "DX" if number % 3 else "CT", "CHEST" if number % 2 else "KNEE"
        stored.append(Stored(*uids, f"2024010{number % 2 + 1}", modality, part, data))
    with serving(FakePacs(stored)) as running:
        yield running


@pytest.fixture
def many():
    """230 images of one series: more than two pages of them."""
    data = make_file()
    stored = [Stored("1.2.1", "1.3.1", f"1.4.{number}", "20240101", "DX", "CHEST", data) for number in range(230)]
    with serving(FakePacs(stored)) as running:
        yield running


@pytest.mark.parametrize("ignores", [False, True])
def test_what_a_pacs_ignores_is_compared_again(ignores, several):
    several.ignores_filters = ignores
    found = Pacs(access(several)).find(PacsQuery(modality="CT", body_part="CHEST"))
    assert {one.uid for one in found} == {f"1.4.{number}" for number in range(24) if number % 6 == 3}


def test_days_are_from_the_first_to_the_last(several):
    assert len(Pacs(access(several)).find(PacsQuery(study_date="20240101-20240102"))) == 24
    assert len(Pacs(access(several)).find(PacsQuery(study_date="20240102"))) == 12


def test_pages_are_asked_for_until_all_is_there(many):
    assert len(Pacs(access(many)).find(DX)) == 230


def test_a_pacs_that_gives_the_first_page_for_ever_ends(many):
    many.ignores_offset = True
    assert len(Pacs(access(many)).find(DX)) == 100


def test_nobody_answers():
    with pytest.raises(PacsError, match="does not answer"):
        Pacs(PacsAccess(url="http://127.0.0.1:1/dicom-web", pause_ms=1)).find(DX)


def test_something_else_answers(live_server):
    with pytest.raises(PacsError, match=r"error \(404\)|not DICOMweb"):
        Pacs(PacsAccess(url=live_server.url, pause_ms=1)).find(DX)


def test_an_image_that_was_never_there(several):
    with pytest.raises(InstanceError, match="missing"):
        Pacs(access(several)).retrieve(Instance(study="1.2.1", series="1.3.1", uid="1.4.999"))


@pytest.mark.parametrize(
    ("url", "words"),
    [("ftp://pacs", "https://"), ("pacs.example.org", "https://"), ("https://", "name a server"),
     ("https://me:secret@pacs.example.org", "may not have a password"), ("http://pacs.example.org", "not sent over")],
)  # fmt: skip
def test_addresses_that_are_not_used(url, words):
    with pytest.raises(ValueError, match=words):
        PacsAccess(url=url, user="me", password="secret")


def test_a_password_is_in_no_representation():
    access = PacsAccess(url="https://pacs.example.org", user="me", password="secret", token="secret")
    assert "secret" not in repr(access)


@pytest.mark.parametrize(
    ("text", "dates"),
    [("2024-01-31", "20240131"), ("20240131", "20240131"), ("2024-01-01..2024-03-31", "20240101-20240331"),
     ("20240101-20240331", "20240101-20240331"), ("", "")],
)  # fmt: skip
def test_dates(text, dates):
    assert parse_dates(text) == dates


@pytest.mark.parametrize(
    "changes", [{}, {"modality": "D*"}, {"body_part": "CHEST&x=1"}, {"study_date": "2024"}, {"modality": "x" * 17}]
)
def test_searches_that_make_no_sense(changes):
    with pytest.raises(ValueError, match=r"is understood|what is looked for|are examples"):
        PacsQuery(**changes)
    with pytest.raises(ValueError, match="is not understood"):
        parse_dates("last week")


def test_what_nobody_went_on_with_goes_after_a_week(settings, data_dir, tmp_path):
    for name, days in (("old", 8), ("new", 6)):
        folder = data_dir / "pacs" / name
        folder.mkdir(parents=True)
        (folder / "patient.dcm").write_bytes(b"x")
        then = folder.stat().st_mtime - days * 24 * 3600
        os.utime(folder, (then, then))
    remove_forgotten_folders()
    assert left_in(data_dir) == [str(data_dir / "pacs" / "new" / "patient.dcm")]


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "dicomweb_client.api", None)
    with pytest.raises(PacsError, match=r"pip install 'turing-reader\[pacs\]'"):
        Pacs(PacsAccess(url="https://pacs.example.org"))
