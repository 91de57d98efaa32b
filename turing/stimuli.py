"""Files that readers see: raw 8-bit grey pixels under a random name, all of a study of one length.

No header, no metadata and no compression: nothing but the picture can differ between two of them.
"""

import hashlib
import secrets
from collections.abc import Iterator

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

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


def load_stimulus(name: str, *, image_size: int, sha256: str | None = None) -> bytes:
    """The `image_size` x `image_size` bytes. Raises OSError when the file is missing, has another length, or does not
    have the hash `sha256`.
    """
    with default_storage.open(name, "rb") as file:
        pixels: bytes = file.read()
    if len(pixels) != image_size**2:
        raise OSError(
            f"Stimulus file {name} has {len(pixels)} bytes instead of {image_size**2}: restore it from a backup"
        )
    if sha256 is not None and stimulus_sha256(pixels) != sha256:
        raise OSError(f"The content of stimulus file {name} was changed: restore it from a backup")
    return pixels


def delete_stimulus(name: str) -> None:
    default_storage.delete(name)


def stimulus_sha256(pixels: bytes) -> str:
    return hashlib.sha256(pixels).hexdigest()
