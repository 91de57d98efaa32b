"""`manage.py create_study`: a draft, from datasets by name."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from config.projects.commands import ProjectCommand
from imaging.models import Dataset
from turing.errors import StudyError
from turing.models import Origin, Scale, Study
from turing.models.studies import DEFAULT_LEAK_LIMIT
from turing.selectors import find_study
from turing.services import create_study, follow_up_study
from turing.services.studies import PHASE_FIELDS, PROTOCOL_FIELDS

REQUIRED = {
    "real_dataset": "--real",
    "synthetic_dataset": "--synthetic",
    "n_real": "--n-real",
    "n_synthetic": "--n-synthetic",
}
EXAMPLE = """
A protocol file holds any field of a study; options on the command line win over it:

  {"scale": "confidence", "n_practice": 4, "practice_feedback": true, "n_repeats": 10,
   "order": "blocks", "block_size": 20, "time_limit_ms": 60000, "real_dataset": "Ward A",
   "later_phases": [{"title": "Told the clues", "instructions": "...", "n_real": 20, "n_synthetic": 20}]}
"""


class Command(ProjectCommand):
    help = "Create the draft of a study. Prints its id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLE
        parser.add_argument("name")
        parser.add_argument(
            "--protocol", type=Path, metavar="FILE", help="JSON with fields of the study; datasets are named"
        )
        parser.add_argument("--real", dest="real_dataset", metavar="DATASET", help="name of the real dataset")
        parser.add_argument("--synthetic", dest="synthetic_dataset", metavar="DATASET", help="of the synthetic dataset")
        parser.add_argument("--n-real", type=int)
        parser.add_argument("--n-synthetic", type=int)
        parser.add_argument("--seed", type=int, help="default: one that nobody can foresee")
        parser.add_argument("--image-size", type=int, metavar="PX", help="default: smallest side among the images")
        parser.add_argument("--positive-class", choices=Origin.values, help=f"default: {Origin.REAL}")
        parser.add_argument("--scale", choices=Scale.values, help=f"default: {Scale.BINARY}")
        parser.add_argument("--leak-limit", type=float, metavar="AUC", help=f"default: {DEFAULT_LEAK_LIMIT}")
        parser.add_argument("--question")
        parser.add_argument("--instructions", type=Path, metavar="FILE", help="Markdown")
        parser.add_argument("--real-filters", metavar="JSON", help='such as {"splits": ["test"], "age_min": 19}')
        parser.add_argument("--synthetic-filters", metavar="JSON")
        parser.add_argument(
            "--follows", metavar="STUDY", help="make a second session of this opened study; nothing else is needed"
        )
        parser.add_argument("--washout-days", type=int, metavar="DAYS", help="of a second session; default: 28")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            study = self._second_session(options) if options["follows"] else self._study(options)
        except StudyError as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"Draft “{study}” with seed {study.seed} at {study.image_size} px. Open it with open_study.")
        self.stdout.write(str(study.pk))

    def _study(self, options: dict[str, Any]) -> Study:
        values = _protocol(options["protocol"])
        values |= {
            field: options[field] for field in PROTOCOL_FIELDS if options.get(field) is not None and field != "name"
        }
        for field, option in REQUIRED.items():
            if field not in values:
                raise CommandError(f"{option} is needed, or {field} in the protocol file.")
        if options["instructions"]:
            values["instructions"] = _read(options["instructions"])
        for side in ("real", "synthetic"):
            filters = options[f"{side}_filters"]
            if filters is not None:
                values[f"{side}_filters"] = _object(f"--{side}-filters", filters)
        for part in (values, *values.get("later_phases", ())):
            _name_datasets(part)
        return create_study(name=options["name"], created_by=None, **values)

    def _second_session(self, options: dict[str, Any]) -> Study:
        given = sorted(
            field for field in (*PROTOCOL_FIELDS, "protocol") if options.get(field) is not None
            and field not in ("name", "follows", "washout_days")
        )  # fmt: skip
        if given:
            raise CommandError(f"A second session has the protocol of the first: {', '.join(given)} cannot be given.")
        days = options["washout_days"]
        return follow_up_study(
            study=find_study(options["follows"]),
            by=None,
            name=options["name"],
            washout_days=28 if days is None else days,
        )


def _protocol(path: Path | None) -> dict[str, Any]:
    """Fields of a study, checked by name alone: what they hold is for `create_study` to judge."""
    if path is None:
        return {}
    values = _object(str(path), _read(path))
    known = set(PROTOCOL_FIELDS) - {"name", "follows", "washout_days"} | {"later_phases"}
    unknown = sorted(set(values) - known)
    if unknown:
        raise CommandError(f"{path}: {unknown[0]} cannot be set. Possible: {', '.join(sorted(known))}.")
    phases = values.get("later_phases", [])
    if not isinstance(phases, list) or not all(isinstance(phase, dict) for phase in phases):
        raise CommandError(f"{path}: later_phases must be a list of objects with {', '.join(PHASE_FIELDS)}.")
    return values


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error


def _name_datasets(values: dict[str, Any]) -> None:
    """Replaces the names of datasets by the datasets."""
    for field in ("real_dataset", "synthetic_dataset"):
        if field in values:
            values[field] = _dataset(values[field])


def _dataset(name: str) -> Dataset:
    dataset = Dataset.objects.filter(name=name).first()
    if dataset is None:
        raise CommandError(f"There is no dataset “{name}”.")
    return dataset


def _object(where: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise CommandError(f"{where} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise CommandError(f"{where} must be a JSON object such as {{}}, not {text}")
    return found
