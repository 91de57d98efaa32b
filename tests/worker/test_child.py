"""Each way in which a handler can end, and the state it leads to."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.factories import JobFactory
from tests.worker.site import wait_until
from worker import lifecycle
from worker.execution.child import OUT_OF_MEMORY, execute_job
from worker.execution.directory_lock import DirectoryInUseError, hold_directory
from worker.lifecycle import claim_job
from worker.models import Job
from worker.services import request_cancel, resume_job

State = Job.State
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(media_root, journal):
    """Runs a counting job in this process and returns it as it ended."""

    def run(job: Job | None = None, **parameters) -> Job:
        defaults = {"steps": 10, "journal": str(journal.path), "step_seconds": 0.0}
        job = job or JobFactory(parameters={**defaults, **parameters})
        lease = claim_job(job_id=job.pk, worker_name="test")
        execute_job(job_id=job.pk, token=lease.token)
        job.refresh_from_db()
        return job

    return run


def test_success(run):
    job = run()

    assert (job.state, job.result, job.error) == (State.SUCCEEDED, {"counted": 10}, "")
    assert (job.progress_done, job.progress_total, job.process_id) == (10, 10, os.getpid())
    assert job.metrics.count() == 10
    assert set(job.versions) >= {"revision", "python", "platform", "django", "numpy", "torch", "torchvision"}


def test_a_job_error_is_shown_as_it_is(run):
    job = run(behaviour="job_error")

    assert job.state == State.FAILED
    assert job.error == "File a.png, row 3: the label is missing. Add it and import again."


def test_a_defect_shows_its_traceback_in_the_log(run):
    job = run(behaviour="bug")

    assert job.state == State.FAILED
    assert job.error == "RuntimeError: something unforeseen\nThe log shows where in the code this happened."
    assert "in _misbehave" in job.log_lines.get(level="error").text


def test_lack_of_memory_is_known_by_the_name_of_the_exception(run):
    job = run(behaviour="memory")

    assert (job.state, job.error) == (State.FAILED, OUT_OF_MEMORY)


def test_a_result_that_json_cannot_keep_is_a_failure(run):
    job = run(behaviour="not_json")

    assert job.state == State.FAILED
    assert "not JSON compliant" in job.error


def test_leaving_unasked_is_a_failure(run):
    job = run(behaviour="leave")

    assert (job.state, job.error) == (
        State.FAILED,
        "The code of “count” left without being asked to. This is a defect.",
    )


def test_an_unknown_kind_fails_with_words(run):
    job = run(JobFactory(kind="of_a_newer_version"))

    assert job.state == State.FAILED
    assert "Unknown job kind 'of_a_newer_version'" in job.error


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"steps": -1, "journal": "/dev/null"}, "steps must be 0 or more, not -1"),
        ({"journal": "/dev/null"}, "missing 1 required keyword-only argument: 'steps'"),
        ({"steps": 1, "journal": "/dev/null", "stesp": 1}, "Unknown parameter stesp"),
    ],
)
def test_parameters_that_are_no_longer_valid_fail_with_words(run, parameters, problem):
    job = run(JobFactory(parameters=parameters))

    assert job.state == State.FAILED
    assert problem in job.error


def test_cancel_and_resume_count_every_step_once(run, journal):
    job = JobFactory(parameters={"steps": 60, "journal": str(journal.path), "step_seconds": 0.05})
    canceller = threading.Thread(
        target=lambda: (wait_until(lambda: len(journal.steps) > 10, 20, "steps"), request_cancel(job=job))
    )
    canceller.start()

    cancelled = run(job).state
    canceller.join()
    resume_job(job=job)
    resumed = run(job)

    assert cancelled == State.CANCELLED
    assert (resumed.state, resumed.attempt) == (State.SUCCEEDED, 2)
    assert journal.steps == list(range(1, 61))


def test_without_the_lease_nothing_runs(media_root, journal, running_job):
    job, lease = running_job
    lifecycle.leave(lease=lease, reason="taken away")

    assert execute_job(job_id=job.pk, token=lease.token) is False
    assert journal.events == []


def test_one_process_at_a_time_in_a_directory(tmp_path):
    with (
        hold_directory(tmp_path, patience_seconds=1, owner_mark="nobody"),
        pytest.raises(DirectoryInUseError, match=f"process {os.getpid()} on {socket.gethostname()} still works in"),
        hold_directory(tmp_path, patience_seconds=0.3, owner_mark="nobody"),
    ):
        pytest.fail("two holders at once")

    with hold_directory(tmp_path, patience_seconds=0, owner_mark="nobody"):
        assert (tmp_path / ".lock").read_text() == f"{socket.gethostname()} {os.getpid()}"


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="recognises the old process through /proc (Linux)")
@pytest.mark.parametrize(("mark", "is_ended"), [("job-1", True), ("job-2", False)])
def test_a_leftover_process_of_the_same_job_is_ended(tmp_path, mark, is_ended):
    holds = (
        "import sys, time; from pathlib import Path; from worker.execution.directory_lock import hold_directory\n"
        "with hold_directory(Path(sys.argv[1]), patience_seconds=1, owner_mark=''):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    leftover = subprocess.Popen([sys.executable, "-c", holds, str(tmp_path), "job-1"], stdout=subprocess.PIPE)
    leftover.stdout.readline()

    try:
        with hold_directory(tmp_path, patience_seconds=0.3, owner_mark=mark):
            held = True
    except DirectoryInUseError:
        held = False

    assert held == is_ended
    assert (leftover.poll() is None) != is_ended
    leftover.kill()
    leftover.wait()
