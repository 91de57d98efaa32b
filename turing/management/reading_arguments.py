"""What commands share that read a table of answers: the arguments, reading it, and writing files whole."""

import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from turing.analysis import Answers, read_csv


def add_reading_arguments(parser: ArgumentParser) -> None:
    reading = parser.add_argument_group("reading the file")
    reading.add_argument("--column", action="append", default=[], metavar="ROLE=COLUMN",
                         help="the column of a role, if its name does not say so; ROLE= leaves it out")  # fmt: skip
    reading.add_argument("--label", action="append", default=[], metavar="WORD=MEANING",
                         help="a word in the file that means real, synthetic, left, right or missing")  # fmt: skip
    reading.add_argument("--covariate", action="append", metavar="COLUMN", help="a further column to keep")
    reading.add_argument("--reference-group", metavar="GROUP", help="the others are compared with it")
    reading.add_argument("--positive-class", choices=["real", "synthetic"],
                         help="whose share of right answers is called sensitivity (default: real)")  # fmt: skip
    reading.add_argument("--repeats", action="store_true",
                         help="a second row of a reader about an image is a repeat, not a mistake")  # fmt: skip
    reading.add_argument("--rating-cut", type=float, metavar="X", help="no answers: a rating above X says synthetic")
    reading.add_argument("--rating-high", choices=["real", "synthetic"], default="synthetic",
                         help="what a high rating means (default: synthetic)")  # fmt: skip


def read_answers(path: Path, options: dict[str, Any]) -> Answers:
    """Raises AnswersError with every problem, or ValueError for an option that cannot be read."""
    return read_csv(
        path,
        columns=parse_pairs("--column", options["column"]),
        labels=parse_pairs("--label", options["label"]),
        positive_class=options["positive_class"],
        reference_group=options["reference_group"],
        covariates=options["covariate"],
        rating_cut=options["rating_cut"],
        rating_high=options["rating_high"],
        repeats=options["repeats"],
    )


def parse_pairs(option: str, texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise ValueError(f"{option} {text}: it is written as {option} NAME=VALUE")
        pairs[name.strip()] = value.strip()
    return pairs


def write_whole(path: Path, text: str) -> None:
    """All or nothing."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CommandError(f"{path} cannot be written: {error.strerror}. Choose another place.") from error
