"""What a handler reports is written by the heartbeat, under the lease; and how it learns that it must stop."""

import time

import pytest
from django.db import transaction
from django.utils import timezone

from tests.factories import JobFactory
from tests.worker.site import wait_until
from worker import lifecycle
from worker.execution.context import CANCELLED, LOST, RunningJob
from worker.models import Job
from worker.registry import JobStopped
from worker.services import request_cancel

State = Job.State
pytestmark = pytest.mark.django_db(transaction=True)  # the heartbeat is another thread


@pytest.fixture
def running(running_job, media_root):
    job, lease = running_job
    job.directory.mkdir(parents=True)
    running = RunningJob(lease=lease, directory=job.directory)
    assert running.begin()
    yield running
    running.conclude(lambda: None)


@pytest.fixture
def job(running_job) -> Job:
    return running_job[0]


def test_reports_reach_the_database_while_it_runs(running, job):
    picture = running.directory / "grids" / "1.png"
    picture.parent.mkdir()
    picture.write_bytes(b"png")

    running.log("started")
    running.log("odd", level="warning")
    running.progress(3, 10, "files", "Reading")
    running.metric(1, d_loss=0.5, g_loss=float("nan"))
    running.metric(1, fid=30.0)
    running.artefact(picture, kind="grid", step=1)
    running.device("cpu")

    wait_until(lambda: job.log_lines.count() == 2, 5, "the heartbeat wrote")
    job.refresh_from_db()
    assert (job.progress_done, job.progress_total, job.progress_unit, job.message) == (3, 10, "files", "Reading")
    assert job.device == "cpu"
    assert [(line.level, line.text, line.attempt) for line in job.log_lines.all()] == [
        ("info", "started", 1),
        ("warning", "odd", 1),
    ]
    assert [(metric.step, metric.values) for metric in job.metrics.all()] == [
        (1, {"d_loss": 0.5, "g_loss": None, "fid": 30.0})
    ]
    assert [(a.name, a.kind, a.step) for a in job.artefacts.all()] == [("grids/1.png", "grid", 1)]


def test_a_step_done_again_replaces_its_values(running, job):
    running.metric(5, loss=1.0)
    running.metric(6, loss=0.9)
    wait_until(lambda: job.metrics.count() == 2, 5, "the heartbeat wrote")

    running.metric(5, loss=2.0)

    wait_until(lambda: job.metrics.get(step=5).values == {"loss": 2.0}, 5, "the new value")
    assert job.metrics.get(step=6).values == {"loss": 0.9}


def test_the_rate_counts_from_the_first_report_of_a_phase(running, job):
    running.progress(400, 1000, "steps")  # resumed at 400
    wait_until(lambda: Job.objects.get(pk=job.pk).attempt_progress_at, 5, "the first report")
    running.progress(500, 1000, "steps")
    wait_until(lambda: Job.objects.get(pk=job.pk).progress_done == 500, 5, "the second report")

    job.refresh_from_db()
    elapsed = (job.heartbeat_at - job.attempt_progress_at).total_seconds()
    assert job.attempt_progress == 400
    assert job.eta_seconds == pytest.approx(500 * elapsed / 100)

    running.progress(1, 20, "images")  # a new phase
    wait_until(lambda: Job.objects.get(pk=job.pk).progress_total == 20, 5, "the new phase")
    job.refresh_from_db()
    assert job.attempt_progress == 1
    assert job.eta_seconds is None


def test_the_heartbeat_renews_the_lease(running, job):
    before = Job.objects.get(pk=job.pk).lease_expires_at

    wait_until(lambda: Job.objects.get(pk=job.pk).lease_expires_at > before, 5, "a renewal")


def test_a_cancel_reaches_the_handler(running, job):
    assert not running.should_stop()
    running.raise_if_stopped()

    request_cancel(job=job)

    wait_until(running.should_stop, 5, "the stop")
    with pytest.raises(JobStopped, match=CANCELLED):
        running.raise_if_stopped()


def test_who_lost_the_lease_writes_nothing_more(running, job, running_job):
    lifecycle.leave(lease=running_job[1], reason="taken away")
    lifecycle.claim_job(job_id=job.pk, worker_name="other")

    running.log("too late")

    wait_until(running.should_stop, 5, "the stop")
    with pytest.raises(JobStopped, match=LOST):
        running.raise_if_stopped()
    with pytest.raises(JobStopped, match=LOST), running.fenced():
        JobFactory(title="a result that must not be")
    assert not running.conclude(lambda: pytest.fail("a verdict without a lease"))
    assert job.log_lines.count() == 0
    assert Job.objects.count() == 1


def test_fenced_is_one_transaction(running):
    def write_half() -> None:
        with running.fenced():
            JobFactory(title="half done")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()

    assert not Job.objects.filter(title="half done").exists()


def test_a_long_fenced_transaction_leaves_the_lease_fresh(running, job):
    with running.fenced():
        Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now())
        time.sleep(0.1)

    assert Job.objects.get(pk=job.pk).lease_expires_at > timezone.now()


def test_nothing_is_lost_when_the_heartbeat_cannot_write(running, job):
    """Another writer holds the row (PostgreSQL) or the database (SQLite) for a while."""
    with transaction.atomic():
        Job.objects.select_for_update().get(pk=job.pk)
        Job.objects.filter(pk=job.pk).update(title="held")
        for step in range(20):
            running.log(f"line {step}")
            time.sleep(0.1)

    wait_until(lambda: job.log_lines.count() == 20, 10, "every line")
    assert [line.text for line in job.log_lines.all()] == [f"line {step}" for step in range(20)]


def test_a_nul_in_a_text_does_not_stop_the_heartbeat(running, job):
    running.progress(1, 2, "fi\0les", "a\0b" * 1000)
    running.log("broken \0 output")

    wait_until(lambda: job.log_lines.exists(), 5, "the heartbeat wrote")
    job.refresh_from_db()
    assert (job.progress_unit, job.message[:3], len(job.message)) == ("fi\ufffdles", "a\ufffdb", 500)
    assert job.log_lines.get().text == "broken \ufffd output"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.progress(-1, 5), "done and total must be 0 or more, not -1 of 5"),
        (lambda c: c.log("x", level="loud"), "level must be one of info, warning, error, not 'loud'"),
        (lambda c: c.artefact(c.directory / ".." / "db.sqlite3", kind="file"), "is not inside the job's directory"),
        (lambda c: c.artefact(c.directory / "nothing.png", kind="grid"), "there is no file"),
    ],
)
def test_wrong_reports_are_refused(running, call, message):
    with pytest.raises(ValueError, match=message):
        call(running)
