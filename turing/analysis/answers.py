"""The answers of one reader study as checked, read-only arrays: what every analysis starts from.

Not a reader of files (that is `reading`), and not the analysis of what is in it.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

REAL, SYNTHETIC = 0, 1  # codes of truth and answer; of pairs: LEFT, RIGHT
LEFT, RIGHT = 0, 1
MISSING = -1  # code of an answer that was not given in time
CLASSES = ("real", "synthetic")  # the name of code 0, of code 1
SIDES = ("left", "right")
MOST_PROBLEMS = 50


@dataclass(frozen=True)
class Problem:
    """What is wrong in one place of a table. Row 1 is the header, as a spreadsheet counts; None: the whole file."""

    row: int | None
    column: str | None
    text: str

    def __str__(self) -> str:
        where = [f"row {self.row}" if self.row is not None else "", f"column “{self.column}”" if self.column else ""]
        place = ", ".join(part for part in where if part)
        return f"{place[0].upper()}{place[1:]}: {self.text}" if place else self.text


class AnswersError(ValueError):
    """Answers that cannot be analysed. `problems` holds every problem found (at most 50), not only the first;
    `n_problems` counts them all."""

    def __init__(self, problems: Sequence[Problem], n_problems: int | None = None) -> None:
        self.problems = tuple(problems[:MOST_PROBLEMS])
        self.n_problems = max(len(problems), n_problems or 0)
        lines = [str(problem) for problem in self.problems]
        if self.n_problems > len(lines):
            lines.append(f"... and {self.n_problems - len(lines)} more problems like these")
        super().__init__("\n".join(lines))


@dataclass(frozen=True, eq=False)
class Answers:
    """One study's answers, one array entry per answer; arrays are read-only copies, checked when made.

    A selection (`select`) keeps `readers`, `images` and `groups`, so that codes mean the same in every part.

    Raises
    ------
    AnswersError : codes out of range, lengths that differ, an image with two truths, a time that is negative or
        infinite, a reader with two first answers to an image, labels that are empty or not unique.
    """

    reader: np.ndarray  # int codes into readers
    image: np.ndarray  # int codes into images
    truth: np.ndarray  # 0 real, 1 synthetic; of pairs: the side of the image asked for, 0 left, 1 right
    answer: np.ndarray  # the same codes; -1: not given in time
    seconds: np.ndarray  # reading time >= 0, NaN where not measured
    readers: tuple[str, ...]
    images: tuple[str, ...]
    rating: np.ndarray | None = None  # higher = more synthetic, NaN where none; None when answers are not graded
    position: np.ndarray | None = None  # 1-based place in that reader's order; None when not known
    is_repeat: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))  # the later answer of a reader to an image
    flagged: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))  # the measurement doubts its time
    reader_group: tuple[str, ...] = ()  # per reader; "" = none; left out: none has one
    groups: tuple[str, ...] = ()  # levels; the first is the reference level
    group_name: str = "experience"  # of the column; coefficients are named as in R: "experiencemore"
    covariates: Mapping[str, np.ndarray] = field(default_factory=dict)  # further columns, float or text, per answer
    positive_class: str = "real"  # "real" or "synthetic": whose share of right answers is the sensitivity
    is_pairs: bool = False  # two-alternative forced choice: truth and answer are sides
    source: str = ""  # file or study, as shown to people
    notes: tuple[str, ...] = ()  # what reading left out or changed, for the report

    def __post_init__(self) -> None:
        n = len(np.atleast_1d(self.reader))
        for name, kind in (("reader", np.int64), ("image", np.int64), ("truth", np.int8), ("answer", np.int8)):
            self._set(name, _codes(name, getattr(self, name), n).astype(kind))
        self._set("seconds", _floats("seconds", self.seconds, n))
        for name in ("rating", "position"):
            if getattr(self, name) is not None:
                self._set(name, _floats(name, getattr(self, name), n))
        for name in ("is_repeat", "flagged"):
            values = getattr(self, name)
            self._set(name, np.zeros(n, bool) if not len(values) else np.array(values, dtype=bool).reshape(-1))
        self._set_mapping({str(name): np.array(values) for name, values in self.covariates.items()})
        for name in ("readers", "images", "groups", "notes"):
            object.__setattr__(self, name, tuple(str(value) for value in getattr(self, name)))
        object.__setattr__(self, "reader_group", tuple(self.reader_group) or ("",) * len(self.readers))
        problems = list(_problems(self, n))
        if problems:
            raise AnswersError(problems)

    def _set(self, name: str, values: np.ndarray) -> None:
        values.setflags(write=False)
        object.__setattr__(self, name, values)

    def _set_mapping(self, columns: dict[str, np.ndarray]) -> None:
        for values in columns.values():
            values.setflags(write=False)
        object.__setattr__(self, "covariates", MappingProxyType(columns))

    def __len__(self) -> int:
        return len(self.reader)

    def __reduce__(self) -> tuple[object, ...]:
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return _remake, (values | {"covariates": dict(self.covariates)},)

    @property
    def given(self) -> np.ndarray:
        """Bool per answer: given in time."""
        return self.answer != MISSING

    @property
    def correct(self) -> np.ndarray:
        """1.0 right, 0.0 wrong, NaN not given."""
        return np.where(self.given, (self.answer == self.truth).astype(float), math.nan)

    @property
    def group(self) -> np.ndarray:
        """Int code into `groups` per answer, -1 for a reader without a group."""
        codes = {name: code for code, name in enumerate(self.groups)}
        return np.array([codes.get(name, -1) for name in self.reader_group], dtype=int)[self.reader]

    @property
    def first(self) -> "Answers":
        """Without the later answers about images that a reader had answered before."""
        return self.rows(~self.is_repeat) if self.is_repeat.any() else self

    @property
    def class_names(self) -> tuple[str, str]:
        """Names of code 0 and code 1."""
        return SIDES if self.is_pairs else CLASSES

    def readers_of(self, group: str) -> tuple[int, ...]:
        """Codes of the readers of a group."""
        return tuple(code for code, name in enumerate(self.reader_group) if name == group)

    def rows(self, chosen: np.ndarray) -> "Answers":
        """The answers where `chosen` (bool, or positions) says so."""
        names = ("reader", "image", "truth", "answer", "seconds", "rating", "position", "is_repeat", "flagged")
        values = {name: None if getattr(self, name) is None else getattr(self, name)[chosen] for name in names}
        return replace(self, **values, covariates={name: column[chosen] for name, column in self.covariates.items()})  # type: ignore[arg-type]  # a dict of arrays

    def select(
        self,
        *,
        truth: str | None = None,
        readers: Sequence[int] | None = None,
        group: str | None = None,
        given: bool | None = None,
        timed: bool | None = None,
    ) -> "Answers":
        """The answers of which all that is said holds.

        Parameters
        ----------
        truth : "real" or "synthetic" ("left" or "right" for pairs).
        readers : codes.
        group : name of one of `groups`.
        given : answered in time, or not.
        timed : with a reading time, or without.

        Raises
        ------
        ValueError : a truth or a group that these answers do not know.
        """
        chosen = np.ones(len(self), bool)
        if truth is not None:
            if truth not in self.class_names:
                raise ValueError(f"truth = '{truth}': it must be {' or '.join(self.class_names)}")
            chosen &= self.truth == self.class_names.index(truth)
        if readers is not None:
            chosen &= np.isin(self.reader, list(readers))
        if group is not None:
            if group not in self.groups:
                raise ValueError(f"group = '{group}': it must be one of {', '.join(self.groups) or 'none'}")
            chosen &= self.group == self.groups.index(group)
        if given is not None:
            chosen &= self.given == given
        if timed is not None:
            chosen &= np.isfinite(self.seconds) == timed
        return self.rows(chosen)

    def table(self, readers: Sequence[int] | None = None) -> np.ndarray:
        """Answer codes (n_images, n_readers) of the first answers; -1 where there is none.

        Images are those with at least one row here, by their code; readers are all, or those given, in that order.
        """
        columns = range(len(self.readers)) if readers is None else readers
        seen = np.unique(self.image)
        codes = np.full((len(self.images), len(self.readers)), MISSING)
        early = ~self.is_repeat
        codes[self.image[early], self.reader[early]] = self.answer[early]
        return codes[np.ix_(seen, np.array(list(columns), dtype=int))]


def make_answers(
    *,
    reader: Sequence[str],
    image: Sequence[str],
    truth: ArrayLike,
    answer: ArrayLike,
    seconds: ArrayLike | None = None,
    group: Sequence[str] | None = None,
    reference_group: str | None = None,
    **others: object,
) -> Answers:
    """`Answers` from labels: codes are given in natural order of the names ("R2" before "R10").

    Parameters
    ----------
    reader, image : names, one per answer.
    truth, answer : codes, as in `Answers`.
    seconds : NaN where not measured; left out: no times.
    group : of the reader, repeated per answer; "" for none.
    reference_group : becomes the first level; left out: the first in natural order.
    others : further fields of `Answers`.

    Raises
    ------
    AnswersError : as `Answers`; also a reader in two groups, or a reference group that nobody is in.
    """
    readers, reader_codes = code_labels(reader)
    images, image_codes = code_labels(image)
    reader_group, groups = _groups_of(readers, reader, group, reference_group)
    return Answers(
        reader=reader_codes,
        image=image_codes,
        truth=np.asarray(truth),
        answer=np.asarray(answer),
        seconds=np.full(len(reader), math.nan) if seconds is None else np.asarray(seconds, dtype=float),
        readers=readers,
        images=images,
        reader_group=reader_group,
        groups=groups,
        **others,  # type: ignore[arg-type]  # named fields of Answers, which checks them
    )


def code_labels(labels: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """The different labels in natural order, and the position of each row's label among them."""
    levels = tuple(sorted(dict.fromkeys(labels), key=natural_key))
    place = {label: code for code, label in enumerate(levels)}
    return levels, np.array([place[label] for label in labels], dtype=int)


