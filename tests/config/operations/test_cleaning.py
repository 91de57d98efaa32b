"""Of every kind one thing that is needed, one too young and one that can go: exactly the last one goes."""

import json
import os
import time
import uuid
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.utils import timezone

from config.operations.jobs import CLEAN_UP, CleanUpParameters
from imaging.models import Dataset, Image
from imaging.storage import pixel_name, store_pixels
from tests.factories import DatasetFactory, ImageFactory, JobFactory
from tests.turing.builders import make_open_study
from turing.models import Trial
from turing.stimuli import save_stimulus
from worker.execution.child import execute_job
from worker.lifecycle import claim_job
from worker.models import Job
from worker.services import enqueue_job

pytestmark = pytest.mark.django_db
LONG_AGO = time.time() - 30 * 24 * 3600


@pytest.fixture
def site(settings, tmp_path) -> Path:
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "tmp"
    for folder in ("tmp", "uploads", "media"):
        (tmp_path / folder).mkdir()
    return tmp_path


def put(path: Path, *, old: bool) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(100))
    if old:
        for one in (path, path.parent):
            os.utime(one, (LONG_AGO, LONG_AGO))
    return path


@pytest.fixture
def leftovers(site) -> dict[str, list[str]]:
    """What can go, beside what is needed and what is too young."""
    media = site / "media"
    make_open_study()
    needed_image = ImageFactory()
    lost = store_pixels(np.random.default_rng(99).integers(0, 256, size=(9, 9)).astype(np.uint8)).sha256
    gone = DatasetFactory(name="gone", state=Dataset.State.DELETED, deleted_at=timezone.now() - timedelta(days=31))
    young = DatasetFactory(name="young", state=Dataset.State.DELETED, deleted_at=timezone.now() - timedelta(days=3))
    assert young.pk
    old_stimulus = save_stimulus(bytes(256))
    os.utime(media / old_stimulus, (LONG_AGO, LONG_AGO))
    save_stimulus(bytes(256))
    for trial in Trial.objects.all():
        os.utime(media / trial.stimulus_file, (LONG_AGO, LONG_AGO))
    keys = [uuid.uuid4() for _ in range(5)]
    put(site / "uploads" / f"{keys[0]}.upload", old=True)
    put(site / "uploads" / f"{keys[1]}.upload", old=False)
    put(site / "uploads" / f"{keys[0]}.part", old=True)
    put(site / "tmp" / "half.upload", old=True)
    put(media / "reports" / str(keys[0]) / "report.html", old=True)
    put(media / "reports" / str(keys[1]) / "report.html", old=False)
    put(media / "dataset-reports" / str(keys[2]) / "summary.json", old=True)
    job = JobFactory(state="succeeded")
    put(job.directory / "checkpoint.pt", old=True)
    put(media / "jobs" / str(keys[3]) / "checkpoint.pt", old=True)
    put(media / "jobs" / str(keys[4]) / "checkpoint.pt", old=False)
    put(media / "generators" / f"{'ab' * 32}.onnx", old=True)
    Session.objects.create(session_key="old-key", session_data="", expire_date=timezone.now() - timedelta(days=1))
    Session.objects.create(session_key="new-key", session_data="", expire_date=timezone.now() + timedelta(days=1))
    assert needed_image.pk
    return {
        "datasets": [str(gone.pk)],
        "images": [pixel_name(lost)],
        "stimuli": [old_stimulus],
        "uploads": [f"uploads/{keys[0]}.upload", f"uploads/{keys[0]}.part", "tmp/half.upload"],
        "reports": [f"media/reports/{keys[0]}", f"media/dataset-reports/{keys[2]}"],
        "job folders": [f"media/jobs/{keys[3]}"],
        "generators": [f"media/generators/{'ab' * 32}.onnx"],
    }


def files(site: Path) -> set[str]:
    return {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}


def clean_up(capsys, *options: str) -> dict:
    call_command("clean_up", "--json", *options)
    return json.loads(capsys.readouterr().out)


def test_exactly_what_can_go_goes(site, leftovers, capsys):
    before = files(site)

    listed = clean_up(capsys, "--dry-run")

    assert listed["names"] == leftovers
    assert listed["totals"]["sessions"] == {"number": 1, "bytes": 0}
    assert (listed["removed"], files(site)) == (False, before)

    removed = clean_up(capsys)

    assert removed["names"] == leftovers
    places = [name for names in leftovers.values() for name in names]
    gone = {
        path
        for path in before
        if any(path == name or path.startswith(f"{name}/") or path == f"media/{name}" for name in places)
    }
    assert len(gone) == 9
    assert files(site) == before - gone
    assert [session.session_key for session in Session.objects.all()] == ["new-key"]
    assert sorted(Dataset.everything.filter(name__in=["gone", "young"]).values_list("name", flat=True)) == ["young"]
    assert Image.objects.exists()
    call_command("verify_audit")
    capsys.readouterr()
    assert not any(clean_up(capsys, "--dry-run")["names"].values())


def test_as_a_job(site, leftovers):
    job = enqueue_job(kind=CLEAN_UP, parameters=CleanUpParameters(), title="Tidy up")
    lease = claim_job(job_id=job.pk, worker_name="w")

    assert execute_job(job_id=job.pk, token=lease.token)

    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.error
    assert job.result == {**{name: len(names) for name, names in leftovers.items()}, "sessions": 1}
