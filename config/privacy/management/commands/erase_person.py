"""`manage.py erase_person`: who a person was is removed."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.accounts.errors import AccountError
from config.privacy.erasing import erase_person
from config.privacy.management.finding import find_person


class Command(BaseCommand):
    help = (
        "Remove name, e-mail, password, second factor, sign-ins and sessions of a person. Answers stay under the code. "
        "It cannot be undone. Example: manage.py erase_person ann --yes"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--yes", action="store_true", help="do it; without it nothing happens")

    def handle(self, *args: Any, username: str, yes: bool, **options: Any) -> None:
        user = find_person(username)
        if not yes:
            raise CommandError(f"Nothing was erased. To erase “{username}” for good, add --yes.")
        try:
            erased = erase_person(user=user, by=None)
        except AccountError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Erased: the account is “{erased.username}” now.")
