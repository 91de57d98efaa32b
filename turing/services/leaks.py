"""The leak audit of a study, on what a reader's browser really receives.

For each trial the address that readers use is asked through the whole request handling of the site (middleware, view,
locked order), as a signed-in reader who exists only inside a transaction that is rolled back. What a proxy in front of
the site adds is not seen.
"""

import gzip
import io
import platform
import secrets
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.db import transaction
from django.urls import get_script_prefix, reverse
from django.utils import timezone

from config.accounts.models import User
from turing.blinding.features import Observation
from turing.errors import StudyError
from turing.models import Origin, Presentation, ReadingSession, Study, TrialTruth


def audit_as_reader(study: Study) -> dict[str, Any]:
    """The report, as `turing.blinding.audit.LeakAudit.to_document` with versions. Leaves nothing behind.

    `study` is open, as it will be for readers. Raises StudyError when an image cannot be fetched.
    """
    # brings scikit-learn, which takes a second to load: commands and pages that audit nothing do without
    import scipy
    import sklearn

    from turing.blinding.audit import audit_leaks

    truths = list(TrialTruth.objects.filter(trial__study=study).order_by("trial__position").select_related("trial"))
    with transaction.atomic():
        audit = audit_leaks(
            _observations(study, truths),
            [truth.origin == Origin.SYNTHETIC for truth in truths],
            limit=study.leak_limit,
        )
        transaction.set_rollback(True)
    versions = {"python": platform.python_version()} | {
        module.__name__: module.__version__ for module in (np, scipy, sklearn)
    }
    return {**audit.to_document(), "versions": versions}


def _observations(study: Study, truths: list[TrialTruth]) -> Iterator[Observation]:
    browser = _Browser(study)
    shown = Presentation.objects.bulk_create(
        Presentation(session=browser.session, trial=truth.trial, position=truth.trial.position) for truth in truths
    )
    for presentation in shown:
        address = reverse("turing:read_stimulus", args=[browser.session.pk, presentation.token])
        body, headers = browser.get(address)
        pixels = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        size = study.image_size
        if len(pixels) != size**2:
            raise StudyError(
                f"The image at position {presentation.trial.position} reaches a reader with {len(pixels)} bytes in "
                f"place of {size**2}: something changes it on its way. See MIDDLEWARE of this installation."
            )
        yield Observation(
            pixels=np.frombuffer(pixels, np.uint8).reshape(size, size), byte_length=len(body), headers=headers
        )


class _Browser:
    """A reader of the study, signed in. Asks the site in this process and this transaction."""

    def __init__(self, study: Study) -> None:
        user = User.objects.create(username=f"leak-audit-{secrets.token_hex(8)}", role=User.Role.READER)
        self.session = ReadingSession.objects.create(
            study=study, reader=user, reader_code="leak audit", instructions_read_at=timezone.now()
        )
        store = import_module(settings.SESSION_ENGINE).SessionStore()
        store[SESSION_KEY] = str(user.pk)
        store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
        store[HASH_SESSION_KEY] = user.get_session_auth_hash()
        store.create()
        self._cookie = f"{settings.SESSION_COOKIE_NAME}={store.session_key}"
        self._handler = BaseHandler()
        self._handler.load_middleware()

    def get(self, address: str) -> tuple[bytes, dict[str, str]]:
        """Body, and headers by their names in lower case. Raises StudyError for anything but 200."""
        response = self._handler.get_response(WSGIRequest(self._environ(address)))
        body = b"".join(response)  # also of a response that streams
        if response.status_code != 200:
            raise StudyError(
                f"An image could not be fetched as a reader would (HTTP status {response.status_code}). "
                "The log of the web server says why; nothing was changed."
            )
        return body, {name.lower(): value for name, value in response.items()}

    def _environ(self, address: str) -> dict[str, Any]:
        return {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/" + address.removeprefix(get_script_prefix()),
            "QUERY_STRING": "",
            "SERVER_NAME": _own_host(),
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_ACCEPT": "*/*",
            "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
            "HTTP_COOKIE": self._cookie,
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "https",  # no redirect to HTTPS, whatever the installation asks
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
        }


def _own_host() -> str:
    """A name under which this installation answers."""
    name = settings.ALLOWED_HOSTS[0] if settings.ALLOWED_HOSTS else "localhost"
    return "localhost" if name == "*" else f"audit{name}" if name.startswith(".") else name
