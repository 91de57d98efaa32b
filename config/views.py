"""The home page and error pages: the only views that look at every part of the site."""

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from config.accounts.rules import is_investigator, works_in_projects
from generation.models import TrainingRun
from imaging.models import Dataset
from turing.models import Study
from worker.models import Job


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Investigators: what there is and what to do next. Readers: their studies."""
    if not is_investigator(request.user):
        return redirect("imaging:my_regions" if works_in_projects(request.user) else "turing:my_studies")
    context = {
        "real_datasets": Dataset.objects.filter(origin=Dataset.Origin.REAL).count(),
        "synthetic_datasets": Dataset.objects.filter(origin=Dataset.Origin.SYNTHETIC).count(),
        "runs": TrainingRun.objects.count(),
        "studies": Study.objects.count(),
        "recent_studies": Study.objects.all()[:5],
        "recent_jobs": Job.objects.all()[:5],
    }
    return render(request, "home.html", context)


def permission_denied(request: HttpRequest, exception: PermissionDenied) -> HttpResponse:
    return render(request, "403.html", {"reason": str(exception)}, status=403)
