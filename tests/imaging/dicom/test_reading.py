"""What is read from DICOM files that pydicom wrote, what is refused, and in which words."""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imaging.dicom.facts import parse_age, parse_year
from imaging.dicom.greys import Windowing
from imaging.dicom.reading import DicomError, read_dicom
from tests.imaging.dicom.builders import IDENTIFIERS, make_file, ramp


def test_a_ramp_without_a_window_covers_all_greys():
    found = read_dicom(make_file())
    np.testing.assert_array_equal(found.pixels, np.rint(ramp() / 4095 * 255))


@pytest.mark.parametrize(
    ("function", "at_centre", "below"),
    # PS3.3 C.11.2.1: centre 2000, width 1000, at 2000 and 1800, of 0 to 255
    [
        ("LINEAR", (0.5 / 999 + 0.5) * 255, (-199.5 / 999 + 0.5) * 255),
        ("LINEAR_EXACT", 127.5, 0.3 * 255),
        ("SIGMOID", 127.5, 255 / (1 + np.exp(0.8))),
    ],
)
def test_windows_are_as_the_standard_has_them(function, at_centre, below):
    pixels = np.array([[2000, 1800], [0, 4095]], dtype=np.uint16)
    data = make_file(pixels, WindowCenter=2000, WindowWidth=1000, VOILUTFunction=function)
    found = read_dicom(data, windowing=Windowing(bits=16)).pixels / 257
    assert found[0] == pytest.approx([at_centre, below], abs=0.003)


def test_monochrome1_is_the_negative():
    positive, negative = (
        read_dicom(make_file(WindowCenter=2048, WindowWidth=3000, PhotometricInterpretation=f"MONOCHROME{n}")).pixels
        for n in (2, 1)
    )
    np.testing.assert_array_equal(negative, 255 - positive)


def test_signed_values_and_rescaling():
    pixels = np.arange(-100, 100, dtype=np.int16).reshape(10, 20)
    data = make_file(
        pixels, BitsStored=16, HighBit=15, RescaleSlope=2, RescaleIntercept=50, WindowCenter=50, WindowWidth=201
    )
    found = read_dicom(data).pixels
    assert found[5, 0] == 128  # 2 x 0 + 50: the centre, (0.5 / 200 + 0.5) x 255
    assert (found[0, 0], found[-1, -1]) == (0, 255)


def test_pixels_that_are_not_square_are_drawn_true():
    found = read_dicom(make_file(ramp(20, 30), PixelSpacing=[0.4, 0.2]))
    assert found.pixels.shape == (40, 30)
    assert found.facts.spacing_mm == 0.2
    assert read_dicom(make_file(ramp(20, 30), PixelSpacing=[0.2, 0.2005])).pixels.shape == (20, 30)


@pytest.mark.parametrize(
    ("text", "years"),
    [("045Y", 45), ("008M", 0.667), ("003W", 0.057), ("010D", 0.027), (" 19y ", 19), ("200Y", None), ("Y45", None),
     ("", None), ("45", None)],
)  # fmt: skip
def test_ages(text, years):
    assert parse_age(text) == years


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("20190312", 2019),
        ("2019-03-12", 2019),
        ("2019", 2019),
        ("18960101", 1896),
        ("18940101", None),
        ("20191312", None),
        ("20190332", None),
        ("12.03.2019", None),
        ("", None),
        ("21000101", None),
    ],
)
def test_years(text, year):
    assert parse_year(text) == year


def test_the_year_is_that_of_the_acquisition_else_of_the_study():
    assert read_dicom(make_file(AcquisitionDate="20180101")).facts.study_year == 2018
    assert read_dicom(make_file(AcquisitionDate="")).facts.study_year == 2019
    assert read_dicom(make_file(StudyDate=None)).facts.study_year is None


def test_what_is_not_known_is_empty_and_dates_of_birth_are_not_looked_at():
    facts = read_dicom(
        make_file(PatientAge=None, PatientSex="X", ViewPosition="", Manufacturer=None, PixelSpacing=[0, 5],
                  BurnedInAnnotation=None)
    ).facts  # fmt: skip
    assert (facts.age_years, facts.sex, facts.view_position, facts.manufacturer) == (None, "", "", "")
    assert (facts.spacing_mm, facts.burned_in_annotation) == (None, "unknown")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Rows": 0}, "0 rows and 20 columns"),
        ({"Columns": 60_000, "Rows": 60_000}, "60000 x 60000 pixels; 64 megapixels are allowed"),
        ({"PixelData": bytes(100)}, "cut off: 100 of 960 bytes"),
        ({"PixelData": bytes(2000)}, "more pixel data than rows and columns say: 2,000 bytes instead of 960"),
        ({"PixelData": None}, "no pixel data"),
        ({"NumberOfFrames": 3}, "holds 3 images"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, r"not grey \(RGB, 3 channels\)"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "not grey"),
        ({"BitsAllocated": 32, "BitsStored": 32}, "32 of 32 bits"),
        ({"WindowCenter": 100, "WindowWidth": 0}, r"window cannot be used \(centre 100, width 0\)"),
        ({"WindowCenter": 1e9, "WindowWidth": 2}, "whole image is one grey"),
        ({"WindowCenter": [1, 2], "WindowWidth": 4}, "2 window centres and 1 window widths"),
        ({"WindowCenter": 10, "WindowWidth": 10, "VOILUTFunction": "CUBIC"}, "an unknown function"),
    ],
)
def test_what_cannot_be_used_is_said(changes, words):
    with pytest.raises(DicomError, match=words):
        read_dicom(make_file(**changes))


def test_an_image_of_one_value_is_refused():
    with pytest.raises(DicomError, match="same value"):
        read_dicom(make_file(np.full((8, 8), 7, dtype=np.uint16)))


WHOLE = make_file(WindowCenter=2048, WindowWidth=3000)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(
    places=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=12),
    length=st.one_of(st.just(len(WHOLE)), st.integers(0, len(WHOLE))),
)
def test_a_damaged_file_is_read_or_refused_in_words_and_never_breaks(places, length):
    data = bytearray(WHOLE[:length])
    for place, value in places:
        if place < len(data):
            data[place] = value
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = read_dicom(bytes(data), max_pixels=1_000_000)
    except DicomError as error:
        said = str(error)
        assert said
        assert not [value for value in IDENTIFIERS.values() if value in said]
    else:
        assert found.pixels.dtype == np.uint8
