"""The command line of jobs, and following a job in the terminal."""

import io
import json
import threading
import time

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from rich.console import Console

from tests.factories import JobFactory
from worker import lifecycle
from worker.execution.child import execute_job
from worker.lifecycle import claim_job
from worker.models import Job
from worker.templatetags.jobs import duration
from worker.watching import watch_job

State = Job.State


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


@pytest.mark.django_db
def test_jobs_lists_for_people_and_for_programs():
    job = JobFactory(title="Night run", progress_done=5, progress_total=10, progress_unit="steps")
    JobFactory(title="Old one", state=State.SUCCEEDED)

    table = run("jobs")
    listed = json.loads(run("jobs", "--json", "--state", "queued"))

    assert "Night run" in table
    assert "Old one" in table
    assert job.pk.hex[:8] in table
    assert [(entry["id"], entry["state"], entry["progress_done"]) for entry in listed] == [(str(job.pk), "queued", 5)]
    assert run("jobs", "--state", "failed").strip() == "No jobs."


@pytest.mark.django_db
def test_cancel_and_resume_by_the_beginning_of_the_id():
    job = JobFactory(title="Night run")

    cancelled = run("job_cancel", job.pk.hex[:8])
    resumed = run("job_resume", str(job.pk))

    assert cancelled.strip() == "“Night run”: cancelled."
    assert "“Night run” is queued." in resumed
    assert Job.objects.get(pk=job.pk).state == State.QUEUED


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("nonsense", "“nonsense” is not the id of a job"),
        ("00000000", "No job's id begins with “00000000”"),
        ("ab", "The ids of 2 jobs begin with “ab”"),
        ("abcdef01-0000-4000-8000-00000000000a", "cannot be cancelled: it has already succeeded"),
    ],
)
def test_wrong_jobs_are_named(argument, message):
    for end in "ab":
        JobFactory(pk=f"abcdef01-0000-4000-8000-00000000000{end}", state=State.SUCCEEDED)

    with pytest.raises(CommandError, match=message):
        run("job_cancel", argument)


@pytest.mark.sqlite_is_enough
@pytest.mark.django_db(transaction=True)
def test_watching_follows_a_job_to_its_end(media_root, journal, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")  # on a dumb terminal the bar is drawn once, at the end
    # several heartbeats long: with fewer, a busy machine shows the end before there is anything to estimate from
    job = JobFactory(parameters={"steps": 100, "journal": str(journal.path), "step_seconds": 0.1})
    lease = claim_job(job_id=job.pk, worker_name="w")

    def work() -> None:
        execute_job(job_id=job.pk, token=lease.token)
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    screen = io.StringIO()
    ended = watch_job(job.pk, Console(file=screen, force_terminal=True, width=120))
    worker.join()

    shown = screen.getvalue()
    assert ended.state == State.SUCCEEDED
    assert "Counting from 0 to 100" in shown
    assert "left" in shown  # an estimate while it ran
    assert "100/100" in shown


@pytest.mark.django_db(transaction=True)
def test_watching_fails_when_the_job_fails(capsys):
    job = JobFactory()
    lease = claim_job(job_id=job.pk, worker_name="w")

    def work() -> None:
        time.sleep(0.3)
        lifecycle.fail(lease=lease, error="row 3: no label")
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    with pytest.raises(SystemExit) as ended:
        call_command("job_watch", str(job.pk))
    worker.join()

    assert ended.value.code == 1
    assert "row 3: no label" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (8000, "2 h 13 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words
