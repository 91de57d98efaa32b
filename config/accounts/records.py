"""The record of sign-ins: for administrators, and for what people may ask about themselves. Removed by retention."""

from typing import Any

from allauth.mfa.signals import authentication_failed
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from config.accounts.models import SignIn, User
from config.accounts.origin import browser_in_words, client_address, shortened_address


def record_sign_in(request: HttpRequest, user: User | None, outcome: str) -> None:
    """What was typed is not kept: people type passwords into the wrong field."""
    address = shortened_address(client_address(request))
    SignIn.objects.create(user=user, outcome=outcome, address=address, browser=browser_in_words(request))


@receiver(user_logged_in)
def _signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    record_sign_in(request, user, SignIn.Outcome.SIGNED_IN)


@receiver(authentication_failed)
def _wrong_code(request: HttpRequest, user: User, **_: Any) -> None:
    record_sign_in(request, user, SignIn.Outcome.WRONG_CODE)
