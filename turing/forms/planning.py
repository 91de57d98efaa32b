"""The form of a plan: shares are typed as per cent, as people say them."""

from dataclasses import asdict
from typing import Any

from django import forms

from config.forms import BootstrapFormMixin
from turing.planning_job import MOST_STUDIES, PlanParameters
from turing.stats.planning import Assumptions

IN_PER_CENT = ("accuracy", "share_second_group", "share_synthetic", "accuracy_if_equivalent", "margin", "confidence")


class SizesField(forms.CharField):
    """Whole numbers with commas between: "4, 6, 8"."""

    def clean(self, value: Any) -> list[int]:
        words = super().clean(value).replace(",", " ").split()
        try:
            sizes = [int(word) for word in words]
        except ValueError as error:
            raise forms.ValidationError("Whole numbers with commas between, such as 4, 6, 8.") from error
        if min(sizes) < 2:
            raise forms.ValidationError("At least 2 of each.")
        return sorted(set(sizes))


def _number(label: str, help_text: str, low: float, high: float, **options: Any) -> forms.FloatField:
    widget = forms.NumberInput(attrs={"step": "any"})
    return forms.FloatField(label=label, help_text=help_text, min_value=low, max_value=high, widget=widget, **options)


class PlanForm(BootstrapFormMixin, forms.Form):
    readers = SizesField(label="Readers", help_text="One or several numbers of readers, such as 4, 6, 8, 12.")
    images = SizesField(label="Images", help_text="One or several numbers of images that every reader sees.")
    accuracy = _number(
        "Expected accuracy, %",
        "Share of right answers, all readers together. 50 % is guessing. Jang 2023 found 67 % and 70 %.",
        *(1, 99),
    )
    odds_ratio = _number(
        "Odds ratio between two groups of readers",
        "How much better the second group (say, the more experienced) is: the odds of a right answer against those of "
        "the first group. Jang 2023 found 6.5 and 1.7. Empty: all readers are one group.",
        *(0.01, 100),
        required=False,
    )
    share_second_group = _number("Readers in the second group, %", "Only used with an odds ratio.", 1, 99)
    sd_reader = _number(
        "Spread between readers",
        "Standard deviation on the logit scale, within a group. 0: all alike; 0.4: two of three readers lie within 9 "
        "percentage points of the mean; Jang 2023 had 0.4 and 1.0. With few readers nothing matters more.",
        *(0, 5),
    )
    sd_image = _number(
        "Spread between images",
        "Standard deviation on the logit scale: how much easier some images are than others. 0.5 gives a kappa of 0.15 "
        "with the other settings as they come.",
        *(0, 5),
    )
    share_synthetic = _number("Synthetic images, %", "Share of the images.", 1, 99)
    margin = _number(
        "Equivalence margin, percentage points",
        "Readers count as being at chance when their accuracy is shown to lie so near to 50 %. 10 means between 40 and "
        "60 %.",
        *(0.1, 49.9),
    )
    accuracy_if_equivalent = _number(
        "Accuracy for the equivalence test, %",
        "The power of that test is computed for readers who are really right so often.",
        *(1, 99),
    )
    confidence = _number("Confidence of the intervals, %", "95 is usual.", 51, 99.9)
    n_studies = forms.IntegerField(
        label="Simulated studies per size",
        help_text="500 give a power to within about 4 percentage points.",
        min_value=20,
        max_value=MOST_STUDIES,
    )
    seed = forms.IntegerField(
        label="Seed", help_text="The same seed gives the same numbers.", min_value=0, max_value=2**31
    )

    def __init__(self, *args: Any, earlier: PlanParameters | None = None, **kwargs: Any) -> None:
        initial = _as_typed(earlier or PlanParameters())
        super().__init__(*args, initial=initial, **kwargs)
        self.parameters: PlanParameters | None = None

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if self.errors:
            return values
        assumptions = {
            name: values[name] / 100 if name in IN_PER_CENT else values[name] for name in asdict(Assumptions())
        }
        try:
            self.parameters = PlanParameters(
                readers=values["readers"], images=values["images"], n_studies=values["n_studies"], seed=values["seed"],
                assumptions=assumptions,
            )  # fmt: skip
        except ValueError as error:
            raise forms.ValidationError(f"{error}.") from error
        return values


def _as_typed(parameters: PlanParameters) -> dict[str, Any]:
    typed: dict[str, Any] = {
        name: value if value is None or name not in IN_PER_CENT else round(100 * value, 6)
        for name, value in parameters.assumptions.items()
    }
    typed = {name: f"{value:g}" if isinstance(value, float) else value for name, value in typed.items()}
    sizes = {name: ", ".join(map(str, getattr(parameters, name))) for name in ("readers", "images")}
    return typed | sizes | {"n_studies": parameters.n_studies, "seed": parameters.seed}


def describe_settings(parameters: PlanParameters) -> list[tuple[str, str, str]]:
    """Name, label and value of each, as the form has them."""
    form = PlanForm(earlier=parameters)
    values = [(name, field.label, form.get_initial_for_field(field, name)) for name, field in form.fields.items()]
    return [(name, str(label), "none: one group" if value is None else str(value)) for name, label, value in values]
