"""Pixels come back exactly, once per picture, without metadata, and a half-written file is never taken for one."""

import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import PngImagePlugin

from imaging import storage
from tests.imaging.archives import grey
from tests.imaging.conftest import files_below

pictures = st.sampled_from([np.uint8, np.uint16]).flatmap(
    lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))
)


def test_pixel_sha256_is_of_size_depth_and_raw_pixels():
    # Arrange: 3 wide, 2 high
    pixels = np.array([[1, 2, 3], [4, 5, 0xABCD]], dtype=np.uint16)
    raw = struct.pack("<6H", 1, 2, 3, 4, 5, 0xABCD)

    assert (
        storage.pixel_sha256(pixels)
        == hashlib.sha256(b"turing-pixels-v1" + struct.pack("<III", 3, 2, 16) + raw).hexdigest()
    )


def test_pixel_sha256_does_not_depend_on_memory_layout():
    pixels = grey(1, bits=16)

    hashes = {storage.pixel_sha256(view) for view in (pixels, pixels.astype(">u2"), np.asfortranarray(pixels))}

    assert len(hashes) == 1


def test_pixel_sha256_tells_shape_and_depth_apart():
    flat = np.zeros((2, 8), dtype=np.uint8)

    hashes = {storage.pixel_sha256(p) for p in (flat, flat.reshape(4, 4), flat.T, np.zeros((2, 4), dtype=np.uint16))}

    assert len(hashes) == 4


@settings(deadline=None, max_examples=60)
@given(pixels=pictures)
def test_encoding_and_decoding_give_the_same_pixels(pixels):
    data = storage.encode_png(pixels)

    import io

    from PIL import Image as PillowImage

    decoded = np.array(PillowImage.open(io.BytesIO(data)))

    assert decoded.dtype == pixels.dtype
    assert np.array_equal(decoded, pixels)


@pytest.mark.parametrize("bits", [8, 16])
def test_store_and_load(bits):
    pixels = grey(3, 20, bits=bits)[:, :14]

    stored = storage.store_pixels(pixels)

    assert (stored.width, stored.height, stored.bit_depth) == (14, 20, bits)
    loaded = storage.load_pixels(stored.sha256)
    assert loaded.dtype == pixels.dtype
    assert np.array_equal(loaded, pixels)


def test_storing_again_changes_nothing(data_dir):
    stored = storage.store_pixels(grey(1))
    path = data_dir / "media" / storage.pixel_name(stored.sha256)
    before = path.stat()

    again = storage.store_pixels(grey(1))

    assert again == stored
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert files_below(data_dir) == {f"media/images/{stored.sha256[:2]}/{stored.sha256[2:4]}/{stored.sha256}.png"}


def test_the_file_holds_nothing_but_pixels(data_dir):
    stored = storage.store_pixels(grey(1))
    data = (data_dir / "media" / storage.pixel_name(stored.sha256)).read_bytes()

    chunks, at = [], 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        chunks.append(kind)
        at += 12 + length

    assert set(chunks) == {b"IHDR", b"IDAT", b"IEND"}
    assert PngImagePlugin.PngImageFile(storage.open_pixels(stored.sha256)).info == {}


def test_a_failed_write_leaves_nothing(data_dir, monkeypatch):
    def disk_full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", disk_full)

    with pytest.raises(OSError, match="No space left"):
        storage.store_pixels(grey(1))

    assert files_below(data_dir) == set()


def test_damaged_files_are_noticed(data_dir):
    stored, other = storage.store_pixels(grey(1)), storage.store_pixels(grey(2))
    name = data_dir / "media" / storage.pixel_name(stored.sha256)
    name.write_bytes((data_dir / "media" / storage.pixel_name(other.sha256)).read_bytes())

    with pytest.raises(ValueError, match=f"{stored.sha256} are damaged: restore images/.* from a backup"):
        storage.load_pixels(stored.sha256)


def test_delete_takes_empty_folders_along_and_no_others(data_dir):
    stored, other = storage.store_pixels(grey(1)), storage.store_pixels(grey(2))

    storage.delete_pixels([stored.sha256])

    assert list(storage.stored_hashes()) == [other.sha256]
    assert not (data_dir / "media/images" / stored.sha256[:2]).exists()


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.zeros((2, 2)), "uint8 or uint16, not float64"),
        (np.zeros((2, 2), dtype=np.int16), "uint8 or uint16, not int16"),
        (np.zeros((2, 2, 3), dtype=np.uint8), r"not \(2, 2, 3\)"),
        (np.zeros((0, 2), dtype=np.uint8), r"not \(0, 2\)"),
    ],
)
def test_other_arrays_are_refused(pixels, words):
    with pytest.raises(ValueError, match=words):
        storage.store_pixels(pixels)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a" * 63, "A" * 64, ""])
def test_names_are_hashes_only(name):
    with pytest.raises(ValueError, match="is not a SHA-256"):
        storage.pixel_name(name)


class TestBatch:
    def test_nothing_is_there_before_the_flush_and_all_after(self, data_dir):
        batch = storage.PixelBatch()
        stored = [batch.add(grey(number)) for number in range(5)]
        hashes = [one.sha256 for one in stored]
        assert not any(storage.has_pixels(sha256) for sha256 in hashes)
        assert not storage.have_pixels(hashes)

        batch.flush()

        assert storage.have_pixels(hashes)
        assert all(np.array_equal(storage.load_pixels(sha256), grey(number)) for number, sha256 in enumerate(hashes))
        assert all("incoming" not in name for name in files_below(data_dir))

    def test_it_names_them_as_storing_one_does(self, data_dir):
        assert storage.PixelBatch().add(grey(3)) == storage.describe_pixels(grey(3))

    def test_the_same_picture_twice_and_one_that_is_there(self, data_dir):
        storage.store_pixels(grey(1))
        before = files_below(data_dir)
        batch = storage.PixelBatch()
        for number in (1, 2, 2):
            batch.add(grey(number))

        batch.flush()
        batch.flush()

        assert len(files_below(data_dir) - before) == 1

    def test_one_that_is_missing_is_noticed(self, data_dir):
        hashes = [storage.store_pixels(grey(number)).sha256 for number in range(3)]
        storage.delete_pixels(hashes[1:2])

        assert not storage.have_pixels(hashes)
        assert storage.have_pixels([hashes[0], hashes[2]])
        assert storage.have_pixels([])
