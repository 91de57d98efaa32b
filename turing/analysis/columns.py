"""Which column of a table plays which role: by its name, or as the caller says."""

from collections.abc import Mapping, Sequence

from turing.analysis.answers import AnswersError, Problem
from turing.analysis.labels import plain

# Names by role, the likeliest first; written as `plain` writes them.
NAMES: Mapping[str, tuple[str, ...]] = {
    "reader": ("reader", "reader id", "rater", "observer", "radiologist", "participant", "reader code"),
    "image": ("image", "image id", "img", "case", "case id", "stimulus", "item", "file", "filename", "file name"),
    "truth": (
        *("truth", "ground truth", "true class", "actual", "origin", "true label"),
        *("is synthetic", "is fake", "is real", "is generated"),
    ),
    "answer": (
        *("answer", "response", "decision", "called", "reader answer", "prediction", "choice"),
        *("called synthetic", "said synthetic", "called fake", "said fake", "called real", "said real"),
    ),
    "correct": ("correct", "is correct"),
    "group": ("experience", "group", "reader group", "expertise"),
    "seconds": ("seconds", "time", "reading time", "reading time s", "time s", "rt", "response time", "duration"),
    "milliseconds": ("milliseconds", "ms", "time ms", "reading ms", "reading time ms", "rt ms"),
    # not "confidence" and not "score": often they say how sure a reader was, whatever the answer
    "rating": ("rating", "rating synthetic", "synthetic rating", "probability synthetic"),
    "position": ("reader position", "position"),
    "repeat": ("repeat", "is repeat", "repeated"),
    "practice": ("practice", "is practice"),
    "flags": ("flags", "flagged", "flag"),
    "right_image": ("right image",),
}
NEEDED = ("reader", "image", "truth")
WORDS: Mapping[str, str] = {
    "reader": "who read",
    "image": "which image",
    "truth": "what the image is: real or synthetic",
    "answer": "what the reader said: real or synthetic",
    "correct": "whether that was right (1 or 0)",
    "group": "the group of the reader, such as less or more experienced",
    "seconds": "reading time in seconds",
    "milliseconds": "reading time in milliseconds",
    "rating": "graded answer, higher = more synthetic",
    "position": "the place of the image in the order of this reader, from 1",
    "repeat": "1 for a later answer of a reader to the same image",
    "practice": "1 for a practice answer, which is left out",
    "flags": "anything but empty or 0: the time is doubtful",
    "right_image": "the other image of a pair",
}
COVARIATES = ("label", "class label", "phase", "session", "checkpoint", "truncation", "block", "years", "grade")


def guess_columns(header: Sequence[str]) -> dict[str, str]:
    """Role -> column, for every role that a column's name fits; the likeliest name wins."""
    by_name: dict[str, str] = {}
    for name in header:
        by_name.setdefault(plain(name), name)
    found: dict[str, str] = {}
    for role, names in NAMES.items():
        column = next((by_name[name] for name in names if name in by_name), "")
        if column and column not in found.values():
            found[role] = column
    return found


def choose_columns(header: Sequence[str], columns: Mapping[str, str] | None) -> dict[str, str]:
    """Role -> column: what the caller says, and guesses for the rest. A role mapped to "" is not used.

    Raises
    ------
    AnswersError : a role that does not exist, a column that is not there, a column in two roles, a role that is needed
        and not found; the message lists the columns there are.
    """
    there = ", ".join(f"“{name}”" for name in header)
    problems = []
    for role, column in (columns or {}).items():
        if role not in NAMES:
            problems.append(Problem(None, None, f"there is no role “{role}”; the roles are: {', '.join(NAMES)}"))
        elif column and column not in header:
            problems.append(Problem(1, column, f"there is no such column, to be taken as {role}; there are: {there}"))
    said = {role: column for role, column in (columns or {}).items() if column}
    for column in sorted(set(said.values())):
        roles = [role for role in said if said[role] == column]
        if len(roles) > 1:
            problems.append(Problem(1, column, f"is taken as {' and as '.join(roles)}: one role per column"))
    guessed = guess_columns([column for column in header if column not in said.values()])
    chosen = {role: column for role, column in guessed.items() if role not in (columns or {})} | said
    if "seconds" in said:
        chosen.pop("milliseconds", None)
    elif "milliseconds" in said or ("milliseconds" in chosen and "seconds" not in chosen):
        chosen.pop("seconds", None)
    else:
        chosen.pop("milliseconds", None)
    problems += [_not_found(role, there) for role in NEEDED if role not in chosen]
    if not {"answer", "correct", "rating"} & chosen.keys():
        problems.append(_not_found("answer", there))
    if problems:
        raise AnswersError(problems)
    return chosen


def _not_found(role: str, there: str) -> Problem:
    text = (
        f"no column was found for “{role}” ({WORDS[role]}). Columns in the file: {there}. Rename the column, or say "
        f"which it is ({role}=COLUMN)."
    )
    return Problem(1, None, text)
