"""`manage.py report_study`: the report of a closed study in a folder, as the site makes it."""

import json
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from config.projects.commands import ProjectCommand
from turing.analysis import AnalysisOptions, analyse
from turing.audit.services import record_event
from turing.errors import StudyError
from turing.models import Study
from turing.report.writing import WrittenReport, write_report
from turing.reports.declared import declared_plan, with_origin
from turing.reports.facts import study_facts
from turing.reports.settings import ReportSettings
from turing.reports.study_answers import study_answers
from turing.selectors import find_study

ANALYSED = 0.6  # of the whole
OF_THE_PROTOCOL = {
    "margin": (float, "of equivalence, around 0.5; another than declared is printed as chosen afterwards"),
    "confidence": (float, "of intervals"),
    "min_seconds": (float, "a shorter reading time is an outlier"),
    "max_seconds": (float, "a longer one is"),
    "mad_factor": (float, "so is one this many scaled MADs from the reader's own median"),
}


class Command(ProjectCommand):
    help = (
        "Write the report of a closed study into a folder: HTML, PDF, Word, LaTeX, CSV, JSON, figures and a "
        "replication bundle. Exit status 1: nothing was written, and why."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        default = AnalysisOptions()
        parser.add_argument("study", help="id or name")
        parser.add_argument("--out", type=Path, required=True, metavar="DIR")
        parser.add_argument("--json", action="store_true", help="name the folder and its files as JSON")
        for name, (kind, words) in OF_THE_PROTOCOL.items():
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(option, type=kind, help=f"{words} (default: what the protocol declares)")
        parser.add_argument("--seed", type=int, default=default.seed, help="default: %(default)s")
        parser.add_argument("--phase", type=int, default=0, help="one phase only (default: all together)")
        parser.add_argument("--simulated", action="store_true", help="with simulated readers; always so in examples")

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path = options["out"]
        try:
            study = find_study(options["study"])
            given = {name: options[name] for name in OF_THE_PROTOCOL if options[name] is not None}
            settings = ReportSettings(
                analysis=replace(declared_plan(study).options, seed=options["seed"], **given),
                include_simulated=options["simulated"] or study.is_example,
                phase=options["phase"],
            )
            settings = with_origin(settings, study)
            written = _with_progress(study, settings, out)
        except (StudyError, ValueError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{out} cannot be written to: {error.strerror}. Choose another folder.") from error
        with transaction.atomic():
            record_event(action="report.exported", about=study, by=None, details={"settings": settings.to_dict()})
        if options["json"]:
            self.stdout.write(json.dumps({"folder": str(out), "files": list(written.files)}))
        else:
            self.stdout.write(f"{len(written.files)} files written to {out}. Begin with {out / 'report.html'}.")


def _with_progress(study: Study, settings: ReportSettings, out: Path) -> WrittenReport:
    """On the terminal only; what is written to the output stays free of it."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    answers = study_answers(study, include_simulated=settings.include_simulated, phase=settings.phase)
    facts = study_facts(study, settings)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Analysing", total=1.0)

        def analysed(done: float, what: str) -> None:
            bar.update(task, completed=ANALYSED * done, description=what)

        def wrote(done: int, total: int, what: str) -> None:
            share = ANALYSED + (1 - ANALYSED) * done / total
            bar.update(task, completed=share, description=f"Writing: {what}" if what else "Done")

        analysis = analyse(answers, settings.analysis, progress=analysed)
        return write_report(analysis, out, facts=facts, progress=wrote)
