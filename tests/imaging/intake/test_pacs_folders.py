"""Folders as a PACS exports them: deep, without extensions, with a DICOMDIR; classes from a table or one for all."""

from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.urls import reverse
from pydicom import dcmread
from pydicom.fileset import FileSet
from pydicom.uid import generate_uid

from imaging.dicom.directory import read_directory
from imaging.dicom.reading import DicomError
from imaging.models import Dataset, Image
from imaging.pseudonyms import patient_pseudonym
from tests.imaging.archives import GOOD, picture, table, write_folder, write_zip
from tests.imaging.dicom.builders import make_file, make_header, ramp
from worker.models import Job

pytestmark = pytest.mark.django_db


def chest(n: int, **changes) -> bytes:
    """A picture of its own for each n."""
    return make_file(np.roll(ramp(), n, axis=1), PatientID=f"PAT-{n}", **changes)


EXPORT = {
    "P1/ST1/SE1/IM0001": chest(1),
    "P1/ST1/SE2/IM0001": chest(2),
    "P2/ST1/SE1/deep/deeper/IM0002.dcm": chest(3),
    "P2/ST1/loose.png": picture(1),
}
LABELS = {
    "metadata.csv": table(
        "file,label,split",
        "P1/ST1/SE1/IM0001,normal,train",
        "P1\\ST1\\SE2\\IM0001,ill,test",
        "IM0002.dcm,ill,",
        "/P2/ST1/loose.png,normal,",
    )
}


@pytest.mark.parametrize("write", [write_zip, write_folder])
@pytest.mark.parametrize("wrapper", ["", "EXPORT 2026/"])
def test_classes_from_the_table_by_path(write, wrapper, tmp_path, do_import):
    files = {wrapper + name: data for name, data in (EXPORT | LABELS).items()}

    result = do_import(write(tmp_path / "source", files), folders="anything")

    assert result["problems"] == []
    assert result["counts"] == {"ill": 2, "normal": 2}
    found = {image.patient_pseudonym: (image.label, image.split) for image in Image.objects.all()}
    assert found[patient_pseudonym("PAT-1")] == ("normal", "train")
    assert found[patient_pseudonym("PAT-2")] == ("ill", "test")
    assert found[patient_pseudonym("PAT-3")] == ("ill", "")


def test_one_class_for_all_but_what_the_table_says(tmp_path, do_import):
    rows = {"metadata.csv": table("file,label", "P1/ST1/SE2/IM0001,ill")}
    result = do_import(write_folder(tmp_path / "source", EXPORT | rows), folders="anything", one_class=" normal ")
    assert result["counts"] == {"ill": 1, "normal": 3}


def test_one_without_a_class_is_a_problem(tmp_path, do_import):
    rows = {"metadata.csv": b"".join(LABELS["metadata.csv"].splitlines(keepends=True)[:4])}
    refused = do_import(write_folder(tmp_path / "source", EXPORT | rows), folders="anything")
    assert [(p["file"], p["reason"]) for p in refused["problems"]] == [("P2/ST1/loose.png", "The image has no class.")]


def test_no_class_at_all_is_said_once(tmp_path, do_import):
    (problem,) = do_import(write_folder(tmp_path / "source", EXPORT), folders="anything")["problems"]
    assert problem["reason"] == "There is no class folder and no metadata.csv that gives labels."


def test_a_name_that_occurs_in_every_series_needs_its_path(tmp_path, do_import):
    rows = {"metadata.csv": table("file,label", "IM0001,ill")}
    refused = do_import(write_folder(tmp_path / "source", EXPORT | rows), folders="anything", one_class="normal")
    assert [p["reason"] for p in refused["problems"]] == [
        "Row 2: 2 files are called “IM0001”: write the folder as well."
    ]


def test_folders_are_classes_unless_it_is_said(tmp_path, do_import):
    refused = do_import(write_folder(tmp_path / "source", EXPORT | LABELS))
    assert {p["reason"] for p in refused["problems"]} >= {
        "The file lies 3 folders deep; one folder per class was expected."
    }
    assert all("folders are no classes" in p["fix"] for p in refused["problems"] if "deep" in p["reason"])


# --- DICOMDIR ---


@pytest.fixture
def medium(tmp_path) -> Path:
    """Three images on a medium, as pydicom writes one."""
    made = FileSet()
    for n in range(3):
        header = make_header(np.roll(ramp(), n, axis=1), PatientID=f"PAT-{n}")
        header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID
        header.StudyInstanceUID, header.SeriesInstanceUID = generate_uid(), generate_uid()
        header.StudyTime, header.StudyID, header.SeriesNumber, header.InstanceNumber = "120000", "1", 1, 1
        made.add(header)
    folder = tmp_path / "medium"
    made.write(folder)
    return folder


def images_of(medium: Path) -> list[str]:
    return sorted(read_directory((medium / "DICOMDIR").read_bytes()).images)


def whole(medium: Path, do_import, **options):
    return do_import(medium, folders="anything", one_class="chest", **options)


def test_a_whole_medium_has_nothing_to_tell(medium, do_import):
    assert len(images_of(medium)) == 3
    assert all((medium / name).is_file() for name in images_of(medium))
    result = whole(medium, do_import)
    assert (result["imported"], result["problems"], result["notes"], result["ignored"]) == (3, [], [], 1)


