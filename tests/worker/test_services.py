"""Enqueue, cancel, resume."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.factories import JobFactory
from tests.worker.counting.jobs import CountParameters
from worker.models import Job
from worker.services import enqueue_job, request_cancel, resume_job

State = Job.State
pytestmark = pytest.mark.django_db


@dataclass(frozen=True, kw_only=True)
class OtherParameters:
    steps: int = 1


def test_enqueue_stores_what_the_handler_will_get(investigator):
    job = enqueue_job(
        kind="count_gpu",
        parameters=CountParameters(steps=3, journal="/dev/null"),
        title="x" * 300,
        created_by=investigator,
        seed=7,
        priority=2,
    )

    job.refresh_from_db()
    assert job.parameters == {"steps": 3, "journal": "/dev/null", "step_seconds": 0.05, "behaviour": "count"}
    assert (job.state, job.queue, job.seed, job.priority, job.created_by) == ("queued", "gpu", 7, 2, investigator)
    assert job.title == "x" * 200
    assert job.attempt == 0


def test_enqueue_refuses_an_unknown_kind():
    with pytest.raises(ValueError, match=r"Unknown job kind 'nothing'; known: .*count"):
        enqueue_job(kind="nothing", parameters=OtherParameters(), title="t")


def test_enqueue_refuses_parameters_of_another_kind():
    with pytest.raises(ValueError, match="Parameters of count must be a CountParameters, not OtherParameters"):
        enqueue_job(kind="count", parameters=OtherParameters(), title="t")


def test_enqueue_refuses_what_json_cannot_keep():
    with pytest.raises(ValueError, match="cannot be stored as JSON"):
        enqueue_job(kind="count", parameters=CountParameters(steps=1, journal=Path("/dev/null")), title="t")
    assert Job.objects.count() == 0


def test_enqueue_survives_an_absent_broker(django_capture_on_commit_callbacks, caplog):
    with django_capture_on_commit_callbacks(execute=True):
        job = enqueue_job(kind="count", parameters=CountParameters(steps=1, journal="/dev/null"), title="t")

    assert Job.objects.get().pk == job.pk
    assert "Could not wake the light workers" in caplog.text


def test_cancel_of_a_queued_job_is_immediate():
    job = JobFactory()

    request_cancel(job=job)

    assert job.state == State.CANCELLED
    assert job.finished_at is not None


def test_cancel_of_a_running_job_asks_its_process(running_job):
    job, lease = running_job

    request_cancel(job=job)
    request_cancel(job=job)  # asking twice changes nothing

    assert job.state == State.CANCELLING
    assert job.lease_token == lease.token


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED])
def test_cancel_of_an_ended_job_is_refused(state):
    job = JobFactory(state=state, title="Night run")

    with pytest.raises(ValueError, match=f"“Night run” cannot be cancelled: it has already {state}"):
        request_cancel(job=job)

    job.refresh_from_db()
    assert job.state == state


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_resume_puts_the_same_row_back(state):
    job = JobFactory(state=state, attempt=2, crashes=2, error="was wrong", progress_done=40, progress_total=100)

    resume_job(job=job)

    assert job.state == State.QUEUED
    assert (job.attempt, job.crashes, job.error, job.progress_done) == (2, 0, "", 40)


@pytest.mark.parametrize("state", [State.QUEUED, State.SUCCEEDED])
def test_resume_of_anything_else_is_refused(state):
    job = JobFactory(state=state)

    with pytest.raises(ValueError, match=f"is {state}: only a failed or cancelled job can be resumed"):
        resume_job(job=job)
