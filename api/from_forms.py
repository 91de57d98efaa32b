"""Bodies made of the forms of the pages: the same names, ranges, words and checks, at the same fields."""

from collections.abc import Collection, Mapping
from typing import Any

from django import forms
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from api.fields import Body, ById, Key, Number, OneOf, Text, Whole, YesNo
from worker.compute.settings import MAX_SEED

LONGEST_TEXT = 20_000


def body_of(
    name: str,
    fields: Mapping[str, forms.Field],
    *,
    leave_out: Collection[str] = (),
    optional: bool = False,
    **more: serializers.Field,
) -> type[Body]:
    """A body with the fields of a form, and `more`. `optional`: its objects have an initial value for every field."""
    made = {key: field_of(one) for key, one in fields.items() if key not in {*leave_out, *more}}
    for field in made.values() if optional else ():
        field.required = False
    return type(name, (Body,), {**made, **more})


def field_of(field: Any) -> serializers.Field:
    """What a field of a form takes, as JSON. What has an initial value need not be sent."""
    label = str(field.label or "").rstrip(".")
    words = ". ".join(one for one in (label, str(field.help_text or "")) if one)
    common: dict[str, Any] = {"required": field.required and field.initial is None, "help_text": words}
    kind = type(field)
    rows: Any = field.choose() if hasattr(field, "choose") else getattr(field, "queryset", None)
    if issubclass(kind, forms.ModelMultipleChoiceField):
        return serializers.ListField(child=ById(rows), max_length=100, **common)
    if issubclass(kind, forms.ModelChoiceField):
        return ById(rows, **common)
    if issubclass(kind, forms.MultipleChoiceField):
        return serializers.ListField(child=OneOf(list(field.choices)), max_length=100, **common)
    if issubclass(kind, forms.ChoiceField):
        return OneOf(list(field.choices), **common)
    if issubclass(kind, forms.BooleanField):
        return YesNo(**{**common, "required": False})
    if issubclass(kind, forms.FloatField):
        return Number(min_value=field.min_value, max_value=field.max_value, **common)
    if issubclass(kind, forms.IntegerField):
        low = -MAX_SEED if field.min_value is None else field.min_value
        return Whole(min_value=low, max_value=MAX_SEED if field.max_value is None else field.max_value, **common)
    if issubclass(kind, forms.UUIDField):
        return Key(**common)
    longest = getattr(field, "max_length", None) or LONGEST_TEXT
    return Text(max_length=longest, allow_blank=not field.required, **common)


def form_data(values: Mapping[str, Any], form: forms.BaseForm) -> dict[str, Any]:
    """What a form is given: what was sent, and for the rest what the page would begin with."""
    begun = {name: form.get_initial_for_field(one, name) for name, one in form.fields.items()}
    return {**begun, **{name: _plain(value) for name, value in values.items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return getattr(value, "pk", value)


def require_valid(form: forms.BaseForm, names: Mapping[str, str] | None = None) -> None:
    """Raises ValidationError (422) with what the form says, at its fields; `names`: how a body calls them."""
    if form.is_valid():
        return
    found: dict[str, list[Any]] = {}
    for name, errors in form.errors.items():
        where = "non_field_errors" if name == "__all__" else (names or {}).get(name, name)
        found.setdefault(where, []).extend(ErrorDetail(str(one), code="refused") for one in errors)
    raise ValidationError(found)
