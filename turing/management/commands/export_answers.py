"""`manage.py export_answers`: the tidy CSV of a closed study."""

import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from config.projects.commands import ProjectCommand
from turing.errors import StudyError
from turing.results.services import export_answers
from turing.selectors import find_study


class Command(ProjectCommand):
    help = "Write one row per answer of a closed study."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="id or name")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            text = export_answers(study=find_study(options["study"]), by=None)
        except StudyError as error:
            raise CommandError(str(error)) from error
        out: Path = options["out"]
        temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
        try:
            temporary.write_bytes(text.encode())
            temporary.replace(out)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise CommandError(f"{out} cannot be written: {error.strerror}. Choose another place.") from error
        self.stdout.write(f"{text.count(chr(10)) - 1} answers written to {out}")
