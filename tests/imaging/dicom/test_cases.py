"""The 26 files of `../shared/data/dicom-cases.zip`: what they show, and what the rules of Jang 2023 make of each."""

import csv
import io
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from imaging.dicom.greys import Windowing
from imaging.dicom.reading import DicomError, read_dicom
from imaging.inclusion import apply_rules, jang_rules

CASES = Path(__file__).parents[4] / "shared/data/dicom-cases.zip"
pytestmark = pytest.mark.skipif(not CASES.exists(), reason="../shared/data/dicom-cases.zip is not here")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    with zipfile.ZipFile(CASES) as archive:
        return {name.rsplit("/", 1)[-1]: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


@pytest.fixture(scope="module")
def expected(files) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files["expected_inclusion.csv"].decode())))


def test_every_case_comes_out_as_listed(files, expected):
    read, errors = {}, {}
    for row in expected:
        try:
            read[row["file"]] = read_dicom(files[row["file"]]).facts
        except DicomError as error:
            errors[row["file"]] = error.reason
    outcome = apply_rules(jang_rules(), [asdict(facts) for facts in read.values()])
    reasons = dict(zip(read, outcome.reasons, strict=True))

    assert len(expected) == 26
    for row in expected:
        found = errors.get(row["file"]) or reasons[row["file"]]
        assert found == row["reason"], row["file"]
        assert (row["file"] in errors) == (row["expected"] == "error")
        if row["patient_id"]:
            assert read[row["file"]].patient_id == row["patient_id"]
    assert [(step.name, step.excluded, step.missing, step.left) for step in outcome.steps] == [
        ("burned_in_annotation", 1, 0, 23),
        ("age", 3, 1, 20),
        ("view", 4, 1, 16),
        ("manufacturer", 1, 0, 15),
    ]


def through_pydicom(data: bytes) -> np.ndarray:
    """Every pixel through pydicom's own functions, in 64-bit numbers, then to 8 bits."""
    header = dcmread(io.BytesIO(data))
    values = apply_modality_lut(header.pixel_array, header).astype(np.float64)
    if "VOILUTSequence" in header:
        shown = apply_voi_lut(values.astype(np.int64), header) / (
            2 ** int(header.VOILUTSequence[0].LUTDescriptor[2]) - 1
        )
    elif "WindowWidth" in header:
        shown = apply_voi_lut(values, header)
        low, high = _range_after_modality(header)
        shown = (shown - low) / (high - low)
    else:
        shown = (values - values.min()) / (values.max() - values.min())
    levels = np.rint(shown * 255)
    return (255 - levels if header.PhotometricInterpretation == "MONOCHROME1" else levels).astype(np.uint8)


def _table_bits(header) -> int:
    return int(header.VOILUTSequence[0].LUTDescriptor[2])


def _range_after_modality(header) -> tuple[float, float]:
    """What pydicom's windows are spread over: all values that the stored bits allow, rescaled."""
    signed, bits = header.PixelRepresentation == 1, header.BitsStored
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    slope, intercept = float(header.get("RescaleSlope", 1)), float(header.get("RescaleIntercept", 0))
    return low * slope + intercept, high * slope + intercept


def test_greys_are_those_of_pydicom_pixel_by_pixel(files, expected):
    compared = 0
    for row in expected:
        if row["expected"] == "error":
            continue
        found = read_dicom(files[row["file"]]).pixels
        np.testing.assert_array_equal(found, through_pydicom(files[row["file"]]), err_msg=row["file"])
        compared += 1
    assert compared == 24


def test_of_two_windows_the_asked_one_is_taken(files):
    first, second, last = (
        read_dicom(files["10_two_windows.dcm"], windowing=Windowing(index=n)).pixels for n in (0, 1, 9)
    )
    header = dcmread(io.BytesIO(files["10_two_windows.dcm"]))
    np.testing.assert_array_equal(second, np.rint(apply_voi_lut(header.pixel_array, header, index=1) / 4095 * 255))
    np.testing.assert_array_equal(second, last)
    assert (first != second).mean() > 0.5


def test_sixteen_bits_keep_what_eight_round_away(files):
    eight = read_dicom(files["01_plain_12bit.dcm"]).pixels
    sixteen = read_dicom(files["01_plain_12bit.dcm"], windowing=Windowing(bits=16)).pixels
    assert (sixteen.dtype, eight.dtype) == (np.uint16, np.uint8)
    assert len(np.unique(sixteen)) > 256 >= len(np.unique(eight))
    assert np.abs(sixteen / 257 - eight).max() <= 0.51
