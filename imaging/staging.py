"""Pictures that a job has read but not yet decided to keep: on disk, under their hash, seen by nobody.

An import reads each file once. What it found waits here until the whole source was checked, and is then either put
among the stored pictures or forgotten.
"""

import os
import secrets
import shutil
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from imaging import storage
from imaging.storage import StoredPixels

FOLDER = f"{storage.ROOT}/staging"
FORGOTTEN_SECONDS = 24 * 3600  # since a job last put a picture here


class Staging:
    """The pictures of one job. `add` may be called from several threads.

    `elsewhere`: where they wait when the stored pictures are not on a local disk.
    """

    def __init__(self, job_id: str, *, elsewhere: Path) -> None:
        self._folder = storage.local_path(f"{FOLDER}/{job_id}") or elsewhere / "staging"
        self.clear()  # of an attempt that was killed
        self._folder.mkdir(parents=True)

    def add(self, pixels: np.ndarray) -> StoredPixels:
        """Write `pixels` (uint8 or uint16, shape (H, W)). Raises ValueError as `storage.checked_pixels`."""
        array = storage.checked_pixels(pixels)
        described = storage.describe_pixels(array)
        path = self._path(described.sha256)
        if not path.exists():
            incoming = path.with_suffix(f".{secrets.token_hex(4)}")
            incoming.write_bytes(storage.encode_png(array))
            incoming.replace(path)
        return described

    def publish(self, hashes: Collection[str], *, before_each: Callable[[str], None], done: Callable[[], None]) -> None:
        """Store the pictures of these hashes; those that are stored already stay as they are.

        `before_each` is called with a hash before its file appears, `done` after each hash; both may raise. May be
        repeated: the pictures stay here until `clear`.
        """
        if hasattr(os, "sync"):
            os.sync()  # one wait for all, instead of one for each of thousands of small files
        for sha256 in hashes:
            if not storage.has_pixels(sha256):
                before_each(sha256)
                self._store(sha256)
            done()

    def clear(self) -> None:
        """Forget them all."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _store(self, sha256: str) -> None:
        target = storage.local_path(storage.pixel_name(sha256))
        if target is None:
            default_storage.save(storage.pixel_name(sha256), ContentFile(self._path(sha256).read_bytes()))
            return
        with suppress(FileExistsError):  # another job has just stored the same picture
            storage.link(self._path(sha256), target)

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.png"


def clear_forgotten(active_job_ids: Collection[str]) -> int:
    """Remove what killed jobs left here and no job goes on with; returns the number of files.

    A job without a record (an import in a terminal) keeps its pictures for a day after the last one.
    """
    root = storage.local_path(FOLDER)
    removed = 0
    if root is not None and root.is_dir():
        for folder in root.iterdir():
            if folder.name not in active_job_ids and time.time() - folder.stat().st_mtime > FORGOTTEN_SECONDS:
                removed += len(list(folder.iterdir()))
                shutil.rmtree(folder, ignore_errors=True)
    return removed
