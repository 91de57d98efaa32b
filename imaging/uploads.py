"""Uploaded archives: streamed to disk while they arrive, kept until they are imported, removed when forgotten."""

import time
import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload, TemporaryFileUploadHandler
from django.http import HttpRequest

from config.projects.scope import all_projects_in_sight
from imaging.intake.parameters import KIND
from worker.disk_space import short_of_room
from worker.models import Job

NO_ROOM = "the server's disk is too full. Ask the administrator to make room, then try again."
KEPT_SECONDS = 7 * 24 * 3600  # a refused upload can be imported again for a week


class UploadTooLargeError(Exception):
    """The request is larger than MAX_UPLOAD_BYTES, or than the disk has room for."""


class _SizeGuard(FileUploadHandler):
    """Refuses by the declared length, which the server enforces; the rest is read and dropped, so that the browser
    gets to see an answer instead of a broken connection.
    """

    too_large = False
    without_room = False

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *args: Any, **kwargs: Any) -> None:  # noqa: N803
        self.too_large = content_length > settings.MAX_UPLOAD_BYTES
        self.without_room = short_of_room(Path(settings.FILE_UPLOAD_TEMP_DIR), needed=content_length)

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        if self.too_large or self.without_room:
            raise StopUpload(connection_reset=False)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


def stream_to_disk(request: HttpRequest) -> None:
    """To be called before anything reads `request.POST`."""
    request.upload_handlers = [_SizeGuard(request), TemporaryFileUploadHandler(request)]


def refuse_too_large(request: HttpRequest) -> None:
    """Raises UploadTooLargeError, in words, when the request was cut off because of its size or for lack of room."""
    request.POST  # noqa: B018  parsing it is what runs the handlers
    guards = [handler for handler in request.upload_handlers if isinstance(handler, _SizeGuard)]
    if any(guard.without_room for guard in guards):
        raise UploadTooLargeError(f"The upload was not taken: {NO_ROOM}")
    if any(guard.too_large for guard in guards):
        raise UploadTooLargeError(
            f"The upload is larger than {settings.MAX_UPLOAD_BYTES / 2**20:g} MB. Split the archive, or ask the "
            "administrator to raise MAX_UPLOAD_MB or to import it on the server with “manage.py import_images”."
        )


def keep_upload(upload: TemporaryUploadedFile) -> Path:
    """Move an upload, without copying it, to where the import job finds it."""
    folder = upload_folder()
    remove_forgotten_uploads()
    path = folder / f"{uuid.uuid4()}.upload"
    upload.flush()
    Path(upload.temporary_file_path()).rename(path)
    return path


@all_projects_in_sight()
def remove_forgotten_uploads() -> None:
    """Remove uploads of refused imports after a week; never one that a job in the queue will read."""
    wanted = wanted_uploads()
    for path in upload_folder().glob("*.upload"):
        if str(path) not in wanted and time.time() - path.stat().st_mtime > KEPT_SECONDS:
            path.unlink(missing_ok=True)


def wanted_uploads() -> set[str]:
    """Paths that a job in the queue will read."""
    active = Job.anywhere.filter(kind=KIND, state__in=Job.ACTIVE)
    return set(active.values_list("parameters__source", flat=True))


def upload_folder() -> Path:
    """Where uploads wait until they are imported; nobody else on this machine may look into it."""
    folder = Path(settings.DATA_DIR) / "uploads"
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder
