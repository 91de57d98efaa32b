"""Erasure: who a person was is removed; what was done stays, under a code that leads to nobody any more."""

import logging

from django.db import transaction
from django.utils import timezone

from config.accounts.errors import AccountError
from config.accounts.models import User
from config.accounts.personal import personal_data
from config.accounts.services import deactivate_user

logger = logging.getLogger(__name__)


@transaction.atomic
def erase_person(*, user: User, by: User | None) -> User:
    """Remove name, e-mail, password, second factor, sign-ins and sessions. It cannot be undone; again changes nothing.

    The row of the account stays, empty: answers and the audit chain name its number. Raises AccountError for one's own
    account and for the last administrator.
    """
    user = deactivate_user(user=user, by=by)
    if user.erased_at is not None:
        return user
    for part in personal_data():
        part.erase(user)
    user.username = f"erased-{user.pk}"
    user.email = user.first_name = user.last_name = ""
    user.is_staff = user.is_superuser = False
    user.last_login = None
    user.erased_at = timezone.now()
    user.set_unusable_password()
    user.save()
    logger.info("User %s erased by user %s", user.pk, by.pk if by else "command line or retention")
    return user


def erase_on_request(*, user: User, by: User, typed: str) -> User:
    """Raises AccountError unless `typed` is the user name: it cannot be undone."""
    if typed != user.username:
        raise AccountError(f"Nothing was erased: type the user name “{user.username}” to confirm.")
    return erase_person(user=user, by=by)
