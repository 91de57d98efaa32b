"""Phantoms as files: the same each time, importable, and with everything that imports have to deal with."""

import csv
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pydicom import dcmread

from imaging.dicom.reading import read_dicom
from imaging.phantoms import chest_phantom

pytestmark = pytest.mark.django_db


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}


@pytest.fixture(scope="module")
def dicoms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dicoms")
    call_command("write_phantoms", folder, "--dicom", "--patients", "60", "--size", "48", "--seed", "1")
    return folder


def test_the_same_arguments_write_the_same_files(dicoms, tmp_path, capsys):
    call_command("write_phantoms", tmp_path / "again", "--dicom", "--patients", "60", "--size", "48", "--seed", "1")

    assert files(tmp_path / "again") == files(dicoms)
    assert capsys.readouterr().out == f"{len(files(dicoms)) - 1} phantoms and metadata.csv in {tmp_path / 'again'}\n"


def test_the_table_gives_each_file_its_class(dicoms):
    with (dicoms / "metadata.csv").open() as file:
        rows = list(csv.DictReader(file))

    assert sorted(row["file"] for row in rows) == sorted(set(files(dicoms)) - {"metadata.csv"})
    assert {row["label"] for row in rows} == {"normal", "lesion"}
    assert len({row["file"].split("/")[0] for row in rows}) == 60 < len(rows)


def test_all_are_read_and_everything_that_imports_meet_is_there(dicoms):
    headers = [dcmread(path) for path in dicoms.rglob("*.dcm")]
    ages = [header.PatientAge for header in headers]
    counts = Counter((header.ViewPosition, header.Manufacturer) for header in headers)

    assert len(counts) == 4
    assert {"MONOCHROME1", "MONOCHROME2"} == {header.PhotometricInterpretation for header in headers}
    assert {"YES", "NO"} == {header.BurnedInAnnotation for header in headers}
    assert "" in ages
    assert any(age and int(age[:3]) < 18 for age in ages)


def test_the_pixels_are_those_of_the_phantom_whatever_the_header_says(dicoms):
    """But where a name is written: that is what the header says there."""
    seen = Counter()
    for patient in range(1, 61):
        path = dicoms / f"PAT{patient:05d}/VISIT1/IM00001.dcm"
        found = read_dicom(path.read_bytes())
        wanted = chest_phantom(seed=1_000_003 + patient, size=48, lesion=patient % 2 == 1)
        differs = abs(found.pixels.astype(int) - wanted) > 1  # the four lowest of twelve bits are noise
        kind = found.facts.burned_in_annotation
        seen[kind] += 1
        assert differs[12:].sum() == 0
        assert differs[:12].any() == (kind == "yes")
    assert set(seen) == {"yes", "no"}


def test_png_with_class_folders(tmp_path):
    call_command("write_phantoms", tmp_path / "a", "--patients", "4", "--size", "48")

    counts = Counter(name.split("/")[0] for name in files(tmp_path / "a"))
    assert counts == {"normal": 2, "lesion": 2, "metadata.csv": 1}


@pytest.mark.parametrize("options", [["--patients", "1"], ["--size", "8"], ["--seed", "-1"]])
def test_numbers_that_make_no_sense(options, tmp_path):
    with pytest.raises(CommandError, match="must be"):
        call_command("write_phantoms", tmp_path / "a", *options)
    assert not (tmp_path / "a").exists()


def test_a_folder_in_use_is_not_written_to(tmp_path):
    (tmp_path / "mine.txt").write_text("x")

    with pytest.raises(CommandError, match="is not empty: choose a new folder"):
        call_command("write_phantoms", tmp_path, "--dicom")
