"""Pages of administrators: jobs that do not get on, of all projects, and tidying up."""

from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from config.accounts.access import administrator_required
from config.accounts.models import User
from config.operations.jobs import CLEAN_UP, CleanUpParameters
from worker.models import Job
from worker.services import enqueue_job
from worker.stuck import cancel_stuck, diagnose, fail_stuck, find_queues_with_life, requeue_stuck, stuck_jobs

VERBS: dict[str, tuple[Callable[..., None], str]] = {
    "requeue": (requeue_stuck, "is back in the queue"),
    "fail": (fail_stuck, "was ended as failed"),
    "cancel": (cancel_stuck, "is being cancelled"),
}


@administrator_required
@require_safe
def stuck_job_list(request: HttpRequest) -> HttpResponse:
    queues = find_queues_with_life()
    page = Paginator(stuck_jobs(queues_with_life=queues), 25).get_page(request.GET.get("page"))
    stuck = [diagnose(job, queues_with_life=queues) for job in page]
    return render(request, "operations/stuck_jobs.html", {"page_obj": page, "stuck": stuck})


@administrator_required
@require_POST
def steer_stuck_job(request: HttpRequest, job_id: str, verb: str) -> HttpResponse:
    if verb not in VERBS:
        raise Http404("There is no such action.")
    act, words = VERBS[verb]
    job = get_object_or_404(Job.anywhere, pk=job_id)
    try:
        act(job=job, by=f"administrator {request.user.get_username()}")
    except ValueError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"“{job.title}” {words}.")
    return redirect("operations:stuck_jobs")


@administrator_required
@require_POST
def tidy_up(request: HttpRequest) -> HttpResponse:
    """One at a time: a second one would find nothing to do."""
    user = request.user if isinstance(request.user, User) else None
    with transaction.atomic():
        job = Job.anywhere.filter(kind=CLEAN_UP, state__in=Job.ACTIVE).first()
        if job is None:
            job = enqueue_job(kind=CLEAN_UP, parameters=CleanUpParameters(), title="Tidy up", created_by=user)
    return redirect(job)
