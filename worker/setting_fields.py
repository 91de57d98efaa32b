"""Form fields made from `Settings`: one per setting, with its words, range and default.

Whatever is registered (a generator, a classifier) gets its form so; nothing here knows a particular one.
"""

import math
import secrets
from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from config.forms import BootstrapFormMixin
from worker.compute.settings import Range, Settings, setting_range


class SettingsForm(BootstrapFormMixin, forms.Form):
    """Every setting that can be chosen; `config` of a valid form is the record.

    What holds between settings (`Settings.check`) is said at the setting that its message begins with.
    """

    def __init__(self, data: Any = None, *, initial: Settings, prefix: str = "set") -> None:
        self.base_fields = setting_fields(type(initial))  # type: ignore[misc]  # what Form.__init__ copies
        super().__init__(data, prefix=prefix, initial=initial.to_dict())
        self.begin, self.config = initial, None
        self._main = {one.name for one in fields(initial) if setting_range(one).main}  # type: ignore[arg-type]

    begin: Settings
    config: Any  # None, or the kind of Settings that `initial` is

    @property
    def main_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name in self._main]

    @property
    def more_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in self._main]

    @property
    def has_more_errors(self) -> bool:
        return any(name not in self._main for name in self.errors)

    def clean(self) -> dict[str, Any]:
        if self.errors:
            return self.cleaned_data
        try:
            self.config = type(self.begin).from_dict({**self.begin.to_dict(), **self.cleaned_data})
        except ValueError as error:
            name, _, words = str(error).partition(" ")  # its messages begin with the setting's name
            if name in self.fields:
                self.add_error(name, f"{self[name].label} {words}")
            else:
                self.add_error(None, str(error))
        return self.cleaned_data


class NumbersField(forms.CharField):
    """As many numbers as the setting has, with commas between them."""

    def __init__(self, *, default: tuple[Any, ...], info: Range, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number, self.count = type(default[0]), len(default)
        self.check = range_validator(default[0], info)
        kind = "whole numbers" if self.number is int else "numbers"
        self.words = f"Write {self.count} {kind} {_interval(default[0], info)}, with commas between them."

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return tuple(value)
        try:
            numbers = tuple(self.number(part) for part in value.split(","))
            if len(numbers) != self.count:
                raise ValidationError(self.words)
            for one in numbers:
                self.check(one)
        except (ValueError, ValidationError) as error:
            raise ValidationError(self.words) from error
        return numbers

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(str(part) for part in value) if isinstance(value, list | tuple) else value


def setting_fields(kind: type[Settings]) -> dict[str, forms.Field]:
    """Form fields by the name of the setting, in order; settings with only one possible value have none."""
    chosen = [one for one in fields(kind) if len(setting_range(one).choices or "ab") > 1]  # type: ignore[arg-type]
    return {one.name: _field(one) for one in chosen}


def setting_label(one: Field[Any]) -> str:
    """How pages call a setting: its label, or its name as words."""
    return setting_range(one).label or one.name.replace("_", " ").capitalize()


def setting_value(one: Field[Any], value: Any) -> str:
    """A setting's value for people: "64", "384, 192, 96", "1 (grey)", "yes"."""
    choices = setting_range(one).choices
    if isinstance(value, bool):
        return (choices or {}).get(value) or ("yes" if value else "no")
    if choices is not None and choices.get(value):
        return f"{value} ({choices[value]})"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return f"{value:,}" if isinstance(value, int) and one.name != "seed" else str(value)


def settings_in_words(config: Settings) -> list[tuple[str, str]]:
    """(label, value) of every setting, in words."""
    return [(setting_label(one), setting_value(one, getattr(config, one.name))) for one in fields(config)]  # type: ignore[arg-type]


def fresh_seed() -> int:
    """A seed for a new run that forms can show and people can write down."""
    return secrets.randbelow(2**31)


def range_validator(default: Any, info: Range) -> Callable[[Any], None]:
    """A check of one number against a setting's range. ValidationError says the range."""
    kind = "a whole number" if isinstance(default, int) else "a number"
    words = f"Write {kind} {_interval(default, info)}."
    low, high = _bounds(info)

    def check(value: Any) -> None:
        above = value >= low if info.low_included else value > low
        below = value <= high if info.high_included else value < high
        if not (math.isfinite(value) and above and below):
            raise ValidationError(words)

    return check


def _field(one: Field[Any]) -> forms.Field:
    info, default = setting_range(one), one.default
    words: dict[str, Any] = {"label": setting_label(one), "help_text": info.help}
    if info.choices is not None:
        pairs = [(value, setting_value(one, value)) for value in info.choices]
        return forms.TypedChoiceField(choices=pairs, coerce=_from_text(type(default)), **words)
    if isinstance(default, bool):
        return forms.BooleanField(required=False, **words)
    if isinstance(default, tuple):
        return NumbersField(default=default, info=info, **words)
    low, high = _bounds(info)
    attributes = {"min": _plain(default, low), "max": _plain(default, high)}
    validators = [range_validator(default, info)]
    if isinstance(default, int):
        return forms.IntegerField(validators=validators, widget=forms.NumberInput(attributes), **words)
    widget = forms.NumberInput({**attributes, "step": "any"})
    return forms.FloatField(validators=validators, widget=widget, **words)


def _from_text(kind: type[Any]) -> Callable[[str], Any]:
    return (lambda text: text == "True") if kind is bool else kind


def _interval(default: Any, info: Range) -> str:
    """ "from 2 to 4,096", "above 0 and up to 100"."""
    low, high = (f"{_plain(default, bound):,}" for bound in _bounds(info))
    begin = f"from {low}" if info.low_included else f"above {low}"
    if info.low_included and info.high_included:
        return f"{begin} to {high}"
    return f"{begin} and {'up to' if info.high_included else 'below'} {high}"


def _plain(default: Any, bound: float) -> float | int:
    return int(bound) if isinstance(default, int) or float(bound).is_integer() else bound


def _bounds(info: Range) -> tuple[float, float]:
    if info.low is None or info.high is None:
        raise TypeError("A number needs low and high")
    return info.low, info.high
