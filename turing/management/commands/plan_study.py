"""`manage.py plan_study`: what will a study of so many readers and images be able to show? Needs no database."""

import json
from argparse import ArgumentParser
from dataclasses import fields
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from turing.planning_figure import draw_plan
from turing.planning_output import measures_of, remarks_of, table_of, to_csv, to_json
from turing.stats.planning import Assumptions, Plan, plan_study

HELP = {
    "accuracy": "share of right answers that is expected, all readers together",
    "odds_ratio": "of a right answer, second group of readers against the first",
    "share_second_group": "share of the readers who are in the second group",
    "sd_reader": "standard deviation between readers of a group, on the logit scale",
    "sd_image": "standard deviation between images, on the logit scale",
    "share_synthetic": "share of the images that is synthetic",
    "accuracy_if_equivalent": "accuracy at which the power of the equivalence test is asked",
    "margin": "of the equivalence test: 0.1 takes 40 to 60 %% for chance",
    "confidence": "of the intervals",
}


class Command(BaseCommand):
    help = "Power and precision of reader studies, by simulating and analysing them. Needs no database."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--readers", type=int, nargs="+", default=[4, 6, 8, 12], help="default: 4 6 8 12")
        parser.add_argument("--images", type=int, nargs="+", default=[100, 200, 400], help="default: 100 200 400")
        parser.add_argument("--studies", type=int, default=500, help="simulated per size (default 500)")
        parser.add_argument("--seed", type=int, default=1, help="default 1")
        for field in fields(Assumptions):
            option = f"--{field.name.replace('_', '-')}"
            parser.add_argument(
                option, type=float, default=field.default, help=f"{HELP[field.name]} (default {field.default:g})"
            )
        parser.add_argument("--one-group", action="store_true", help="readers are not divided into two groups")
        parser.add_argument("--out", type=Path, help="folder for plan.json, plan.csv and plan.svg")

    def handle(self, *args: Any, **options: Any) -> None:
        values = {field.name: options[field.name] for field in fields(Assumptions)}
        if options["one_group"]:
            values["odds_ratio"] = None
        console = Console(file=self.stderr)  # type: ignore[arg-type]
        bar = Progress(
            TextColumn("Simulating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
        )
        try:
            with bar:
                task = bar.add_task("", total=None)
                plan = plan_study(
                    Assumptions(**values),
                    readers=options["readers"],
                    images=options["images"],
                    n_studies=options["studies"],
                    seed=options["seed"],
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                )
        except ValueError as error:
            raise CommandError(f"{error}.") from error
        self._print(plan)
        if options["out"]:
            self._write(plan, options["out"])

    def _print(self, plan: Plan) -> None:
        headings, rows = table_of(plan)
        widths = [max(len(row[column]) for row in [headings, *rows]) for column in range(len(headings))]
        for row in [headings, ["-" * width for width in widths], *rows]:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        self.stdout.write("")
        for measure in measures_of(plan.assumptions):
            self.stdout.write(f"{measure.title}. {measure.explanation}")
        for remark in remarks_of(plan):
            self.stdout.write(remark)

    def _write(self, plan: Plan, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "plan.json").write_text(json.dumps(to_json(plan), indent=2), encoding="utf-8")
            (folder / "plan.csv").write_text(to_csv(plan), encoding="utf-8")
            (folder / "plan.svg").write_bytes(draw_plan(plan))
        except OSError as error:
            raise CommandError(f"{folder} cannot be written to: {error.strerror}.") from error
        self.stdout.write(f"plan.json, plan.csv and plan.svg written to {folder}")
