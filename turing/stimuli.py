"""Files that readers see: raw grey pixels under a random name, all of a study of one length. 8 bits, or 16 with the low
byte first.

No header, no metadata and no compression: nothing but the picture can differ between two of them.
"""

import hashlib
import secrets
from collections.abc import Iterator
from datetime import datetime

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from turing.models.studies import Trial

ROOT = "stimuli"


def save_stimulus(pixels: bytes) -> str:
    """Store under a fresh random name, which is returned; it says nothing about the image."""
    return default_storage.save(f"{ROOT}/{secrets.token_hex(16)}", ContentFile(pixels))


def stored_stimuli() -> Iterator[str]:
    """The name of every file there is, whether or not a trial has it."""
    try:
        names = default_storage.listdir(ROOT)[1]
    except FileNotFoundError:  # no study was ever opened
        return
    for name in names:
        yield f"{ROOT}/{name}"


def made_at(name: str) -> datetime:
    """When the file was written; now, when it is gone."""
    try:
        return default_storage.get_modified_time(name)
    except FileNotFoundError:
        return timezone.now()


def is_stored(name: str) -> bool:
    return default_storage.exists(name)


def load_trial(trial: Trial, *, image_size: int, bit_depth: int = 8) -> bytes:
    """What a reader receives for a trial: its image, or the left one of a pair and then the right one.

    Raises OSError as `load_stimulus`, also when a file is not what the opening stored.
    """
    return b"".join(
        load_stimulus(name, image_size=image_size, bit_depth=bit_depth, sha256=sha256)
        for name, sha256 in files_of(trial)
    )


def files_of(trial: Trial) -> list[tuple[str, str]]:
    """Name and SHA-256 of its file; of a pair, the left one and the right one."""
    files = [(trial.stimulus_file, trial.stimulus_sha256), (trial.right_file, trial.right_sha256)]
    return [(name, sha256) for name, sha256 in files if name]


def stimulus_length(*, image_size: int, bit_depth: int) -> int:
    """Bytes of one image."""
    return image_size**2 * bit_depth // 8


def load_stimulus(name: str, *, image_size: int, bit_depth: int = 8, sha256: str | None = None) -> bytes:
    """The bytes of `image_size` x `image_size` pixels. Raises OSError when the file is missing, has another length, or
    does not have the hash `sha256`.
    """
    with default_storage.open(name, "rb") as file:
        pixels: bytes = file.read()
    length = stimulus_length(image_size=image_size, bit_depth=bit_depth)
    if len(pixels) != length:
        raise OSError(f"Stimulus file {name} has {len(pixels)} bytes instead of {length}: restore it from a backup")
    if sha256 is not None and stimulus_sha256(pixels) != sha256:
        raise OSError(f"The content of stimulus file {name} was changed: restore it from a backup")
    return pixels


def delete_stimulus(name: str) -> None:
    default_storage.delete(name)


def encode_stimulus(pixels: np.ndarray) -> bytes:
    """Rows from the top, of uint8 or little-endian uint16."""
    return pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()


def decode_stimulus(pixels: bytes, *, image_size: int, bit_depth: int) -> np.ndarray:
    """uint8 or uint16, shape (image_size, image_size), of `encode_stimulus`."""
    kind = np.dtype("u1") if bit_depth == 8 else np.dtype("<u2")
    return np.frombuffer(pixels, kind).reshape(image_size, image_size).astype(kind.newbyteorder("="), copy=False)


def stimulus_sha256(pixels: bytes) -> str:
    return hashlib.sha256(pixels).hexdigest()
