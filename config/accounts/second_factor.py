"""The second factor: a code from an app. Secrets are stored encrypted; investigators can be required to have one."""

import base64
import hashlib
import logging
from collections.abc import Callable
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_removed
from allauth.mfa.utils import is_mfa_enabled
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.encoding import force_bytes

from config.accounts.models import User
from config.accounts.sessions import end_sessions

KNOWN = "second_factor"  # in the session: it was there when we last looked
OPEN_WITHOUT = ("account_logout", "account_reauthenticate")

logger = logging.getLogger(__name__)


class MfaAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _cipher().decrypt(encrypted_text.encode()).decode()

    def get_totp_label(self, user: User) -> str:
        return user.username  # the app may be synchronised to anywhere: no e-mail address in it


def _cipher() -> MultiFernet:
    """Under a key that follows from SECRET_KEY: every host has it. SECRET_KEY_FALLBACKS, if set, still decrypt."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [hashlib.sha256(b"second factor:" + force_bytes(key)).digest() for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])


def has_second_factor(user: User) -> bool:
    return bool(is_mfa_enabled(user, [Authenticator.Type.TOTP]))


@transaction.atomic
def reset_second_factor(*, user: User, by: User | None) -> None:
    """For who has lost the app and the recovery codes: the password alone signs in again. Signed out everywhere."""
    Authenticator.objects.filter(user=user).delete()
    end_sessions(user=user)
    logger.info("Second factor of user %s reset by user %s", user.pk, by.pk if by else "command line")


@receiver(authenticator_removed)
def _forget(request: HttpRequest, **_: Any) -> None:
    request.session.pop(KNOWN, None)


class RequireSecondFactor:
    """With REQUIRE_MFA=investigators: who sees data and has no second factor sees the page that sets it up, and no
    other. Programs with an API token have no session and are not concerned.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        if settings.REQUIRE_MFA != "investigators" or not request.user.is_authenticated:
            return None
        name = (request.resolver_match and request.resolver_match.url_name) or ""
        if name.startswith("mfa_") or name in OPEN_WITHOUT or not is_missing(request, request.user):
            return None
        return redirect("mfa_activate_totp")


def is_missing(request: HttpRequest, user: User) -> bool:
    """Required of this user and not there. Looked up once for each session."""
    if not user.is_investigator or request.session.get(KNOWN):
        return False
    signed_in_elsewhere = any(
        record.get("method") == "socialaccount" for record in request.session.get("account_authentication_methods", [])
    )
    if (signed_in_elsewhere and settings.OIDC_SECOND_FACTOR) or has_second_factor(user):
        request.session[KNOWN] = True
        return False
    return True
