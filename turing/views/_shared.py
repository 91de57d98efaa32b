"""What the pages of investigators share: finding a study, and its page, which several requests answer with."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from config.accounts.models import User
from turing import rules, selectors
from turing.describing import describe_phases, describe_protocol
from turing.forms import InvitationForm, OverrideForm, SecondSessionForm
from turing.models import Study
from turing.opening_job import latest_opening


class SignedInRequest(HttpRequest):
    """What `investigator_required` lets through."""

    user: User


def get_study(study_id: UUID) -> Study:
    return get_object_or_404(
        Study.objects.select_related(
            "real_dataset", "synthetic_dataset", "created_by", "opened_by", "closed_by", "leak_report", "follows"
        ),
        pk=study_id,
    )


def progress_context(study: Study) -> dict[str, Any]:
    return {"study": study, "readers": selectors.reader_progress(study)}


def study_page(
    request: SignedInRequest,
    study: Study,
    *,
    invitation_form: InvitationForm | None = None,
    override_form: OverrideForm | None = None,
    second_session_form: SecondSessionForm | None = None,
    status: int = 200,
) -> HttpResponse:
    user = request.user
    job = latest_opening(study) if rules.study_is_draft(user, study) else None
    is_opening = job is not None and job.is_active
    context = {
        **progress_context(study),
        "protocol_facts": describe_protocol(study),
        "phases": describe_phases(study),
        "followed_by": list(study.followed_by.order_by("created_at")),
        "invitations": selectors.invitations_of(study),
        "invitation_form": invitation_form or InvitationForm(),
        "second_session_form": second_session_form or SecondSessionForm(),
        "opening_job": job,
        "is_opening": is_opening,
        # the report of a leak audit that has just kept the study from opening
        "blocked": None if job is None or is_opening else job.result.get("report"),
        "override_form": override_form or OverrideForm(),
        "can_change": rules.can_change_study(user, study) and not is_opening,
        "can_open": rules.can_open_study(user, study) and not is_opening,
        "can_preview": rules.can_preview_study(user, study),
        "can_close": rules.can_close_study(user, study),
        "can_invite": rules.can_invite_readers(user, study),
        "can_clone": rules.can_clone_study(user, study),
        "can_follow_up": rules.can_follow_up_study(user, study),
        "can_view_results": rules.can_view_results(user, study),
    }
    return render(request, "turing/study_detail.html", context, status=status)
