"""`manage.py import_images SOURCE --name NAME`: the page's import, in the terminal and without a worker."""

import json
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from rich.console import Console

from config.projects.commands import ProjectCommand
from imaging.intake.importing import ImportRefusedError, run_import
from imaging.intake.medmnist import fetch_medmnist
from imaging.intake.parameters import ANYTHING, CLASSES, ImportParameters
from imaging.intake.preparing import AS_IT_IS, CROP, FULL_RANGE, PAD
from imaging.management.terminal import print_report, run_here
from worker.registry import JobError


class Command(ProjectCommand):
    help = (
        "Import a ZIP archive or a folder with one folder per class (and an optional metadata.csv), or an NPZ file as "
        "MedMNIST has them, as a new dataset. "
        "Exit status 1 when the import was refused; then nothing was changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path, nargs="?", help="ZIP archive, NPZ file or folder")
        parser.add_argument("--medmnist", metavar="NAME", help="download this dataset of MedMNIST: pneumoniamnist, ...")
        parser.add_argument("--size", type=int, default=28, help="of the images of --medmnist: 28, 64, 128 or 224")
        parser.add_argument(
            "--label-names",
            default="",
            metavar="NAMES",
            help="class names of an NPZ file in the order of the numbers: 'normal; pneumonia'",
        )
        parser.add_argument("--name", required=True, help="name of the new dataset")
        parser.add_argument("--skip-bad", action="store_true", help="leave out files with problems")
        parser.add_argument("--licence", default="", help="licence of the images, for example CC BY 4.0")
        parser.add_argument("--citation", default="", help="how to cite the images")
        parser.add_argument("--description", default="")
        parser.add_argument(
            "--synthetic",
            metavar="MADE_WITH",
            default="",
            help="a generator made them: which one",
        )
        parser.add_argument(
            "--folders", choices=[CLASSES, ANYTHING], default=CLASSES, help="anything: patients, studies, series, ..."
        )
        parser.add_argument("--class", dest="one_class", default="", help="of all images, with --folders anything")
        parser.add_argument(
            "--window",
            default="1",
            help="of DICOM files that have several: 1 (the first), 2, ...; or full: none of them",
        )
        parser.add_argument(
            "--bits", type=int, choices=[8, 16], help="8: all images; 16: where the file has more than 8"
        )
        parser.add_argument("--target-size", type=int, default=AS_IT_IS, help="side in pixels, such as 1024")
        parser.add_argument(
            "--fit",
            choices=[CROP, PAD],
            default=CROP,
            help="of what is not square, with --target-size",
        )
        parser.add_argument("--phantom", action="store_true", help="the images are phantoms made by this program")
        parser.add_argument("--json", action="store_true", help="print the report as JSON and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["source"] is None) == (options["medmnist"] is None):
            raise CommandError("Say what is to be imported: a source, or --medmnist NAME.")
        try:
            if options["medmnist"]:
                _download(options)
            parameters = ImportParameters(
                source=str(options["source"].expanduser().resolve()),
                dataset_name=options["name"],
                skip_bad=options["skip_bad"],
                licence=options["licence"],
                citation=options["citation"],
                description=options["description"],
                is_phantom=options["phantom"],
                origin="synthetic" if options["synthetic"] else "real",
                made_with=options["synthetic"],
                folders=options["folders"],
                one_class=options["one_class"],
                window=_window(options["window"]),
                bits=options["bits"] or AS_IT_IS,
                size=options["target_size"],
                fit=options["fit"],
                label_names=options["label_names"],
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        console = Console(file=self.stderr if options["json"] else self.stdout)  # type: ignore[arg-type]
        refusal = ""
        try:
            result = run_here(console, partial(run_import, parameters=parameters))
        except ImportRefusedError as error:
            result, refusal = error.result, str(error)
        except JobError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(result, indent=2, ensure_ascii=False))
        else:
            print_report(console, result, parameters.dataset_name)
        if refusal:
            raise CommandError(refusal)


def _window(text: str) -> int:
    if text == "full":
        return FULL_RANGE
    if not text.isdecimal() or int(text) == FULL_RANGE:
        raise ValueError(f"--window is {text!r}; it must be 1, 2, ... or full")
    return int(text)


def _download(options: dict[str, Any]) -> None:
    """The source, its licence and its citation. Kept for the next time: it may have gigabytes."""
    folder = Path(settings.DATA_DIR) / "medmnist"
    found = fetch_medmnist(options["medmnist"], size=options["size"], folder=folder)
    options["source"] = found.path
    options["licence"] = options["licence"] or found.licence
    options["citation"] = options["citation"] or found.citation
