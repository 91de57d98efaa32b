"""`manage.py open_study`: what the button does."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from turing.errors import StudyError
from turing.selectors import find_study
from turing.services import open_study


class Command(BaseCommand):
    help = "Draw, render and freeze the images of a draft, and let readers in. Cannot be undone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="id or name")
        parser.add_argument(
            "--override-reason", default="", metavar="TEXT", help="open it although the leak audit blocks, and say why"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            study = open_study(study=find_study(options["study"]), by=None, override_reason=options["override_reason"])
        except StudyError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"“{study}” is {study.get_status_display().lower()}. Protocol {study.protocol_sha256}.")
