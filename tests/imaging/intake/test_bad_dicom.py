"""Every kind of DICOM file that cannot be used, through the whole import: a line for each, and nothing left behind."""

import numpy as np
import pytest
from pydicom.uid import RLELossless

from tests.imaging.archives import GOOD, picture, write_folder, write_zip
from tests.imaging.dicom.builders import as_bytes, make_file, make_header, ramp

pytestmark = pytest.mark.django_db
COPY_AGAIN = "Export or copy it again, or leave it out."


def compressed(*, cut: int = 0) -> bytes:
    """Run-length encoded, without the last `cut` bytes of the code."""
    header = make_header(np.random.default_rng(0).integers(0, 4096, size=(64, 64)).astype(np.uint16))
    header.compress(RLELossless, generate_instance_uid=False)
    if cut:
        data = bytes(header.PixelData)
        start = data.index(b"\xfe\xff\x00\xe0", 8)  # the fragment, after the offset table
        code = data[start + 8 : -8]
        kept = code[: (len(code) - cut) // 2 * 2]
        header.PixelData = data[:start] + b"\xfe\xff\x00\xe0" + len(kept).to_bytes(4, "little") + kept + data[-8:]
    return as_bytes(header)


COLOUR = {
    "SamplesPerPixel": 3,
    "PhotometricInterpretation": "RGB",
    "PlanarConfiguration": 0,
    "BitsAllocated": 8,
    "BitsStored": 8,
    "HighBit": 7,
    "PixelData": bytes(24 * 20 * 3),
}
BAD = {
    "truncated": (make_file()[:-200], "The pixel data is cut off: "),
    "truncated-by-the-header": (make_file(PixelData=bytes(24 * 20)), "The pixel data is cut off: 480 of 960 bytes."),
    "too-long": (
        make_file(PixelData=bytes(24 * 20 * 2 + 50)),
        "There is more pixel data than rows and columns say: 1,010 bytes instead of 960.",
    ),
    "compressed-and-truncated": (compressed(cut=3000), "The pixel data is damaged or cut off ("),
    "garbage-after-the-magic": (
        bytes(128) + b"DICM" + np.random.default_rng(1).bytes(3000),
        "This is not a DICOM file",
    ),
    "text-after-the-magic": (bytes(128) + b"DICM" + b"hello " * 100, "This is not a DICOM file"),
    "nothing-after-the-magic": (bytes(128) + b"DICM", "This is not a DICOM file"),
    "no-magic": (picture(1), "This is not a DICOM file: the letters DICM are missing after 128 bytes."),
    "empty": (b"", "The file is empty (0 bytes)."),
    "no-pixels": (make_file(PixelData=None), "The DICOM file has no pixel data."),
    "several-frames": (
        make_file(NumberOfFrames=3, PixelData=bytes(24 * 20 * 2 * 3)),
        "The file holds 3 images (frames); a radiograph is one.",
    ),
    "colour": (make_file(**COLOUR), "The image is not grey (RGB, 3 channels)."),
    "no-rows": (make_file(Rows=0), "The image has 0 rows and 20 columns."),
    "no-columns": (make_file(Columns=0), "The image has 24 rows and 0 columns."),
    "rows-missing": (make_file(Rows=None), "This is not a DICOM file with an image"),
    "enormous": (
        make_file(Rows=65_000, Columns=65_000),
        "The image has 65000 x 65000 pixels; 64 megapixels are allowed.",
    ),
    "32-bit": (
        make_file(BitsAllocated=32, BitsStored=32, HighBit=31),
        "The pixels have 32 of 32 bits; up to 16 are read.",
    ),
    "window-of-no-width": (
        make_file(WindowCenter=100, WindowWidth=0),
        "Its window cannot be used (centre 100, width 0).",
    ),
    "window-of-negative-width": (
        make_file(WindowCenter=100, WindowWidth=-4),
        "Its window cannot be used (centre 100, width -4).",
    ),
    "window-far-away": (
        make_file(WindowCenter=1_000_000, WindowWidth=10),
        "With its window or look-up table the whole image is one grey.",
    ),
    "window-without-centre": (make_file(WindowWidth=[10, 20]), "It has 0 window centres and 2 window widths."),
    "window-of-no-function": (
        make_file(WindowCenter=100, WindowWidth=50, VOILUTFunction="CUBIC"),
        "Its window has an unknown function.",
    ),
    "one-grey": (make_file(np.full((8, 8), 7, dtype=np.uint16)), "All pixels have the same value (7)."),
}


@pytest.mark.parametrize(("data", "reason"), BAD.values(), ids=BAD.keys())
def test_bad_dicom(data, reason, tmp_path, do_import, state):
    source = write_zip(tmp_path / "a.zip", {**GOOD, "normal/bad.dcm": data})
    before = state()

    refused = do_import(source)
    nothing = state()
    accepted = do_import(source, skip_bad=True)

    assert refused["dataset_id"] is None
    assert nothing == before
    [problem] = refused["problems"]
    assert (problem["file"], problem["fatal"]) == ("normal/bad.dcm", False)
    assert problem["reason"].startswith(reason)
    assert problem["fix"] == ("Copy it again, or leave it out." if data == b"" else COPY_AGAIN)
    assert accepted["problems"] == refused["problems"]
    assert accepted["counts"] == {"ill": 2, "normal": 2}


def test_good_ones_of_these_kinds_are_read(tmp_path, do_import):
    """What the bad ones above were made of: they are refused for the damage, not for being what they are."""
    files = {
        "normal/a.dcm": make_file(),
        "normal/b.dcm": compressed(),
        "normal/c.dcm": make_file(np.roll(ramp(), 1), NumberOfFrames=1),
        "normal/d": make_file(np.roll(ramp(), 2), WindowCenter=100, WindowWidth=50, VOILUTFunction="SIGMOID"),
    }
    result = do_import(write_zip(tmp_path / "a.zip", files))
    assert (result["imported"], result["problems"]) == (4, [])


@pytest.mark.parametrize(
    ("name", "data", "reason", "fix"),
    [
        ("a.png", make_file(), "The name ends with .png, but the content is DICOM.", "Rename it to end with .dcm."),
        ("a.jpg", make_file(), "The name ends with .jpg, but the content is DICOM.", "Rename it to end with .dcm."),
        ("a.dcm", picture(1), "This is not a DICOM file: the letters DICM are missing after 128 bytes.", COPY_AGAIN),
    ],
)
def test_wrong_extension(name, data, reason, fix, tmp_path, do_import):
    (problem,) = do_import(write_folder(tmp_path / "source", {**GOOD, f"normal/{name}": data}))["problems"]
    assert (problem["reason"], problem["fix"]) == (reason, fix)
