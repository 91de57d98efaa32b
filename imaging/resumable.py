"""Large uploads in parts: what has arrived stays when the connection breaks, the page is closed or the server restarts.

The file on the disk is the truth about how much has arrived; the record says whose upload it is and of what.
"""

import fcntl
import os
import shutil
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from config.accounts.models import User
from imaging.models import Upload
from imaging.uploads import KEPT_SECONDS, NO_ROOM, upload_folder
from worker.disk_space import short_of_room

PART_BYTES = 8 * 2**20  # one request: some seconds on a slow line, and what a broken one costs


class UploadError(ValueError):
    """An upload, or a part of one, that is not taken; its text says why and what to do."""


class OutOfStepError(Exception):
    """A part that does not follow what is there. `received`: from which byte on the server waits."""

    def __init__(self, received: int) -> None:
        super().__init__(f"The server has {received} bytes.")
        self.received = received


def begin_upload(*, user: User, name: str, key: str, size: int) -> Upload:
    """A new upload of `size` bytes, or the unfinished one of the same user with this `key` and size.

    `key`: what tells a file from others without reading it, made by the browser. Raises UploadError.
    """
    found = Upload.objects.filter(created_by=user, key=key, size=size).order_by("-created_at").first()
    if found is not None:
        return found
    if size > settings.MAX_UPLOAD_BYTES:
        raise UploadError(
            f"The upload has {size / 2**20:,.0f} MB; {settings.MAX_UPLOAD_BYTES / 2**20:g} MB are allowed. Split it "
            "over several imports, or ask the administrator to raise MAX_UPLOAD_MB or to import it on the server with "
            "“manage.py import_images”."
        )
    remove_forgotten_parts()
    free = shutil.disk_usage(upload_folder()).free
    if free < size + settings.MIN_FREE_BYTES:
        raise UploadError(
            f"The upload has {size / 2**20:,.0f} MB, but the server's disk has only {free / 2**20:,.0f} MB left, "
            f"of which {settings.MIN_FREE_BYTES / 2**20:,.0f} MB must stay free. Ask the administrator to make room."
        )
    upload = Upload.objects.create(created_by=user, name=name[:200], key=key, size=size)
    part_path(upload).touch(mode=0o600)
    return upload


def received_bytes(upload: Upload) -> int:
    """How much of it is on the server."""
    try:
        return part_path(upload).stat().st_size
    except FileNotFoundError:
        return 0


def append_part(*, upload: Upload, offset: int, data: bytes, crc32: int) -> int:
    """Add `data` at byte `offset`; returns how many bytes are there now.

    Raises OutOfStepError when another number of bytes is there, UploadError when the part is damaged, goes beyond the
    end or does not fit on the disk. Then nothing is added.
    """
    with _locked(upload) as file:
        received = file.seek(0, os.SEEK_END)
        if received != offset:
            raise OutOfStepError(received)
        if zlib.crc32(data) != crc32:
            raise OutOfStepError(received)  # damaged on its way: send it again
        if received + len(data) > upload.size:
            raise UploadError("More arrived than the file has. It changed meanwhile: choose it again.")
        if short_of_room(upload_folder(), needed=len(data)):
            raise UploadError(f"The upload cannot go on: {NO_ROOM} What has arrived stays; choose the file again then.")
        try:
            file.write(data)
            file.flush()
        except OSError as error:
            file.truncate(received)
            raise UploadError(
                f"The server cannot keep the upload ({error.strerror}). Ask the administrator; what has arrived stays."
            ) from error
        return received + len(data)


def finish_upload(*, upload: Upload) -> Path:
    """Hand the whole file over to an import, and forget the upload. Raises UploadError when something is missing."""
    received = received_bytes(upload)
    if received != upload.size:
        raise UploadError(
            f"Only {received / 2**20:,.1f} of {upload.size / 2**20:,.1f} MB have arrived. Choose the file again: "
            "the upload goes on where it stopped."
        )
    path = upload_folder() / f"{uuid.uuid4()}.upload"
    part_path(upload).rename(path)
    upload.delete()
    return path


def discard_upload(*, upload: Upload) -> None:
    part_path(upload).unlink(missing_ok=True)
    upload.delete()


def remove_forgotten_parts() -> None:
    """Remove uploads to which nothing was added for a week, and files without a record."""
    known = {part_path(upload): upload for upload in Upload.objects.all()}
    for path in upload_folder().glob("*.part"):
        if time.time() - path.stat().st_mtime > KEPT_SECONDS:
            if path in known:
                known[path].delete()
            path.unlink(missing_ok=True)


def part_path(upload: Upload) -> Path:
    return upload_folder() / f"{upload.pk}.part"


@contextmanager
def _locked(upload: Upload) -> Iterator[BinaryIO]:
    """The file of the parts, for one process at a time: a browser that gave up on a request may send it again."""
    try:
        file = part_path(upload).open("r+b", buffering=0)
    except FileNotFoundError as error:
        raise UploadError("This upload is no longer on the server. Choose the file again.") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
