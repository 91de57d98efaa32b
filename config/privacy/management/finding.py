"""The person that a command is about."""

from django.core.management.base import CommandError

from config.accounts.models import User


def find_person(username: str) -> User:
    """Raises CommandError for a name that nobody has."""
    user = User.objects.filter(username=username).first()
    if user is None:
        raise CommandError(f"Nobody here has the user name “{username}”.")
    return user
