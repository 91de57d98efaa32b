"""The answers as one tidy table, and the codebook that explains its columns."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from turing.analysis.answers import Answers
from turing.report.document import Data, Value, data_of


@dataclass(frozen=True)
class Column:
    """One column of answers.csv. `value` gives the entry of a row; None: empty."""

    name: str
    meaning: str
    values: str
    value: Callable[[int], Value]


def tidy_columns(answers: Answers) -> tuple[Column, ...]:
    """In the order of the file."""
    names = answers.class_names
    truth = "side of the image that was asked for" if answers.is_pairs else "what the image is"
    groups = (
        f"levels in this order: {', '.join(answers.groups)}; empty: no group" if answers.groups else "empty: no groups"
    )
    columns = [
        Column("reader", "name of the reader", "text", lambda row: answers.readers[answers.reader[row]]),
        Column("image", "name of the image", "text", lambda row: answers.images[answers.image[row]]),
        Column("truth", truth, " or ".join(names), lambda row: names[answers.truth[row]]),
        Column(
            "answer",
            "what the reader said",
            f"{' or '.join(names)}; empty: not given in time",
            lambda row: names[answers.answer[row]] if answers.answer[row] >= 0 else None,
        ),
        Column(
            "correct",
            "whether answer and truth are the same",
            "1 yes, 0 no; empty: not given in time",
            lambda row: int(answers.answer[row] == answers.truth[row]) if answers.answer[row] >= 0 else None,
        ),
        Column(
            "group",
            f"group of the reader ({answers.group_name})",
            groups,
            lambda row: answers.reader_group[answers.reader[row]] or None,
        ),
        Column(
            "seconds",
            "reading time in seconds",
            "number from 0; empty: not measured",
            lambda row: _or_none(answers.seconds[row]),
        ),
    ]
    if answers.rating is not None:
        rating = answers.rating
        columns.append(
            Column(
                "rating",
                "graded answer",
                "number, higher: more synthetic; empty: none",
                lambda row: _or_none(rating[row]),
            )
        )
    if answers.position is not None:
        position = answers.position
        columns.append(
            Column(
                "position",
                "place in the order of this reader",
                "whole number from 1; empty: not known",
                lambda row: _or_none(position[row]),
            )
        )
    columns += [
        Column(
            "repeated",
            "whether the reader had answered this image before",
            "1 yes (no part of the main analysis), 0 no",
            lambda row: int(answers.is_repeat[row]),
        ),
        Column(
            "flagged",
            "whether the measurement doubts the time",
            "1 yes (kept all the same), 0 no",
            lambda row: int(answers.flagged[row]),
        ),
    ]
    taken = {column.name for column in columns}
    columns += [_covariate(name, values) for name, values in answers.covariates.items() if name not in taken]
    return tuple(columns)


def _covariate(name: str, values: np.ndarray) -> Column:
    if values.dtype.kind in "fiub":
        return Column(name, "further column of the data", "number; empty: none", lambda row: _or_none(values[row]))
    return Column(name, "further column of the data", "text", lambda row: str(values[row]) or None)


def _or_none(value: float) -> Value:
    if math.isnan(value):
        return None
    return int(value) if float(value).is_integer() else float(value)


def tidy_data(answers: Answers) -> Data:
    """One row per answer, sorted by reader and image (repeats after the first), whatever the order of the source."""
    columns = tidy_columns(answers)
    order = np.lexsort((np.arange(len(answers)), answers.is_repeat, answers.image, answers.reader))
    return data_of(
        [column.name for column in columns], [[column.value(int(row)) for column in columns] for row in order]
    )


def codebook(answers: Answers) -> Data:
    """One row per column of answers.csv."""
    rows = [(column.name, column.meaning, column.values) for column in tidy_columns(answers)]
    return data_of(("column", "meaning", "values"), rows)
