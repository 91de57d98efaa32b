"""`manage.py invite_user`: a link that makes one account."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from config.accounts.errors import AccountError
from config.accounts.invitations import DEFAULT_DAYS, invite_user, send_invitation
from config.accounts.models import User


class Command(BaseCommand):
    help = """Invite a person: prints a link that makes one account, once.

example:
  manage.py invite_user --role investigator --site https://reader.example.org --email ann@example.org --send
"""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--role", choices=User.Role.values, default=User.Role.INVESTIGATOR.value)
        parser.add_argument("--site", default="http://localhost:8000", help="address under which the site is reached")
        parser.add_argument("--email", default="", help="whom it is for")
        parser.add_argument("--send", action="store_true", help="e-mail the link, and do not print it")
        parser.add_argument("--note", default="")
        parser.add_argument("--days", type=int, default=DEFAULT_DAYS, help="until it expires: 1 to 90")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["send"] and not options["email"]:
            raise CommandError("--send needs --email ADDRESS. Nothing was made.")
        wanted = {name: options[name] for name in ("role", "email", "note", "days")}
        try:
            invitation, secret = invite_user(by=None, **wanted)
            link = options["site"].rstrip("/") + reverse("accounts:join", args=[secret])
            if options["send"]:
                send_invitation(invitation=invitation, link=link)
                invitation.was_sent = True
                invitation.save(update_fields=["was_sent"])
        except AccountError as error:
            raise CommandError(str(error)) from error
        until = f"works once, until {invitation.expires_at:%Y-%m-%d}"
        self.stdout.write(f"Sent to {invitation.email}; it {until}." if options["send"] else f"{link}\nIt {until}.")
