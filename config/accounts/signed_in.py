"""Who is signed in: Django's sessions and allauth's sign-in, with the two queries of every request prepared.

Of a session's key only the hash is stored: a copy of the database lets nobody in.
"""

import hashlib
from datetime import datetime
from typing import Any

from allauth.account import auth_backends
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.db.models import BigIntegerField, CharField, DateTimeField, QuerySet
from django.utils import timezone

from config.accounts.models import User, WebSession
from config.prepared import Parameter, Prepared

ORIGIN = "origin"  # in the session: browser, shortened address, when it began and was last seen


def stored_key(session_key: str) -> str:
    """What stands in the table for the key in a cookie (32 random letters and digits: no salt needed)."""
    return hashlib.sha256(session_key.encode()).hexdigest()


class SessionStore(db.SessionStore):
    @classmethod
    def get_model_class(cls) -> type[WebSession]:
        return WebSession

    def _get_session_from_db(self) -> WebSession | None:
        session = _unexpired.first(key=stored_key(self.session_key or ""), now=timezone.now())
        if session is None:
            self._session_key = None
        return session

    def exists(self, session_key: str) -> bool:
        return WebSession.objects.filter(session_key=stored_key(session_key)).exists()

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            WebSession.objects.filter(session_key=stored_key(key)).delete()

    def create_model_instance(self, data: dict[str, Any]) -> WebSession:
        origin = data.get(ORIGIN) or {}
        return WebSession(
            session_key=stored_key(self._get_or_create_session_key()),  # type: ignore[attr-defined]
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            user_id=data.get(SESSION_KEY),
            browser=origin.get("browser", ""),
            address=origin.get("address", ""),
            began_at=_time(origin.get("began")),
            last_seen_at=_time(origin.get("seen")),
        )


class AuthenticationBackend(auth_backends.AuthenticationBackend):
    def get_user(self, user_id: Any) -> User | None:
        user = _by_id.first(pk=user_id)
        return user if user is not None and self.user_can_authenticate(user) else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@Prepared
def _unexpired() -> QuerySet[WebSession]:
    return WebSession.objects.filter(
        session_key=Parameter("key", CharField()), expire_date__gt=Parameter("now", DateTimeField())
    )


@Prepared
def _by_id() -> QuerySet[User]:
    return User.objects.filter(pk=Parameter("pk", BigIntegerField()))
