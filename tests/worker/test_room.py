"""Jobs wait while the disk is too full, say so, and go on by themselves. A real small file system where that may be
mounted.
"""

import os
import threading

import pytest
from django.db import connections

from tests.factories import JobFactory
from tests.turing.reading.small_disks import small_file_system
from tests.worker.counting.jobs import CountParameters
from tests.worker.journal import Journal
from tests.worker.site import wait_until
from worker.execution.child import execute_job
from worker.execution.runner import run_queued_jobs
from worker.execution.slots import Slots
from worker.lifecycle import claim_job, claim_next_job
from worker.models import Job
from worker.registry import get_job_kind, register_job
from worker.room import WAITING

pytestmark = pytest.mark.django_db(transaction=True)

MB = 2**20


@register_job("free_room", parameters=CountParameters, frees_disk=True)
def free_room(context, parameters):
    return {}


@register_job("needs_much", parameters=CountParameters, needs_bytes=lambda parameters: parameters.steps * MB)
def needs_much(context, parameters):
    return {}


@pytest.fixture
def disk(settings, tmp_path):
    """32 MB, of which 8 must stay free."""
    with small_file_system(tmp_path) as disk:
        settings.MEDIA_ROOT = tmp_path / "media"
        settings.MEDIA_ROOT.mkdir()
        settings.MIN_FREE_BYTES = 8 * MB
        yield disk


def fill(disk, leave: int) -> None:
    free = os.statvfs(disk.folder).f_bavail * os.statvfs(disk.folder).f_frsize
    disk.ballast.write_bytes(bytes(free - leave))


def make(kind: str, **parameters) -> Job:
    return JobFactory(kind=kind, parameters={"steps": 1, "journal": "/dev/null", "step_seconds": 0.0} | parameters)


def claimed() -> str | None:
    lease = claim_next_job(queues=["light"], worker_name="w")
    return None if lease is None else Job.objects.get(pk=lease.job_id).kind


def test_a_full_disk_makes_jobs_wait_and_say_so(disk):
    job = make("count")
    freeing = make("free_room")
    fill(disk, leave=7 * MB)

    assert claimed() == "free_room"  # what makes room is not held back
    assert claimed() is None
    job.refresh_from_db()
    assert (job.state, job.message.startswith(WAITING), job.attempt) == ("queued", True, 0)
    assert freeing.pk

    disk.free(None)
    assert claimed() == "count"


def test_what_a_job_needs_is_known_before_it_starts(disk):
    large = make("needs_much", steps=100)
    make("needs_much", steps=2)

    assert claimed() == "needs_much"  # the small one
    assert claimed() is None
    large.refresh_from_db()
    assert "this needs about 0.1 GB" in large.message


def test_a_running_job_leaves_before_the_disk_is_full_and_goes_on_by_itself(disk, tmp_path, settings):
    """Started with room; the room goes; it saves and waits; there is room again; it ends, without a step twice."""
    journal = Journal(settings.MEDIA_ROOT / "journal.jsonl")
    job = make("count", steps=400, journal=str(journal.path), step_seconds=0.02)
    lease = claim_job(job_id=job.pk, worker_name="w")

    def run() -> None:
        try:
            execute_job(job_id=job.pk, token=lease.token)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: journal.steps, 60, "it works")
    fill(disk, leave=3 * MB)
    thread.join(60)
    assert not thread.is_alive()
    job.refresh_from_db()
    assert (job.state, job.message.startswith(WAITING)) == ("queued", True), job.error
    assert 0 < len(set(journal.steps)) < 400

    disk.free(None)
    Job.objects.filter(pk=job.pk).update(parameters={**job.parameters, "step_seconds": 0.0})
    lease = claim_next_job(queues=["light"], worker_name="w")
    assert execute_job(job_id=lease.job_id, token=lease.token)
    job.refresh_from_db()
    assert job.state == "succeeded"
    assert sorted(set(journal.steps)) == list(range(1, 401))


def test_no_limit_asks_nothing(settings, django_assert_num_queries):
    settings.MIN_FREE_BYTES = 0
    with django_assert_num_queries(1):
        assert run_queued_jobs(queues=["light"], worker_name="w", slots=Slots()) == 0
    assert get_job_kind("count").needs_bytes is None
