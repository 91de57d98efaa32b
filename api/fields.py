"""Fields that take JSON for what it is: a number is no text, "yes" is not true, an unknown name is refused.

DRF's own are made for forms, where everything arrives as text; a program that sends "12" for 12 has a fault in it, and
one that misspells a field should hear of it.
"""

import math
import re
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from api.negotiation import MOST_PER_PAGE
from api.scope import visible

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Text(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Whole(serializers.IntegerField):
    def __init__(self, *, min_value: int, max_value: int, **kwargs: Any) -> None:
        super().__init__(min_value=min_value, max_value=max_value, **kwargs)

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int | float) or data != data or data != math.floor(data):
            self.fail("invalid")
        return int(data)


class Number(serializers.FloatField):
    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float) or not math.isfinite(data):
            self.fail("invalid")
        return float(data)


class YesNo(serializers.BooleanField):
    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class OneOf(serializers.ChoiceField):
    def to_internal_value(self, data: Any) -> Any:
        for choice in self.choices:
            if type(data) is type(choice) and data == choice:
                return choice
        return self.fail("invalid_choice", input=data)


class Key(serializers.UUIDField):
    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or not _UUID.fullmatch(data):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class ById(Key):
    """A row that is named by its id: the row itself, or a refusal when it is not there, or not to be seen."""

    def __init__(self, queryset: QuerySet[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.queryset = queryset

    def to_internal_value(self, data: Any) -> Any:
        key = super().to_internal_value(data)
        found = visible(self.queryset.all(), self.context["request"].user).filter(pk=key).first()
        if found is None:
            name = self.queryset.model._meta.verbose_name
            raise serializers.ValidationError(f"There is no {name} {key}.", code="does_not_exist")
        return found


class Anything(serializers.JSONField):
    """A JSON object whose members a service judges."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("invalid")
        return super().to_internal_value(data)


class Body(serializers.Serializer):
    """What is sent: a member that is not known is refused."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            known = [name for name, field in self.fields.items() if not field.read_only]
            unknown = sorted(set(map(str, data)) - set(known))
            if unknown:
                words = f"This is not known here. Known: {', '.join(known) or 'nothing'}."
                raise serializers.ValidationError({unknown[0][:100]: [ErrorDetail(words, code="unknown")]})
        return super().to_internal_value(data)


class Query(Body):
    """What stands after the question mark; a value arrives as text there."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields))
        if unknown:
            words = f"This is not known here. Known: {', '.join(sorted(self.fields)) or 'nothing'}."
            raise serializers.ValidationError({unknown[0][:100]: [ErrorDetail(words, code="unknown")]})
        empty = sorted(name for name in data if data[name] == "")
        if empty:
            words = "This is empty. Give it a value, or leave it out."
            raise serializers.ValidationError({empty[0]: [ErrorDetail(words, code="invalid")]})
        return serializers.Serializer.to_internal_value(self, data)


class ListQuery(Query):
    page = serializers.IntegerField(min_value=1, max_value=1_000_000, required=False, help_text="From 1.")
    page_size = serializers.IntegerField(
        min_value=1, max_value=MOST_PER_PAGE, required=False, help_text="Rows of a page; 50 unless given."
    )
