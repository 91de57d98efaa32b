"""Who is signed in: Django's sessions and allauth's sign-in, with the two queries of every request prepared."""

from typing import Any

from allauth.account import auth_backends
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db.models import BigIntegerField, CharField, DateTimeField, QuerySet
from django.utils import timezone

from config.accounts.models import User
from config.prepared import Parameter, Prepared


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> Session | None:
        session = _unexpired.first(key=self.session_key, now=timezone.now())
        if session is None:
            self._session_key = None
        return session


class AuthenticationBackend(auth_backends.AuthenticationBackend):
    def get_user(self, user_id: Any) -> User | None:
        user = _by_id.first(pk=user_id)
        return user if user is not None and self.user_can_authenticate(user) else None


@Prepared
def _unexpired() -> QuerySet[Session]:
    return Session.objects.filter(
        session_key=Parameter("key", CharField()), expire_date__gt=Parameter("now", DateTimeField())
    )


@Prepared
def _by_id() -> QuerySet[User]:
    return User.objects.filter(pk=Parameter("pk", BigIntegerField()))
