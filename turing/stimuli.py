"""Files that readers see: raw grey pixels under a random name, all of a study of one length. 8 bits, or 16 with the low
byte first.

No header, no metadata and no compression: nothing but the picture can differ between two of them.
"""

import hashlib
import secrets

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from turing.models.studies import Trial


def save_stimulus(pixels: bytes) -> str:
    """Store under a fresh random name, which is returned; it says nothing about the image."""
    return default_storage.save(f"stimuli/{secrets.token_hex(16)}", ContentFile(pixels))


def load_trial(trial: Trial, *, image_size: int, bit_depth: int = 8) -> bytes:
    """What a reader receives for a trial: its image, or the left one of a pair and then the right one.

    Raises OSError as `load_stimulus`.
    """
    names = (trial.stimulus_file, trial.right_file) if trial.right_file else (trial.stimulus_file,)
    return b"".join(load_stimulus(name, image_size=image_size, bit_depth=bit_depth) for name in names)


def load_stimulus(name: str, *, image_size: int, bit_depth: int = 8) -> bytes:
    """The `image_size` x `image_size` pixels. Raises OSError when the file is missing or damaged in length."""
    length = image_size**2 * bit_depth // 8
    with default_storage.open(name, "rb") as file:
        pixels: bytes = file.read()
    if len(pixels) != length:
        raise OSError(f"Stimulus file {name} has {len(pixels)} bytes instead of {length}: restore it from a backup")
    return pixels


def delete_stimulus(name: str) -> None:
    default_storage.delete(name)


def stimulus_sha256(pixels: bytes) -> str:
    return hashlib.sha256(pixels).hexdigest()
