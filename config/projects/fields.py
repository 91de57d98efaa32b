"""A form's choice of records that lie in projects."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.db.models import QuerySet


class ChoiceInSight(forms.ModelChoiceField):
    """`choose` makes the query anew for each form: one made with the class would have been made before any project."""

    def __init__(self, choose: Callable[[], QuerySet[Any]], **options: Any) -> None:
        self.choose = choose
        super().__init__(choose().none(), **options)

    def __deepcopy__(self, memo: Any) -> Any:  # what a form does with each field of its class
        copied = super().__deepcopy__(memo)
        copied.queryset = self.choose()
        return copied
