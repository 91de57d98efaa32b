"""Files are sent by the proxy in front, where it can (nginx: X-Accel-Redirect), else by the site itself."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase

HEADER = "X-Accel-Redirect"


class SentByProxy:
    """Turns the answer with a stored file (below MEDIA_ROOT) into one that names the file to nginx: ACCEL_PREFIX.

    The view has checked the rights; a process of the web server is free again at once, however slow the line is. What
    readers see of a study never goes this way: those answers are made in memory, padded to one length, and have exactly
    the headers of an allow-list, to which nginx would add its own for files.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        name = _stored_name(response) if settings.ACCEL_PREFIX else None
        if name is None:
            return response
        instead = HttpResponse(status=response.status_code, headers=dict(response.items()))
        del instead.headers["Content-Length"]
        instead.headers[HEADER] = settings.ACCEL_PREFIX + quote(name)
        instead.cookies = response.cookies
        response.close()
        return instead


def _stored_name(response: HttpResponseBase) -> str | None:
    """Relative to MEDIA_ROOT, when the answer is a whole file from there."""
    if not isinstance(response, FileResponse) or response.status_code != 200:
        return None
    path = getattr(response.file_to_stream, "name", None)
    if not isinstance(path, str) or not Path(path).is_absolute():
        return None
    root = Path(settings.MEDIA_ROOT).resolve()
    resolved = Path(path).resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else None
