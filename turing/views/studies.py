"""The list of studies, a study's page, and its two great steps: opening and closing."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from config.accounts.access import investigator_required
from turing import selectors, services
from turing.errors import StudyError
from turing.forms import OverrideForm
from turing.models import Study
from turing.opening_job import start_opening
from turing.views._shared import SignedInRequest, get_study, progress_context, study_page

STOP_POLLING = 286  # htmx: swap once more, then stop


@require_GET
@investigator_required
def study_list(request: SignedInRequest) -> HttpResponse:
    page = Paginator(selectors.studies_with_progress(), 25).get_page(request.GET.get("page"))
    return render(request, "turing/study_list.html", {"page_obj": page})


@require_GET
@investigator_required
def study_detail(request: SignedInRequest, study_id: UUID) -> HttpResponse:
    return study_page(request, get_study(study_id))


@require_GET
@investigator_required
def study_progress(request: SignedInRequest, study_id: UUID) -> HttpResponse:
    """The table of readers alone, for polling."""
    study = get_study(study_id)
    status = 200 if study.status == Study.Status.OPEN else STOP_POLLING
    return render(request, "turing/_progress.html", progress_context(study), status=status)


@require_POST
@investigator_required
def study_open(request: SignedInRequest, study_id: UUID) -> HttpResponse:
    """Starts the job that opens it; the study's page shows how far it is, and what the leak audit found."""
    study = get_study(study_id)
    reason = ""
    if "override_reason" in request.POST:
        form = OverrideForm(request.POST)
        if not form.is_valid():
            return study_page(request, study, override_form=form, status=422)
        reason = form.cleaned_data["override_reason"]
    try:
        start_opening(study=study, by=request.user, override_reason=reason)
    except StudyError as error:
        messages.error(request, str(error))
    return redirect(study)


@require_POST
@investigator_required
def study_close(request: SignedInRequest, study_id: UUID) -> HttpResponse:
    study = get_study(study_id)
    try:
        services.close_study(study=study, by=request.user)
        messages.success(request, "The study is closed. Its results can be seen now.")
    except StudyError as error:
        messages.error(request, str(error))
    return redirect(study)
