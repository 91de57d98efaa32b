"""Files that readers see: raw grey pixels (8 bits, or 16 little-endian) under a random name, all of a study of one length.

No header, no metadata and no compression: nothing but the picture can differ between two of them.
"""

import hashlib
import secrets

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage


def save_stimulus(pixels: bytes) -> str:
    """Store under a fresh random name, which is returned; it says nothing about the image."""
    return default_storage.save(f"stimuli/{secrets.token_hex(16)}", ContentFile(pixels))


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
