"""Every kind of bad input, as the user gets to see it: the file, what is wrong, and that nothing was left behind."""

import io
import os
import struct
import zipfile
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as PillowImage

from imaging.intake.limits import LIMITS
from imaging.intake.report import LISTED
from imaging.models import Dataset
from tests.imaging.archives import GOOD, encoded, grey, picture, table, write_folder, write_zip

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
        "Put it into class/file or train/class/file (tune, test).",
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


REPACK = "Make the archive again from the plain files and folders."


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.png", "The name leads out of the archive (path traversal with “..”)."),
        ("normal/../../evil.png", "The name leads out of the archive (path traversal with “..”)."),
        ("normal\\..\\..\\evil.png", "The name leads out of the archive (path traversal with “..”)."),
        ("/etc/evil.png", "The name is an absolute path."),
        ("\\\\server\\share\\evil.png", "The name is an absolute path."),
        ("C:\\evil.png", "The name is a path on a Windows drive."),
        ("c:evil.png", "The name is a path on a Windows drive."),
    ],
)
def test_dangerous_name(name, reason, tmp_path, do_import, state):
    source = write_zip(tmp_path / "a.zip", {**GOOD, name: picture(90)})
    before, around = state(), set(tmp_path.rglob("*.png"))

    refused = do_import(source)

    assert refused["problems"] == [{"file": name, "reason": reason, "fix": REPACK, "fatal": False}]
    assert state() == before
    # skipped, it is not written anywhere either
    assert do_import(source, skip_bad=True)["imported"] == 4
    assert not list(tmp_path.rglob("evil*"))
    assert {path for path in tmp_path.rglob("*.png") if "media" not in path.parts} == around


def test_symbolic_link_in_an_archive(tmp_path, do_import, state):
    link = zipfile.ZipInfo("normal/link.png")
    link.create_system = 3
    link.external_attr = 0o120777 << 16
    source = write_zip(tmp_path / "a.zip", {**GOOD, link: b"/etc/passwd"})
    before = state()

    refused = do_import(source)

    assert [(p["file"], p["reason"]) for p in refused["problems"]] == [("normal/link.png", "This is a symbolic link.")]
    assert state() == before


@pytest.mark.parametrize("target", ["file", "folder"])
def test_symbolic_link_in_a_folder(target, tmp_path, do_import, state):
    source = write_folder(tmp_path / "source", GOOD)
    outside = write_folder(tmp_path / "outside", {"secret.png": picture(90)})
    (source / "normal/link.png").symlink_to(outside / "secret.png" if target == "file" else outside)
    before = state()

    refused = do_import(source)

    assert [(p["file"], p["reason"]) for p in refused["problems"]] == [("normal/link.png", "This is a symbolic link.")]
    assert state() == before
    assert do_import(source, skip_bad=True)["imported"] == 4


def test_pipe_in_a_folder_does_not_hang(tmp_path, do_import):
    source = write_folder(tmp_path / "source", GOOD)
    os.mkfifo(source / "normal/pipe.png")

    refused = do_import(source)

    assert [p["reason"] for p in refused["problems"]] == ["This is not a plain file (a device, pipe or socket)."]


def test_encrypted_member(tmp_path, do_import, state):
    # Arrange: the bit that says "encrypted", in both headers of the last member
    source = write_zip(tmp_path / "a.zip", {**GOOD, "normal/locked.png": picture(90)})
    data = bytearray(source.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(magic) + offset] |= 1
    source.write_bytes(data)
    before = state()

    refused = do_import(source)

    assert [(p["file"], p["reason"], p["fix"]) for p in refused["problems"]] == [
        ("normal/locked.png", "The file is encrypted.", "Make the archive again without a password.")
    ]
    assert state() == before


