"""Archives and folders that are dangerous, damaged or empty: what is said, and that nothing is left behind."""

import os
import struct
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from imaging.intake.limits import LIMITS
from tests.imaging.archives import GOOD, encoded, grey, picture, write_folder, write_zip

pytestmark = pytest.mark.django_db


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
