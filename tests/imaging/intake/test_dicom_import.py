"""The 26 DICOM cases through the whole import: what is stored, what is listed, and that no identifier is kept."""

import csv
import io
import zipfile
from pathlib import Path

import pytest
from pydicom import dcmread

from imaging.dicom.reading import read_dicom
from imaging.models import Dataset, Image, QuarantinedImage
from imaging.pseudonyms import patient_pseudonym
from imaging.storage import load_pixels
from tests.imaging.dicom.builders import make_file

pytestmark = pytest.mark.django_db
CASES = Path(__file__).parents[4] / "shared/data/dicom-cases.zip"
KEPT = {"PatientSex", "PatientAge", "ViewPosition", "Manufacturer", "Modality", "BodyPartExamined"}
real_cases = pytest.mark.skipif(not CASES.exists(), reason="../shared/data/dicom-cases.zip is not here")


@pytest.fixture
def archive(tmp_path) -> Path:
    """The cases in class folders, as a hospital would send them, with a DICOMDIR beside."""
    path = tmp_path / "hospital.zip"
    with zipfile.ZipFile(CASES) as cases, zipfile.ZipFile(path, "w") as made:
        names = {name.rsplit("/", 1)[-1]: name for name in cases.namelist()}
        rows = csv.DictReader(io.StringIO(cases.read(names["expected_inclusion.csv"]).decode()))
        for row in rows:
            made.writestr(f"{row['label'] or 'normal'}/{row['file']}", cases.read(names[row["file"]]))
        made.writestr("DICOMDIR", make_file())
    return path


@real_cases
def test_the_cases_are_stored_as_read_and_the_rest_is_listed(archive, do_import):
    listed = {problem["file"]: problem["reason"] for problem in do_import(archive)["problems"]}
    assert listed == {
        "normal/30_not_dicom.dcm": "This is not a DICOM file with an image: "
        "after the letters DICM nothing makes sense.",
        "normal/31_truncated.dcm": "The pixel data is cut off: 58,932 of 524,288 bytes.",
    }

    result = do_import(archive, name="Without", skip_bad=True)
    assert (result["imported"], result["ignored"]) == (23, 1)
    assert result["waiting_files"] == [{"file": "pneumonia/21_burned_in_yes.dcm", "reason": "yes"}]
    waiting = QuarantinedImage.objects.get()
    assert waiting.patient_pseudonym == patient_pseudonym("PT-1020")
    with zipfile.ZipFile(archive) as files:
        for name in files.namelist():
            if name == "DICOMDIR" or name in listed or "burned_in" in name:
                continue
            read = read_dicom(files.read(name))
            image = Image.objects.get(patient_pseudonym=patient_pseudonym(read.facts.patient_id),
                                      age_years=read.facts.age_years)  # fmt: skip
            assert (load_pixels(image.pixel_sha256) == read.pixels).all()
            assert (image.sex, image.view_position, image.manufacturer, image.modality, image.pixel_spacing_mm) == (
                read.facts.sex,
                read.facts.view_position,
                read.facts.manufacturer,
                "DX",
                0.143,
            )
    same_patient = Image.objects.filter(patient_pseudonym=patient_pseudonym("PT-2001"))
    assert same_patient.count() == 2


def identifiers(archive: Path) -> set[bytes]:
    """Every text, number and date of every header that is not on the list of what is kept, of 4 characters or more."""
    found = set()
    with zipfile.ZipFile(archive) as files:
        for name in files.namelist():
            try:
                header = dcmread(io.BytesIO(files.read(name)), stop_before_pixels=True)
                elements = [one for one in header if one.VR in ("PN", "LO", "SH", "DA", "UI", "TM", "LT", "ST")]
            except Exception:  # noqa: S112  # the broken ones
                continue
            for element in elements:
                if element.keyword not in KEPT | {"SOPClassUID"} and len(str(element.value)) >= 4:
                    found.add(str(element.value).encode())
            found |= {name.rsplit("/", 1)[-1].encode()}
    return found


@real_cases
def test_no_identifier_is_in_any_stored_byte(archive, do_import, data_dir):
    wanted = identifiers(archive)
    do_import(archive, skip_bad=True)

    assert len(wanted) > 100
    stored = [path for path in Path(data_dir).rglob("*") if path.is_file() and path != archive]
    assert len(stored) >= 24
    kept = [path.read_bytes() for path in stored]
    kept.append(str([list(model.objects.values()) for model in (Dataset, Image, QuarantinedImage)]).encode())
    assert [identifier for identifier in wanted if any(identifier in one for one in kept)] == []
    assert any(patient_pseudonym("PT-1000").encode() in one for one in kept)  # and yet it was read


def write(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_the_table_goes_before_the_header_and_a_look_at_the_image_counts(tmp_path, do_import):
    files = {
        "normal/a.dcm": make_file(BurnedInAnnotation=None),
        "normal/b": make_file(WindowCenter=1000, WindowWidth=900),  # without a suffix, as devices write them
        "metadata.csv": b"file,age_years,burned_in_annotation,patient_id\na.dcm,51,no,P1\n",
    }
    do_import(write(tmp_path / "a.zip", files))

    found = {image.age_years: image for image in Image.objects.all()}
    assert found[51].patient_pseudonym == patient_pseudonym("P1")
    assert found[45].patient_pseudonym == patient_pseudonym("HOSPITAL-4711")
    assert (found[51].view_position, found[51].body_part) == ("PA", "CHEST")
    assert found[45].study_year == 2019  # of the date in the header, 2019-03-12, nothing else


def test_a_picture_that_is_called_dicom_and_dicom_that_is_called_a_picture(tmp_path, do_import):
    files = {"normal/a.png": make_file(), "normal/b.dcm": b"\x89PNG\r\n\x1a\n" + b"0" * 200}
    result = do_import(write(tmp_path / "a.zip", files))

    assert [problem["reason"] for problem in result["problems"]] == [
        "The name ends with .png, but the content is DICOM.",
        "This is not a DICOM file: the letters DICM are missing after 128 bytes.",
    ]