@pytest.mark.parametrize("name", ["normal/1.png", "normal\\1.png"])
def test_same_name_twice(name, tmp_path, do_import):
    source = write_zip(tmp_path / "a.zip", GOOD)
    with zipfile.ZipFile(source, "a") as archive, pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)
        archive.writestr(name, picture(90))

    refused = do_import(source)

    assert [p["reason"] for p in refused["problems"]] == ["The archive holds two files with this very name."]


def test_damaged_member(tmp_path, do_import, state):
    source = write_zip(tmp_path / "a.zip", {**GOOD, "normal/z.png": picture(90)}, deflate=False)
    data = bytearray(source.read_bytes())
    data[data.index(picture(90)) + 50] ^= 0xFF
    source.write_bytes(data)
    before = state()

    refused = do_import(source)

    [problem] = refused["problems"]
    assert problem["file"] == "normal/z.png"
    assert problem["reason"].startswith("The file is damaged inside the archive (Bad CRC-32")
    assert state() == before


# --- bombs ---


def test_bomb_by_ratio_stops_the_import_even_when_skipping(tmp_path, do_import, state):
    bomb = encoded(grey(90)) + bytes(20 * 2**20)  # 20 MiB of zeros pack to 20 KiB
    source = write_zip(tmp_path / "a.zip", {**GOOD, "normal/bomb.png": bomb})
    before = state()

    for skip_bad in (False, True):
        refused = do_import(source, skip_bad=skip_bad)

        assert [(p["file"], p["reason"], p["fatal"]) for p in refused["problems"]] == [
            (
                "normal/bomb.png",
                "The file unpacks to more than 200 times its packed size: this is a ZIP bomb, not a radiograph.",
                True,
            )
        ]
        assert state() == before


def test_a_lying_header_does_not_hide_a_bomb(tmp_path, do_import, state):
    """The headers claim 100 bytes; the stream holds 20 MiB. What counts is what comes out."""
    source = write_zip(tmp_path / "a.zip", {**GOOD, "normal/bomb.png": bytes(20 * 2**20)})
    data = bytearray(source.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.rindex(magic) + offset
        data[at : at + 4] = struct.pack("<I", 100)
    source.write_bytes(data)
    before = state()

    refused = do_import(source)

    [problem] = refused["problems"]
    assert problem["file"] == "normal/bomb.png"
    assert problem["reason"].startswith("The file is damaged inside the archive")
    assert state() == before


def test_a_file_that_unpacks_too_large(tmp_path, do_import, state):
    noise = np.random.default_rng(0).bytes(3 * 2**20)
    source = write_zip(tmp_path / "a.zip", {**GOOD, "normal/large.png": noise})
    before = state()

    refused = do_import(source, limits=replace(LIMITS, max_file_bytes=2 * 2**20))

    assert [(p["file"], p["reason"]) for p in refused["problems"]] == [
        ("normal/large.png", "The file unpacks to more than 2 MiB.")
    ]
    assert state() == before


def test_all_files_together_unpack_too_large(tmp_path, do_import, state):
    noise = {f"normal/{n}.png": np.random.default_rng(n).bytes(2**20) for n in range(5)}
    source = write_zip(tmp_path / "a.zip", noise)
    before = state()

    refused = do_import(source, limits=replace(LIMITS, max_total_bytes=3 * 2**20), skip_bad=True)

    assert refused["problems"][-1] == {
        "file": "a.zip",
        "reason": "The files unpack to more than 3 MiB in all; reading was stopped.",
        "fix": "Split the images over several imports.",
        "fatal": True,
    }
    assert state() == before


def test_too_many_files(tmp_path, do_import):
    source = write_zip(tmp_path / "a.zip", GOOD)

    refused = do_import(source, limits=replace(LIMITS, max_files=3))

    assert [p["reason"] for p in refused["problems"]] == ["The archive holds 4 files; 3 are allowed."]


# --- the source as a whole ---


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "The file is empty (0 bytes)."),
        (b"hello", "This is not a ZIP archive."),
        (picture(1), "This is not a ZIP archive."),
        (b"PK\x03\x04 and no more", "The ZIP archive is damaged or cut off (File is not a zip file)."),
    ],
)
def test_not_an_archive(data, reason, tmp_path, do_import, state):
    source = tmp_path / "a.zip"
    source.write_bytes(data)
    before = state()

    refused = do_import(source, skip_bad=True)

    assert refused["problems"] == [
        {"file": "a.zip", "reason": reason, "fix": "Choose a ZIP archive with one folder per class.", "fatal": True}
    ]
    assert state() == before


