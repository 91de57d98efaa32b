"""Every kind of picture that cannot be used, as the user gets to see it: the file, what is wrong, what to do."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as PillowImage

from tests.imaging.archives import GOOD, encoded, grey, picture, write_folder, write_zip

pytestmark = pytest.mark.django_db


def png_of_size(width: int, height: int) -> bytes:
    """A small, valid PNG whose header claims any size; decoding it would take the memory of that size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def colour() -> bytes:
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    pixels[0, 0] = (255, 0, 0)
    return encoded(pixels)


def deep_colour() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"".join(b"\x00" + bytes(2 * 6) for _ in range(2)))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


def pages() -> bytes:
    buffer = io.BytesIO()
    first, second = (PillowImage.fromarray(grey(n)) for n in (50, 51))
    first.save(buffer, format="TIFF", save_all=True, append_images=[second])
    return buffer.getvalue()


def transparent() -> bytes:
    pixels = np.full((8, 8, 2), 200, dtype=np.uint8)
    buffer = io.BytesIO()
    PillowImage.fromarray(pixels, mode="LA").save(buffer, format="PNG")
    return buffer.getvalue()


def dicom() -> bytes:
    return bytes(128) + b"DICM" + bytes(100)


NOT_AN_IMAGE = "Leave it out; DICOM, PNG, JPEG, TIFF and BMP are read."

BAD_FILES = [
    pytest.param("normal/bad.png", b"", "The file is empty (0 bytes).", "Copy it again, or leave it out.", id="0-byte"),
    pytest.param(
        "normal/bad.png",
        picture(90)[:150],
        "The PNG file is damaged or cut off",
        "Copy it again, or leave it out.",
        id="truncated-png",
    ),
    pytest.param(
        "normal/bad.png",
        flipped(picture(90), 100),
        "The PNG file is damaged or cut off",
        "Copy it again, or leave it out.",
        id="flipped-byte",
    ),
    pytest.param(
        "normal/bad.jpg",
        encoded(grey(90, 64), "JPEG")[:700],
        "The JPEG file is damaged or cut off",
        "Copy it again, or leave it out.",
        id="truncated-jpeg",
    ),
    pytest.param(
        "normal/bad.bmp",
        encoded(grey(90, 64), "BMP")[:1500],
        "The BMP file is damaged or cut off",
        "Copy it again, or leave it out.",
        id="truncated-bmp",
    ),
    pytest.param(
        "normal/bad.tif",
        encoded(grey(90, 64), "TIFF")[:200],
        "The TIFF file is damaged or cut off",
        "Copy it again, or leave it out.",
        id="truncated-tiff",
    ),
    pytest.param("normal/notes.txt", b"hello", "This is not an image.", NOT_AN_IMAGE, id="not-an-image"),
    pytest.param(
        "normal/bad.png",
        b"hello",
        "The name ends with .png, but the content is not an image.",
        NOT_AN_IMAGE,
        id="text-named-png",
    ),
    pytest.param(
        "normal/bad.png",
        b"GIF89a" + bytes(20),
        "This is not a readable image but a GIF image.",
        NOT_AN_IMAGE,
        id="gif-named-png",
    ),
    pytest.param(
        "normal/bad.dcm",
        dicom(),
        "This is not a DICOM file with an image: after the letters DICM nothing makes sense.",
        "Export or copy it again, or leave it out.",
        id="dicom",
    ),
    pytest.param(
        "normal/bad.png",
        encoded(grey(90), "JPEG"),
        "The name ends with .png, but the content is JPEG.",
        "Rename it to end with .jpg.",
        id="jpeg-named-png",
    ),
    pytest.param(
        "normal/bad",
        picture(90),
        "The content is PNG, but the name ends with nothing.",
        "Rename it to end with .png.",
        id="no-extension",
    ),
    pytest.param(
        "normal/inner.zip",
        b"PK\x03\x04",
        "This is an archive inside the archive.",
        "Unpack it, and put its images in its place.",
        id="nested-zip",
    ),
    pytest.param(
        "normal/bad.png",
        png_of_size(40_000, 40_000),
        "The image has 40000 x 40000 pixels; 64 megapixels are allowed.",
        "Export it with fewer pixels.",
        id="40000x40000",
    ),
    pytest.param(
        "normal/bad.png",
        colour(),
        "The image is coloured (2 % of its pixels).",
        "Export it as grey, without coloured annotations.",
        id="coloured",
    ),
    pytest.param(
        "normal/bad.png",
        deep_colour(),
        "The image has 16 bits in several channels.",
        "Save it as 16-bit grey without alpha.",
        id="48-bit",
    ),
    pytest.param(
        "normal/bad.tif", pages(), "The file holds 2 images.", "Save each image as a file of its own.", id="two-pages"
    ),
    pytest.param(
        "normal/bad.png",
        transparent(),
        "The image has transparent parts.",
        "Save it as grey without an alpha channel.",
        id="transparent",
    ),
    pytest.param(
        "normal/bad.tif",
        encoded(np.zeros((4, 4), dtype=np.float32), "TIFF"),
        "The pixels are signed, 32-bit or fractional numbers.",
        "Export the image as 8- or 16-bit grey.",
        id="float",
    ),
    pytest.param(
        "normal/bad.png",
        encoded(np.zeros((4, 4), dtype=bool)),
        "The image is black and white (1 bit per pixel).",
        "Export it as 8- or 16-bit grey.",
        id="1-bit",
    ),
    pytest.param(
        "normal/deeper/bad.png",
        picture(90),
        "The file lies 2 folders deep; one folder per class was expected.",
        "Put it into class/file or train/class/file (tune, test); or choose, under “More options”, that folders are no "
        "classes.",
        id="too-deep",
    ),
    pytest.param(
        "loose.png",
        picture(90),
        "The image has no class.",
        "Put each image into a folder named after its class, or give its label in metadata.csv.",
        id="no-class",
    ),
    pytest.param(
        f"{'c' * 101}/bad.png",
        picture(90),
        "The name of its class is longer than 100 characters.",
        "Rename the folder.",
        id="long-class",
    ),
]


@pytest.mark.parametrize("source_kind", ["zip", "folder"])
@pytest.mark.parametrize(("name", "data", "reason", "fix"), BAD_FILES)
def test_bad_file(name, data, reason, fix, source_kind, tmp_path, do_import, state):
    # Arrange
    write = {"zip": write_zip, "folder": write_folder}[source_kind]
    source = write(tmp_path / "source.zip", {**GOOD, name: data})
    before = state()

    # Act
    refused = do_import(source)
    nothing = state()
    accepted = do_import(source, skip_bad=True)

    # Assert: refused as a whole, then without the bad one
    assert refused["dataset_id"] is None
    assert nothing == before
    [problem] = refused["problems"]
    assert problem["file"] == name
    assert problem["fix"] == fix
    assert not problem["fatal"]
    if reason.endswith("cut off"):  # then follow the decoder's own words, which change with its version
        assert problem["reason"].startswith(reason)
    else:
        assert problem["reason"] == reason
    assert accepted["problems"] == refused["problems"]
    assert accepted["counts"] == {"ill": 2, "normal": 2}
