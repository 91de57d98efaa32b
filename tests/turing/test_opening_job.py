"""Opening as a job: run by the worker's own code, cancelled, killed, taken over, blocked by leaks, started twice."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from imaging.services import add_image, create_dataset
from tests.generation.conftest import run_job
from tests.quick_database import copy_database
from tests.turing.builders import make_dataset, make_draft, make_open_study
from turing.audit.verification import verify_audit
from turing.errors import StudyError
from turing.models import AuditEvent, Study, Trial
from turing.opening_job import OPENED, OpenParameters, latest_opening, run_opening, start_opening
from turing.services import delete_study, open_study, update_study
from worker.execution.context import RunningJob
from worker.lifecycle import claim_job
from worker.models import Job
from worker.registry import JobError, JobStopped
from worker.services import resume_job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def media_root(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


def text_of(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def stimuli() -> set[str]:
    folder = Path(default_storage.path("stimuli"))
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def make_leaky_draft(n: int = 40) -> Study:
    """Bright real and dark synthetic images: told apart by their mean."""
    sides = {}
    for origin, low in (("real", 100), ("synthetic", 0)):
        sides[f"{origin}_dataset"] = create_dataset(name=f"{origin} {low}", origin=origin, created_by=None)
        generator = np.random.default_rng(low)
        for _ in range(n):
            pixels = generator.integers(low, low + 100, (16, 16), dtype=np.uint8)
            add_image(dataset=sides[f"{origin}_dataset"], pixels=pixels, label="normal")
    return make_draft(n_real=n, n_synthetic=n, **sides)


class Context:
    """As much of a JobContext as the handler uses; calls `at_step` at each progress."""

    def __init__(self, job: Job, at_step=lambda done, total: None) -> None:
        lease = claim_job(job_id=job.pk, worker_name="test")
        assert lease is not None
        job.directory.mkdir(parents=True, exist_ok=True)
        self._running = RunningJob(lease=lease, directory=job.directory)
        self._at_step = at_step

    def __getattr__(self, name):
        return getattr(self._running, name)

    def progress(self, done, total, unit="", message=""):
        self._running.progress(done, total, unit, message)
        self._at_step(done, total)


def parameters_of(job: Job) -> OpenParameters:
    return OpenParameters(**job.parameters)


class TestOpening:
    def test_the_job_opens_the_study_in_the_name_of_who_asked(self, investigator_client, investigator):
        study = make_draft()

        response = investigator_client.post(reverse("turing:study_open", args=[study.pk]))
        job = run_job(Job.objects.get())

        assert response.url == study.get_absolute_url()
        study.refresh_from_db()
        assert (job.state, job.result, job.created_by) == ("succeeded", OPENED, investigator)
        assert (job.progress_done, job.progress_total) == (8, 8)
        assert (study.status, study.opened_by) == ("open", investigator)
        event = AuditEvent.objects.get(action="study.opened")
        assert (event.actor, event.object_id) == (investigator.pk, str(study.pk))
        assert verify_audit().is_whole

    def test_the_page_shows_how_far_it_is_then_the_open_study(self, investigator_client, investigator):
        study = make_draft()
        job = start_opening(study=study, by=investigator)

        running = text_of(investigator_client.get(study.get_absolute_url()))
        run_job(job)
        ended = text_of(investigator_client.get(study.get_absolute_url()))

        assert f'id="job-panel-{job.pk}"' in running
        assert f'hx-get="{study.get_absolute_url()}" hx-trigger="job-ended from:body"' in running
        assert "Yes, open it for reading" not in running
        assert "Change draft" not in running
        assert "The study is open." in ended
        assert "job-panel" not in ended

    def test_a_second_one_beside_it_is_refused(self, investigator_client, investigator):
        study = make_draft()
        start_opening(study=study, by=investigator)

        response = investigator_client.post(reverse("turing:study_open", args=[study.pk]), follow=True)

        assert "is being opened right now" in text_of(response)
        assert Job.objects.count() == 1

    @pytest.mark.parametrize("verb", ["change", "delete"])
    def test_the_draft_stays_as_it_is_meanwhile(self, investigator_client, investigator, verb):
        study = make_draft()
        job = start_opening(study=study, by=investigator)
        address = reverse(f"turing:study_{'edit' if verb == 'change' else 'delete'}", args=[study.pk])

        page = text_of(investigator_client.post(address, {"name": "Other"}, follow=True))
        with pytest.raises(StudyError, match="is being opened right now"):
            update_study(study=study, name="Other") if verb == "change" else delete_study(study=study)
        run_job(job)

        assert "is being opened right now" in page
        assert Study.objects.get().name == study.name
        assert Study.objects.get().status == "open"

    def test_a_study_that_is_open_is_not_opened_again(self, investigator):
        study = make_open_study()

        with pytest.raises(StudyError, match="it is open for reading already"):
            start_opening(study=study, by=investigator)

        assert Job.objects.count() == 0

    def test_opened_from_the_terminal_meanwhile(self, investigator):
        study = make_draft()
        job = start_opening(study=study, by=investigator)
        open_study(study=study, by=None)
        before = stimuli()

        run_job(job)

        assert (job.state, job.result) == ("failed", {})
        assert "open for reading already" in job.error
        assert stimuli() == before

    def test_what_keeps_it_from_opening_is_said_on_the_page(self, investigator_client, investigator):
        real = make_dataset(n=2)
        study = make_draft(real_dataset=real, n_real=2)
        job = start_opening(study=study, by=investigator)
        real.images.first().delete()

        run_job(job)
        page = text_of(investigator_client.get(study.get_absolute_url()))

        assert job.state == "failed"
        assert "Not enough real images" in job.error
        assert "<h2>Not opened</h2>" in page
        assert "Not enough real images" in page
        assert "Yes, open it for reading" in page

    def test_a_draft_that_is_gone(self, investigator):
        study = make_draft()
        job = start_opening(study=study, by=investigator)
        Study.objects.all().delete()

        run_job(job)

        assert (job.state, job.error) == ("failed", "This study is not there any more: its draft was deleted.")


class TestLeaks:
    @pytest.fixture
    def blocked(self, investigator):
        study = make_leaky_draft()
        return study, run_job(start_opening(study=study, by=investigator))

    def test_the_report_and_the_override_are_on_the_page(self, investigator_client, blocked):
        study, job = blocked

        page = text_of(investigator_client.get(study.get_absolute_url()))

        assert job.state == "failed"
        assert job.result["report"]["blocked"] is True
        assert "Not opened: the images can be told apart without looking at them." in page
        assert "Tells them apart" in page
        assert "Open it all the same…" in page
        assert (Study.objects.get().status, Trial.objects.count(), stimuli()) == ("draft", 0, set())
        assert AuditEvent.objects.filter(action="study.opening_blocked").count() == 1

    def test_a_reason_opens_it(self, investigator_client, blocked):
        study, _ = blocked
        url = reverse("turing:study_open", args=[study.pk])

        without = investigator_client.post(url, {"override_reason": " "})
        investigator_client.post(url, {"override_reason": "Told in the paper."})
        job = run_job(Job.objects.first())

        assert without.status_code == 422
        assert "This field is required." in text_of(without)
        study.refresh_from_db()
        assert (job.state, study.status) == ("succeeded", "open")
        assert study.leak_report.override_reason == "Told in the paper."
        assert "Told in the paper." in text_of(investigator_client.get(study.get_absolute_url()))

    def test_a_changed_draft_is_not_shown_an_old_report(self, investigator_client, blocked):
        study, _ = blocked
        update_study(study=study, n_real=3)

        page = text_of(investigator_client.get(study.get_absolute_url()))

        assert latest_opening(study) is None
        assert "told apart" not in page
        assert "Yes, open it for reading" in page

    def test_the_report_of_an_earlier_attempt_is_forgotten(self, blocked):
        """Started again from its panel, it fails for another reason."""
        study, job = blocked
        study.real_dataset.images.first().delete()
        resume_job(job=job)

        run_job(job)

        assert "Not enough real images" in job.error
        assert job.result == {}


class TestInterruptions:
    @pytest.mark.parametrize("step", [1, 4, 8])
    def test_a_cancelled_job_leaves_a_draft_and_no_file(self, investigator, step):
        study = make_draft()
        job = start_opening(study=study, by=investigator)
        context = Context(job, lambda done, total: done >= step and context.stop("Cancelled"))

        with pytest.raises(JobStopped):
            run_opening(context, parameters_of(job))

        assert (Study.objects.get().status, Trial.objects.count(), stimuli()) == ("draft", 0, set())

    def test_killed_after_the_last_step_then_taken_over(self, investigator):
        """The study is open and the job does not know it: the next attempt sees that this job did it."""
        study = make_draft()
        job = start_opening(study=study, by=investigator)
        run_opening(Context(job), parameters_of(job))
        Job.objects.update(state="queued", lease_token=None)
        before = stimuli(), AuditEvent.objects.count()

        run_job(job)

        assert (job.state, job.result, Study.objects.get().status) == ("succeeded", OPENED, "open")
        assert (stimuli(), AuditEvent.objects.count()) == before

    def test_who_lost_the_job_opens_nothing(self, investigator):
        study = make_draft()
        job = start_opening(study=study, by=investigator)

        def take_over(done, total):
            if done == total:
                Job.objects.update(lease_token="11111111-1111-1111-1111-111111111111")

        with pytest.raises(JobStopped):
            run_opening(Context(job, take_over), parameters_of(job))

        assert (Study.objects.get().status, Trial.objects.count(), stimuli()) == ("draft", 0, set())

    @pytest.mark.parametrize("error", [MemoryError(), OSError(28, "full"), KeyboardInterrupt()])
    def test_an_error_leaves_nothing(self, investigator, error):
        study = make_draft()
        job = start_opening(study=study, by=investigator)

        def fail(done, total):
            if done == total:
                raise error

        with pytest.raises(type(error)):
            run_opening(Context(job, fail), parameters_of(job))

        assert (Study.objects.get().status, Trial.objects.count(), stimuli()) == ("draft", 0, set())
        assert Job.objects.get().result == {}


KILLED = """
import sys, time
import django
django.setup()
from tests.turing.test_opening_job import Context, parameters_of
from turing.opening_job import run_opening
from worker.models import Job

