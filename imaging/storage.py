"""Pixels on disk: one canonical PNG per distinct picture, named after the SHA-256 of the pixels themselves.

The hash covers what is seen and nothing else, so that the same radiograph is recognised whatever file it came in. The
files carry no metadata. Who may see them is not decided here (see `imaging.views`), nor when they may go
(see `imaging.services.remove_unreferenced_pixels`).
"""

import hashlib
import io
import os
import secrets
import shutil
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image as PillowImage

from imaging.models import Image

ROOT = "images"
INCOMING = f"{ROOT}/incoming"  # half-written files; what a killed process leaves here is never taken for a picture
_HASH_PREFIX = b"turing-pixels-v1"


@dataclass(frozen=True, kw_only=True)
class StoredPixels:
    sha256: str
    width: int  # px
    height: int  # px
    bit_depth: int  # 8 or 16


def checked_pixels(pixels: np.ndarray) -> np.ndarray:
    """`pixels` as a contiguous little-endian uint8 or uint16 array of shape (H, W).

    Raises ValueError, naming shape and type, for anything else: floats and colours are the caller's to convert.
    """
    array = np.asarray(pixels)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"Pixels must have shape (height, width) with at least one pixel, not {array.shape}")
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        return np.ascontiguousarray(array, dtype="<u2")
    raise ValueError(f"Pixels must be uint8 or uint16, not {array.dtype}")


def pixel_sha256(pixels: np.ndarray) -> str:
    """SHA-256 of `turing-pixels-v1`, width, height and bit depth (three little-endian uint32), and the raw pixels.

    Parameters: `pixels`, uint8 or uint16, shape (H, W), hashed row by row, little-endian. Returns 64 hex digits.
    An 8-bit and a 16-bit picture never share a hash, even with the same values. Raises ValueError as `checked_pixels`.
    """
    array = checked_pixels(pixels)
    height, width = array.shape
    digest = hashlib.sha256(_HASH_PREFIX + struct.pack("<III", width, height, array.dtype.itemsize * 8))
    digest.update(array.data)
    return digest.hexdigest()


def describe_pixels(pixels: np.ndarray) -> StoredPixels:
    """What `store_pixels` would return, without storing. Raises ValueError as `checked_pixels`."""
    array = checked_pixels(pixels)
    height, width = array.shape
    return StoredPixels(sha256=pixel_sha256(array), width=width, height=height, bit_depth=array.dtype.itemsize * 8)


def store_pixels(pixels: np.ndarray) -> StoredPixels:
    """Keep `pixels` (uint8 or uint16, shape (H, W)); storing the same picture again changes nothing.

    A file either exists completely or not at all, also after a power cut. Raises ValueError as `checked_pixels`.
    """
    array = checked_pixels(pixels)
    stored = describe_pixels(array)
    if not has_pixels(stored.sha256):
        _write(pixel_name(stored.sha256), encode_png(array))
    return stored


def load_pixels(image: Image | str) -> np.ndarray:
    """The pixels of an image record, or of a SHA-256: uint8 or uint16, shape (H, W).

    Raises FileNotFoundError when there is no such file, and ValueError when the file no longer matches its hash.
    """
    sha256 = image if isinstance(image, str) else image.pixel_sha256
    with default_storage.open(pixel_name(sha256)) as file, PillowImage.open(file, formats=["PNG"]) as picture:
        array = checked_pixels(np.array(picture))
    if pixel_sha256(array) != sha256:
        raise ValueError(f"The stored pixels {sha256} are damaged: restore {pixel_name(sha256)} from a backup")
    return array


def encode_png(pixels: np.ndarray) -> bytes:
    """A grey PNG (8 or 16 bits as the array) with the pixels and no other chunk: no date, software name or gamma.

    Level 4 of zlib: on radiographs twice as fast as the default 6, and no larger.
    """
    buffer = io.BytesIO()
    PillowImage.fromarray(checked_pixels(pixels)).save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()


