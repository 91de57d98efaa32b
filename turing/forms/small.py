"""Forms of one or two fields."""

from django import forms

from config.forms import BootstrapFormMixin
from turing.services.checking import MOST_WASHOUT_DAYS
from turing.services.invitations import MAX_AT_ONCE
from turing.services.opening import MAX_REASON

USUAL_WASHOUT_DAYS = 28


class InvitationForm(BootstrapFormMixin, forms.Form):
    count = forms.IntegerField(min_value=1, max_value=MAX_AT_ONCE, initial=1, label="Number of links")
    note = forms.CharField(max_length=200, required=False, help_text="For you alone, e.g. whom the links are for.")


class OverrideForm(BootstrapFormMixin, forms.Form):
    override_reason = forms.CharField(
        max_length=MAX_REASON,
        label="Why the study shall be opened all the same",
        help_text="Kept with the study, recorded in the audit chain, and printed with its results.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class SecondSessionForm(BootstrapFormMixin, forms.Form):
    name = forms.CharField(
        max_length=200,
        required=False,
        label="Name of the second session",
        help_text="Empty: made from that of this study.",
    )
    washout_days = forms.IntegerField(
        min_value=0,
        max_value=MOST_WASHOUT_DAYS,
        initial=USUAL_WASHOUT_DAYS,
        label="Washout in days",
        help_text="Each reader can start so long after finishing the first session. Four weeks are usual.",
    )
