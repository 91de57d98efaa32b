"""`manage.py create_token`: a token for somebody, told once."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from api.scopes import SCOPES
from api.tokens import MOST_DAYS, TokenError, create_token
from config.accounts.models import User

EXAMPLE = """
Example:

  manage.py create_token ada --scope datasets:read --scope jobs:read --days 30
"""


class Command(BaseCommand):
    help = "Make an API token for a user. Prints it once: only its hash is stored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLE
        parser.add_argument("username")
        parser.add_argument("--scope", action="append", default=[], choices=list(SCOPES), help="may be repeated")
        parser.add_argument("--name", default="from a terminal", help="what it is for")
        parser.add_argument("--days", type=int, default=90, help=f"valid for so long, at most {MOST_DAYS}; default: 90")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no user {options['username']} who may sign in.")
        try:
            token, secret = create_token(user=user, name=options["name"], scopes=options["scope"], days=options["days"])
        except TokenError as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"{token.prefix}… for {user}: {', '.join(token.scopes)}, until {token.expires_at:%Y-%m-%d}")
        self.stdout.write(secret)
