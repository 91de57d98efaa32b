"""`manage.py write_phantoms phantoms --dicom`: invented radiographs to try an import on."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from imaging.phantoms import write_phantom_dataset, write_phantom_dicoms


class Command(BaseCommand):
    help = (
        "Write chest phantoms (drawn by this program, of no person) into a new folder. As PNG with one folder for each "
        "class, or as DICOM as a PACS exports it: with children, AP views, a second manufacturer, inverted images, "
        "missing ages and names written into the image."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs["formatter_class"] = argparse.RawDescriptionHelpFormatter
        kwargs["epilog"] = "example:\n  manage.py write_phantoms phantoms --dicom --patients 60\n"
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="a new or empty folder")
        parser.add_argument("--dicom", action="store_true", help="DICOM instead of PNG")
        parser.add_argument("--patients", type=int, default=60)
        parser.add_argument("--size", type=int, default=512, help="pixels, high and wide (default 512)")
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *args: Any, **options: Any) -> None:
        folder, patients = options["folder"], options["patients"]
        if not 32 <= options["size"] <= 4096:
            raise CommandError("--size must be from 32 to 4096.")
        if patients < 2 or options["seed"] < 0:
            raise CommandError("--patients must be at least 2, --seed at least 0.")
        arguments = {"size": options["size"], "seed": options["seed"]}
        try:
            if options["dicom"]:
                written = write_phantom_dicoms(folder, patients=patients, **arguments)
            else:
                write_phantom_dataset(folder, per_class=patients // 2, **arguments)
                written = patients // 2 * 2
        except OSError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{written} phantoms and metadata.csv in {folder}")
