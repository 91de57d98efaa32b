"""`manage.py create_study`: a draft, from datasets by name."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from imaging.models import Dataset
from turing.errors import StudyError
from turing.models import Origin
from turing.models.studies import DEFAULT_LEAK_LIMIT
from turing.services import create_study


class Command(BaseCommand):
    help = "Create the draft of a study. Prints its id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--real", required=True, metavar="DATASET", help="name of the real dataset")
        parser.add_argument("--synthetic", required=True, metavar="DATASET", help="name of the synthetic dataset")
        parser.add_argument("--n-real", type=int, required=True)
        parser.add_argument("--n-synthetic", type=int, required=True)
        parser.add_argument("--seed", type=int, help="default: one that nobody can foresee")
        parser.add_argument("--image-size", type=int, metavar="PX", help="default: smallest side among the images")
        parser.add_argument("--positive-class", choices=Origin.values, default=Origin.REAL)
        parser.add_argument(
            "--leak-limit", type=float, default=DEFAULT_LEAK_LIMIT, metavar="AUC", help="default: %(default)s"
        )
        parser.add_argument("--question")
        parser.add_argument("--instructions", type=Path, metavar="FILE", help="Markdown")
        parser.add_argument(
            "--real-filters", default="{}", metavar="JSON", help='such as {"splits": ["test"], "age_min": 19}'
        )
        parser.add_argument("--synthetic-filters", default="{}", metavar="JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        texts = {}
        if options["question"]:
            texts["question"] = options["question"]
        if options["instructions"]:
            texts["instructions"] = options["instructions"].read_text(encoding="utf-8")
        try:
            study = create_study(
                name=options["name"],
                real_dataset=_dataset(options["real"]),
                synthetic_dataset=_dataset(options["synthetic"]),
                n_real=options["n_real"],
                n_synthetic=options["n_synthetic"],
                created_by=None,
                positive_class=options["positive_class"],
                seed=options["seed"],
                image_size=options["image_size"],
                real_filters=_filters("--real-filters", options["real_filters"]),
                synthetic_filters=_filters("--synthetic-filters", options["synthetic_filters"]),
                leak_limit=options["leak_limit"],
                **texts,
            )
        except StudyError as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"Draft “{study}” with seed {study.seed} at {study.image_size} px. Open it with open_study.")
        self.stdout.write(str(study.pk))


def _dataset(name: str) -> Dataset:
    dataset = Dataset.objects.filter(name=name).first()
    if dataset is None:
        raise CommandError(f"There is no dataset “{name}”.")
    return dataset


def _filters(option: str, text: str) -> dict[str, Any]:
    try:
        filters = json.loads(text)
    except ValueError as error:
        raise CommandError(f"{option} is not JSON: {error}") from error
    if not isinstance(filters, dict):
        raise CommandError(f"{option} must be a JSON object such as {{}}, not {text}")
    return filters
