"""Mapped images are the same images; smaller levels are exact means, made once."""

import json
import mmap
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from generation.gan import image_files
from generation.gan.data import TrainingImages, choose_images
from generation.gan.image_files import ImageWriter, box_levels, halvings, open_training_images


def pictures(count: int = 9, side: int = 16, *, colour: bool = False) -> np.ndarray:
    shape = (count, side, side, 3) if colour else (count, side, side)
    return np.random.default_rng(2).integers(0, 256, size=shape, dtype=np.uint8)


def write(directory, pixels: np.ndarray) -> TrainingImages:
    writer = ImageWriter(directory, count=len(pixels), side=pixels.shape[1], colour=pixels.ndim == 4)
    for number, one in enumerate(pixels):
        writer.pixels[number] = one
    return writer.finish(labels=np.arange(len(pixels)) % 3, classes=("a", "b", "c"))


@pytest.fixture(params=[False, True], ids=["grey", "colour"])
def pixels(request) -> np.ndarray:
    return pictures(colour=request.param)


def test_mapped_images_are_those_in_memory(tmp_path, pixels):
    mapped = write(tmp_path, pixels)
    memory = TrainingImages(pixels=pixels, labels=np.arange(9) % 3, classes=("a", "b", "c"))
    indices = np.array([8, 0, 3, 3])

    assert isinstance(mapped.pixels, np.memmap)
    assert mapped.sha256 == memory.sha256
    for size in (16, 4, 8):
        assert np.array_equal(mapped.read(size, indices), memory.read(size, indices))
    chosen = [choose_images(images, limits={"c": 2, "a": None}, seed=1) for images in (mapped, memory)]
    assert chosen[0].sha256 == chosen[1].sha256
    assert chosen[0].pixels is mapped.pixels  # no copy
    assert np.array_equal(chosen[0].read(8, np.arange(5)), chosen[1].read(8, np.arange(5)))


def test_an_archive_is_read_too(tmp_path, pixels):
    labels = np.arange(9) % 3
    np.savez(tmp_path / "set.npz", pixels=pixels, labels=labels, classes=np.array(["a", "b", "c"]))

    images = open_training_images(tmp_path / "set.npz")

    assert images.sha256 == TrainingImages(pixels=pixels, labels=labels, classes=("a", "b", "c")).sha256


@settings(max_examples=30, deadline=None)
@given(arrays(np.uint8, (2, 16, 16), elements=st.integers(0, 255)))
def test_a_level_is_the_mean_of_its_blocks_rounded_once(pixels):
    levels = box_levels(pixels, [8, 4, 2, 1])

    for size, level in levels.items():
        side = 16 // size
        sums = pixels.reshape(2, size, side, size, side).astype(np.int64).sum(axis=(2, 4))
        assert np.array_equal(level, np.rint(sums / side**2))  # sums / 4^k are exact in double precision


def test_levels_are_made_in_blocks_as_in_one_go(monkeypatch, pixels):
    whole = box_levels(pixels, [8, 4])
    monkeypatch.setattr(image_files, "BLOCK_BYTES", 2 * pixels[0].size)

    blocks = box_levels(pixels, [8, 4])

    assert all(np.array_equal(whole[size], blocks[size]) for size in (8, 4))


def test_levels_on_disk_are_kept_until_the_images_change(tmp_path):
    first = write(tmp_path, pictures())
    first.level(4)
    made = (tmp_path / "pixels-0004.npy").stat().st_mtime_ns
    again = open_training_images(tmp_path)
    kept = again.level(4)
    assert (tmp_path / "pixels-0004.npy").stat().st_mtime_ns == made

    other = write(tmp_path, 255 - pictures())
    os.utime(tmp_path / "pixels.npy", ns=(made + 10**9, made + 10**9))

    assert not np.array_equal(other.level(4), kept)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "classes.json",
        "labels.npy",
        "pixels-0004.npy",
        "pixels-0008.npy",
        "pixels.npy",
        "pixels.sha256.json",
    ]


def test_a_digest_is_computed_again_only_when_the_file_changes(tmp_path):
    images = write(tmp_path, pictures())
    known = json.loads((tmp_path / "pixels.sha256.json").read_text())
    assert list(known.values()) == [images.sha256]
    (tmp_path / "pixels.sha256.json").write_text(json.dumps(dict.fromkeys(known, "remembered")))
    assert open_training_images(tmp_path).sha256 == "remembered"

    write(tmp_path, 255 - pictures())
    os.utime(tmp_path / "pixels.npy", ns=(10**18, 10**18))

    assert open_training_images(tmp_path).sha256 not in {"remembered", images.sha256}


@pytest.mark.parametrize(("side", "size"), [(56, 16), (56, 3), (16, 32), (16, 0), (15, 7), (16, 5)])
def test_sizes_that_are_no_halving_are_refused(side, size):
    with pytest.raises(ValueError, match=f"have {side} pixels a side; this run needs {size}, which is not"):
        halvings(side, size)


@pytest.mark.parametrize("missing", ["pixels.npy", "labels.npy", "classes.json"])
def test_an_incomplete_directory_is_named(tmp_path, missing):
    write(tmp_path, pictures())
    (tmp_path / missing).unlink()

    with pytest.raises(ValueError, match=f"cannot be read as training images: .*{missing}"):
        open_training_images(tmp_path)


def test_a_directory_that_was_not_finished_cannot_be_opened(tmp_path):
    write(tmp_path, pictures())
    ImageWriter(tmp_path, count=3, side=16)

    with pytest.raises(ValueError, match=r"classes\.json"):
        open_training_images(tmp_path)


def test_rows_that_are_asked_for_ahead_are_those_that_are_read(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 50, 50), dtype=np.uint8)  # rows that end within a page
    writer = ImageWriter(tmp_path, count=9, side=50)
    writer.pixels[:] = pixels
    images = writer.finish(labels=np.zeros(9, dtype=np.int64), classes=("a",))
    rows = np.array([8, 0, 3, 8])

    assert isinstance(images.pixels.base, mmap.mmap)  # so that the system is asked
    assert np.array_equal(images.read(50, rows), pixels[rows])
    image_files.expect(images.pixels[4:], np.array([4]))  # a part of a file, of which nobody knows where it begins
    image_files.expect(pixels, rows)
