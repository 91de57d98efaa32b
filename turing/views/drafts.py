"""Drafts: made from the form, from another study, or as the second session of one; changed; deleted."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.accounts.access import investigator_required
from imaging.duplicates.asking import find_before_study
from turing import rules, services
from turing.errors import StudyError
from turing.forms import SecondSessionForm, SideForm, StudyForm, side_options
from turing.forms.study import base_of_side
from turing.models import Origin, Study
from turing.services.being_opened import is_being_opened
from turing.views._shared import SignedInRequest, get_study, study_page


@require_http_methods(["GET", "POST"])
@investigator_required
def study_create(request: SignedInRequest) -> HttpResponse:
    def save(form: StudyForm) -> Study:
        return services.create_study(created_by=request.user, **form.values)

    return _draft_page(request, StudyForm(request.POST or None), save=save, title="New study")


@require_http_methods(["GET", "POST"])
@investigator_required
def study_edit(request: SignedInRequest, study_id: UUID) -> HttpResponse:
    study = get_study(study_id)
    if not rules.can_change_study(request.user, study):
        messages.error(request, f"“{study}” has been opened: its protocol is frozen.")
        return redirect(study)
    if is_being_opened(study):
        messages.error(request, f"“{study}” is being opened right now: it cannot be changed meanwhile.")
        return redirect(study)

    def save(form: StudyForm) -> Study:
        return services.update_study(study=study, by=request.user, **form.values)

    return _draft_page(request, StudyForm(request.POST or None, study=study), save=save, title=f"Change {study}")


@require_POST
@investigator_required
def study_delete(request: SignedInRequest, study_id: UUID) -> HttpResponse:
    study = get_study(study_id)
    try:
        services.delete_study(study=study, by=request.user)
    except StudyError as error:
        messages.error(request, str(error))
        return redirect(study)
    messages.success(request, f"The draft “{study}” is deleted.")
    return redirect("turing:study_list")


@require_POST
@investigator_required
def study_clone(request: SignedInRequest, study_id: UUID) -> HttpResponse:
    study = get_study(study_id)
    try:
        clone = services.clone_study(study=study, by=request.user)
    except StudyError as error:
        messages.error(request, str(error))
        return redirect(study)
    messages.success(
        request, f"A new draft with the protocol of “{study}” and a seed of its own. It has no readers yet."
    )
    return redirect("turing:study_edit", clone.pk)


@require_POST
@investigator_required
def second_session_create(request: SignedInRequest, study_id: UUID) -> HttpResponse:
    study = get_study(study_id)
    form = SecondSessionForm(request.POST)
    if not form.is_valid():
        return study_page(request, study, second_session_form=form, status=422)
    try:
        second = services.follow_up_study(study=study, by=request.user, **form.cleaned_data)
    except StudyError as error:
        messages.error(request, str(error))
        return redirect(study)
    messages.success(request, f"The draft of a second session of “{study}”. Its readers are those of the first.")
    return redirect(second)


@require_GET
@investigator_required
def matching_count(request: SignedInRequest, side: str) -> HttpResponse:
    """How many images match what one side of the form says now."""
    base = base_of_side(request.GET.get("base", ""))
    if side not in Origin.values or base is None:
        raise Http404
    options = side_options(side)
    form = SideForm(request.GET, origin=side, options=options)
    if base:
        form = SideForm(request.GET, origin=side, options=options, base=base, first=form)
    return render(request, "turing/_matching.html", {"side": form})


def _draft_page(
    request: SignedInRequest, form: StudyForm, *, save: Callable[[StudyForm], Study], title: str
) -> HttpResponse:
    if form.is_valid():
        try:
            study = save(form)
        except StudyError as error:
            form.add_error(None, str(error))
        else:
            for sentence in find_before_study(study.real_dataset, study.real_filters, study.synthetic_dataset):
                messages.warning(request, sentence)
            return redirect(study)
    status = 422 if form.is_bound and not form.changes_phases else 200
    return render(request, "turing/study_form.html", {"form": form, "title": title}, status=status)
