"""Which account somebody gets who signs in at the hospital's server: what its claims say, and our settings."""

import logging
import re
from typing import Any

from django.conf import settings
from django.db import transaction

from config.accounts.errors import AccountError
from config.accounts.models import User
from config.environment import ROLES

RANK = [User.Role(role) for role in reversed(ROLES)]  # who has several gets the last
NOBODY = "The hospital's sign-in knows you, but you have no account here. Ask an administrator for an invitation."

logger = logging.getLogger(__name__)


def role_of(claims: dict[str, Any]) -> str:
    """The role that OIDC_ROLE_CLAIM gives by OIDC_ROLES; empty when it gives none, or is not set.

    The claim is one word or a list of words; of several roles the one with the most rights counts.
    """
    if not settings.OIDC_ROLE_CLAIM:
        return ""
    value = claims.get(settings.OIDC_ROLE_CLAIM, [])
    words = value if isinstance(value, list) else [value]
    roles = {settings.OIDC_ROLES.get(word) for word in words if isinstance(word, str)}
    return next((str(role) for role in reversed(RANK) if role in roles), "")


@transaction.atomic
def account_for(claims: dict[str, Any], *, known: User | None) -> User:
    """The account of the person with these claims: `known` from before, joined by a verified address, or made now.

    An account that was made here has the role of the claim at each sign-in; other accounts keep theirs. Raises
    AccountError, with a text for the person, for who has no account and gets none.
    """
    role = role_of(claims)
    if known is not None:
        if not settings.OIDC_ROLE_CLAIM or known.has_usable_password():
            return known
        if not role:
            raise AccountError("The hospital's sign-in does not say any more that you may use this site.")
        if known.role != role:
            _set_role(known, role)
            known.save()
            logger.info("User %s is %s now, by single sign-on", known.pk, role)
        return known
    email = str(claims.get("email") or "")
    if email and settings.OIDC_JOIN_BY_EMAIL and claims.get("email_verified") is True:
        joined = User.objects.filter(
            is_active=True, emailaddress__email__iexact=email, emailaddress__verified=True
        ).distinct()
        if len(joined) == 1:
            logger.info("User %s joined to single sign-on by a verified address", joined[0].pk)
            return joined[0]
    if not role:
        raise AccountError(NOBODY)
    if email and User.objects.filter(email__iexact=email).exists():
        raise AccountError(
            "An account with your e-mail address exists here. Sign in to it with its password, open “My account”, and "
            "connect the hospital's sign-in there."
        )
    user = User(username=_free_name(claims), email=email)
    user.first_name, user.last_name = (
        str(claims.get("given_name") or "")[:150],
        str(claims.get("family_name") or "")[:150],
    )
    _set_role(user, role)
    user.set_unusable_password()
    user.full_clean()
    user.save()
    logger.info("User %s (%s) made by single sign-on", user.pk, role)
    return user


def _set_role(user: User, role: str) -> None:
    user.role = role
    user.is_staff = user.is_superuser = role == User.Role.ADMINISTRATOR


def _free_name(claims: dict[str, Any]) -> str:
    wanted = str(claims.get("preferred_username") or claims.get("email") or "").partition("@")[0]
    wanted = re.sub(r"[^\w.+-]", "", wanted)[:100] or "user"
    taken = set(User.objects.filter(username__istartswith=wanted).values_list("username", flat=True))
    names = (wanted if number == 1 else f"{wanted}{number}" for number in range(1, len(taken) + 2))
    lower = {name.lower() for name in taken}
    return next(name for name in names if name.lower() not in lower)
