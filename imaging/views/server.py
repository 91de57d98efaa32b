"""Pages for administrators: import a folder of the server without an upload, and import from a PACS."""

from typing import cast

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from config.accounts.access import administrator_required
from config.accounts.models import User
from imaging.intake.pacs import Pacs, PacsError
from imaging.intake.retrieving import RETRIEVE, RetrieveParameters, pacs_access
from imaging.server_folders import FolderError, find_place, import_roots, list_place
from imaging.server_forms import PacsForm, ServerImportForm
from imaging.services import start_import
from worker.services import enqueue_job


@administrator_required
def import_folder(request: HttpRequest) -> HttpResponse:
    """`?place=` walks through the folders; POST imports the one of the address. Its files stay as they are."""
    roots = import_roots()
    context: dict[str, object] = {"roots": roots}
    key = request.GET.get("place", "")
    if key:
        try:
            place = find_place(key)
            context["place"] = place
            context["parent"] = key.rpartition("/")[0]
            context["listing"] = list_place(place) if place.is_folder else None
        except FolderError as error:
            context.pop("place", None)
            return render(request, "imaging/import_folder.html", context | {"problem": str(error)}, status=400)
        form = ServerImportForm(
            request.POST if request.method == "POST" else None, initial={"dataset_name": place.path.stem}
        )
        if request.method == "POST" and form.is_valid():
            job = start_import(
                source=place.path, source_name=place.name, created_by=cast(User, request.user), **form.cleaned_data
            )
            return redirect("imaging:import_result", job.pk)
        context["form"] = form
    return render(request, "imaging/import_folder.html", context)


@administrator_required
def import_pacs(request: HttpRequest) -> HttpResponse:
    """The form; POST counts what matches ("count"), or starts the job that retrieves and imports it."""
    if not settings.DICOMWEB_URL:
        raise Http404("No PACS is set")
    counts = "count" in request.POST
    form = PacsForm(request.POST if request.method == "POST" else None, counts=counts)
    found = None
    if request.method == "POST" and form.is_valid():
        try:
            access = pacs_access()
            if counts:
                found = len(Pacs(access).find(form.query))
            else:
                user = cast(User, request.user)
                job = enqueue_job(
                    kind=RETRIEVE,
                    parameters=RetrieveParameters(created_by_id=user.pk, **form.parameters),
                    title=f"Import “{form.cleaned_data['dataset_name']}” from the PACS",
                    created_by=user,
                )
                return redirect("imaging:import_result", job.pk)
        except PacsError as error:
            form.add_error(None, str(error))
    return render(request, "imaging/import_pacs.html", {"form": form, "found": found})
