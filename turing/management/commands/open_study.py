"""`manage.py open_study`: what the button does."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from config.projects.commands import ProjectCommand
from turing.errors import StudyError
from turing.models import Study
from turing.selectors import find_study
from turing.services import open_study


class Command(ProjectCommand):
    help = "Draw, render and freeze the images of a draft, and let readers in. Cannot be undone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="id or name")
        parser.add_argument(
            "--override-reason", default="", metavar="TEXT", help="open it although the leak audit blocks, and say why"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            study = self._open(find_study(options["study"]), options["override_reason"])
        except StudyError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"“{study}” is {study.get_status_display().lower()}. Protocol {study.protocol_sha256}.")

    def _open(self, study: Study, override_reason: str) -> Study:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(file=self.stderr)  # type: ignore[arg-type]
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("Rendering and auditing ...", total=None)
            return open_study(
                study=study,
                by=None,
                override_reason=override_reason,
                progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
