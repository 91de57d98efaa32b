"""Verbs on people: create accounts, close them, open them again."""

import logging

from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from config.accounts.errors import AccountError
from config.accounts.models import User
from config.accounts.sessions import end_sessions

logger = logging.getLogger(__name__)


@transaction.atomic
def create_user(
    *, username: str, password: str, role: str, email: str = "", first_name: str = "", last_name: str = ""
) -> User:
    """Create an active account. Raises ValidationError when the password is too weak or a field is not valid."""
    user = User(username=username, email=email, role=role, first_name=first_name, last_name=last_name)
    if role == User.Role.ADMINISTRATOR:
        user.is_staff = user.is_superuser = True
    validate_password(password, user)
    user.set_password(password)
    user.full_clean()
    user.save()
    return user


@transaction.atomic
def deactivate_user(*, user: User, by: User | None) -> User:
    """Nobody can sign in with this account any more, and who is signed in with it is out. Nothing is removed.

    Raises AccountError for one's own account and for the last administrator, which would lock everybody out.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    if by is not None and by.pk == user.pk:
        raise AccountError("You cannot deactivate your own account. Ask another administrator.")
    others = User.objects.filter(is_active=True).exclude(pk=user.pk)
    if user.is_administrator and not any(other.is_administrator for other in others.exclude(role=User.Role.READER)):
        raise AccountError("This is the last active administrator. Make another administrator first.")
    if user.is_active:
        user.is_active = False
        user.save(update_fields=["is_active"])
        end_sessions(user=user)
        logger.info("User %s deactivated by user %s", user.pk, by.pk if by else "command line")
    return user


@transaction.atomic
def reactivate_user(*, user: User, by: User | None) -> User:
    """The account works again, with the password and the second factor that it had.

    Raises AccountError for an account whose person was erased: it has nobody any more.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    if user.erased_at is not None:
        raise AccountError("This account was erased: nobody can sign in with it again. Invite the person anew.")
    if not user.is_active:
        user.is_active = True
        user.save(update_fields=["is_active"])
        logger.info("User %s reactivated by user %s", user.pk, by.pk if by else "command line")
    return user


def sign_out_everywhere(*, user: User, by: User | None) -> None:
    end_sessions(user=user)
    logger.info("Sessions of user %s ended by user %s", user.pk, by.pk if by else "command line")
