"""What is wrong with a source as a whole, however many files are bad, and names that are no text."""

import json
import os
import zipfile

import pytest

from imaging.intake.report import LISTED
from imaging.models import Dataset
from tests.imaging.archives import GOOD, picture, write_folder, write_zip

pytestmark = pytest.mark.django_db


def test_one_picture_with_two_labels(tmp_path, do_import, state):
    source = write_zip(tmp_path / "a.zip", {**GOOD, "ill/copy.png": GOOD["normal/1.png"]})
    before = state()

    refused = do_import(source)

    assert [(p["file"], p["reason"]) for p in refused["problems"]] == [
        ("ill/copy.png", "The same picture is also “normal/1.png”, with the label “normal” instead of “ill”."),
        ("normal/1.png", "The same picture is also “ill/copy.png”, with the label “ill” instead of “normal”."),
    ]
    assert state() == before
    # which label is right is not ours to guess: neither is imported
    assert do_import(source, skip_bad=True)["counts"] == {"ill": 2, "normal": 1}


def test_all_problems_are_counted_and_the_first_thousand_listed(tmp_path, do_import):
    many = {f"normal/bad{n:04}.png": b"" for n in range(LISTED + 7)}
    source = write_zip(tmp_path / "a.zip", {**GOOD, **many})

    refused = do_import(source)

    assert refused["problem_count"] == LISTED + 7
    assert len(refused["problems"]) == LISTED
    assert refused["problems"][-1]["file"] == f"normal/bad{LISTED - 1:04}.png"


def test_strange_names_are_shown_and_stored_safely(tmp_path, do_import):
    source = write_zip(tmp_path / "a.zip", {**GOOD, "normal/a\x1b[31m\u202ered.png": b""})

    [problem] = do_import(source)["problems"]

    assert problem["file"] == "normal/a\\x1b[31m\\x202ered.png"


def test_file_names_that_are_not_text(tmp_path, do_import):
    source = write_folder(tmp_path / "source", GOOD)
    (source / os.fsdecode(b"normal/\xff.png")).write_bytes(b"")

    assert [p["file"] for p in do_import(source)["problems"]] == ["normal/\\xdcff.png"]


def test_a_refused_import_leaves_other_datasets_alone(tmp_path, do_import, state):
    do_import(write_zip(tmp_path / "a.zip", GOOD), name="First")
    before = state()

    do_import(write_zip(tmp_path / "b.zip", {**GOOD, "normal/bad.png": b""}), name="Second")

    assert state() == before
    assert list(Dataset.objects.values_list("name", flat=True)) == ["First"]


def zip_with_names(path, names: list[bytes], *, prefix: str = "class"):
    """An archive whose names are these very bytes, without the mark for UTF-8."""
    stand_ins = [f"{prefix}/{'x' * (len(name) - 4)}{n:04}" for n, name in enumerate(names)]
    write_zip(path, {stand_in: picture(n) for n, stand_in in enumerate(stand_ins)})
    data = path.read_bytes()
    for stand_in, name in zip(stand_ins, names, strict=True):
        assert data.count(stand_in.encode()) == 2  # beside the file, and in the directory
        data = data.replace(stand_in.encode(), f"{prefix}/".encode() + name)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("code_page", ["latin-1", "cp850"])
def test_names_in_another_code_page_are_told(code_page, tmp_path, do_import):
    """Their files are imported; that letters may be wrong is said, because a class may be named so."""
    names = [f"Größe {n}.png".encode(code_page) for n in range(2)]
    result = do_import(zip_with_names(tmp_path / "a.zip", names))

    assert (result["imported"], result["problems"]) == (2, [])
    (note,) = result["notes"]
    assert note.startswith("2 names in the archive are not in UTF-8, so that letters with accents may be wrong, as in")


def test_utf_8_without_its_mark_is_read_as_such(tmp_path, do_import):
    """As macOS writes it."""
    source = zip_with_names(tmp_path / "a.zip", ["Größe 1.png".encode(), "Größe 2.pdf".encode()])

    refused = do_import(source)

    assert [problem["file"] for problem in refused["problems"]] == ["class/Größe 2.pdf"]
    assert refused["notes"] == []


def test_a_hundred_thousand_files_are_all_counted(tmp_path, do_import, state):
    """A line for each that is listed, a true number for the rest, and the good ones are not lost among them."""
    bad = 100_000
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in GOOD.items():
            archive.writestr(name, data)
        for n in range(bad):
            archive.writestr(zipfile.ZipInfo(f"normal/{n + 10}.png"), b"")

    result = do_import(path, skip_bad=True)

    assert (result["problem_count"], len(result["problems"])) == (bad, LISTED)
    assert (result["imported"], result["fatal_count"]) == (4, 0)
    assert {problem["reason"] for problem in result["problems"]} == {"The file is empty (0 bytes)."}
    assert len(json.dumps(result)) < 500_000
