"""Verbs on tokens: make, find, note that one was used, revoke."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from api.models import Token
from api.scopes import scopes_for
from config.accounts.models import User

MOST_DAYS = 366
MOST_TOKENS = 50  # active ones of one user
USE_NOTED_EVERY = timedelta(hours=1)


class TokenError(ValueError):
    """A token that cannot be made; the text says why and what to do."""


@transaction.atomic
def create_token(*, user: User, name: str, scopes: Collection[str], days: int) -> tuple[Token, str]:
    """A token, and its secret, which is known to nobody afterwards.

    `days`: valid for so long, 1 to MOST_DAYS. Raises TokenError for a scope that the user cannot give, none at all, an
    empty name, or too many tokens.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    name = name.strip()
    if not 1 <= len(name) <= 100:
        raise TokenError("The token needs a name of 1 to 100 characters: what it is for.")
    possible = scopes_for(user)
    unknown = sorted(set(scopes) - set(possible))
    if unknown or not scopes:
        raise TokenError(
            f"{f'{unknown[0]} is no scope that you can give' if unknown else 'A token needs a scope'}. "
            f"Possible: {', '.join(possible)}."
        )
    if not 1 <= days <= MOST_DAYS:
        raise TokenError(f"A token is valid for 1 to {MOST_DAYS} days, not {days}.")
    now = timezone.now()
    if Token.objects.filter(user=user, revoked_at=None, expires_at__gt=now).count() >= MOST_TOKENS:
        raise TokenError(f"You have {MOST_TOKENS} tokens. Revoke one that is not needed any more.")
    prefix = f"tr_{secrets.token_hex(4)}"
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    token = Token.objects.create(
        user=user,
        name=name,
        prefix=prefix,
        secret_sha256=secret_sha256(secret),
        scopes=[scope for scope in possible if scope in scopes],
        expires_at=now + timedelta(days=days),
    )
    return token, secret


def secret_sha256(secret: str) -> str:
    """What is stored of a secret (32 random bytes: no salt needed)."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def find_token(secret: str) -> Token | None:
    """With its user. None: unknown, revoked, expired, or its user may not sign in any more."""
    return (
        Token.objects.select_related("user")
        .filter(
            secret_sha256=secret_sha256(secret), revoked_at=None, expires_at__gt=timezone.now(), user__is_active=True
        )
        .first()
    )


def note_use(token: Token) -> None:
    """Once an hour: a write at every request would stand in the way of those who have something to write."""
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - USE_NOTED_EVERY:
        unnoted = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_NOTED_EVERY)
        Token.objects.filter(unnoted, pk=token.pk).update(last_used_at=now)


def revoke_token(*, token: Token) -> None:
    """From now on it opens nothing. Revoking twice changes nothing."""
    Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    token.refresh_from_db()
