"""The images of one side (real or synthetic) of a study, or of one of its later phases: dataset, number, filters."""

from typing import Any

from django import forms
from django.forms import BoundField

from config.forms import BootstrapFormMixin
from imaging.models import Dataset, Image
from imaging.selectors import clean_filters, filter_images

LIST_FILTERS = {"labels": "label", "view_positions": "view_position", "sex": "sex", "splits": "split"}
FILTERS = (*LIST_FILTERS, "age_min", "age_max")
MOST_IMAGES = 10_000
_WORDS = {"labels": "Label", "view_positions": "View", "sex": "Sex", "splits": "Split"}
Options = dict[str, list[tuple[str, str]]]


def side_options(origin: str) -> Options:
    """Per list filter the values that occur in datasets of this origin; a filter without a choice is left out."""
    images = Image.objects.filter(dataset__origin=origin)
    shown: dict[str, Any] = {"sex": dict(Image.Sex.choices), "splits": dict(Image.Split.choices)}
    options = {}
    for key, column in LIST_FILTERS.items():
        values = images.order_by(column).values_list(column, flat=True).distinct()
        choices = [(value, shown.get(key, {}).get(value, value)) for value in values if value or key == "splits"]
        if choices not in ([], [("", "None")]):  # known of some image
            options[key] = choices
    return options


class _SideFields(forms.Form):
    number = forms.IntegerField(min_value=1, max_value=MOST_IMAGES, initial=100, label="Number of images")

    def __init__(
        self,
        data: Any = None,
        *,
        origin: str,
        options: Options,
        base: str = "",
        first: "SideForm | None" = None,
        initial: dict[str, Any] | None = None,
    ) -> None:
        """`first`: the same side of the first phase, whose images a later phase takes when it names none."""
        self.origin, self.base, self.first = origin, base, first
        super().__init__(data, initial=initial)
        datasets = forms.ModelChoiceField(
            Dataset.objects.filter(origin=origin),
            required=first is None,
            empty_label="Choose a dataset" if first is None else "As in the first phase",
            help_text="" if first is None else "With its filters, unless you tick others below.",
        )
        self.fields = {"dataset": datasets, **self.fields}
        for key, choices in options.items():
            self.fields[key] = forms.MultipleChoiceField(
                required=False,
                label=_WORDS[key],
                choices=choices,
                widget=forms.CheckboxSelectMultiple,
                help_text="None ticked: all.",
            )
        for key, label in (("age_min", "Youngest age in years"), ("age_max", "Oldest age in years")):
            self.fields[key] = forms.FloatField(
                required=False, min_value=0, label=label, help_text="Images without an age are left out then."
            )

    def add_prefix(self, field_name: str) -> str:
        name = f"n_{self.origin}" if field_name == "number" else f"{self.origin}_{field_name}"
        return f"{self.base}{name}"


class SideForm(BootstrapFormMixin, _SideFields):
    """Names of its inputs: real_dataset, n_real, real_labels, ...; with `base` before them in a later phase."""

    @property
    def title(self) -> str:
        return f"{self.origin.capitalize()} images"

    @property
    def html_id(self) -> str:
        return f"{self.base}{self.origin}-side"

    @property
    def main_fields(self) -> list[BoundField]:
        return [self["dataset"], self["number"]]

    @property
    def filter_fields(self) -> list[BoundField]:
        return [self[key] for key in FILTERS if key in self.fields]

    @property
    def is_filtered(self) -> bool:
        return any(field.value() or field.errors for field in self.filter_fields)

    def clean(self) -> dict[str, Any]:
        try:
            clean_filters(self.filters)
        except ValueError as error:
            self.add_error("age_max", f"Filters of the {self.origin} images: {error}")
        return self.cleaned_data

    @property
    def filters(self) -> dict[str, Any]:
        """What is chosen; from a form that was cleaned."""
        chosen = {key: self.cleaned_data.get(key) for key in FILTERS}
        return {key: value for key, value in chosen.items() if value not in (None, [])}

    @property
    def source(self) -> tuple[Dataset | None, dict[str, Any]]:
        """Dataset and filters of a cleaned form: its own, or those of the first phase."""
        own = self.cleaned_data.get("dataset")
        if own is None and self.first is not None:
            dataset, filters = self.first.source
            return dataset, self.filters or filters
        return own, self.filters

    @property
    def matching(self) -> int | None:
        """How many images match; None as long as there is no dataset, or filters that cannot be used."""
        if not self.is_bound:
            return self._bound_to_initial().matching
        if any(key in self.errors for key in FILTERS) or (self.first is not None and self.first.matching is None):
            return None
        dataset, filters = self.source
        return None if dataset is None else filter_images(dataset, filters).count()

    @property
    def asked(self) -> int:
        """How many images are asked for, as far as that is a number."""
        text = str(self["number"].value() or "")
        return int(text) if text.isdecimal() else 0

    def _bound_to_initial(self) -> "SideForm":
        data: dict[str, Any] = {}
        for name in self.fields:
            value = self[name].value()
            if value not in (None, ""):
                data[self.add_prefix(name)] = value
        first = None if self.first is None or self.first.is_bound else self.first._bound_to_initial()
        options = {key: list(self.fields[key].choices) for key in LIST_FILTERS if key in self.fields}  # type: ignore[attr-defined]
        return SideForm(_Lists(data), origin=self.origin, options=options, base=self.base, first=first or self.first)

    def check_number(self, *, also: int = 0) -> None:
        """Adds an error when fewer images match than are asked for. `also`: more of them, for the practice."""
        number, matching = self.cleaned_data.get("number"), self.matching
        dataset, _ = self.source
        if number is not None and matching is not None and matching < number + also:
            practice = f" and {also} more for the practice" if also else ""
            self.add_error(
                "number",
                f"Not enough {self.origin} images: the study asks for {number}{practice} and {matching} in “{dataset}” "
                "match the filters. Ask for fewer, widen the filters, or choose a larger dataset.",
            )

    @property
    def values(self) -> dict[str, Any]:
        """Arguments of `create_study`, from a valid form."""
        dataset, filters = self.source
        return {
            f"{self.origin}_dataset": dataset,
            f"{self.origin}_filters": filters,
            f"n_{self.origin}": self.cleaned_data["number"],
        }


class _Lists(dict[str, Any]):
    """Values of a form as a browser would send them, so that widgets find their lists."""

    def getlist(self, name: str) -> list[Any]:
        value = self.get(name, [])
        return value if isinstance(value, list) else [value]
