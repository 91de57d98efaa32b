"""Forms of reports: the settings of an analysis."""

from dataclasses import fields
from typing import Any

from django import forms

from config.forms import BootstrapFormMixin
from turing.analysis import AnalysisOptions
from turing.analysis.formulas import parse_formula
from turing.analysis.options import FEWEST_BOOTSTRAPS, MOST_BOOTSTRAPS
from turing.forms.shares import per_cent, share_of
from turing.models import Study
from turing.reports.declared import default_settings
from turing.reports.settings import ReportSettings


class SettingsForm(BootstrapFormMixin, forms.Form):
    """`settings` holds what was chosen, once the form is valid."""

    settings: ReportSettings

    margin = forms.FloatField(
        label="Equivalence margin (percentage points)",
        min_value=0.1,
        max_value=49.9,
        required=False,
        help_text="Readers count as unable to tell when their accuracy is shown to lie this close to 50 %. Empty: the "
        "report claims no equivalence with chance.",
    )
    confidence = forms.FloatField(
        label="Confidence of intervals (%)", min_value=50.01, max_value=99.99, help_text="95 is usual."
    )
    seed = forms.IntegerField(
        label="Seed",
        min_value=0,
        max_value=2**63 - 1,
        help_text="Of everything that is drawn at random. The same seed gives the same report.",
    )
    n_bootstrap = forms.IntegerField(
        label="Simulated studies for intervals with few readers",
        min_value=FEWEST_BOOTSTRAPS,
        max_value=20_000,
        help_text=f"{FEWEST_BOOTSTRAPS} to 20,000; used where an interval needs a simulation. More takes longer.",
    )
    n_bootstrap_kappa = forms.IntegerField(
        label="Bootstrap draws for kappa",
        min_value=FEWEST_BOOTSTRAPS,
        max_value=MOST_BOOTSTRAPS,
        help_text="Draws of images, for the bootstrap interval of the agreement.",
    )
    min_seconds = forms.FloatField(
        label="Outlying below (seconds)",
        min_value=0,
        required=False,
        help_text="A shorter reading time is counted as an outlier. Nothing is dropped. Empty: no rule.",
    )
    max_seconds = forms.FloatField(
        label="Outlying above (seconds)", min_value=0, required=False, help_text="Likewise for longer ones."
    )
    mad_factor = forms.FloatField(
        label="Outlying further than (MADs)",
        min_value=0.5,
        required=False,
        help_text="From the reader’s median, in scaled median absolute deviations; 3.5 is usual. Empty: no rule.",
    )
    models = forms.CharField(
        label="Further mixed models",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text="One per line, as R writes them, for example: correct ~ experience * position. Readers and images "
        "are random in each.",
    )
    phase = forms.TypedChoiceField(label="Phase", coerce=int, required=False)
    include_simulated = forms.BooleanField(
        label="Include simulated readers",
        required=False,
        help_text="Answers drawn by a program. They are labelled in every table, and the report says that its numbers "
        "say nothing about people.",
    )

    def __init__(self, data: Any = None, *, study: Study | None = None) -> None:
        """`study`: whose phases and simulated readers can be chosen; None for an uploaded table."""
        chosen = default_settings(study)
        initial = {field.name: getattr(chosen.analysis, field.name) for field in fields(AnalysisOptions)}
        super().__init__(
            data,
            initial=initial
            | {
                "confidence": per_cent(chosen.analysis.confidence),
                "margin": per_cent(chosen.analysis.margin),
                "models": "",
                "include_simulated": chosen.include_simulated,
            },
        )
        if study is not None:
            declared = chosen.analysis.margin
            words = "none" if declared is None else f"{per_cent(declared):g}"
            self.fields[
                "margin"
            ].help_text += f" The protocol declares {words}: another one is printed as chosen after the data were seen."
        phases = [] if study is None else list(study.later_phases.order_by("number"))
        if phases:
            names = [(0, "All together"), (1, "Phase 1"), *((p.number, f"Phase {p.number}: {p.title}") for p in phases)]
            self.fields["phase"].choices = names  # type: ignore[attr-defined]
        else:
            del self.fields["phase"]
        if study is None or not study.sessions.filter(is_simulated=True).exists():
            del self.fields["include_simulated"]

    def clean_models(self) -> tuple[str, ...]:
        lines = tuple(line.strip() for line in self.cleaned_data["models"].splitlines() if line.strip())
        for line in lines:
            try:
                parse_formula(line)
            except ValueError as error:
                raise forms.ValidationError(str(error)) from error
        return lines

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if self.errors:
            return values
        shares: dict[str, Any] = {name: share_of(values[name]) for name in ("confidence", "margin")}
        plain = ("seed", "n_bootstrap", "n_bootstrap_kappa", "min_seconds", "max_seconds", "mad_factor", "models")
        try:
            options = AnalysisOptions(**shares, **{name: values[name] for name in plain})
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        self.settings = ReportSettings(
            analysis=options,
            include_simulated=values.get("include_simulated", False),
            phase=int(values.get("phase") or 0),
        )
        return values
