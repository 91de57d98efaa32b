"""What the cells of a table of answers mean: the words for real and synthetic, numbers, yes and no.

Only words with one possible meaning are understood; 0 and 1 are understood where the column's name says which is which,
or where the caller does.
"""

import math
import re
from collections.abc import Mapping

from turing.analysis.answers import LEFT, MISSING, REAL, RIGHT, SYNTHETIC

WORDS = {
    "real": REAL, "authentic": REAL, "genuine": REAL, "original": REAL,
    "synthetic": SYNTHETIC, "synth": SYNTHETIC, "fake": SYNTHETIC, "generated": SYNTHETIC, "gan": SYNTHETIC,
    "artificial": SYNTHETIC, "ai": SYNTHETIC, "ai generated": SYNTHETIC, "gan generated": SYNTHETIC,
}  # fmt: skip
SIDES = {"left": LEFT, "right": RIGHT}
NOT_GIVEN = frozenset({"", "none", "na", "n/a", "nan", "null", "-", ".", "missing", "no answer", "timeout", "time out"})
YES, NO = frozenset({"1", "true", "yes", "y", "right", "correct"}), frozenset({"0", "false", "no", "n", "wrong"})
_NAMES_OF_ONE = {  # columns whose name says what 1 means
    "real": REAL, "is real": REAL, "real image": REAL,
    "synthetic": SYNTHETIC, "is synthetic": SYNTHETIC, "fake": SYNTHETIC, "is fake": SYNTHETIC, "generated": SYNTHETIC,
    "is generated": SYNTHETIC, "called synthetic": SYNTHETIC, "said synthetic": SYNTHETIC, "called fake": SYNTHETIC,
    "called real": REAL, "said real": REAL, "said fake": SYNTHETIC,
}  # fmt: skip
_MEANINGS = {"real": REAL, "synthetic": SYNTHETIC, "left": LEFT, "right": RIGHT, "missing": MISSING}


def plain(text: str) -> str:
    """Lower case, with blanks where underscores, hyphens and points were: how names and words are compared."""
    return re.sub(r"[\s_\-.]+", " ", text).strip().casefold()


def meanings_of(column: str, labels: Mapping[str, str] | None) -> dict[str, int]:
    """The code of every word that may stand in a column of classes, by its `plain` spelling.

    Parameters
    ----------
    column : its name, which may say what 0 and 1 are ("is_synthetic").
    labels : further words of the caller, each for "real", "synthetic", "left", "right" or "missing".

    Raises
    ------
    ValueError : a label for anything else.
    """
    known = dict(WORDS) | dict.fromkeys((plain(word) or word for word in NOT_GIVEN), MISSING) | {"": MISSING}
    one = _NAMES_OF_ONE.get(plain(column))
    if one is not None:
        known |= {"1": one, "0": 1 - one, "true": one, "false": 1 - one, "yes": one, "no": 1 - one}
    for word, meaning in (labels or {}).items():
        if meaning not in _MEANINGS:
            raise ValueError(f"label {word} = {meaning}: it must stand for one of {', '.join(_MEANINGS)}")
        known[plain(word)] = _MEANINGS[meaning]
    return known


def is_not_given(cell: str) -> bool:
    return cell.casefold() in NOT_GIVEN


def yes_or_no(cell: str) -> bool | None:
    """None: neither."""
    word = cell.casefold()
    if word in YES:
        return True
    return False if word in NO else None


_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[+-]?\d+)?", re.IGNORECASE)


def number(cell: str) -> float:
    """A number with a decimal point or a decimal comma; NaN for a cell that says there is none.

    Raises
    ------
    ValueError : anything else, a thousands separator too.
    """
    if is_not_given(cell):
        return math.nan
    if not _NUMBER.fullmatch(cell):
        if plain(cell).lstrip("+- ") in ("inf", "infinity"):
            return math.copysign(math.inf, -1 if cell.startswith("-") else 1)
        raise ValueError(f"“{cell}” is not a number")
    return float(cell.replace(",", "."))
