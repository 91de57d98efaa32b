"""`manage.py analyse`: the statistics of a table of answers that was collected anywhere. Needs no database."""

import json
import math
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from turing.analysis import Analysis, AnalysisOptions, AnswersError, analyse, to_json
from turing.analysis.columns import NAMES, WORDS
from turing.management.reading_arguments import add_reading_arguments, read_answers, write_whole
from turing.stats.accuracy import Proportion

EXAMPLES = """
The file: one row per answer, with at least the columns reader, image, truth (real or synthetic) and answer (real or
synthetic); also experience (the group of the reader), seconds (reading time), rating (graded answer), position, repeat.
Separated by commas, semicolons or tabs, in UTF-8. Columns of other names are given with --column.

  python manage.py analyse answers.csv                            the main numbers, here
  python manage.py analyse answers.csv --json -                   all numbers as JSON, here (to a file: --json FILE)
  python manage.py analyse answers.csv --out report               the whole report: tables, figures, texts, in a folder
  python manage.py analyse answers.csv --column reader=Arzt --column truth=Quelle --label echt=real --label F=synthetic
  python manage.py analyse answers.csv --model "correct ~ experience * position"

Roles of columns:
""" + "\n".join(f"  {role:<13} {WORDS[role]}" for role in NAMES)  # fmt: skip


class Command(BaseCommand):
    help = (
        "Accuracy, agreement, mixed models, chance and equivalence from a CSV file of answers. Exit status 0: done; "
        "1: the file or an option is wrong, and nothing was written."
    )
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.csv", help="one row per answer")
        parser.add_argument("--json", metavar="FILE", help="write all numbers as JSON; - writes them here")
        parser.add_argument("--out", type=Path, metavar="DIR", help="write the whole report into this folder")
        parser.add_argument("--formats", metavar="LIST",
                            help="of the report: html, pdf, docx, latex, csv, json, figures, bundle, separated by "
                                 "commas (default: all)")  # fmt: skip
        parser.add_argument("--title", default="", help="of the report")
        add_reading_arguments(parser)
        plan = parser.add_argument_group("declared before the answers are seen")
        default = AnalysisOptions()
        plan.add_argument("--margin", type=float, default=default.margin,
                          help="of equivalence around 0.5 (default: %(default)s, that is 40 %% to 60 %%)")  # fmt: skip
        plan.add_argument("--confidence", type=float, default=default.confidence, help="default: %(default)s")
        plan.add_argument("--seed", type=int, default=default.seed, help="of the bootstrap (default: %(default)s)")
        plan.add_argument("--min-seconds", type=float, help="a shorter reading time is an outlier")
        plan.add_argument("--max-seconds", type=float, help="a longer one is")
        plan.add_argument("--mad-factor", type=float, metavar="X",
                          help="so is one further than X scaled MADs from that reader's median (3.5)")  # fmt: skip
        plan.add_argument("--model", action="append", default=[], metavar="FORMULA", help="a further mixed model")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            settings = AnalysisOptions(
                confidence=options["confidence"],
                margin=options["margin"],
                seed=options["seed"],
                min_seconds=options["min_seconds"],
                max_seconds=options["max_seconds"],
                mad_factor=options["mad_factor"],
                models=tuple(options["model"]),
            )
            answers = read_answers(options["file"], options)
            with _progress_bar() as say:
                analysis = analyse(answers, settings, progress=say)
        except AnswersError as error:
            hint = "Columns of other names: --column ROLE=COLUMN. Other words: --label WORD=MEANING. See --help."
            raise CommandError(f"{options['file']} cannot be analysed:\n{error}\n{hint}") from error
        except ValueError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self._write_json(analysis, options["json"])
        if options["out"] is not None:
            self._write_report(analysis, options)
        if not options["json"] and options["out"] is None:
            self._print_main_numbers(analysis)

    def _write_json(self, analysis: Analysis, target: str) -> None:
        text = json.dumps(to_json(analysis), indent=2, ensure_ascii=False, allow_nan=False)
        if target == "-":
            self.stdout.write(text)
            return
        write_whole(Path(target), text + "\n")
        self.stdout.write(f"Numbers written to {target}")

    def _write_report(self, analysis: Analysis, options: dict[str, Any]) -> None:
        from turing.report.facts import StudyFacts  # here, because drawing takes a second to load
        from turing.report.writing import FORMATS, write_report

        wanted = [name.strip() for name in options["formats"].split(",")] if options["formats"] else FORMATS
        facts = StudyFacts(title=options["title"], answers_sha256=sha256(options["file"].read_bytes()).hexdigest())
        try:
            with _progress_bar() as say:
                report = write_report(
                    analysis, options["out"], formats=wanted, facts=facts,
                    progress=lambda done, of, what: say(done / of, f"Writing {what}"),
                )  # fmt: skip
        except ValueError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            text = f"{options['out']} cannot be written to: {error.strerror or error}. Choose another folder."
            raise CommandError(text) from error
        if options["json"] != "-":
            names = [name for name in report.files if "/" not in name]
            more = ", ..." if len(names) < len(report.files) else ""
            self.stdout.write(f"{len(report.files)} files written to {report.folder}: {', '.join(names)}{more}")

    def _print_main_numbers(self, analysis: Analysis) -> None:
        console = Console(width=None if self.stdout.isatty() else 110)
        with console.capture() as captured:
            for text in main_numbers(analysis):
                console.print(text, highlight=False, markup=False)
        self.stdout.write(captured.get())


