"""The perceptual hash, on real radiographs where they are there: copies lie near, different patients do not."""

import csv
import io
import zipfile

import imagehash
import numpy as np
import pytest
from PIL import Image as PillowImage

from imaging.duplicates.hashing import BITS, perceptual_hash
from imaging.duplicates.parameters import NEAR
from imaging.rendering import to_8_bit
from tests.imaging.duplicates.conftest import smooth
from tests.imaging.test_real_data import need


def distance(one: bytes, other: bytes) -> int:
    return int(np.bitwise_count(np.frombuffer(one, np.uint8) ^ np.frombuffer(other, np.uint8)).sum())


def test_it_is_the_hash_of_the_library_packed():
    pixels = smooth(1)

    expected = imagehash.phash(PillowImage.fromarray(pixels), hash_size=16)

    packed = np.unpackbits(np.frombuffer(perceptual_hash(pixels), np.uint8)).astype(bool)
    assert (packed.reshape(16, 16) == expected.hash).all()
    assert len(packed) == BITS


def test_a_16_bit_picture_and_the_same_in_8_bits_are_copies():
    pixels = smooth(2).astype(np.uint16) * 13

    assert distance(perceptual_hash(pixels), perceptual_hash(to_8_bit(pixels))) == 0


def test_two_pictures_are_far_apart_and_a_mirrored_one_too():
    one = smooth(3)

    assert distance(perceptual_hash(one), perceptual_hash(smooth(4))) > 80
    assert distance(perceptual_hash(one), perceptual_hash(one[:, ::-1])) > 80


@pytest.fixture(scope="module")
def radiographs() -> list[tuple[str, np.ndarray]]:
    """(patient, pixels) of 120 images of the NIH set."""
    with zipfile.ZipFile(need("nih-cxr-256.zip")) as archive:
        table = next(name for name in archive.namelist() if name.endswith("metadata.csv"))
        rows = list(csv.DictReader(io.TextIOWrapper(archive.open(table), "utf-8-sig")))[:120]
        base = table.removesuffix("metadata.csv")
        return [
            (row["patient_id"], np.array(PillowImage.open(archive.open(base + row["file"])).convert("L")))
            for row in rows
        ]


def copies_of(pixels: np.ndarray) -> dict[str, np.ndarray]:
    picture = PillowImage.fromarray(pixels)
    saved = io.BytesIO()
    picture.save(saved, "JPEG", quality=75)
    size = picture.size
    return {
        "JPEG": np.array(PillowImage.open(saved).convert("L")),
        "half": np.array(picture.resize((size[0] // 2, size[1] // 2), PillowImage.Resampling.BILINEAR)),
        "double": np.array(picture.resize((size[0] * 2, size[1] * 2), PillowImage.Resampling.BILINEAR)),
        "darker": (pixels * 0.8).astype(np.uint8),
        "shifted": np.roll(pixels, 1, axis=(0, 1)),
    }


def test_copies_of_radiographs_are_near_and_other_patients_are_not(radiographs):
    hashes = [perceptual_hash(pixels) for _, pixels in radiographs]
    patients = [patient for patient, _ in radiographs]

    for (_, pixels), original in zip(radiographs[:40], hashes, strict=False):
        for name, copy in copies_of(pixels).items():
            assert distance(original, perceptual_hash(copy)) <= NEAR, name
    nearest = min(
        distance(hashes[i], hashes[j]) for i in range(len(hashes)) for j in range(i) if patients[i] != patients[j]
    )
    assert nearest > NEAR
