"""Pages of investigators: list, draft, study, invitations. Results have their own views in `turing.results`."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.accounts.access import investigator_required
from config.accounts.models import User
from imaging.selectors import describe_filters
from turing import rules, selectors, services
from turing.errors import LeaksFound, StudyError
from turing.forms import InvitationForm, OverrideForm, StudyForm
from turing.models import Invitation, Study


class SignedInRequest(HttpRequest):
    """What `investigator_required` lets through."""

    user: User


STOP_POLLING = 286  # htmx: swap once more, then stop


@require_GET
@investigator_required
def study_list(request: SignedInRequest) -> HttpResponse:
    page = Paginator(selectors.studies_with_progress(), 25).get_page(request.GET.get("page"))
    return render(request, "turing/study_list.html", {"page_obj": page})


@require_http_methods(["GET", "POST"])
@investigator_required
def study_create(request: SignedInRequest) -> HttpResponse:
    def save(form: StudyForm) -> Study:
        return services.create_study(created_by=request.user, **form.values)

    return _draft_page(request, StudyForm(request.POST or None), save=save, title="New study")


@require_http_methods(["GET", "POST"])
@investigator_required
def study_edit(request: SignedInRequest, study_id: UUID) -> HttpResponse:
    study = get_object_or_404(Study, pk=study_id)
    if not rules.can_change_study(request.user, study):
        messages.error(request, f"“{study}” has been opened: its protocol is frozen.")
        return redirect(study)

    def save(form: StudyForm) -> Study:
        return services.update_study(study=study, by=request.user, **form.values)

    return _draft_page(request, StudyForm(request.POST or None, study=study), save=save, title=f"Change {study}")


@require_GET
@investigator_required
def study_detail(request: SignedInRequest, study_id: UUID) -> HttpResponse:
    return _study_page(request, _get_study(study_id))


@require_GET
@investigator_required
def study_progress(request: SignedInRequest, study_id: UUID) -> HttpResponse:
    """The table of readers alone, for polling."""
    study = _get_study(study_id)
    status = 200 if study.status == Study.Status.OPEN else STOP_POLLING
    return render(request, "turing/_progress.html", _progress(study), status=status)


@require_POST
@investigator_required
def study_open(request: SignedInRequest, study_id: UUID) -> HttpResponse:
    """When the leak audit blocks, its report is the answer to this request (409), with a form to override it."""
    study = _get_study(study_id)
    form = OverrideForm(request.POST if "override_reason" in request.POST else None)
    reason = form.cleaned_data["override_reason"] if form.is_valid() else ""
    try:
        services.open_study(study=study, by=request.user, override_reason=reason)
        messages.success(request, "The study is open. Protocol and images are frozen; invite readers below.")
    except LeaksFound as refusal:
        return _study_page(request, _get_study(study_id), blocked=refusal.report, override_form=form, status=409)
    except StudyError as error:
        messages.error(request, str(error))
    return redirect(study)


@require_POST
@investigator_required
def study_close(request: SignedInRequest, study_id: UUID) -> HttpResponse:
    return _act(
        request,
        study_id,
        lambda study: services.close_study(study=study, by=request.user),
        done="The study is closed. Its results can be seen now.",
    )


@require_POST
@investigator_required
def study_delete(request: SignedInRequest, study_id: UUID) -> HttpResponse:
    study = _get_study(study_id)
    try:
        services.delete_study(study=study, by=request.user)
    except StudyError as error:
        messages.error(request, str(error))
        return redirect(study)
    messages.success(request, f"The draft “{study}” is deleted.")
    return redirect("turing:study_list")


@require_POST
@investigator_required
@cache_control(no_store=True)
def invitation_create(request: SignedInRequest, study_id: UUID) -> HttpResponse:
    """The links stand in the answer to this request and nowhere else: only hashes of their secrets are stored."""
    study = _get_study(study_id)
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _study_page(request, study, invitation_form=form, status=422)
    try:
        made = services.create_invitations(study=study, by=request.user, **form.cleaned_data)
    except StudyError as error:
        messages.error(request, str(error))
        return redirect(study)
    links = [request.build_absolute_uri(reverse("turing:invite", args=[secret])) for _, secret in made]
    context = {"study": study, "links": links, "note": form.cleaned_data["note"], "expires_at": made[0][0].expires_at}
    return render(request, "turing/invitation_links.html", context)


@require_POST
@investigator_required
def invitation_revoke(request: SignedInRequest, invitation_id: UUID) -> HttpResponse:
    invitation = get_object_or_404(Invitation.objects.select_related("study"), pk=invitation_id)
    try:
        services.revoke_invitation(invitation=invitation, by=request.user)
        messages.success(request, "The invitation is withdrawn: its link does not work any more.")
    except StudyError as error:
        messages.error(request, str(error))
    return redirect(invitation.study)


def _get_study(study_id: UUID) -> Study:
    return get_object_or_404(
        Study.objects.select_related(
            "real_dataset", "synthetic_dataset", "created_by", "opened_by", "closed_by", "leak_report"
        ),
        pk=study_id,
    )


def _draft_page(
    request: SignedInRequest, form: StudyForm, *, save: Callable[[StudyForm], Study], title: str
) -> HttpResponse:
    if form.is_valid():
        try:
            return redirect(save(form))
        except StudyError as error:
            form.add_error(None, str(error))
    status = 422 if form.is_bound else 200
    return render(request, "turing/study_form.html", {"form": form, "title": title}, status=status)


def _act(request: SignedInRequest, study_id: UUID, verb: Callable[[Study], Any], *, done: str) -> HttpResponse:
    study = _get_study(study_id)
    try:
        verb(study)
        messages.success(request, done)
    except StudyError as error:
        messages.error(request, str(error))
    return redirect(study)


def _study_page(
    request: SignedInRequest,
    study: Study,
    *,
    invitation_form: InvitationForm | None = None,
    blocked: dict[str, Any] | None = None,
    override_form: OverrideForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """`blocked`: report of a leak audit that has just kept the study from opening."""
    user = request.user
    context = {
        **_progress(study),
        "real_filters": describe_filters(study.real_filters),
        "synthetic_filters": describe_filters(study.synthetic_filters),
        "invitations": selectors.invitations_of(study),
        "invitation_form": invitation_form or InvitationForm(),
        "blocked": blocked,
        "override_form": override_form,
        "can_change": rules.can_change_study(user, study),
        "can_open": rules.can_open_study(user, study),
        "can_close": rules.can_close_study(user, study),
        "can_invite": rules.can_invite_readers(user, study),
        "can_view_results": rules.can_view_results(user, study),
    }
    return render(request, "turing/study_detail.html", context, status=status)


def _progress(study: Study) -> dict[str, Any]:
    return {"study": study, "readers": selectors.reader_progress(study)}
