"""Formulas of mixed models, as R writes them, and their design matrices: `correct ~ experience * truth`.

The random intercepts of images and readers are always there and are not written. Factors have treatment contrasts
(0/1 columns against the first level); coefficients are named as R names them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from turing.analysis.answers import Answers

CORRECT, LOG_SECONDS = "correct", "log(seconds + 1)"
OUTCOMES = (CORRECT, LOG_SECONDS)
POSITION = "I(position / 10)"
MOST_LEVELS = 12  # of a factor
RANDOM = "(1 | image) + (1 | reader)"


@dataclass(frozen=True)
class Formula:
    outcome: str  # "correct" or "log(seconds + 1)"
    terms: tuple[tuple[str, ...], ...]  # each a variable, or several of an interaction

    def __str__(self) -> str:
        written = [":".join(_quoted(name) for name in term) for term in self.terms]
        return f"{self.outcome} ~ {' + '.join(written) or '1'} + {RANDOM}"

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for term in self.terms for name in term))


@dataclass(frozen=True, eq=False)
class DesignMatrix:
    """The rows of `answers` that have everything the formula names, and the columns of the model for them."""

    answers: Answers
    outcome: np.ndarray
    matrix: np.ndarray  # (rows, columns)
    names: tuple[str, ...]
    words: Mapping[str, str]  # what each column means


def parse_formula(text: str) -> Formula:
    """`outcome ~ a + b + a:b`, or `a * b` for the same. `1` stands for no covariate; odd names go between backticks.

    Raises
    ------
    ValueError : no outcome, an outcome other than correct and log(seconds + 1), or an empty term.
    """
    left, tilde, right = text.partition("~")
    outcome = {_squeezed(name): name for name in OUTCOMES}.get(_squeezed(left))
    if not tilde or outcome is None:
        raise ValueError(f"“{text}”: a model is written as correct ~ ... or log(seconds + 1) ~ ...")
    terms: list[tuple[str, ...]] = []
    for part in _split(right, "+"):
        if part == "1":
            continue
        if "|" in part:
            raise ValueError(f"“{text}”: images and readers are random in every model; leave “{part}” out")
        factors = _split(part, "*")
        for chosen in product([True, False], repeat=len(factors)):
            names = [name for factor, used in zip(factors, chosen, strict=True) if used for name in _split(factor, ":")]
            term = tuple(dict.fromkeys(_canonical(name) for name in names))
            if term and not any(set(term) == set(known) for known in terms):
                terms.append(term)
        if not all(factors) or not all(name for factor in factors for name in _split(factor, ":")):
            raise ValueError(f"“{text}”: a name is missing beside + * or :")
    return Formula(outcome, tuple(sorted(terms, key=len)))


def build_design(answers: Answers, formula: Formula) -> DesignMatrix:
    """Design matrix of a formula, with its column of ones, on the answers given (and timed, where time is named).

    Variables: the group by its column's name or as `group`; `truth` (`synthetic` against `real`); `correct` (1 right);
    `position`; `log(seconds + 1)`; any covariate of `answers`, numbers as they are and text as a factor.

    Raises
    ------
    ValueError : a variable that is not there, or a factor with one level or with more than 12.
    """
    kept = answers.given.copy()
    sources: dict[str, tuple[str, np.ndarray]] = {}
    for name in formula.variables:
        kind, values = _variable(answers, name)
        sources[name] = (kind, values)
        kept &= np.isfinite(values) if values.dtype.kind == "f" else values != ""
    if formula.outcome == LOG_SECONDS:
        kept &= np.isfinite(answers.seconds)
    rows = answers.rows(kept)
    columns: list[np.ndarray] = [np.ones(len(rows))]
    names, words = ["(Intercept)"], {"(Intercept)": "intercept"}
    coded = {name: _coded(name, kind, values[kept], answers) for name, (kind, values) in sources.items()}
    for term in formula.terms:
        for combination in product(*(coded[name] for name in term)):
            label = ":".join(part.name for part in combination)
            columns.append(np.prod([part.values for part in combination], axis=0))
            names.append(label)
            words[label] = " x ".join(part.words for part in combination)
    outcome = rows.correct if formula.outcome == CORRECT else np.log(rows.seconds + 1)
    return DesignMatrix(rows, outcome, np.column_stack(columns), tuple(names), words)


@dataclass(frozen=True, eq=False)
class _Column:
    name: str
    words: str
    values: np.ndarray


def _variable(answers: Answers, name: str) -> tuple[str, np.ndarray]:
    """("number" or "factor", values); an empty text or NaN where it is not known."""
    built: dict[str, Callable[[], tuple[str, np.ndarray]]] = {
        "truth": lambda: ("factor", np.array(answers.class_names)[answers.truth]),
        CORRECT: lambda: ("number", answers.correct),
        LOG_SECONDS: lambda: ("number", np.log(answers.seconds + 1)),
    }
    if answers.position is not None:
        position = answers.position
        built |= {"position": lambda: ("number", position), POSITION: lambda: ("number", position / 10)}
    if len(answers.groups) > 1:
        group = np.array([*answers.groups, ""])[answers.group]
        built |= {answers.group_name: lambda: ("factor", group), "group": lambda: ("factor", group)}
    for column, values in answers.covariates.items():
        kind = "number" if values.dtype.kind in "fiu" else "factor"
        built.setdefault(column, lambda kind=kind, values=values: (kind, values))  # type: ignore[misc]  # bound now
    if name not in built:
        raise ValueError(f"“{name}” is not known here; there are: {', '.join(built)}")
    return built[name]()


def _coded(name: str, kind: str, values: np.ndarray, answers: Answers) -> list[_Column]:
    if kind == "number":
        words = {POSITION: "position in the session, per 10 images", LOG_SECONDS: "log of reading time"}.get(name, name)
        return [_Column(name, words, values.astype(float))]
    known = answers.groups if name in (answers.group_name, "group") else answers.class_names if name == "truth" else ()
    there = set(values.tolist())
    levels = [level for level in known if level in there] if known else sorted(there)
    if len(levels) < 2:
        raise ValueError(f"“{name}” has the same value in all answers: there is nothing to compare")
    if len(levels) > MOST_LEVELS:
        raise ValueError(f"“{name}” has {len(levels)} different values; a factor may have {MOST_LEVELS}")
    return [_Column(f"{name}{level}", f"{level} against {levels[0]}", values == level) for level in levels[1:]]


def _quoted(name: str) -> str:
    """In backticks where R needs them."""
    if name in (*OUTCOMES, POSITION) or re.fullmatch(r"[A-Za-z][A-Za-z0-9._]*", name):
        return name
    return f"`{name}`"


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text).casefold()


def _canonical(name: str) -> str:
    if name.startswith("`") and name.endswith("`") and len(name) > 2:
        return name[1:-1]
    return {_squeezed(known): known for known in (*OUTCOMES, POSITION, "position")}.get(_squeezed(name), name)


def _split(text: str, sign: str) -> list[str]:
    """At a sign that stands neither inside of parentheses nor between backticks."""
    parts, depth, quoted = [""], 0, False
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        quoted ^= letter == "`"
        if letter == sign and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]
