"""The leak audit of a study, on what a reader's browser really receives.

For each trial the address that readers use is asked through the whole request handling of the site (middleware, view,
locked order), as a signed-in reader who exists only inside a transaction that is rolled back. What a proxy in front of
the site adds is not seen. The pixels must arrive as they were stored; so their statistics are those of the files.
"""

import gzip
import io
import platform
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.urls import get_resolver, get_script_prefix, reverse
from django.utils import timezone

from config.accounts.models import User
from turing import stimuli
from turing.blinding.features import Measurement, PixelMeasurement, as_received, transport_of
from turing.errors import StudyError
from turing.models import Presentation, ReadingSession, Study, Trial


@dataclass(frozen=True)
class Received:
    """A trial as readers receive it."""

    transport: dict[str, str]
    pictures: Sequence[PixelMeasurement]  # of those that count: the image, or the left and the right one of a pair
    synthetic: Sequence[bool]  # what each of these is


def leak_report(study: Study, received: Sequence[Received]) -> dict[str, Any]:
    """As `turing.blinding.audit.LeakAudit.to_document`, with versions."""
    # brings scikit-learn, which takes a second to load: commands and pages that audit nothing do without
    import scipy
    import sklearn

    from turing.blinding.audit import judge_leaks

    measured: list[Measurement] = []
    synthetic: list[bool] = []
    for one in received:
        measured += [as_received(picture, one.transport) for picture in one.pictures]
        synthetic += one.synthetic
    audit = judge_leaks(
        measured,
        synthetic,
        received_too=[one.transport for one in received if not one.pictures],
        limit=study.leak_limit,
    )
    versions = {"python": platform.python_version()} | {
        module.__name__: module.__version__ for module in (np, scipy, sklearn)
    }
    return {**audit.to_document(), "versions": versions}


def load_site() -> BaseHandler:
    """The site as it handles requests, loaded: that takes a moment, which is not to be spent inside a transaction."""
    handler = BaseHandler()
    handler.load_middleware()
    get_resolver().url_patterns  # noqa: B018  loads all views
    return handler


def fetch_as_reader(site: BaseHandler, study: Study, trials: Sequence[Trial]) -> list[dict[str, str]]:
    """For each of `trials` what a reader can see of it apart from its pixels.

    Inside a transaction that the caller rolls back, in which the study is open, as it will be for readers. Raises
    StudyError when an image cannot be fetched, or arrives changed.
    """
    browser = _Browser(site, study, trials)
    shown = Presentation.objects.bulk_create(
        Presentation(session=browser.session, trial=trial, position=trial.position) for trial in trials
    )
    return [_fetch(browser, study, presentation) for presentation in shown]


def _fetch(browser: "_Browser", study: Study, presentation: Presentation) -> dict[str, str]:
    body, headers = browser.get(reverse("turing:read_stimulus", args=[browser.session.pk, presentation.token]))
    pixels = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
    trial = presentation.trial
    files = stimuli.files_of(trial)
    length = stimuli.stimulus_length(image_size=study.image_size, bit_depth=study.bit_depth)
    arrived = [stimuli.stimulus_sha256(pixels[at * length : (at + 1) * length]) for at in range(len(files))]
    if len(pixels) != length * len(files) or arrived != [sha256 for _, sha256 in files]:
        raise StudyError(
            f"The image at position {trial.position} reaches a reader with {len(pixels)} bytes in place of "
            f"{length * len(files)}, or with other pixels: something changes it on its way. See MIDDLEWARE of this "
            "installation."
        )
    return transport_of(byte_length=len(body), headers=headers)


class _Browser:
    """A reader of the study, signed in. Asks the site in this process and this transaction."""

    def __init__(self, site: BaseHandler, study: Study, trials: Sequence[Trial]) -> None:
        user = User.objects.create(username=f"leak-audit-{secrets.token_hex(8)}", role=User.Role.READER)
        self.session = ReadingSession.objects.create(
            study=study,
            reader=user,
            reader_code="leak audit",
            trial_order=[trial.position for trial in trials],
            instructions_read_at=timezone.now(),
        )
        store = import_module(settings.SESSION_ENGINE).SessionStore()
        store[SESSION_KEY] = str(user.pk)
        store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
        store[HASH_SESSION_KEY] = user.get_session_auth_hash()
        store.create()
        self._cookie = f"{settings.SESSION_COOKIE_NAME}={store.session_key}"
        self._site = site

    def get(self, address: str) -> tuple[bytes, dict[str, str]]:
        """Body, and headers by their names in lower case. Raises StudyError for anything but 200."""
        response = self._site.get_response(WSGIRequest(self._environ(address)))
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
