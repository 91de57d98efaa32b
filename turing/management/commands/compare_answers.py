"""`manage.py compare_answers`: two tables of answers side by side. Needs no database."""

import json
import math
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from turing.analysis import AnalysisOptions, Answers, AnswersError
from turing.analysis.comparing import StudyComparison, compare_studies, shared_names
from turing.analysis.numbers import to_plain
from turing.management.reading_arguments import add_reading_arguments, read_answers, write_whole
from turing.stats.comparison import Difference

EXAMPLES = """
Both files are read like that of `analyse` (see there for the columns). Whether equal names in the two files are the
same readers, the same images, must be said where names are in both.

  python manage.py compare_answers first.csv second.csv --same-readers --other-images
  python manage.py compare_answers pggan.csv stylegan.csv --json -          all numbers as JSON, here
  python manage.py compare_answers pggan.csv stylegan.csv --out comparison  tables as HTML, PDF, Word, LaTeX, CSV
"""
WORDS = {"all": "All images", "real": "Real images", "synthetic": "Synthetic images"}


class Command(BaseCommand):
    help = (
        "Differences of accuracy, kappa and areas, odds ratio and McNemar's test between two CSV files of answers. "
        "Exit status 0: done; 1: a file or an option is wrong, and nothing was written."
    )
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("first", type=Path, metavar="FIRST.csv")
        parser.add_argument("second", type=Path, metavar="SECOND.csv", help="differences are second - first")
        parser.add_argument("--json", metavar="FILE", help="write all numbers as JSON; - writes them here")
        parser.add_argument("--out", type=Path, metavar="DIR", help="write tables and text as files into this folder")
        for what in ("readers", "images"):
            choice = parser.add_mutually_exclusive_group()
            choice.add_argument(f"--same-{what}", dest=f"same_{what}", action="store_true", default=None,
                                help=f"equal names of {what} are the same {what}")  # fmt: skip
            choice.add_argument(f"--other-{what}", dest=f"same_{what}", action="store_false",
                                help=f"equal names of {what} are a coincidence")  # fmt: skip
        parser.add_argument("--confidence", type=float, default=AnalysisOptions().confidence,
                            help="default: %(default)s")  # fmt: skip
        add_reading_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            settings = AnalysisOptions(confidence=options["confidence"])
            first, second = (_read(options[name], options) for name in ("first", "second"))
            same_readers, same_images = _which_are_the_same(first, second, options)
            comparison = compare_studies(
                first, second, same_readers=same_readers, same_images=same_images, options=settings
            )
        except AnswersError as error:
            raise CommandError(str(error)) from error
        except ValueError as error:
            raise CommandError(str(error)) from error
        if options["out"] is not None:
            self._write_report(comparison, options)
        if not options["json"]:
            self.stdout.write("\n".join(main_differences(comparison)))
            return
        text = json.dumps(to_plain(comparison), indent=2, ensure_ascii=False, allow_nan=False)
        if options["json"] == "-":
            self.stdout.write(text)
        else:
            write_whole(Path(options["json"]), text + "\n")
            self.stdout.write(f"Numbers written to {options['json']}")

    def _write_report(self, comparison: StudyComparison, options: dict[str, Any]) -> None:
        from turing.report.comparison import comparison_document  # here, because drawing takes a second to load
        from turing.report.writing import write_document

        try:
            files = write_document(comparison_document(comparison), options["out"])
        except OSError as error:
            text = f"{options['out']} cannot be written to: {error.strerror or error}. Choose another folder."
            raise CommandError(text) from error
        if options["json"] != "-":
            self.stdout.write(f"{len(files)} files written to {options['out']}: {', '.join(files)}")


def _read(path: Path, options: dict[str, Any]) -> Answers:
    try:
        return read_answers(path, options)
    except AnswersError as error:
        raise CommandError(f"{path} cannot be analysed:\n{error}") from error


def _which_are_the_same(first: Answers, second: Answers, options: dict[str, Any]) -> tuple[bool, bool]:
    found = []
    for what, names in zip(("readers", "images"), shared_names(first, second), strict=True):
        said = options[f"same_{what}"]
        if said is None and names:
            listed = ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
            raise ValueError(
                f"{len(names)} names of {what} are in both files ({listed}): say --same-{what} if they are the same "
                f"{what}, --other-{what} if not"
            )
        found.append(bool(said))
    return found[0], found[1]


def main_differences(comparison: StudyComparison) -> list[str]:
    """What a terminal shows."""
    lines = [f"{comparison.second} compared with {comparison.first} (second - first):", ""]
    for share in comparison.shares:
        k1, n1 = share.first
        k2, n2 = share.second
        lines.append(f"{WORDS[share.images]}: {k1} of {n1} right, then {k2} of {n2}")
        lines.append(f"  pooled answers        {_points(share.pooled)}")
        lines.append(f"  {share.readers.method:<21} {_points(share.readers)}")
        lines.append(f"  Fleiss' kappa         {_number(comparison.kappa[share.images])}")
        effect = comparison.odds[share.images].effect
        if effect is None:
            lines.append(f"  odds ratio            not estimable: {comparison.odds[share.images].reason}")
        else:
            interval = f"{effect.or_low:.2f} to {effect.or_high:.2f}"
            lines.append(f"  odds ratio            {effect.odds_ratio:.2f} ({interval}), p = {effect.p:.3g}")
        lines.append(f"  odds ratio, readers   {_ratio(share.readers_log_odds)}")
    if comparison.area is not None:
        lines.append(f"Mean area under the ROC curve: {_number(comparison.area)}")
    for reader in comparison.readers:
        test = "McNemar, mid-p" if reader.paired is not None else "Fisher"
        lines.append(f"{reader.reader}: {_points(reader.difference)} ({test}; corrected p = {reader.p_holm:.3g})")
    if comparison.same_readers:
        lines.append("")
        lines.append("Readers differ in how much they changed; where they do, trust what is said by t over readers.")
    notes = [*comparison.notes, *dict.fromkeys(note for part in comparison.odds.values() for note in part.notes)]
    return lines + [f"Note: {note}" for note in notes]


def _points(difference: Difference) -> str:
    if not difference.has_interval:
        return f"not computed: {difference.reason}"
    low, high = 100 * difference.low, 100 * difference.high
    return f"{100 * difference.difference:+.1f} points ({low:+.1f} to {high:+.1f}), p = {difference.p:.3g}"


def _ratio(difference: Difference) -> str:
    if not difference.has_interval:
        return f"not computed: {difference.reason}"
    ratio, low, high = (math.exp(value) for value in (difference.difference, difference.low, difference.high))
    return f"{ratio:.2f} ({low:.2f} to {high:.2f}), p = {difference.p:.3g}, by t over readers"


def _number(difference: Difference) -> str:
    if not difference.has_interval:
        return f"not computed: {difference.reason}"
    values = f"{difference.difference:+.3f} ({difference.low:+.3f} to {difference.high:+.3f})"
    return f"{values}, p = {difference.p:.3g}"
