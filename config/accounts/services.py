"""Verbs on people: create accounts."""

from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from config.accounts.models import User


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
