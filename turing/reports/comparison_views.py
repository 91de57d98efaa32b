"""The page that sets two studies, or tables of answers, against each other."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods

from config.accounts.access import investigator_required
from config.accounts.models import User
from config.forms import BootstrapFormMixin
from turing.analysis import AnalysisOptions
from turing.models import AnswerTable, Study
from turing.reports.access import reports_of, tables_of
from turing.reports.services import Subject, start_report
from turing.reports.settings import ReportSettings
from turing.reports.views import report_rows
from turing.views._shared import SignedInRequest


class ComparisonForm(BootstrapFormMixin, forms.Form):
    """Two of the closed studies and of the user's own tables."""

    first = forms.ChoiceField(label="First", help_text="Differences are second minus first.")
    second = forms.ChoiceField(label="Second")
    same_readers = forms.BooleanField(
        label="Readers with the same code are the same people",
        required=False,
        help_text="So it is in the second session of a study. In two unrelated studies R01 and R01 are two people. "
        "Adds McNemar’s test for each reader, where images are the same, too.",
    )
    same_images = forms.BooleanField(
        label="Images with the same name are the same",
        required=False,
        help_text="Studies of this site name an image after its pixels, so say yes where some images were in both. In "
        "uploaded files I001 may be another image in each.",
    )
    confidence = forms.FloatField(label="Confidence of intervals (%)", min_value=50, max_value=99.99, initial=95)

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        closed = Study.objects.filter(status=Study.Status.CLOSED).order_by("-closed_at")
        self.subjects: dict[str, Subject] = {f"study:{study.pk}": study for study in closed}
        self.subjects |= {f"table:{table.pk}": table for table in tables_of(user)}
        names = [(key, f"{subject}{_kind(subject)}") for key, subject in self.subjects.items()]
        for name in ("first", "second"):
            self.fields[name].choices = [("", "– choose –"), *names]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if values.get("first") and values.get("first") == values.get("second"):
            self.add_error("second", "Choose another one: nothing differs from itself.")
        return values

    @property
    def settings(self) -> ReportSettings:
        values = self.cleaned_data
        return ReportSettings(
            analysis=AnalysisOptions(confidence=values["confidence"] / 100),
            same_readers=values["same_readers"],
            same_images=values["same_images"],
        )


def _kind(subject: Subject) -> str:
    if isinstance(subject, AnswerTable):
        return " (uploaded)"
    return " (simulated readers)" if subject.is_example else ""


@require_http_methods(["GET", "POST"])
@investigator_required
@cache_control(no_store=True)
def comparisons(request: SignedInRequest) -> HttpResponse:
    """Old comparisons, and the choice of two for a new one."""
    form = ComparisonForm(request.POST if request.method == "POST" else None, user=request.user)
    if form.is_valid():
        first, second = (form.subjects[form.cleaned_data[name]] for name in ("first", "second"))
        return redirect(start_report(about=first, other=second, settings=form.settings, by=request.user))
    made = reports_of(request.user).exclude(other_study=None, other_table=None)
    context = {"form": form, "rows": report_rows(list(made)), "can_compare": len(form.subjects) > 1}
    return render(request, "turing/reports/comparisons.html", context, status=422 if form.is_bound else 200)