def main_numbers(analysis: Analysis) -> list[Table | str]:
    """What a terminal shows: accuracy per reader, agreement, odds ratio, and what to know about them."""
    size, level = analysis.size, f"{100 * analysis.options.confidence:g} %"
    kind = "pairs" if analysis.answers.is_pairs else f"images ({size.n_real} real, {size.n_synthetic} synthetic)"
    shown: list[Table | str] = [
        f"{analysis.answers.source}: {size.n_readers} readers, {size.n_images} {kind}, {size.n_answers} answers.",
        _accuracy_table(analysis, level),
    ]
    kappa = analysis.agreement.parts["all"].fleiss
    if kappa.is_defined:
        shown.append(f"Fleiss' kappa {kappa.kappa:.2f} ({kappa.low:.2f} to {kappa.high:.2f}, {level} interval).")
    every = analysis.agreement.parts["all"].gwet.kappa
    if kappa.n_used < kappa.n_images and every.is_defined:
        shown.append(
            f"That is of the {kappa.n_used} of {kappa.n_images} images that every reader answered; of all answers: "
            f"{every.estimate:.2f} ({every.low:.2f} to {every.high:.2f})."
        )
    part = analysis.logistic["all"]
    for effect in part.effects if part.estimable else ():
        text = f"Odds ratio {effect.name}: {effect.odds_ratio:.2f} ({effect.or_low:.2f} to {effect.or_high:.2f}, Wald"
        small = part.small.get(effect.name)
        if small is not None and not small.reason:
            text += f"; {small.or_low:.2f} to {small.or_high:.2f}, for few readers"
        shown.append(f"{text}), p = {effect.p:.3g}.")
    shown += [f"Not computed: {text}" for text in analysis.problems]
    shown += [f"Note: {text}" for text in analysis.notes]
    return shown


def _accuracy_table(analysis: Analysis, level: str) -> Table:
    table = Table(title=f"Accuracy with exact {level} intervals", title_justify="left")
    pairs = analysis.answers.is_pairs
    for column in ("", "Right", *(() if pairs else ("Real called real", "Synthetic called synthetic")), "At chance?"):
        table.add_column(column)
    judged = (*analysis.chance.readers, *analysis.chance.groups, analysis.chance.overall)
    counted = (*analysis.accuracy.readers, *analysis.accuracy.groups, analysis.accuracy.pooled)
    for row, chance in zip(counted, judged, strict=True):
        shares = [share for share in (row.accuracy, row.real, row.synthetic) if share is not None]
        name = {"group": f"Group {row.name}", "all": "All readers"}.get(row.kind, row.name)
        table.add_row(name, *(_percent(share) for share in shares), chance.verdict.partition(":")[0].rstrip("."))
    return table


def _percent(share: Proportion) -> str:
    if math.isnan(share.estimate):
        return "no answers"
    return f"{100 * share.estimate:.1f} % ({100 * share.low:.1f}-{100 * share.high:.1f})"


@contextmanager
def _progress_bar() -> Iterator[Callable[[float, str], None]]:
    """On the terminal only; what is written to the output stays free of it."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Reading", total=1.0)
        yield lambda done, what: bar.update(task, completed=done, description=what)
