"""`manage.py import_images SOURCE --name NAME`: the page's import, in the terminal and without a worker."""

import json
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from imaging.intake.foreground import ForegroundContext
from imaging.intake.importing import ImportRefusedError, run_import
from imaging.intake.medmnist import fetch_medmnist
from imaging.intake.parameters import ImportParameters
from imaging.intake.preparing import AS_IT_IS, CROP, FULL_RANGE, PAD
from worker.registry import JobError


class Command(BaseCommand):
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
            result = _import(parameters, console)
        except ImportRefusedError as error:
            result, refusal = error.result, str(error)
        except JobError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(result, indent=2, ensure_ascii=False))
        else:
            _print_report(console, result, parameters.dataset_name)
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


def _import(parameters: ImportParameters, console: Console) -> dict[str, Any]:
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    )
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as directory, bar:
        task = bar.add_task("Reading", total=None)

        def show(done: int, total: int, unit: str, message: str) -> None:
            bar.update(task, completed=done, total=total, description=message)

        return run_import(ForegroundContext(directory=Path(directory), on_progress=show), parameters)


def _print_report(console: Console, result: dict[str, Any], name: str) -> None:
    if result["problems"]:
        table = Table("File", "What is wrong", "What to do", title=f"{result['problem_count']} problems")
        for problem in result["problems"]:
            table.add_row(problem["file"] or "(all)", problem["reason"], problem["fix"])
        console.print(table)
        if (hidden := result["problem_count"] - len(result["problems"])) > 0:
            console.print(f"... and {hidden} more")
    for note in result["notes"]:
        console.print(f"Note: {note}")
    if result["dataset_id"] is None:
        return
    per_class = ", ".join(f"{label} {n}" for label, n in result["counts"].items())
    console.print(f"Imported {result['imported']} images as “{name}” ({per_class}).")
    for key, words in (
        ("problem_count", "files with problems left out"),
        ("duplicates", "duplicates kept once"),
        ("elsewhere", "images that another dataset has as well"),
        ("ignored", "files ignored (README, .DS_Store, ...)"),
    ):
        if result[key]:
            console.print(f"{result[key]} {words}")
    if result["waiting"]:
        console.print(
            f"{result['waiting']} images wait in quarantine, because something may be written into them. Somebody "
            f"must look at each on the site: {reverse('imaging:quarantine_list', args=[result['dataset_id']])}"
        )
