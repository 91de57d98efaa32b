"""Parts of the study form that come several times: reader groups and later phases."""

from typing import Any

from django import forms

from config.forms import BootstrapFormMixin
from turing.forms.sides import Options, SideForm
from turing.grouping import LONGEST_NAME, MOST_YEARS
from turing.models import Grade, Phase
from turing.models.studies import Origin

SIDES = (Origin.REAL.value, Origin.SYNTHETIC.value)
USUAL_GROUPS: list[dict[str, Any]] = [
    {"name": "Less experienced", "from_years": 0, "grades": [Grade.STUDENT.value, Grade.RESIDENT.value]},
    {
        "name": "More experienced",
        "from_years": 5,
        "grades": [Grade.FELLOW.value, Grade.RADIOLOGIST.value, Grade.OTHER.value],
    },
]


class GroupForm(BootstrapFormMixin, forms.Form):
    name = forms.CharField(max_length=LONGEST_NAME, required=False, label="Name")
    from_years = forms.FloatField(
        required=False,
        min_value=0,
        max_value=MOST_YEARS,
        label="From years",
        widget=forms.NumberInput(attrs={"data-needs": "group_by=years"}),
    )
    grades = forms.MultipleChoiceField(
        required=False,
        choices=Grade.choices,
        widget=forms.CheckboxSelectMultiple(attrs={"data-needs": "group_by=grade"}),
        label="Grades",
    )

    @property
    def is_empty(self) -> bool:
        """Nothing was filled in; of a form that was cleaned."""
        return not any(value not in (None, "", []) for value in self.cleaned_data.values())

    @property
    def group(self) -> dict[str, Any]:
        years = self.cleaned_data["from_years"]
        whole = int(years) if years is not None and years == int(years) else years
        return {"name": self.cleaned_data["name"], "from_years": whole, "grades": self.cleaned_data["grades"]}


class PhaseForm(BootstrapFormMixin, forms.Form):
    """A later phase; its two sides are forms of their own."""

    title = forms.CharField(max_length=100, help_text="For you and for the results. Readers see “Part 2”.")
    question = forms.CharField(max_length=300, help_text="Shown above every image of this phase.")
    instructions = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="Markdown. Readers see them before the first image of this phase: what they are told from now on.",
    )
    real_label = forms.CharField(
        max_length=40,
        initial=Origin.REAL.label,
        label="Word for “real”",
        widget=forms.TextInput(attrs={"data-needs": "scale=binary|percent"}),
    )
    synthetic_label = forms.CharField(
        max_length=40,
        initial=Origin.SYNTHETIC.label,
        label="Word for “synthetic”",
        widget=forms.TextInput(attrs={"data-needs": "scale=binary|percent"}),
    )

    def __init__(
        self,
        data: Any = None,
        *,
        index: int,
        options: dict[str, Options],
        first: dict[str, SideForm],
        initial: dict[str, Any] | None = None,
        sides: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        """`index`: from 0. `options`: by side; without them the images of the phase are not to be chosen. `first`: the
        sides of the first phase. `sides`: initial values of the two sides.
        """
        self.index, self.number = index, index + 2
        super().__init__(data, initial=initial, prefix=f"phase-{index}")
        self.sides = {
            side: SideForm(
                data,
                origin=side,
                options=options[side],
                base=f"phase-{index}-",
                first=first[side],
                initial=(sides or {}).get(side),
            )
            for side in options
        }

    @property
    def side_forms(self) -> list[SideForm]:
        return list(self.sides.values())

    def is_valid(self) -> bool:
        return all([super().is_valid(), *(side.is_valid() for side in self.side_forms)])

    @property
    def values(self) -> dict[str, Any]:
        values = dict(self.cleaned_data)
        for side in self.side_forms:
            values |= side.values
        return values


def side_initial(holder: Any, side: str) -> dict[str, Any]:
    """Values of a side form, from a study or a phase."""
    return {
        "dataset": getattr(holder, f"{side}_dataset_id"),
        "number": getattr(holder, f"n_{side}"),
        **getattr(holder, f"{side}_filters"),
    }


def phase_initial(phase: Phase) -> dict[str, Any]:
    return {name: getattr(phase, name) for name in PhaseForm.base_fields}
