"""Real processes, real signals, a real broker: a job survives the death of each part and never runs twice at once."""

import os
import signal
import threading

import pytest

from tests.worker.journal import Journal
from tests.worker.site import NEEDS_PROC, Site, assert_resumed, enqueue_count, wait_for_state, wait_for_step
from worker.models import Job
from worker.services import request_cancel, resume_job
from worker.wakeup import wake_workers

State = Job.State
pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True), NEEDS_PROC]


@pytest.fixture(scope="module")
def shared_site(django_db_setup, django_db_blocker, tmp_path_factory):
    with django_db_blocker.unblock():
        site = Site(tmp_path_factory.mktemp("site"), "--no-web")
        site.start()
        yield site
        site.close()


@pytest.fixture
def site(shared_site, use_site) -> Site:
    """Up all the time: it has to get over every fault of the test before."""
    return use_site(shared_site)


def test_a_job_runs_to_its_end(site, journal):
    job = enqueue_count(journal, steps=30)

    wait_for_state(job, State.SUCCEEDED)

    assert (job.result, job.progress_done, job.progress_total, job.attempt) == ({"counted": 30}, 30, 30, 1)
    assert journal.steps == list(range(1, 31))
    assert [line.text for line in job.log_lines.all()] == ["Counting from 0 to 30"]
    assert [(m.step, m.values) for m in job.metrics.all()][-1] == (30, {"square": 900.0})
    assert job.versions["django"].startswith("5.2")
    assert job.process_id == journal.processes[0]
    assert job.process_id not in site.starts("worker-light")


def test_kill_of_the_job_process(site, journal):
    job = enqueue_count(journal)
    wait_for_step(journal, 23)

    os.kill(journal.processes[0], signal.SIGKILL)

    wait_for_state(job, State.SUCCEEDED)
    assert_resumed(journal, 80)
    assert (job.attempt, job.crashes) == (2, 1)
    assert "The process was ended by SIGKILL" in job.log_lines.get(level="error").text


def test_kill_of_the_worker(site, journal):
    job = enqueue_count(journal)
    wait_for_step(journal, 23)

    site.kill("worker-light")

    wait_for_state(job, State.SUCCEEDED)
    assert_resumed(journal, 80)
    assert "saved" in [event["event"] for event in journal.events], "its process had the time to save"


def test_kill_of_the_worker_and_its_job_together(site, journal):
    """As when the machine loses power: nobody is left who could write anything."""
    job = enqueue_count(journal)
    wait_for_step(journal, 23)

    site.kill("worker-light")
    os.kill(journal.processes[0], signal.SIGKILL)

    wait_for_state(job, State.SUCCEEDED, seconds=60)
    assert_resumed(journal, 80)
    assert "gave no sign of life for 20 s" in job.log_lines.get(level="error").text


def test_kill_of_the_broker(site, journal):
    job = enqueue_count(journal, steps=60)
    wait_for_step(journal, 10)

    starts = len(site.starts("broker"))
    site.kill("broker")
    waiting = enqueue_count(Journal(journal.path.with_name("other")), steps=5)  # its message is lost

    wait_for_state(job, State.SUCCEEDED)
    assert_resumed(journal, 60, processes=1)
    site.wait_for_restart("broker", after=starts)
    wait_for_state(waiting, State.SUCCEEDED)


def test_doubled_and_late_messages(site, journal):
    """What a redelivery after Redis' visibility timeout does, many times over."""
    job = enqueue_count(journal, steps=60)
    senders = [threading.Thread(target=wake_workers, kwargs={"queue": "light"}) for _ in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    wait_for_state(job, State.SUCCEEDED)
    assert wake_workers(queue="light")
    other = enqueue_count(Journal(journal.path.with_name("other")), steps=3)
    wait_for_state(other, State.SUCCEEDED)

    assert_resumed(journal, 60, processes=1)
    assert Job.objects.get(pk=job.pk).attempt == 1


def test_cancel_saves_and_resume_goes_on(site, journal):
    job = enqueue_count(journal, kind="count_gpu")
    wait_for_step(journal, 12)

    request_cancel(job=job)
    wait_for_state(job, State.CANCELLED, seconds=5)
    reached = max(journal.steps)
    resume_job(job=job)
    wait_for_state(job, State.SUCCEEDED)

    assert reached < 80
    assert journal.steps == list(range(1, 81))
    assert_resumed(journal, 80)


def test_cancel_of_a_job_that_does_not_listen(site, journal):
    job = enqueue_count(journal, steps=10_000, behaviour="stubborn")
    wait_for_step(journal, 3)

    request_cancel(job=job)

    wait_for_state(job, State.CANCELLED, seconds=15)
    assert journal.processes[0] not in site.processes_left()


def test_a_job_that_keeps_crashing_fails_with_words(site, journal):
    job = enqueue_count(journal, behaviour="exit", steps=100)

    wait_for_state(job, State.FAILED)

    # The first attempt came to step 7; the next ones resume at 5 and come no further.
    assert job.attempt == 3
    assert job.error.startswith("It crashed 3 times in a row without getting any further.")
    assert "status 3" in job.error
    assert "last words" in job.log_lines.filter(level="error").last().text
