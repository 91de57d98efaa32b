"""What a sweep finds and does."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests.factories import JobFactory
from worker.execution.slots import Slots
from worker.lifecycle import claim_job, renew
from worker.models import Job
from worker.sweeper import Sweeper

State = Job.State


@pytest.fixture
def woken() -> list[str]:
    return []


@pytest.fixture
def sweeper(woken) -> Sweeper:
    return Sweeper(queues=["light"], slots=Slots(1), wake=woken.append)


@pytest.fixture
def dead_job(db):
    job = JobFactory()
    lease = claim_job(job_id=job.pk, worker_name="dead")
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(minutes=1))
    return job, lease


def state(job: Job) -> str:
    return Job.objects.values_list("state", flat=True).get(pk=job.pk)


@pytest.mark.django_db
def test_the_second_look_takes_a_dead_job_over(sweeper, dead_job):
    job, _ = dead_job

    sweeper.sweep()
    after_one = state(job)
    sweeper.sweep()

    assert (after_one, state(job)) == (State.RUNNING, State.QUEUED)


@pytest.mark.django_db
def test_a_sign_of_life_between_two_looks_saves_the_job(sweeper, dead_job):
    job, lease = dead_job

    sweeper.sweep()
    renew(lease=lease)
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    sweeper.sweep()

    assert state(job) == State.RUNNING


@pytest.mark.django_db(transaction=True)
def test_nobody_is_judged_after_waiting_for_the_database(sweeper, dead_job):
    """On SQLite a long write holds every heartbeat up: those who waited must be heard before anybody is judged."""
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite has one lock for all writers")
    job, _ = dead_job
    sweeper.sweep()
    holding = threading.Event()

    def write_for_long() -> None:
        with transaction.atomic():
            JobFactory(state=State.FAILED)
            holding.set()
            time.sleep(1.6)
        connection.close()

    writer = threading.Thread(target=write_for_long)
    writer.start()
    holding.wait()
    sweeper.sweep()
    writer.join()

    assert state(job) == State.RUNNING
    sweeper.sweep()
    sweeper.sweep()
    assert state(job) == State.QUEUED


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("queue", "age_seconds", "occupied", "expected"),
    [("light", 10, False, ["light"]), ("light", 0, False, []), ("gpu", 10, False, []), ("light", 10, True, [])],
)
def test_it_wakes_when_a_job_waits_and_this_worker_is_free(sweeper, woken, queue, age_seconds, occupied, expected):
    JobFactory(queue=queue, queued_at=timezone.now() - timedelta(seconds=age_seconds))

    if occupied:
        with sweeper.slots.occupied():
            sweeper.sweep()
    else:
        sweeper.sweep()

    assert woken == expected
