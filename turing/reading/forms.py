"""The form of a new reader, and the check of an answer that a page sent."""

import json
from typing import Any
from uuid import UUID

from django import forms

from config.accounts.models import User
from config.forms import BootstrapFormMixin
from turing.grouping import MOST_YEARS
from turing.models.studies import Grade, GroupBy, Study
from turing.reading.errors import InvalidAnswer
from turing.reading.services import Screen


class RegistrationForm(BootstrapFormMixin, forms.ModelForm):
    password = forms.CharField(
        label="Password",
        strip=False,
        help_text="At least 10 characters; not only digits.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        label="Password again", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    class Meta:
        model = User
        fields = ("username", "email")
        labels = {"username": "User name", "email": "E-mail"}
        help_texts = {
            "username": "You sign in with it. Results never show it: readers appear as R01, R02, …",
            "email": "Only for resetting your password.",
        }
        widgets = {
            "username": forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
            "email": forms.EmailInput(attrs={"autocomplete": "email"}),
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "password" in cleaned and cleaned["password"] != cleaned.get("password_again"):
            self.add_error("password_again", "The two passwords are not the same. Type them again.")
        return cleaned


class StartForm(BootstrapFormMixin, forms.Form):
    """What a reader says before the first image: only what the study asks."""

    consents = forms.BooleanField(
        label="I have read this and agree to take part",
        error_messages={"required": "Please tick this to take part. If you do not agree, just leave this page."},
    )
    years_experience = forms.FloatField(
        label="Years of experience in radiology, training included",
        min_value=0,
        max_value=MOST_YEARS,
        widget=forms.NumberInput(attrs={"step": "0.5", "inputmode": "decimal"}),
    )
    grade = forms.ChoiceField(label="Your grade", choices=[("", "Choose one"), *Grade.choices])

    def __init__(self, study: Study, data: Any = None) -> None:
        super().__init__(data)
        if not study.consent:
            del self.fields["consents"]
        if study.group_by != GroupBy.YEARS:
            del self.fields["years_experience"]
        if study.group_by != GroupBy.GRADE:
            del self.fields["grade"]


def parse_answer(body: bytes) -> dict[str, Any]:
    """Keyword arguments of `record_answer` from a JSON body. Raises InvalidAnswer naming the field that is wrong.

    A time that cannot be used is not a reason to refuse an answer: it becomes None (flagged as missing).
    """
    try:
        sent = json.loads(body)
    except ValueError:
        raise InvalidAnswer("The answer is not JSON. Reload the page and answer again.") from None
    if not isinstance(sent, dict):
        raise InvalidAnswer("The answer is not a JSON object. Reload the page and answer again.")
    for field in ("token", "idempotency_key"):
        if not isinstance(sent.get(field), str):
            raise InvalidAnswer(f"{field} is missing. Reload the page and answer again.")
    value, rating = sent.get("value", ""), sent.get("rating")
    if not isinstance(value, str) or not (rating is None or (isinstance(rating, int) and not isinstance(rating, bool))):
        raise InvalidAnswer("value is not a text, or rating not a whole number. Reload the page and answer again.")
    if value == "" and rating is None:
        raise InvalidAnswer("There is no answer: value and rating are missing. Reload the page and answer again.")
    marks, comment = sent.get("marks") or [], sent.get("comment") or ""
    if not isinstance(marks, list) or not isinstance(comment, str):
        raise InvalidAnswer("marks is not a list, or comment not a text. Reload the page and answer again.")
    try:
        key = UUID(sent["idempotency_key"])
    except ValueError:
        raise InvalidAnswer("idempotency_key is not a UUID. Reload the page and answer again.") from None
    return {
        "token": sent["token"],
        "value": value,
        "rating": rating,
        "marks": marks,
        "comment": comment,
        "idempotency_key": key,
        "reading_ms": _whole_milliseconds(sent.get("reading_ms")),
        "hidden_ms": _whole_milliseconds(sent.get("hidden_ms")) or 0,
        "paused_ms": _whole_milliseconds(sent.get("paused_ms")) or 0,
        "stop": sent.get("stop") is True,
        "attendance": parse_attendance(sent),
    }


def parse_json(body: bytes) -> dict[str, Any]:
    """A JSON object, empty for anything else: for requests in which nothing has to be there."""
    try:
        sent = json.loads(body)
    except ValueError:
        sent = None
    return sent if isinstance(sent, dict) else {}


def parse_attendance(sent: dict[str, Any]) -> str:
    """The token of the page that asks; empty when it sent none."""
    value = sent.get("attendance")
    return value if isinstance(value, str) else ""


def parse_screen(body: bytes, *, browser: str) -> Screen:
    """What a page says about its screen, from a JSON body. Whatever cannot be used is unknown: it is never a reason to
    keep somebody from reading.
    """
    sent = parse_json(body)
    return Screen(
        browser=browser.replace("\0", "")[:300],
        screen_width=_length(sent.get("screen_width")),
        screen_height=_length(sent.get("screen_height")),
        pixel_ratio=_ratio(sent.get("pixel_ratio")),
        zoom_percent=_length(sent.get("zoom_percent")),
        stage_side=_length(sent.get("stage_side")),
        sees_dark_patch=_yes_or_no(sent.get("sees_dark_patch")),
        sees_light_patch=_yes_or_no(sent.get("sees_light_patch")),
    )


def _length(value: Any) -> int | None:
    return round(value) if _is_number(value) and 0 < value < 100_000 else None


def _ratio(value: Any) -> float | None:
    return float(value) if _is_number(value) and 0 < value < 100 else None


def _yes_or_no(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole_milliseconds(value: Any) -> int | None:
    usable = _is_number(value) and 0 <= value < 2**53  # also not NaN
    return round(value) if usable else None
