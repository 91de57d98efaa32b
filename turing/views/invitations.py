"""Links for readers: made, shown once, withdrawn."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST

from config.accounts.access import investigator_required
from config.projects.addresses import outside_projects
from turing import services
from turing.errors import StudyError
from turing.forms import InvitationForm
from turing.models import Invitation
from turing.views._shared import SignedInRequest, get_study, study_page


@require_POST
@investigator_required
@cache_control(no_store=True)
def invitation_create(request: SignedInRequest, study_id: UUID) -> HttpResponse:
    """The links stand in the answer to this request and nowhere else: only hashes of their secrets are stored."""
    study = get_study(study_id)
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return study_page(request, study, invitation_form=form, status=422)
    try:
        made = services.create_invitations(study=study, by=request.user, **form.cleaned_data)
    except StudyError as error:
        messages.error(request, str(error))
        return redirect(study)
    with outside_projects():
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
