"""Settings of a run as frozen dataclasses: a field carries its range and its words, which forms and commands show.

    @dataclass(frozen=True, kw_only=True)
    class TrainingConfig(Settings):
        batch_size: int = setting(64, low=2, high=4096, help="Real images per step.", main=True)

A value that cannot be used raises ValueError, whose text begins with the field's name.
"""

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from typing import Any, ClassVar, Self

MAX_SEED = 2**63 - 1  # what the database and a 64-bit generator both hold


@dataclass(frozen=True, kw_only=True)
class Range:
    """What a setting may be and how a form calls it; `setting_range` gives that of a field."""

    help: str
    label: str
    main: bool
    low: float | None
    high: float | None
    low_included: bool
    high_included: bool
    choices: Mapping[Any, str] | None


def setting(
    default: Any,
    *,
    help: str,  # noqa: A002 - as everywhere in forms and commands
    label: str = "",
    main: bool = False,
    low: float | None = None,
    high: float | None = None,
    low_included: bool = True,
    high_included: bool = True,
    choices: Mapping[Any, str] | None = None,
) -> Any:
    """A dataclass field with `default`, whose type (bool, int, float, str, tuple of int or of float) is the setting's.

    `help` is a sentence for people who do not program: what it does, and what was published. `main`: shown at once,
    not under "More settings". Numbers need `low` and `high` (of each item, in a tuple); text needs `choices`
    (value -> words), which numbers may have instead of a range.
    """
    info = Range(
        help=help,
        label=label,
        main=main,
        low=low,
        high=high,
        low_included=low_included,
        high_included=high_included,
        choices=choices,
    )
    return field(default=default, metadata={"setting": info})


def setting_range(of: Field[Any]) -> Range:
    info: Range = of.metadata["setting"]
    return info


class Settings:
    """Base of the configurations: checks every field, then `check()`; to and from JSON-able dictionaries."""

    # A resumed run may have other values of these and is the same run; a change of any other makes it another run.
    changeable: ClassVar[frozenset[str]] = frozenset(
        {
            "iterations",
            "total_kimg",
            "checkpoint_every",
            "metrics_every",
            "grid_every",
            "grid_columns",
            "checkpoint_kimg",
            "metrics_kimg",
            "grid_kimg",
            "skip_limit",
        }
    )

    def __post_init__(self) -> None:
        for one in fields(self):  # type: ignore[arg-type]
            object.__setattr__(self, one.name, _checked(one, getattr(self, one.name)))
        self.check()

    def check(self) -> None:
        """What holds between settings. Raises ValueError whose text begins with a field's name."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-able values; `from_dict` of them gives an equal record."""
        values: dict[str, Any] = asdict(self)  # type: ignore[call-overload]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The record of stored values; what is absent has its default. Raises ValueError for an unknown name."""
        known = [one.name for one in fields(cls)]  # type: ignore[arg-type]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(f"Unknown setting {', '.join(unknown)}; known: {', '.join(known)}")
        return cls(**values)


def _checked(one: Field[Any], value: Any) -> Any:
    """`value` as it is kept: floats as floats, lists as tuples."""
    info = setting_range(one)
    default = one.default
    if default is MISSING:
        raise TypeError(f"Setting {one.name} has no default")
    if info.choices is not None:
        if isinstance(value, bool) is not isinstance(default, bool) or value not in info.choices:
            choices = " or ".join(
                f"{choice} ({words})" if words else f"{choice}" for choice, words in info.choices.items()
            )
            raise ValueError(f"{one.name} is {value!r}; it must be {choices}")
        return type(default)(value)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ValueError(f"{one.name} is {value!r}; it must be true or false")
        return value
    if isinstance(default, tuple):
        if not isinstance(value, list | tuple) or len(value) != len(default):
            raise ValueError(
                f"{one.name} is {value!r}; it must be {len(default)} {_range_in_words(default[0], info, many=True)}"
            )
        if not all(_in_range(default[0], item, info) for item in value):
            raise ValueError(
                f"{one.name} is {value!r}; it must be {len(default)} {_range_in_words(default[0], info, many=True)}"
            )
        return tuple(type(default[0])(item) for item in value)
    if not _in_range(default, value, info):
        raise ValueError(f"{one.name} is {value!r}; it must be a {_range_in_words(default, info)}")
    return type(default)(value)  # 1 and 1.0 are one setting, also as JSON


def _in_range(default: Any, value: Any, info: Range) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if isinstance(default, int) else int | float):
        return False
    if not math.isfinite(value):
        return False
    low, high = _bounds(info)
    above = value >= low if info.low_included else value > low
    return above and (value <= high if info.high_included else value < high)


def _bounds(info: Range) -> tuple[float, float]:
    if info.low is None or info.high is None:
        raise TypeError("A number needs low and high")
    return info.low, info.high


def _range_in_words(default: Any, info: Range, *, many: bool = False) -> str:
    low, high = _bounds(info)
    if isinstance(default, int):
        return f"whole number{'s' if many else ''} from {low} to {high}"
    interval = f"{'[' if info.low_included else '('}{low:g}, {high:g}{']' if info.high_included else ')'}"
    return f"number{'s' if many else ''} in {interval}"
