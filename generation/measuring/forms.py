"""What to measure a synthetic dataset against, and how."""

from dataclasses import fields
from typing import Any

from django import forms

from config.forms import BootstrapFormMixin
from config.projects.fields import ChoiceInSight
from generation.gan.measures.config import MeasureSettings
from generation.measuring.services import training_run_of
from generation.parameters import DEVICES
from imaging.models import Dataset, Image
from worker.compute.settings import setting_range

SPLITS = [(value, label if value else "Outside every split") for value, label in Image.Split.choices]


class MeasureForm(BootstrapFormMixin, forms.Form):
    """Real images on both sides, then every setting. `settings` of a valid form is the record."""

    training = ChoiceInSight(
        lambda: Dataset.objects.filter(origin=Dataset.Origin.REAL),
        label="Real images it was trained on",
        empty_label="Choose a dataset",
    )
    training_splits = forms.MultipleChoiceField(
        label="Trained on these of its splits", choices=SPLITS, required=False, widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: all images.",
    )  # fmt: skip
    held_out = ChoiceInSight(
        lambda: Dataset.objects.filter(origin=Dataset.Origin.REAL),
        label="Real images it was not trained on",
        required=False,
        empty_label="None: compare training images of different patients",
        help_text="They show how near to a training image a picture comes that copies nothing. Images of patients who "
        "were trained on are left out.",
    )
    held_out_splits = forms.MultipleChoiceField(
        label="Not trained on these of its splits", choices=SPLITS, required=False, widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: all images.",
    )  # fmt: skip
    device = forms.ChoiceField(
        choices=[(name, label) for name, label in zip(DEVICES, ("Automatic", "CPU", "CUDA GPU"), strict=True)],
        help_text="Automatic takes a CUDA GPU where the worker has one.",
    )

    def __init__(self, data: Any = None, *, dataset: Dataset) -> None:
        self.run = training_run_of(dataset)
        initial: dict[str, Any] = {"device": "auto"}
        if self.run is not None:
            splits = self.run.filters.get("splits") or []
            initial |= {"training": self.run.dataset, "training_splits": splits}
            others = [value for value, _ in SPLITS if value not in splits]
            used = set(self.run.dataset.images.order_by().values_list("split", flat=True).distinct())
            if splits and used & set(others):
                initial |= {"held_out": self.run.dataset, "held_out_splits": sorted(used & set(others))}
        for one in fields(MeasureSettings):
            initial[one.name] = one.default
        super().__init__(data, initial=initial)
        self.settings: MeasureSettings | None = None

    @property
    def advanced_fields(self) -> list[forms.BoundField]:
        return [self[one.name] for one in fields(MeasureSettings)]

    @property
    def has_advanced_errors(self) -> bool:
        return any(one.name in self.errors for one in fields(MeasureSettings))

    @property
    def training_filters(self) -> dict[str, Any]:
        """Those of the training run where the choice is the run's own; else the splits alone."""
        splits, training = self.cleaned_data["training_splits"], self.cleaned_data["training"]
        filters = {"splits": splits} if splits else {}
        if self.run is not None and self.run.dataset_id == training.pk:
            return {**self.run.filters, **filters}
        return filters

    @property
    def held_out_filters(self) -> dict[str, Any]:
        splits = self.cleaned_data["held_out_splits"]
        return {"splits": splits} if splits else {}

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            values = {one.name: self.cleaned_data[one.name] for one in fields(MeasureSettings)}
            try:
                self.settings = MeasureSettings(**values)
            except ValueError as error:
                name = str(error).split(" ", 1)[0]
                self.add_error(name if name in self.fields else None, str(error))
        return self.cleaned_data


def _number_field(one: Any) -> forms.Field:
    info = setting_range(one)
    if isinstance(one.default, int):
        return forms.IntegerField(label=info.label or None, help_text=info.help)
    field = forms.FloatField(label=info.label or None, help_text=info.help)
    field.widget.attrs["step"] = "any"
    return field


MeasureForm.base_fields.update({one.name: _number_field(one) for one in fields(MeasureSettings)})
