"""Checks across rows of a table of answers: repeats, an image with two truths, a reader in two groups, spellings."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from turing.analysis.answers import MISSING, Problem, natural_key
from turing.analysis.labels import plain
from turing.analysis.tables import Table

MOST_LISTED = 8  # words named in one message


def mark_repeats(
    table: Table,
    reader: Sequence[str],
    image: Sequence[str],
    position: np.ndarray | None,
    marked: np.ndarray,
    *,
    allowed: bool,
) -> list[Problem]:
    """A second answer of a reader to an image that is not marked as a repeat: marked where `allowed`, else a problem.

    Which one is later is a matter of position, where that is known, else of the row.
    """
    problems = []
    rows = np.arange(len(reader))
    order = rows if position is None else np.lexsort((rows, position))
    first: dict[tuple[str, str], int] = {}
    for place in (int(place) for place in order if not marked[place]):
        key = (reader[place], image[place])
        before = first.setdefault(key, place)
        if before == place:
            continue
        if allowed:
            marked[place] = True
            continue
        one, other = sorted((table.numbers[before], table.numbers[place]))
        if table.rows[before] == table.rows[place]:
            text = f"the same as row {one}: remove one of the two"
        else:
            text = f"reader “{key[0]}” answered image “{key[1]}” in row {one} already: remove one, or mark the later "
            text += "one in a column “repeat”"
        problems.append(Problem(other, None, text))
    return problems


def find_two_truths(table: Table, column: str, image: Sequence[str], truth: Sequence[int]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for place, (name, code) in enumerate(zip(image, truth, strict=True)):
        before = first.setdefault(name, place)
        if MISSING not in (code, truth[before]) and truth[before] != code:
            text = f"image “{name}” has another truth here than in row {table.numbers[before]}"
            yield Problem(table.numbers[place], column, text)


def find_two_groups(table: Table, column: str, reader: Sequence[str], group: Sequence[str]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for place, name in enumerate(reader):
        before = first.setdefault(name, place)
        if group[before] != group[place]:
            text = f"reader “{name}” is in group “{group[place]}” here and in “{group[before]}” in row "
            text += f"{table.numbers[before]}: a reader belongs to one group"
            yield Problem(table.numbers[place], column, text)


def note_spellings(readers: Sequence[str]) -> Iterator[str]:
    """Names that differ by capitals or blanks only may be one reader."""
    spellings: dict[str, set[str]] = {}
    for name in readers:
        spellings.setdefault(plain(name), set()).add(name)
    for alike in spellings.values():
        if len(alike) > 1:
            listed = " and ".join(f"“{name}”" for name in sorted(alike))
            yield f"The readers {listed} are spelled alike and were counted as different."


def counted(n: int, one: str, several: str) -> str:
    """ "1 answer has", "2 answers have"."""
    return f"{n:,} {one if n == 1 else several}"


def unknown_words(column: str, unknown: Mapping[str, int], cells: Sequence[str]) -> Problem:
    """One problem for all words that are not understood. `unknown`: the word, and the row where it stands first."""
    words = sorted(unknown, key=natural_key)
    listed = ", ".join(f"“{word}”" for word in words[:MOST_LISTED])
    if len(words) > MOST_LISTED:
        listed += f" and {len(words) - MOST_LISTED} more"
    text = f"{listed} cannot be read as real or synthetic (the column holds {_found(cells)}). "
    if set(words) <= {"0", "1"}:
        text += "Which of the two is synthetic? Say what each means, such as 0 = real and 1 = synthetic."
    else:
        text += f"Use the words real and synthetic, or say what each of these means, such as {words[0]} = synthetic."
    return Problem(min(unknown.values()), column, text)


def _found(cells: Sequence[str]) -> str:
    found = sorted(set(cells), key=natural_key)
    listed = ", ".join(f"{cells.count(word)} x “{word}”" for word in found[:MOST_LISTED])
    return listed if len(found) <= MOST_LISTED else f"{listed} and {len(found) - MOST_LISTED} other values"
