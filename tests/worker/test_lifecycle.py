"""Guarded transitions: one claim wins, and who lost the lease changes nothing."""

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from tests.factories import JobFactory
from worker import lifecycle
from worker.lifecycle import Lease, claim_job, claim_next_job
from worker.models import Job
from worker.services import request_cancel

State = Job.State


def expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_expires_at=Now() - timedelta(seconds=1))


@pytest.mark.django_db
def test_claim_takes_the_highest_priority_then_the_oldest():
    young, old, urgent = JobFactory(), JobFactory(), JobFactory(priority=5)
    Job.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(hours=1))
    JobFactory(queue="gpu", priority=9)
    JobFactory(state=State.FAILED, priority=9)

    order = [claim_next_job(queues=["light"], worker_name="w") for _ in range(4)]

    assert [lease.job_id if lease else None for lease in order] == [urgent.pk, old.pk, young.pk, None]


@pytest.mark.django_db
def test_claim_starts_an_attempt_with_a_lease():
    job = JobFactory(attempt=1, progress_done=30, progress_best=20)

    lease = claim_job(job_id=job.pk, worker_name="light@host")

    job.refresh_from_db()
    assert lease == Lease(job_id=job.pk, token=job.lease_token, attempt=2)
    assert (job.state, job.attempt, job.worker_name, job.process_id) == (State.RUNNING, 2, "light@host", None)
    assert job.progress_best == 30
    assert job.started_at == job.attempt_started_at
    assert timedelta(seconds=19) < job.lease_expires_at - job.heartbeat_at <= timedelta(seconds=20)


@pytest.mark.django_db(transaction=True)
def test_of_many_claims_at_once_one_gets_the_job():
    jobs = [JobFactory() for _ in range(3)]
    threads, barrier, leases = 8, threading.Barrier(8), []

    def claim() -> None:
        barrier.wait()
        leases.append(claim_next_job(queues=["light"], worker_name="w"))
        connection.close()

    workers = [threading.Thread(target=claim) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    claimed = [lease.job_id for lease in leases if lease]
    assert len(leases) == threads
    assert sorted(claimed) == sorted(job.pk for job in jobs)
    assert set(Job.objects.values_list("attempt", flat=True)) == {1}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "write",
    [
        lambda lease: lifecycle.renew(lease=lease, progress_done=99),
        lambda lease: lifecycle.succeed(lease=lease, result={"a": 1}),
        lambda lease: lifecycle.fail(lease=lease, error="no"),
        lambda lease: lifecycle.leave(lease=lease, reason="no"),
        lambda lease: lifecycle.crash(lease=lease, what="no"),
        lambda lease: lifecycle.take_over(lease=lease),
    ],
)
def test_without_the_lease_nothing_changes(running_job, write):
    job, lease = running_job
    expire(job)
    before = Job.objects.filter(pk=job.pk).values().get()

    outcome = write(Lease(job_id=job.pk, token=uuid.uuid4(), attempt=lease.attempt))

    assert not outcome
    assert Job.objects.filter(pk=job.pk).values().get() == before
    assert job.log_lines.count() == 0


@pytest.mark.django_db
def test_the_database_refuses_a_running_job_without_lease():
    with pytest.raises(IntegrityError), transaction.atomic():
        JobFactory(state=State.RUNNING)


@pytest.mark.django_db
def test_success_ends_the_lease(running_job):
    job, lease = running_job

    assert lifecycle.succeed(lease=lease, result={"images": 4})

    job.refresh_from_db()
    assert (job.state, job.result, job.lease_token) == (State.SUCCEEDED, {"images": 4}, None)
    assert job.finished_at is not None
    assert not lifecycle.fail(lease=lease, error="too late")


@pytest.mark.django_db
def test_leaving_means_cancelled_only_when_a_user_asked(running_job):
    job, lease = running_job

    assert lifecycle.leave(lease=lease, reason="Shut down") == State.QUEUED
    again = claim_job(job_id=job.pk, worker_name="w")
    request_cancel(job=job)
    assert lifecycle.leave(lease=again, reason="Shut down") == State.CANCELLED

    job.refresh_from_db()
    assert (job.crashes, job.attempt) == (0, 2)


@pytest.mark.django_db
def test_three_crashes_at_one_place_fail_the_job():
    job = JobFactory(progress_done=10)

    for expected in (State.QUEUED, State.QUEUED, State.FAILED):
        lease = claim_job(job_id=job.pk, worker_name="w")
        assert lifecycle.crash(lease=lease, what="Ended by SIGSEGV.", output="last words") == expected

    job.refresh_from_db()
    assert job.error == ("It crashed 3 times in a row without getting any further. The last time: Ended by SIGSEGV.")
    assert [line.text for line in job.log_lines.all()] == ["Ended by SIGSEGV.\nlast words"] * 3


@pytest.mark.django_db
def test_crashes_with_progress_in_between_do_not_add_up():
    job = JobFactory()

    for n in range(5):
        lease = claim_job(job_id=job.pk, worker_name="w")
        lifecycle.renew(lease=lease, progress_done=(n + 1) * 10)
        assert lifecycle.crash(lease=lease, what="Power cut.") == State.QUEUED

    job.refresh_from_db()
    assert job.crashes == 1


@pytest.mark.django_db
def test_going_over_the_same_ground_is_no_progress():
    job = JobFactory()
    reached = [500, 480, 500]  # each attempt resumes at 400

    for done in reached:
        lease = claim_job(job_id=job.pk, worker_name="w")
        lifecycle.renew(lease=lease, progress_done=done)
        lifecycle.crash(lease=lease, what="Power cut.")

    job.refresh_from_db()
    assert job.state == State.FAILED


@pytest.mark.django_db
def test_an_expired_lease_is_found_and_taken_over(running_job):
    job, lease = running_job
    assert lifecycle.find_expired() == set()
    assert lifecycle.take_over(lease=lease) is None

    expire(job)

    assert {found for found, _ in lifecycle.find_expired()} == {lease}
    assert lifecycle.take_over(lease=lease) == State.QUEUED
    job.refresh_from_db()
    assert job.message == "Waiting to go on after a crash. Worker test gave no sign of life for 20 s."


@pytest.mark.django_db
def test_an_expired_cancelling_job_is_cancelled(running_job):
    job, lease = running_job
    request_cancel(job=job)
    expire(job)

    assert lifecycle.take_over(lease=lease) == State.CANCELLED
