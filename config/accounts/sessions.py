"""Where a person is signed in: listed, and ended. When a page was last opened is noted at times, never by answers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from config.accounts.models import User, WebSession
from config.accounts.origin import browser_in_words, client_address, shortened_address
from config.accounts.signed_in import ORIGIN, stored_key

NOTED_EVERY = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """One browser. `key` names the session and opens nothing: it is a hash of what the cookie holds."""

    key: str
    browser: str
    address: str  # shortened
    began_at: datetime | None
    last_seen_at: datetime | None
    is_this: bool


def list_sessions(*, user: User, current_key: str | None = None) -> list[SignedIn]:
    """Those that still work, the last seen first. Not those from before a change of the password."""
    rows = WebSession.objects.filter(user=user, expire_date__gt=timezone.now()).order_by("-last_seen_at", "session_key")
    mark = user.get_session_auth_hash()
    return [
        SignedIn(
            key=row.session_key,
            browser=row.browser or "Unknown browser",
            address=row.address,
            began_at=row.began_at,
            last_seen_at=row.last_seen_at,
            is_this=current_key is not None and row.session_key == stored_key(current_key),
        )
        for row in rows
        if row.get_decoded().get(HASH_SESSION_KEY) == mark
    ]


def end_sessions(*, user: User, key: str = "", keep: str | None = None) -> int:
    """Sign out everywhere, or only the session named `key`, or all but the one whose cookie is `keep`; how many."""
    sessions = WebSession.objects.filter(user=user)
    if key:
        sessions = sessions.filter(session_key=key)
    if keep is not None:
        sessions = sessions.exclude(session_key=stored_key(keep))
    return sessions.delete()[0]


@receiver(user_logged_in)
def _note_origin(request: HttpRequest, **_: Any) -> None:
    now = timezone.now().isoformat()
    address = shortened_address(client_address(request))
    request.session[ORIGIN] = {"browser": browser_in_words(request), "address": address, "began": now, "seen": now}


@receiver([password_changed, password_set, password_reset])
def _end_others(request: HttpRequest, user: User, **_: Any) -> None:
    end_sessions(user=user, keep=request.session.session_key)


def note_last_seen(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Middleware: a page that was opened counts, at most every ten minutes; what scripts fetch and send does not."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        is_page = request.method == "GET" and response.get("Content-Type", "").startswith("text/html")
        origin = request.session.get(ORIGIN) if is_page and request.session.accessed else None
        if origin and timezone.now() - datetime.fromisoformat(origin["seen"]) > NOTED_EVERY:
            request.session[ORIGIN] = {**origin, "seen": timezone.now().isoformat()}
        return response

    return middleware