def test_no_such_file(tmp_path, do_import):
    assert do_import(tmp_path / "gone.zip")["problems"][0]["reason"] == "There is no such file or folder."


@pytest.mark.parametrize(
    ("files", "reason"),
    [({}, "It is empty."), ({"README.md": b"x", ".DS_Store": b"x"}, "It holds no images (ignored files: 2).")],
)
@pytest.mark.parametrize("write", [write_zip, write_folder])
def test_nothing_to_import(write, files, reason, tmp_path, do_import):
    source = tmp_path / "source"
    source.mkdir() if write is write_folder else None
    write(source, files)

    assert [p["reason"] for p in do_import(source)["problems"]] == [reason]


def test_no_class_folder_is_said_once(tmp_path, do_import):
    source = write_zip(tmp_path / "a.zip", {f"{n}.png": picture(n) for n in range(3)})

    refused = do_import(source)

    assert [(p["file"], p["reason"]) for p in refused["problems"]] == [
        ("", "There is no class folder and no metadata.csv that gives labels.")
    ]


def test_nothing_good_is_left(tmp_path, do_import, state):
    source = write_zip(tmp_path / "a.zip", {"normal/1.png": b"", "ill/1.png": b"x"})
    before = state()

    refused = do_import(source, skip_bad=True)

    assert refused["dataset_id"] is None
    assert refused["notes"] == ["No image is left to import."]
    assert state() == before


# --- metadata.csv ---

ROW_PROBLEMS = [
    pytest.param("file,age_years", "normal/1.png,old", "Row 2: age_years: “old” is not a number.", id="age-word"),
    pytest.param(
        "file,age_years", "normal/1.png,413", "Row 2: age_years: “413” is not an age in years (0 to 120).", id="age-413"
    ),
    pytest.param(
        "file,age_years",
        "normal/1.png,-1",
        "Row 2: age_years: “-1” is not an age in years (0 to 120).",
        id="age-negative",
    ),
    pytest.param("file,age_years", "normal/1.png,nan", "Row 2: age_years: “nan” is not a number.", id="age-nan"),
    pytest.param("file,sex", "normal/1.png,X", "Row 2: sex: “X” is not a sex (F, M or O).", id="sex"),
    pytest.param(
        "file,pixel_spacing_mm",
        "normal/1.png,0",
        "Row 2: pixel_spacing_mm: “0” is not a pixel spacing in mm (above 0, at most 10).",
        id="spacing",
    ),
    pytest.param(
        "file,follow_up",
        "normal/1.png,1.5",
        "Row 2: follow_up: “1.5” is not a whole number (0 or more).",
        id="follow-up",
    ),
    pytest.param(
        "file,split", "normal/1.png,dev", "Row 2: split: “dev” is not a split (train, tune or test).", id="split"
    ),
    pytest.param(
        "file,view_position",
        f"normal/1.png,{'P' * 17}",
        f"Row 2: view_position: “{'P' * 17}” is longer than 16 characters.",
        id="view",
    ),
    pytest.param("file,label", "gone.png,normal", "Row 2: there is no file “gone.png”.", id="missing-file"),
    pytest.param(
        "file,label", "1.png,normal", "Row 2: 2 files are called “1.png”: write the folder as well.", id="ambiguous"
    ),
    pytest.param("file,label", ",normal", "Row 2: the column “file” is empty.", id="no-file"),
    pytest.param("file,label", "normal/1.png", "Row 2: has 1 fields, the first line has 2.", id="short-row"),
]