def pixel_name(sha256: str) -> str:
    """Storage name under MEDIA_ROOT. Two levels of folders keep each below a few thousand files."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError(f"{sha256!r} is not a SHA-256 in lower-case hex")
    return f"{ROOT}/{sha256[:2]}/{sha256[2:4]}/{sha256}.png"


def has_pixels(sha256: str) -> bool:
    return default_storage.exists(pixel_name(sha256))


def have_pixels(hashes: Iterable[str]) -> bool:
    """Whether all of them are there: quicker than `has_pixels` for each, which tens of thousands need."""
    root = local_path(ROOT)
    if root is None:
        return all(has_pixels(sha256) for sha256 in hashes)
    return all(os.path.exists(_path_below(str(root), sha256)) for sha256 in hashes)  # noqa: PTH110


def open_pixels(sha256: str) -> Any:
    """The PNG file, opened for reading. Raises FileNotFoundError."""
    return default_storage.open(pixel_name(sha256))


def delete_pixels(sha256s: Iterable[str]) -> None:
    """Remove files, and folders that are empty then. The caller knows that no record needs them."""
    for sha256 in sha256s:
        name = pixel_name(sha256)
        default_storage.delete(name)
        path = local_path(name)
        if path is not None:
            with suppress(OSError):  # not empty
                path.parent.rmdir()
                path.parent.parent.rmdir()


def stored_hashes() -> Iterator[str]:
    """SHA-256 of every file there is, one folder at a time."""
    for first in _folders(ROOT):
        if len(first) == 2:
            for second in _folders(f"{ROOT}/{first}"):
                for name in default_storage.listdir(f"{ROOT}/{first}/{second}")[1]:
                    yield name.removesuffix(".png")


def delete_stale_incoming() -> int:
    """Remove half-written files that nobody has touched for an hour; returns how many."""
    folder = local_path(INCOMING)
    removed = 0
    if folder is not None and folder.is_dir():
        for path in folder.iterdir():
            if time.time() - path.stat().st_mtime > 3600:
                path.unlink(missing_ok=True)
                removed += 1
    return removed


def _folders(name: str) -> list[str]:
    try:
        return sorted(default_storage.listdir(name)[0])
    except FileNotFoundError:
        return []


class PixelBatch:
    """Stores many pictures with one wait for the disk. `add` may be called from several threads.

    A picture is there under its name only after `flush`, whole or not at all, as with `store_pixels`. For tens of
    thousands of small pictures the way to the file counts: on a local disk plain strings, worked out once.
    """

    def __init__(self) -> None:
        root = local_path(ROOT)
        self._root = None if root is None or not hasattr(os, "sync") else str(root)
        self._incoming = ""
        self._written: dict[str, str] = {}  # path -> file that has the content
        if self._root is not None:
            self._incoming = str(_new_incoming())  # a name of this batch's own: what its files' names begin with

    def add(self, pixels: np.ndarray) -> StoredPixels:
        """As `store_pixels`, but not visible yet."""
        array = checked_pixels(pixels)
        stored = describe_pixels(array)
        if self._root is None:
            name = pixel_name(stored.sha256)
            if not default_storage.exists(name):
                _write(name, encode_png(array))
            return stored
        path = _path_below(self._root, stored.sha256)
        if path not in self._written and not os.path.exists(path):  # noqa: PTH110
            incoming = f"{self._incoming}-{stored.sha256}"
            with open(incoming, "wb") as file:  # noqa: PTH123
                file.write(encode_png(array))
            self._written[path] = incoming
        return stored

    def flush(self) -> None:
        """Make what was added visible; it is on the disk when this returns."""
        if not self._written:
            return
        os.sync()  # one wait for all, instead of one for each of thousands of small files
        for path, incoming in self._written.items():
            try:
                os.replace(incoming, path)  # noqa: PTH105
            except FileNotFoundError:  # its folder is not there yet, or was removed as empty
                _move(Path(incoming), Path(path))
        self._written.clear()


def _path_below(root: str, sha256: str) -> str:
    return f"{root}/{sha256[:2]}/{sha256[2:4]}/{sha256}.png"


def _write(name: str, content: bytes) -> None:
    path = local_path(name)
    if path is None:  # a remote storage: its upload is atomic by itself
        default_storage.save(name, ContentFile(content))
        return
    incoming = _new_incoming()
    try:
        with incoming.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # the database row that names the file must not outlive it
        _move(incoming, path)
    finally:
        incoming.unlink(missing_ok=True)


def _new_incoming() -> Path:
    incoming = Path(default_storage.path(f"{INCOMING}/{secrets.token_hex(16)}"))
    if not incoming.parent.is_dir():
        incoming.parent.mkdir(parents=True, exist_ok=True)
    return incoming


def _move(incoming: Path, path: Path) -> None:
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        incoming.replace(path)
    except FileNotFoundError:  # `delete_pixels` took the empty folder away in between
        path.parent.mkdir(parents=True, exist_ok=True)
        incoming.replace(path)


def link(path: Path, target: Path) -> None:
    """Let `target` be the file `path` too. Raises FileExistsError when it is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, target)
    except FileExistsError:
        raise
    except FileNotFoundError:  # `delete_pixels` took the empty folder away in between
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, target)
    except OSError:  # a file system without hard links
        incoming = _new_incoming()
        shutil.copyfile(path, incoming)
        with incoming.open("rb") as file:
            os.fsync(file.fileno())
        _move(incoming, target)


def local_path(name: str) -> Path | None:
    """Where a stored file is on this machine's disk; None for a remote storage."""
    try:
        return Path(default_storage.path(name))
    except NotImplementedError:
        return None
