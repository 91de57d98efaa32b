"""Starts a film, a mixture of styles, or the search for a nearest image."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from config.accounts.access import investigator_required
from config.accounts.models import User
from generation.importing.views import foreign_page
from generation.models import Checkpoint, TrainingRun
from generation.services import start_tool
from generation.tool_forms import ToolForm
from generation.views import run_page


@investigator_required
def tool_start(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """From the form on the page of a run; what is wrong with it is said there."""
    checkpoint = get_object_or_404(Checkpoint.objects.select_related("run", "foreign"), pk=pk)
    origin = checkpoint.origin
    if request.method != "POST":
        return redirect(origin)
    checkpoints = [checkpoint] if checkpoint.run is None else list(checkpoint.run.checkpoints.all())
    form = ToolForm(request.POST, origin=origin, checkpoints=checkpoints)
    if not form.is_valid() or form.parameters is None:
        if isinstance(origin, TrainingRun):
            return run_page(request, origin, tools_form=form)
        return foreign_page(request, origin, tools_form=form)
    user = request.user if isinstance(request.user, User) else None
    start_tool(checkpoint=form.cleaned_data["checkpoint"], parameters=form.parameters, created_by=user)
    return redirect(f"{origin.get_absolute_url()}#tools")