@pytest.mark.parametrize(("header", "row", "reason"), ROW_PROBLEMS)
def test_bad_row(header, row, reason, tmp_path, do_import, state):
    source = write_zip(tmp_path / "a.zip", {**GOOD, "metadata.csv": table(header, row)})
    before = state()

    refused = do_import(source)

    assert [(p["file"], p["reason"]) for p in refused["problems"]] == [("metadata.csv", reason)]
    assert state() == before
    # the image of a bad row is left out, for nobody knows what the row should say
    left_out = "normal/1.png" in row
    assert do_import(source, skip_bad=True)["imported"] == (3 if left_out else 4)


def test_duplicate_rows(tmp_path, do_import):
    rows = table("file,age_years", "normal/1.png,40", "ill/2.png,50", "normal/1.png,41")
    source = write_zip(tmp_path / "a.zip", {**GOOD, "metadata.csv": rows})

    refused = do_import(source)

    assert [p["reason"] for p in refused["problems"]] == ["Row 4: “normal/1.png” has a row already (row 2)."]
    assert do_import(source, skip_bad=True)["imported"] == 3


def test_every_problem_of_a_row_is_listed(tmp_path, do_import):
    rows = table("file,age_years,sex", "normal/1.png,old,X")
    source = write_zip(tmp_path / "a.zip", {**GOOD, "metadata.csv": rows})

    assert [p["reason"] for p in do_import(source)["problems"]] == [
        "Row 2: age_years: “old” is not a number.",
        "Row 2: sex: “X” is not a sex (F, M or O).",
    ]


def test_unknown_column(tmp_path, do_import):
    rows = table("file,colour,sex", "normal/1.png,red,F")
    source = write_zip(tmp_path / "a.zip", {**GOOD, "metadata.csv": rows})

    refused = do_import(source)

    assert refused["problems"] == [
        {
            "file": "metadata.csv",
            "reason": "Unknown column “colour”.",
            "fix": "Remove or rename it. Known columns: file, label, patient_id, age_years, sex, view_position, "
            "manufacturer, modality, body_part, study_year, burned_in_annotation, pixel_spacing_mm, follow_up, split.",
            "fatal": False,
        }
    ]
    assert do_import(source, skip_bad=True)["imported"] == 4


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("file,manufacturer\nnormal/1.png,Bädr\n".encode("latin-1"), "Line 2: the text is not UTF-8 (byte 0xe4)."),
        (table("name,label", "a,b"), "There is no column “file”."),
        (table("file,sex,sex", "normal/1.png,F,M"), "The column “sex” occurs twice."),
        (table("file,sex", 'normal/1.png,"F'), "Line 2: the table cannot be read (unexpected end of data)."),
        (b"", "The file is empty (0 bytes)."),
    ],
)
def test_a_table_that_cannot_be_read_is_never_skipped(rows, reason, tmp_path, do_import, state):
    source = write_zip(tmp_path / "a.zip", {**GOOD, "metadata.csv": rows})
    before = state()

    refused = do_import(source, skip_bad=True)

    assert ("metadata.csv", reason, True) in [(p["file"], p["reason"], p["fatal"]) for p in refused["problems"]]
    assert refused["dataset_id"] is None
    assert state() == before


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("label", "ill", "The label is “normal” by its folder, but “ill” in metadata.csv."),
        ("split", "test", "The split is “train” by its folder, but “test” in metadata.csv."),
    ],
)
def test_folder_and_table_disagree(column, value, reason, tmp_path, do_import):
    files = {f"train/{name}": data for name, data in GOOD.items()}
    files["metadata.csv"] = table(f"file,{column}", f"train/normal/1.png,{value}")
    source = write_zip(tmp_path / "a.zip", files)

    refused = do_import(source)

    assert [(p["file"], p["reason"]) for p in refused["problems"]] == [("train/normal/1.png", reason)]
    assert do_import(source, skip_bad=True)["imported"] == 3


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