def natural_key(label: str) -> tuple[object, ...]:
    """Sorts numbers in a label by their value: "R2" before "R10"."""
    parts = re.split(r"([0-9]+)", str(label))  # every second part is a number
    key = [(0, int(part), "") if place % 2 else (1, 0, part) for place, part in enumerate(parts) if part]
    return (tuple(key), str(label))


def _groups_of(
    readers: tuple[str, ...], reader: Sequence[str], group: Sequence[str] | None, reference: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if group is None:
        return ("",) * len(readers), ()
    of_reader: dict[str, str] = {}
    problems = []
    for row, (name, its_group) in enumerate(zip(reader, group, strict=True)):
        if of_reader.setdefault(name, its_group) != its_group:
            text = f"reader “{name}” is in group “{of_reader[name]}” and in group “{its_group}”: give one"
            problems.append(Problem(row + 2, None, text))
    levels = sorted({name for name in of_reader.values() if name}, key=natural_key)
    if reference is not None:
        if reference not in levels:
            text = f"no reader is in the reference group “{reference}”; the groups are: {', '.join(levels) or 'none'}"
            problems.append(Problem(None, None, text))
        levels = [reference, *(name for name in levels if name != reference)]
    if problems:
        raise AnswersError(problems)
    return tuple(of_reader[name] for name in readers), tuple(levels)


def _remake(values: dict[str, object]) -> Answers:
    return Answers(**values)  # type: ignore[arg-type]  # the fields of another Answers


def _codes(name: str, values: ArrayLike, n: int) -> np.ndarray:
    array = _floats(name, values, n)
    if not np.array_equal(array, np.floor(array)):  # NaN too
        raise AnswersError([Problem(None, name, "codes must be whole numbers")])
    return array


def _floats(name: str, values: ArrayLike, n: int) -> np.ndarray:
    try:
        array = np.array(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise AnswersError([Problem(None, name, f"numbers are needed: {error}")]) from error
    if array.shape != (n,):
        text = f"has shape {array.shape}; one value for each of the {n} answers is needed"
        raise AnswersError([Problem(None, name, text)])
    return array


def _problems(answers: Answers, n: int) -> Iterator[Problem]:
    for name, codes, least, most in (
        ("reader", answers.reader, 0, len(answers.readers) - 1),
        ("image", answers.image, 0, len(answers.images) - 1),
        ("truth", answers.truth, 0, 1),
        ("answer", answers.answer, MISSING, 1),
    ):
        if n and (codes.min() < least or codes.max() > most):
            yield Problem(None, name, f"codes from {codes.min()} to {codes.max()}; {least} to {most} are possible")
            return
    for name in ("is_repeat", "flagged", *answers.covariates):
        column = answers.covariates[name] if name in answers.covariates else getattr(answers, name)
        if column.shape != (n,):
            yield Problem(None, name, f"has shape {column.shape}; one value for each of the {n} answers is needed")
            return
    for name in ("readers", "images", "groups"):
        labels = getattr(answers, name)
        if len(set(labels)) != len(labels) or "" in labels:
            yield Problem(None, name, "labels must be different from each other, and none may be empty")
    if len(answers.reader_group) != len(answers.readers):
        yield Problem(None, "reader_group", f"{len(answers.reader_group)} groups for {len(answers.readers)} readers")
    elif unknown := sorted({name for name in answers.reader_group if name} - set(answers.groups)):
        yield Problem(None, "reader_group", f"not among the groups: {', '.join(unknown)}")
    if answers.positive_class not in CLASSES:
        yield Problem(None, "positive_class", f"“{answers.positive_class}” must be real or synthetic")
    yield from _problems_of_rows(answers, n)


def _problems_of_rows(answers: Answers, n: int) -> Iterator[Problem]:
    with np.errstate(invalid="ignore"):
        bad = (answers.seconds < 0) | np.isinf(answers.seconds)
    for row in np.flatnonzero(bad):
        yield Problem(
            int(row) + 2, "seconds", f"{answers.seconds[row]:g} is no reading time: a number from 0 is needed"
        )
    first_truth = np.full(len(answers.images), -1)
    first_truth[answers.image[::-1]] = answers.truth[::-1]
    for row in np.flatnonzero(answers.truth != first_truth[answers.image]):
        name = answers.images[answers.image[row]]
        yield Problem(int(row) + 2, "truth", f"image “{name}” has another truth here than in an earlier row")
    early = np.flatnonzero(~answers.is_repeat)
    cell = answers.reader[early] * max(len(answers.images), 1) + answers.image[early]
    _, where = np.unique(cell, return_index=True)
    for row in np.setdiff1d(early, early[where]):
        reader, image = answers.readers[answers.reader[row]], answers.images[answers.image[row]]
        text = f"reader “{reader}” has a second answer to image “{image}” that is not marked as a repeat"
        yield Problem(int(row) + 2, None, text)
