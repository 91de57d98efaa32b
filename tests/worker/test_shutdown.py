"""Stopping the site, gently and not: jobs save, nothing stays behind, and the next start goes on."""

import os
import signal

import pytest

from tests.worker.site import NEEDS_PROC, Site, enqueue_count, wait_for_state, wait_for_step, wait_until
from worker.models import Job

State = Job.State
pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True), NEEDS_PROC]


@pytest.fixture
def site(tmp_path, use_site):
    site = Site(tmp_path / "site", "--no-web")
    site.start()
    yield use_site(site)
    site.close()


def test_shutdown_saves_the_job_and_the_next_start_goes_on(site, journal):
    job = enqueue_count(journal)
    wait_for_step(journal, 12)

    status = site.stop(signal.SIGINT, seconds=20)

    assert status == 0
    assert site.processes_left() == {}
    job.refresh_from_db()
    assert (job.state, job.crashes) == (State.QUEUED, 0)
    site.start()
    wait_for_state(job, State.SUCCEEDED)
    assert journal.steps == list(range(1, 81))


def test_kill_of_the_supervisor_leaves_nothing(site, journal):
    job = enqueue_count(journal)
    wait_for_step(journal, 5)
    assert len(site.processes_left()) >= 5  # supervisor, broker, two workers, the job

    os.kill(site.process.pid, signal.SIGKILL)
    site.process.wait()

    wait_until(lambda: not site.processes_left(), 12, "every process is gone")
    job.refresh_from_db()
    assert job.state == State.QUEUED  # its process saved before it left
