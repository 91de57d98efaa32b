"""`manage.py experiment_results NAME`: what an experiment comes to, as sentences, JSON, CSV or one ZIP file."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from classification.exporting.files import archive_bytes, file_bytes, list_downloads
from classification.models import Experiment
from classification.results import Results, read_results
from classification.selectors import list_experiments
from config.projects.commands import ProjectCommand


class Command(ProjectCommand):
    help = "Print what an experiment found, or write it into files. Exit status 1 when it has no results."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="name of the experiment")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--json", action="store_true", help="print the whole record as JSON and nothing else")
        how.add_argument("--csv", type=Path, metavar="FOLDER", help="write the tables there, not rounded")
        how.add_argument("--zip", type=Path, metavar="FILE", help="write everything that the page offers into one file")

    def handle(self, *args: Any, **options: Any) -> None:
        experiment, results = _ended(options["name"])
        try:
            if options["json"]:
                self.stdout.write(json.dumps(experiment.results, indent=2, ensure_ascii=False))
            elif options["csv"] is not None:
                self._write_tables(experiment, results, options["csv"])
            elif options["zip"] is not None:
                options["zip"].write_bytes(archive_bytes(experiment, results))
                self.stdout.write(f"Wrote {options['zip']}")
            else:
                for sentence in results.summary:
                    self.stdout.write(f"* {sentence}")
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be written: {error.strerror}.") from error

    def _write_tables(self, experiment: Experiment, results: Results, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for one in list_downloads(experiment, results):
            data = file_bytes(experiment, results, one.name)
            if one.name.endswith(".csv") and data is not None:
                (folder / one.name).write_bytes(data)
                self.stdout.write(f"Wrote {folder / one.name}")


def _ended(name: str) -> tuple[Experiment, Results]:
    experiment = list_experiments().filter(name=name).first()
    if experiment is None:
        raise CommandError(f"There is no experiment called “{name}”.")
    if not experiment.results:
        raise CommandError(f"“{name}” has no results: its job is {experiment.job.get_state_display().lower()}.")
    try:
        return experiment, read_results(experiment.results)
    except ValueError as error:
        raise CommandError(f"{error}. Run the experiment again to see its results.") from error