def wait_for_the_end(done, total):
    if done == 3:
        print("now", flush=True)
        time.sleep(60)

job = Job.objects.get()
run_opening(Context(job, wait_for_the_end), parameters_of(job))
"""
NEXT_ATTEMPT = """
import django
django.setup()
from worker.execution.child import execute_job
from worker.lifecycle import claim_job
from worker.models import Job

Job.objects.update(state="queued", lease_token=None)
job = Job.objects.get()
execute_job(job_id=job.pk, token=claim_job(job_id=job.pk, worker_name="next").token)
job.refresh_from_db()
assert job.state == "succeeded", job.error
"""


@pytest.mark.sqlite_is_enough
def test_kill_9_and_the_next_attempt(tmp_path, investigator):
    """Another process with a copy of the database, killed after three of four images were rendered."""
    environment = {
        **os.environ,
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": "",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    root = Path(__file__).resolve().parents[2]

    start_opening(study=make_draft(), by=investigator)
    database = copy_database(tmp_path / "db.sqlite3")
    process = subprocess.Popen([sys.executable, "-c", KILLED], cwd=root, env=environment, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"now\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    left_behind = {path.name for path in (tmp_path / "media" / "stimuli").iterdir()}

    subprocess.run([sys.executable, "-c", NEXT_ATTEMPT], cwd=root, env=environment, check=True)
    with closing(sqlite3.connect(database)) as copy:
        shown = {name for (name,) in copy.execute("SELECT stimulus_file FROM turing_trial")}

    assert len(left_behind) == 3
    on_disk = {f"stimuli/{path.name}" for path in (tmp_path / "media" / "stimuli").iterdir()}
    assert on_disk == shown
    assert len(on_disk) == 4


def test_a_refusal_is_a_job_error_with_the_words_of_the_service(investigator):
    study = make_leaky_draft()
    job = start_opening(study=study, by=investigator)

    with pytest.raises(JobError, match="was not opened: its images can be told apart"):
        run_opening(Context(job), parameters_of(job))
