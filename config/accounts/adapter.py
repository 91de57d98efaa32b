"""Account policy: nobody signs up by themselves; people come in through an invitation. Failed sign-ins are limited."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from config.accounts import lockout, origin, records
from config.accounts.models import SignIn


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return origin.client_address(request)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError as error:
            key = self._get_login_attempts_cache_key(request, **credentials)
            wait = lockout.time_in_words(lockout.seconds_to_wait(request=request, key=key))
            raise ValidationError(
                f"Too many failed sign-ins. Wait {wait}, then try again; or ask an administrator to lift the lock.",
                code="too_many_login_attempts",
            ) from error

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        records.record_sign_in(request, lockout.find_account(_login(credentials)), SignIn.Outcome.WRONG_PASSWORD)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """allauth counts each name of an account, and each name of this host, apart."""
        return lockout.account_key(_login(credentials))


def _login(credentials: dict[str, Any]) -> str:
    return str(credentials.get("username") or credentials.get("email") or "")
