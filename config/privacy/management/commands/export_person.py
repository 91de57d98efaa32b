"""`manage.py export_person`: everything about one person, for this person."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.privacy.exporting import export_person
from config.privacy.management.finding import find_person


class Command(BaseCommand):
    help = "Write a ZIP of everything about one person. Example: manage.py export_person ann ann.zip"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, username: str, file: Path, **options: Any) -> None:
        data = export_person(user=find_person(username))
        try:
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
                target.write(data)
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"Written: {file}, for its owner's eyes only.")
