"""The form of a new token."""

from typing import Any

from django import forms

from api.scopes import scopes_for
from api.tokens import MOST_DAYS
from config.accounts.models import User
from config.forms import BootstrapFormMixin


class TokenForm(BootstrapFormMixin, forms.Form):
    name = forms.CharField(label="What it is for", max_length=100, help_text="For you alone: the name of the program.")
    scopes = forms.MultipleChoiceField(
        label="It may",
        widget=forms.CheckboxSelectMultiple,
        help_text="Tick no more than the program needs. It never may more than you.",
    )
    days = forms.IntegerField(
        label="Valid for (days)", min_value=1, max_value=MOST_DAYS, initial=90, help_text=f"At most {MOST_DAYS}."
    )

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        choices = [(name, f"{words} ({name})") for name, words in scopes_for(user).items()]
        self.fields["scopes"].choices = choices  # type: ignore[attr-defined]
