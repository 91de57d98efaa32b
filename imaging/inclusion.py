"""Who is in a study: rules on what is known of each image, applied in a fixed order, with the numbers after each step.

Without Django. What is not known of an image never passes or fails silently: each rule says which.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

BURNED_IN, AGE, SEX, VIEW = "burned_in_annotation", "age", "sex", "view"
MANUFACTURER, MODALITY, BODY_PART, YEAR, LABEL = "manufacturer", "modality", "body_part", "year", "label"
TITLES = {
    BURNED_IN: "Burned-in annotation",
    AGE: "Age",
    SEX: "Sex",
    VIEW: "View",
    MANUFACTURER: "Manufacturer",
    MODALITY: "Modality",
    BODY_PART: "Body part",
    YEAR: "Year",
    LABEL: "Class",
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One step. `passes(value)` is asked of known values; an unknown one (None or "") passes when `missing_passes`."""

    name: str
    words: str  # "19 years or older"
    field: str  # of a subject
    passes: Callable[[Any], bool]
    missing_passes: bool = False


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a rule did: images that it left out, how many of these because the value is missing, and what is left."""

    name: str
    words: str
    excluded: int
    missing: int
    left: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`reasons`: for each subject the name of the rule that left it out, or "" when it is in."""

    steps: tuple[Step, ...]
    reasons: tuple[str, ...]


def apply_rules(rules: Sequence[Rule], subjects: Sequence[Mapping[str, Any]]) -> Outcome:
    """Apply each rule to what the ones before it left. A subject has the fields that the rules name."""
    reasons = [""] * len(subjects)
    steps = []
    for rule in rules:
        excluded = missing = 0
        for place, subject in enumerate(subjects):
            if reasons[place]:
                continue
            value = subject.get(rule.field)
            unknown = value is None or value == ""
            if rule.missing_passes if unknown else rule.passes(value):
                continue
            reasons[place] = rule.name
            excluded += 1
            missing += unknown
        left = sum(not reason for reason in reasons)
        steps.append(Step(name=rule.name, words=rule.words, excluded=excluded, missing=missing, left=left))
    return Outcome(steps=tuple(steps), reasons=tuple(reasons))


def age_rule(*, youngest: float, oldest: float = 120.0, missing_passes: bool = False) -> Rule:
    """Field "age_years", both limits included. Raises ValueError when they are the wrong way round."""
    if not 0 <= youngest <= oldest:
        raise ValueError(f"youngest is {youngest:g} and oldest {oldest:g}; 0 <= youngest <= oldest is needed")
    words = f"{youngest:g} years or older" if oldest >= 120 else f"{youngest:g} to {oldest:g} years"
    return Rule(
        name=AGE,
        words=words,
        field="age_years",
        passes=lambda age: youngest <= age <= oldest,
        missing_passes=missing_passes,
    )


def year_rule(*, first: int | None, last: int | None, missing_passes: bool = False) -> Rule:
    """Field "study_year", both limits included. Raises ValueError when they are the wrong way round."""
    if first is not None and last is not None and first > last:
        raise ValueError(f"the first year is {first} and the last {last}; the first must not be after the last")
    if first is not None and last is not None:
        words = f"{first} to {last}" if first != last else f"{first}"
    else:
        words = f"{first} or later" if first is not None else f"{last} or earlier"
    return Rule(
        name=YEAR,
        words=words,
        field="study_year",
        passes=lambda year: (first is None or first <= year) and (last is None or year <= last),
        missing_passes=missing_passes,
    )


def one_of_rule(name: str, field: str, allowed: Sequence[str], *, missing_passes: bool = False) -> Rule:
    """The value is one of `allowed`, whatever its case."""
    known = frozenset(one.strip().casefold() for one in allowed)
    if not known or "" in known:
        raise ValueError(f"{TITLES.get(name, name)}: name at least one value that is allowed, and no empty one")
    return Rule(
        name=name,
        words=" or ".join(allowed),
        field=field,
        passes=lambda value: str(value).casefold() in known,
        missing_passes=missing_passes,
    )


def manufacturer_rule(allowed: Sequence[str], *, missing_passes: bool = False) -> Rule:
    """The manufacturer's name begins with one of `allowed`, word by word: "GE" takes "GE Healthcare", not "GEMS"."""
    starts = [one.casefold().split() for one in allowed]
    if not starts or [] in starts:
        raise ValueError("Manufacturer: name at least one that is allowed, and no empty one")

    def passes(value: Any) -> bool:
        words = str(value).casefold().split()
        return any(words[: len(start)] == start for start in starts)

    return Rule(
        name=MANUFACTURER,
        words=" or ".join(allowed),
        field="manufacturer",
        passes=passes,
        missing_passes=missing_passes,
    )


def burned_in_rule() -> Rule:
    """Nothing is written into the pixels. What a header does not say passes only after a person has looked."""
    return Rule(
        name=BURNED_IN,
        words="nothing written into the image",
        field="burned_in_annotation",
        passes=lambda value: value == "no",
    )


@dataclass(frozen=True, kw_only=True)
class InclusionRules:
    """The rules of a study as they are kept with a dataset. Empty or None: that is no rule.

    `missing_passes` names the rules (of `TITLES`) that an image passes whose value is not known. Raises ValueError as
    the rules do, and for an unknown name.
    """

    youngest: float | None = None
    oldest: float | None = None
    sexes: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    manufacturers: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    first_year: int | None = None
    last_year: int | None = None
    labels: tuple[str, ...] = ()
    missing_passes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = sorted(set(self.missing_passes) - set(TITLES))
        if unknown:
            raise ValueError(f"There is no rule {', '.join(unknown)}; there are {', '.join(TITLES)}")
        self.rules()

    def rules(self) -> tuple[Rule, ...]:
        """In the order in which they are applied: that of `TITLES`."""
        found: list[Rule] = []
        if self.youngest is not None or self.oldest is not None:
            limits = {"youngest": self.youngest or 0.0, "oldest": 120.0 if self.oldest is None else self.oldest}
            found.append(age_rule(**limits, missing_passes=AGE in self.missing_passes))
        lists = {SEX: ("sex", self.sexes), VIEW: ("view_position", self.views)}
        later = {
            MODALITY: ("modality", self.modalities),
            BODY_PART: ("body_part", self.body_parts),
        }
        found += self._of_lists(lists)
        if self.manufacturers:
            found.append(manufacturer_rule(self.manufacturers, missing_passes=MANUFACTURER in self.missing_passes))
        found += self._of_lists(later)
        if self.first_year is not None or self.last_year is not None:
            missing_passes = YEAR in self.missing_passes
            found.append(year_rule(first=self.first_year, last=self.last_year, missing_passes=missing_passes))
        return (*found, *self._of_lists({LABEL: ("label", self.labels)}))

    def _of_lists(self, lists: Mapping[str, tuple[str, tuple[str, ...]]]) -> list[Rule]:
        return [
            one_of_rule(name, field, allowed, missing_passes=name in self.missing_passes)
            for name, (field, allowed) in lists.items()
            if allowed
        ]

    def to_dict(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "InclusionRules":
        kept: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in values.items()}
        return cls(**kept)


def jang_rules() -> tuple[Rule, ...]:
    """Jang 2023: adults of 19 years and older, posteroanterior view, devices of one manufacturer."""
    return (
        burned_in_rule(),
        age_rule(youngest=19),
        one_of_rule(VIEW, "view_position", ["PA"]),
        manufacturer_rule(["GE"]),
    )
