"""`manage.py create_user NAME`: an account without the administration pages."""

import getpass
import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from config.accounts.models import User
from config.accounts.services import create_user
from config.projects.commands import find_project
from config.projects.services import ProjectError, add_member, join_only_project


class Command(BaseCommand):
    help = "Create an account. Asks for the password, or reads it from standard input, or makes one up."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", choices=User.Role.values, default=User.Role.INVESTIGATOR.value)
        parser.add_argument("--email", default="")
        parser.add_argument("--project", metavar="NAME", help="whose member it is; the only one unless there are more")
        parser.add_argument("--make-password", action="store_true", help="make up a password and print it")

    def handle(
        self, *args: Any, username: str, role: str, email: str, project: str | None, make_password: bool, **options: Any
    ) -> None:
        password = secrets.token_urlsafe(12) if make_password else _read_password()
        try:
            with transaction.atomic():
                user = create_user(username=username, password=password, role=role, email=email)
                if project is not None:
                    add_member(project=find_project(project), user=user, by=None)
                else:
                    join_only_project(user=user)
        except ValidationError as error:
            raise CommandError("\n".join(_problems(error))) from error
        except ProjectError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Created {user.get_role_display().lower()} “{user.username}”.")
        if make_password:
            self.stdout.write(f"Password: {password}")


def _read_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise CommandError("The two passwords differ. Nothing was created.")
    return password


def _problems(error: ValidationError) -> list[str]:
    if not hasattr(error, "error_dict"):
        return [f"Password: {text}" for text in error.messages]
    return [f"{name}: {text}" for name, texts in error.message_dict.items() for text in texts]
