"""The results page and the export: investigators only, closed studies only, superusers included."""

from typing import cast
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.text import slugify
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from config.accounts.access import investigator_required
from config.accounts.models import User
from turing import rules
from turing.models import Origin, Study
from turing.results.services import export_answers, view_results
from turing.selectors import reader_progress


@require_GET
@investigator_required
@cache_control(no_store=True)
def results(request: HttpRequest, study_id: UUID) -> HttpResponse:
    """Before closing: a page that says why there is nothing to see, with the progress of readers (403)."""
    study = get_object_or_404(
        Study.objects.select_related("real_dataset", "synthetic_dataset", "leak_report"), pk=study_id
    )
    if not rules.can_view_results(request.user, study):
        context = {"study": study, "readers": reader_progress(study)}
        return render(request, "turing/results/not_yet.html", context, status=403)
    positive = Origin(study.positive_class)
    negative = Origin.SYNTHETIC if positive == Origin.REAL else Origin.REAL
    context = {
        "study": study,
        "results": view_results(study=study, by=cast(User, request.user)),
        "positive": positive.value,
        "negative": negative.value,
    }
    return render(request, "turing/results/results.html", context)


@require_GET
@investigator_required
@cache_control(no_store=True)
def answers_csv(request: HttpRequest, study_id: UUID) -> HttpResponse:
    study = get_object_or_404(Study, pk=study_id)
    if not rules.can_view_results(request.user, study):
        raise PermissionDenied("Answers can be exported once the study is closed.")
    name = f"{slugify(study.name) or 'study'}-answers.csv"
    return HttpResponse(
        export_answers(study=study, by=cast(User, request.user)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
