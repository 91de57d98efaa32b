"""A CSV file of answers, collected here or elsewhere, to checked `Answers`. Every problem is found and named, with its
row and column, before anything is computed."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from turing.analysis.answers import CLASSES, MISSING, Answers, AnswersError, Problem, make_answers, natural_key
from turing.analysis.checking import (
    counted,
    find_two_groups,
    find_two_truths,
    mark_repeats,
    note_spellings,
    unknown_words,
)
from turing.analysis.columns import COVARIATES, choose_columns
from turing.analysis.labels import SIDES, is_not_given, meanings_of, number, plain, yes_or_no
from turing.analysis.tables import Table, read_table

LONGEST_SECONDS = 24 * 60 * 60.0  # per image; longer is no reading time
LONG_MEDIAN = 20 * 60.0  # of all times: the unit must be wrong


def read_csv(
    source: str | Path | bytes | IO[bytes] | IO[str],
    *,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    positive_class: str | None = None,
    reference_group: str | None = None,
    covariates: Sequence[str] | None = None,
    rating_cut: float | None = None,
    rating_high: str = "synthetic",
    repeats: bool = False,
    name: str = "",
) -> Answers:
    """Reads and checks a table of answers, one row per answer.

    Parameters
    ----------
    source : path, content, or open file; see `tables.read_table` for encodings and separators.
    columns : role -> column name, where it cannot be guessed; roles are those of `columns.NAMES`. "" leaves a role out.
    labels : word in the file -> "real", "synthetic", "left", "right" or "missing", for words that are not understood.
    positive_class : whose share of right answers is the sensitivity; left out: what a column `positive_class` says, as
        our own export has one, else real.
    reference_group : the first level of the group column; left out: the first in natural order.
    covariates : further columns to keep; left out: those of `columns.COVARIATES` that are there and vary.
    rating_cut : where there is a rating and no answer: a rating above it says synthetic.
    rating_high : what a high rating means.
    repeats : a second row of a reader about an image is a repeat (else, without a repeat column, it is an error).
    name : of the study or file, for reports and messages.

    Raises
    ------
    AnswersError : everything that is wrong with the file, with row and column.
    ValueError : a parameter out of range.
    """
    for value, what in ((positive_class, "positive_class"), (rating_high, "rating_high")):
        if value is not None and value not in CLASSES:
            raise ValueError(f"{what} = {value}: it must be real or synthetic")
    table = read_table(source, name=name)
    reading = _Reading(table, choose_columns(table.header, columns), labels, repeats=repeats)
    positive_class = positive_class or reading.positive_class()
    return reading.answers(positive_class, reference_group, covariates, rating_cut, rating_high)


class _Reading:
    """One table on its way to `Answers`: problems and notes are collected as columns are read."""

    def __init__(
        self, table: Table, roles: Mapping[str, str], labels: Mapping[str, str] | None, *, repeats: bool
    ) -> None:
        self.roles, self.labels, self.repeats = roles, labels, repeats
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.table = self._without_practice(table)

    def answers(
        self,
        positive_class: str,
        reference_group: str | None,
        covariates: Sequence[str] | None,
        rating_cut: float | None,
        rating_high: str,
    ) -> Answers:
        reader, image = self._names("reader"), self._images()
        truth = self._classes("truth")
        rating = self._rating(rating_high)
        answer = self._answer(truth, rating, rating_cut, rating_high)
        is_pairs = self._check_kinds(truth, answer)
        position = self._position()
        group, numeric_group = self._group()
        seconds, flagged = self._seconds(), self._flagged()
        columns = self._covariates(covariates, numeric_group)
        self._check_rating(rating, answer)
        is_repeat = self._repeats(reader, image, position)
        self.problems += find_two_truths(self.table, self.roles["truth"], image, truth)
        if group is not None:
            self.problems += find_two_groups(self.table, self.roles["group"], reader, group)
        self.notes += note_spellings(reader)
        self._note_simulated(reader)
        if self.problems:
            raise AnswersError(sorted(self.problems, key=lambda problem: problem.row or 0))
        return make_answers(
            reader=reader,
            image=image,
            truth=np.array(truth),
            answer=np.array(answer),
            seconds=seconds,
            rating=None if is_pairs else rating,
            position=position,
            flagged=flagged,
            covariates=columns,
            group=group,
            reference_group=reference_group,
            is_repeat=is_repeat,
            is_pairs=is_pairs,
            group_name=self.roles.get("group", "group"),
            positive_class=positive_class,
            source=self.table.source,
            notes=tuple(self.notes),
        )

    def positive_class(self) -> str:
        if "positive_class" not in self.table.header:
            return "real"
        said = sorted(set(self.table.column("positive_class")))
        if len(said) != 1 or said[0] not in CLASSES:
            self._problem(None, "positive_class", f"must be real or synthetic throughout, and holds {', '.join(said)}")
            return "real"
        return said[0]

    def _without_practice(self, table: Table) -> Table:
        if "practice" not in self.roles:
            return table
        column = self.roles["practice"]
        kept = []
        for place, cell in enumerate(table.column(column)):
            said = False if not cell else yes_or_no(cell)
            if said is None:
                self._problem(table.numbers[place], column, f"“{cell}” is neither 1 nor 0")
            elif not said:
                kept.append(place)
        if not kept:
            raise AnswersError(self.problems or [Problem(None, column, "every row is a practice answer")])
        if len(kept) < len(table.rows):
            left_out = counted(len(table.rows) - len(kept), "practice answer was", "practice answers were")
            self.notes.append(f"{left_out} left out.")
        rows, numbers = tuple(table.rows[place] for place in kept), tuple(table.numbers[place] for place in kept)
        return Table(table.header, rows, numbers, table.separator, table.source)

    def _problem(self, row: int | None, column: str | None, text: str) -> None:
        self.problems.append(Problem(row, column, text))

    def _cells(self, role: str) -> tuple[str, list[tuple[int, str]]]:
        column = self.roles[role]
        return column, list(zip(self.table.numbers, self.table.column(column), strict=True))

    def _names(self, role: str) -> list[str]:
        column, cells = self._cells(role)
        for row, cell in cells:
            if not cell:
                self._problem(row, column, f"is empty: every answer needs its {role}")
        return [cell for _, cell in cells]

    def _images(self) -> list[str]:
        names = self._names("image")
        if "right_image" not in self.roles:
            return names
        others = [cell for _, cell in self._cells("right_image")[1]]
        return [f"{name} | {other}" if other else name for name, other in zip(names, others, strict=True)]

    def _classes(self, role: str) -> list[int]:
        """Codes of a column of classes; all words that are not understood are named in one problem."""
        column, cells = self._cells(role)
        known = meanings_of(column, self.labels) | SIDES
        codes: list[int] = []
        unknown: dict[str, int] = {}
        for row, cell in cells:
            code = known.get(plain(cell))
            if code is None:
                unknown.setdefault(cell, row)
            elif code == MISSING and role == "truth":
                self._problem(row, column, "is empty: what the image is must be known for every answer")
            codes.append(MISSING if code is None else code)
        if unknown:
            self.problems.append(unknown_words(column, unknown, [cell for _, cell in cells]))
        return codes

    def _answer(self, truth: list[int], rating: np.ndarray | None, cut: float | None, high: str) -> list[int]:
        right = self._correct()
        if "answer" in self.roles:
            codes = self._classes("answer")
            self._check_correct(truth, codes, right)
            return codes
        if right is not None:
            self.notes.append("There was no column of answers: they were taken from truth and whether it was right.")
            return [MISSING if ok is None else code if ok else 1 - code for code, ok in zip(truth, right, strict=True)]
        if cut is None or rating is None:
            text = "there are ratings and no answers: say above which rating an answer means synthetic (rating_cut)"
            self._problem(1, self.roles["rating"], text)
            return [MISSING] * len(truth)
        self.notes.append(f"Answers were taken from the ratings: {high} above {cut:g}.")
        sign = 1 if high == "synthetic" else -1
        return [
            MISSING if math.isnan(value) else int((sign * value > cut) == (high == "synthetic")) for value in rating
        ]

    def _correct(self) -> list[bool | None] | None:
        if "correct" not in self.roles:
            return None
        column, cells = self._cells("correct")
        said = []
        for row, cell in cells:
            value = None if is_not_given(cell) else yes_or_no(cell)
            if value is None and not is_not_given(cell):
                self._problem(row, column, f"“{cell}” is neither 1 (right) nor 0 (wrong)")
            said.append(value)
        return said

    def _check_correct(self, truth: list[int], answer: list[int], right: list[bool | None] | None) -> None:
        for place, ok in enumerate(right or ()):
            if ok is None or MISSING in (answer[place], truth[place]) or ok == (answer[place] == truth[place]):
                continue
            text = f"says {'right' if ok else 'wrong'}, but answer and truth are {'different' if ok else 'the same'}"
            self._problem(self.table.numbers[place], self.roles["correct"], text)

    def _check_kinds(self, truth: list[int], answer: list[int]) -> bool:
        """Whether these are pairs: truth and answer are sides. Classes and sides in one column are an error."""
        kinds = set()
        for role in ("truth", "answer"):
            if role in self.roles:
                words = {plain(cell) for _, cell in self._cells(role)[1]}
                sides, others = words & SIDES.keys(), {word for word in words - SIDES.keys() if not is_not_given(word)}
                kinds |= {"sides"} if sides else set()
                kinds |= {"classes"} if others else set()
        if len(kinds) > 1:
            text = "left and right (pairs) stand beside real and synthetic (single images): one kind per file"
            self._problem(None, self.roles["truth"], text)
        return kinds == {"sides"}

    def _numbers(self, role: str, *, least: float, most: float, whole: bool = False, unit: str = "") -> np.ndarray:
        """NaN where nothing stands; every cell that is no number, or out of range, is a problem."""
        column, cells = self._cells(role)
        values = np.full(len(cells), math.nan)
        for place, (row, cell) in enumerate(cells):
            try:
                value = number(cell)
            except ValueError as error:
                self._problem(row, column, f"{error}: a number{unit} is needed, or nothing")
                continue
            if not math.isnan(value) and not (least <= value <= most and (not whole or value == int(value))):
                kind = "a whole number" if whole else "a number"
                upper = f" to {most:g}" if math.isfinite(most) else ""
                self._problem(row, column, f"{cell} is not possible: {kind}{unit} from {least:g}{upper} is needed")
                continue
            values[place] = value
        if any("," in cell for _, cell in cells):
            self.notes.append(f"In column “{column}” the comma was read as a decimal comma.")
        return values

    def _seconds(self) -> np.ndarray | None:
        role = next((role for role in ("seconds", "milliseconds") if role in self.roles), None)
        if role is None:
            self.notes.append("There was no column of reading times.")
            return None
        unit = 1.0 if role == "seconds" else 1000.0
        seconds = self._numbers(role, least=0, most=LONGEST_SECONDS * unit, unit=f" of {role}") / unit
        timed = seconds[np.isfinite(seconds)]
        if not len(timed):
            self.notes.append(f"Column “{self.roles[role]}” holds no reading time.")
            return seconds
        median = float(np.median(timed))
        if median > LONG_MEDIAN:
            text = f"half of the times are above {median:g} s ({median / 60:.0f} min per image): is the unit seconds? "
            text += "Milliseconds are read with milliseconds=COLUMN"
            self._problem(None, self.roles[role], text)
        if zeros := int((timed == 0).sum()):
            self.notes.append(f"{counted(zeros, 'reading time is', 'reading times are')} exactly 0 s and kept.")
        if missing := len(seconds) - len(timed):
            have = counted(missing, "answer has", "answers have")
            self.notes.append(f"{have} no reading time: left out of the analyses of time only.")
        return seconds

    def _rating(self, high: str) -> np.ndarray | None:
        if "rating" not in self.roles:
            return None
        rating = self._numbers("rating", least=-math.inf, most=math.inf)
        if np.isinf(rating).any():
            self._problem(None, self.roles["rating"], "an infinite rating is not possible")
        if not np.isfinite(rating).any():
            return None
        return rating if high == "synthetic" else -rating

    def _check_rating(self, rating: np.ndarray | None, answer: list[int]) -> None:
        """High ratings must go with the answer "synthetic"; the other way round the curve would be upside down."""
        if rating is None:
            return
        codes = np.array(answer)
        means = [rating[(codes == code) & np.isfinite(rating)] for code in (0, 1)]
        if not all(len(values) for values in means):
            return
        column = self.roles["rating"]
        if means[0].mean() > means[1].mean():
            text = "ratings are higher where the answer is real; high must mean synthetic: if it means real, say so"
            self._problem(None, column, text)
        elif means[0].max() > means[1].min():
            self.notes.append(
                f"Some answers “real” have a higher rating in column “{column}” than some answers “synthetic”: if the "
                "rating says how sure a reader was, and not how synthetic the image looked, leave it out (rating=)."
            )

    def _position(self) -> np.ndarray | None:
        if "position" not in self.roles:
            return None
        position = self._numbers("position", least=1, most=1e7, whole=True)
        if np.isnan(position).any():
            self.notes.append(f"Column “{self.roles['position']}” has empty cells: positions are not used.")
            return None
        return position

    def _flagged(self) -> np.ndarray:
        if "flags" not in self.roles:
            return np.zeros(len(self.table.rows), bool)
        return np.array([bool(cell) and yes_or_no(cell) is not False for _, cell in self._cells("flags")[1]])

    def _group(self) -> tuple[list[str] | None, str | None]:
        """Group per answer; or, where its column holds many numbers, the name of that column: years, not groups."""
        if "group" not in self.roles:
            return None, None
        column, cells = self._cells("group")
        words = [cell for _, cell in cells]
        numeric = len(set(words)) > 2 and all(_is_number(cell) for cell in words)
        if numeric:
            text = f"Column “{column}” holds {len(set(words))} different numbers: used as a covariate, not as groups."
            self.notes.append(text)
            return None, column
        if len(set(words)) == 1:
            self.notes.append(f"All readers have the same value in column “{column}”: there are no groups to compare.")
            return None, None
        if without := len({row for row, cell in cells if not cell}):
            are = counted(without, "answer is", "answers are")
            self.notes.append(f"{are} of readers without a group: in no comparison of groups.")
        return words, None

    def _covariates(self, wanted: Sequence[str] | None, numeric_group: str | None) -> dict[str, np.ndarray]:
        header = self.table.header
        if wanted is None:
            used = set(self.roles.values())
            names = [name for name in header if plain(name) in COVARIATES and name not in used]
            names = [name for name in names if len({*self.table.column(name)} - {""}) > 1]
        else:
            names = list(dict.fromkeys(wanted))
            for name in names:
                if name not in header:
                    self._problem(1, name, f"there is no such column; there are: {', '.join(header)}")
            names = [name for name in names if name in header]
        if numeric_group and numeric_group not in names:
            names.append(numeric_group)
        return {name: _typed(self.table.column(name)) for name in names}

    def _note_simulated(self, reader: list[str]) -> None:
        """Our own export marks readers that a program played."""
        if "simulated" in self.table.header:
            cells = self.table.column("simulated")
            simulated = {name for name, cell in zip(reader, cells, strict=True) if yes_or_no(cell)}
            if simulated:
                are = counted(len(simulated), "reader is", "readers are")
                self.notes.append(f"{are} simulated by a program: {', '.join(sorted(simulated, key=natural_key))}.")

    def _repeats(self, reader: list[str], image: list[str], position: np.ndarray | None) -> np.ndarray:
        """Which answers are later ones: those marked, and, if told so, second rows of a reader about an image."""
        n = len(reader)
        marked = np.zeros(n, bool)
        if "repeat" in self.roles:
            column, cells = self._cells("repeat")
            for place, (row, cell) in enumerate(cells):
                said = False if not cell else yes_or_no(cell)
                if said is None:
                    self._problem(row, column, f"“{cell}” is neither 1 (a later answer) nor 0")
                marked[place] = bool(said)
        self.problems += mark_repeats(self.table, reader, image, position, marked, allowed=self.repeats)
        return marked


def _is_number(cell: str) -> bool:
    try:
        return not math.isnan(number(cell))
    except ValueError:
        return False


def _typed(cells: Sequence[str]) -> np.ndarray:
    """Numbers (NaN where empty) where every cell is one, else text."""
    try:
        return np.array([number(cell) for cell in cells])
    except ValueError:
        return np.array(cells)
