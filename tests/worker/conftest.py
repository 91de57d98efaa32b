"""Job kinds and helpers for the tests of the worker."""

from collections.abc import Callable
from pathlib import Path

import pytest

import tests.worker.counting.jobs  # noqa: F401  registers the job kinds "count" and "count_gpu"
from tests.factories import JobFactory
from tests.worker.journal import Journal
from tests.worker.site import Site
from worker.celery import app
from worker.lifecycle import Lease, claim_job
from worker.models import Job


@pytest.fixture
def media_root(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def running_job(db) -> tuple[Job, Lease]:
    job = JobFactory()
    lease = claim_job(job_id=job.pk, worker_name="test")
    assert lease is not None
    job.refresh_from_db()
    return job, lease


@pytest.fixture
def journal(tmp_path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


@pytest.fixture
def use_site(monkeypatch, settings) -> Callable[[Site], Site]:
    """Point this process at a running site: its broker and its files."""

    def use(site: Site) -> Site:
        settings.MEDIA_ROOT = site.data_dir / "media"
        monkeypatch.setattr(app.conf, "broker_url", site.broker_url)
        return site

    return use