def test_what_is_listed_and_missing_is_a_problem(medium, do_import):
    first = images_of(medium)[0]
    (medium / first).unlink()

    refused = whole(medium, do_import)

    assert refused["dataset_id"] is None
    assert refused["problems"] == [
        {
            "file": first,
            "reason": "DICOMDIR lists this image, but it is not there.",
            "fix": "Copy the whole medium again, or import without it by skipping the bad files.",
            "fatal": False,
        }
    ]
    assert whole(medium, do_import, skip_bad=True)["imported"] == 2


def test_what_is_there_and_not_listed_is_told_and_read(medium, do_import):
    write_folder(medium, {"EXTRA/IM9": chest(7), "VIEWER/run.exe": b"MZ", "autorun.inf": b"x", "README.TXT": b"x"})

    result = whole(medium, do_import)

    assert (result["imported"], result["problems"]) == (4, [])
    assert result["ignored"] == 4  # DICOMDIR, README.TXT and the viewer
    assert result["notes"] == [
        "DICOMDIR does not list 1 file that is there: EXTRA/IM9. What is not listed was read as well."
    ]


def test_what_it_says_to_be_no_image_is_ignored(medium, do_import):
    header = dcmread(medium / "DICOMDIR")
    records = [one for one in header.DirectoryRecordSequence if one.DirectoryRecordType == "IMAGE"]
    records[0].DirectoryRecordType = "PRESENTATION"
    header.save_as(medium / "DICOMDIR")

    result = whole(medium, do_import)

    assert (result["imported"], result["problems"], result["ignored"]) == (2, [], 2)


def test_names_on_media_come_in_several_ways(medium, do_import):
    """Small letters, a full stop or a version behind them: the same files."""
    for name in images_of(medium):
        target = medium / "copy" / f"{name.lower()}"
        target.parent.mkdir(parents=True, exist_ok=True)
        (medium / name).rename(target)
    (medium / "DICOMDIR").rename(medium / "copy" / "dicomdir")

    result = whole(medium, do_import)

    assert (result["imported"], result["problems"], result["notes"]) == (3, [], [])


def test_two_media_in_one_folder(medium, do_import, tmp_path):
    both = tmp_path / "both"
    both.mkdir()
    medium.rename(both / "CD1")
    write_folder(both / "CD2", {"A/IM1": chest(9)})
    (both / "CD2" / "DICOMDIR").write_bytes((both / "CD1" / "DICOMDIR").read_bytes())  # of the other one

    result = whole(both, do_import, skip_bad=True)

    assert [p["file"].split("/")[0] for p in result["problems"]] == ["CD2"] * 3
    assert result["notes"] == [
        "CD2/DICOMDIR does not list 1 file that is there: CD2/A/IM1. What is not listed was read as well."
    ]
    assert result["imported"] == 4


@pytest.mark.parametrize("data", [b"", b"x" * 200, bytes(128) + b"DICM" + bytes(90), make_file()])
def test_a_dicomdir_that_is_none_is_told_and_the_files_are_read(data, tmp_path, do_import):
    result = whole(write_folder(tmp_path / "source", EXPORT | {"DICOMDIR": data}), do_import)
    assert (result["imported"], result["problems"]) == (4, [])
    (note,) = result["notes"]
    assert note.startswith("DICOMDIR was not used: ")
    assert note.endswith("The files were taken as they lie.")


def test_a_dicomdir_cannot_point_outside(medium, do_import, tmp_path):
    header = dcmread(medium / "DICOMDIR")
    record = next(one for one in header.DirectoryRecordSequence if one.DirectoryRecordType == "IMAGE")
    record.ReferencedFileID = ["..", "SECRET"]
    header.save_as(medium / "DICOMDIR")
    (tmp_path / "SECRET").write_bytes(chest(8))

    result = whole(medium, do_import, skip_bad=True)

    assert [p["file"] for p in result["problems"]] == ["../SECRET"]
    assert result["imported"] == 3  # those of the medium, one of which is not listed now


def test_the_directory_is_read_in_words_or_not_at_all(medium):
    data = (medium / "DICOMDIR").read_bytes()
    found = read_directory(data)
    assert (len(found.images), found.others) == (3, ())
    assert found.images[0].count("/") == 3
    for damaged in (data[:140], b"", make_file()):
        with pytest.raises(DicomError, match="DICOMDIR"):
            read_directory(damaged)


# --- form and command ---


def test_the_form(investigator_client, tmp_path):
    def post(**fields):
        with write_zip(tmp_path / "a.zip", GOOD).open("rb") as archive:
            return investigator_client.post(reverse("imaging:import_new"), {"archive": archive, **fields})

    assert post(dataset_name="A", folders="anything", one_class="chest").status_code == 302
    parameters = Job.objects.get().parameters
    assert (parameters["folders"], parameters["one_class"]) == ("anything", "chest")
    refused = post(dataset_name="B", one_class="chest")
    assert refused.status_code == 400
    assert "choose that folders are no classes" in refused.content.decode()


def test_the_command(tmp_path):
    source = write_folder(tmp_path / "source", EXPORT)
    call_command("import_images", str(source), "--name", "A", "--folders", "anything", "--class", "chest")
    assert Dataset.objects.get().images.filter(label="chest").count() == 4
