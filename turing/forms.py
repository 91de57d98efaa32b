"""Forms of investigators: the draft of a study, and invitations."""

from typing import Any

from django import forms
from django.forms import BoundField

from config.forms import BootstrapFormMixin
from imaging.models import Dataset, Image
from turing.drawing import LARGEST_SEED
from turing.models import Origin, Study
from turing.models.studies import DEFAULT_LEAK_LIMIT
from turing.services.invitations import MAX_AT_ONCE
from turing.services.opening import MAX_REASON
from turing.services.studies import MAX_IMAGE_SIZE
from turing.texts import DEFAULT_INSTRUCTIONS, DEFAULT_QUESTION

SIDES = (Origin.REAL.value, Origin.SYNTHETIC.value)
LIST_FILTERS = {"labels": "label", "view_positions": "view_position", "sex": "sex", "splits": "split"}
FILTERS = (*LIST_FILTERS, "age_min", "age_max")
_PLAIN_FIELDS = ("name", "question", "instructions", "positive_class", "seed", "image_size", "leak_limit")


class _StudyFields(forms.Form):
    """The fields; per side they have a prefix: real_dataset, n_real, real_labels, ..."""

    name = forms.CharField(max_length=200, help_text="Readers see it too: say nothing about where images come from.")
    question = forms.CharField(max_length=300, initial=DEFAULT_QUESTION, help_text="Shown above every image.")
    instructions = forms.CharField(
        initial=DEFAULT_INSTRUCTIONS,
        widget=forms.Textarea(attrs={"rows": 14}),
        help_text="Markdown. Readers see them before the first image, with the keys explained below.",
    )
    positive_class = forms.ChoiceField(
        choices=Origin.choices,
        initial=Origin.REAL,
        widget=forms.RadioSelect,
        help_text="Sensitivity is the share of this class that is recognised. Papers differ, so every table names it.",
    )
    seed = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=LARGEST_SEED,
        help_text="Decides which images are drawn, and their order. Empty: one that nobody can foresee.",
    )
    image_size = forms.IntegerField(
        required=False,
        min_value=8,
        max_value=MAX_IMAGE_SIZE,
        label="Image size in pixels",
        help_text="Every image is rendered to a square of this side. Empty: the smallest side among the images of both "
        "sets, so that resolution gives nothing away: real images are reduced to what a generator makes.",
    )

    leak_limit = forms.FloatField(
        required=False,
        min_value=0.51,
        max_value=1,
        step_size=0.01,
        initial=DEFAULT_LEAK_LIMIT,
        label="Limit of the leak audit (AUC)",
        help_text="When the study is opened, everything about an image but the picture itself is tried for telling "
        "real from synthetic. Above this limit the study is not opened. 0.5 is chance, 1 is certainty. Empty: 0.75.",
    )

    def __init__(self, data: Any = None, *, study: Study | None = None) -> None:
        super().__init__(data, initial={} if study is None else _initial(study))
        for side in SIDES:
            self.fields.update(_side_fields(side))


class StudyForm(BootstrapFormMixin, _StudyFields):
    @property
    def plain(self) -> dict[str, BoundField]:
        return {name: self[name] for name in _PLAIN_FIELDS}

    @property
    def sides(self) -> list[dict[str, Any]]:
        """For the template: per side its main fields and its filters."""
        return [
            {
                "title": f"{side.capitalize()} images",
                "fields": [self[f"{side}_dataset"], self[f"n_{side}"]],
                "filters": (filters := [self[f"{side}_{key}"] for key in self._filters_of(side)]),
                "is_filtered": any(field.value() for field in filters),
            }
            for side in SIDES
        ]

    def _filters_of(self, side: str) -> list[str]:
        return [key for key in FILTERS if f"{side}_{key}" in self.fields]

    @property
    def values(self) -> dict[str, Any]:
        """Arguments of `create_study` and `update_study`, from a valid form."""
        cleaned = self.cleaned_data
        values = {field: cleaned[field] for field in _PLAIN_FIELDS}
        if values["leak_limit"] is None:
            values["leak_limit"] = DEFAULT_LEAK_LIMIT
        for side in SIDES:
            values[f"{side}_dataset"] = cleaned[f"{side}_dataset"]
            values[f"n_{side}"] = cleaned[f"n_{side}"]
            chosen = {key: cleaned[f"{side}_{key}"] for key in self._filters_of(side)}
            values[f"{side}_filters"] = {key: value for key, value in chosen.items() if value not in (None, [])}
        return values


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


def _side_fields(side: str) -> dict[str, forms.Field]:
    images = Image.objects.filter(dataset__origin=side)
    fields: dict[str, forms.Field] = {
        f"{side}_dataset": forms.ModelChoiceField(
            Dataset.objects.filter(origin=side), label="Dataset", empty_label="Choose a dataset"
        ),
        f"n_{side}": forms.IntegerField(min_value=1, initial=100, label="Number of images"),
    }
    words = {"labels": "Label", "view_positions": "View", "sex": "Sex", "splits": "Split"}
    shown: dict[str, Any] = {"sex": dict(Image.Sex.choices), "splits": dict(Image.Split.choices)}
    for key, column in LIST_FILTERS.items():
        values = images.order_by(column).values_list(column, flat=True).distinct()
        choices = [(value, shown.get(key, {}).get(value, value)) for value in values if value or key == "splits"]
        if choices in ([], [("", "None")]):
            continue  # not known of any image: nothing to choose
        fields[f"{side}_{key}"] = forms.MultipleChoiceField(
            required=False,
            label=words[key],
            choices=choices,
            widget=forms.CheckboxSelectMultiple,
            help_text="None ticked: all.",
        )
    for key, label in (("age_min", "Youngest age in years"), ("age_max", "Oldest age in years")):
        fields[f"{side}_{key}"] = forms.FloatField(
            required=False, min_value=0, label=label, help_text="Images without an age are left out then."
        )
    return fields


def _initial(study: Study) -> dict[str, Any]:
    initial: dict[str, Any] = {field: getattr(study, field) for field in _PLAIN_FIELDS}
    for side in SIDES:
        initial[f"{side}_dataset"] = getattr(study, f"{side}_dataset_id")
        initial[f"n_{side}"] = getattr(study, f"n_{side}")
        initial |= {f"{side}_{key}": value for key, value in getattr(study, f"{side}_filters").items()}
    return initial
