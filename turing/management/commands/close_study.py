"""`manage.py close_study`: what the button does."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from config.projects.commands import ProjectCommand
from turing.errors import StudyError
from turing.selectors import find_study
from turing.services import close_study


class Command(ProjectCommand):
    help = "End the reading of a study, so that its results can be seen. Cannot be undone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="id or name")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            study = close_study(study=find_study(options["study"]), by=None)
        except StudyError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"“{study}” is {study.get_status_display().lower()}. Protocol {study.protocol_sha256}.")
