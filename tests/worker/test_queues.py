"""Where a job goes, and which GPUs it gets there."""

import json
import threading
from pathlib import Path

import pytest
from django.db import connection

from tests.factories import JobFactory
from tests.worker.site import database_url, enqueue_count
from worker.execution.gpus import Gpus, find_gpus, gpus_from_environment
from worker.execution.runner import run_queued_jobs
from worker.execution.slots import Slots
from worker.lifecycle import claim_next_job
from worker.models import Job
from worker.queues import check_queues

State = Job.State


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("site", "kind", "expected"),
    [
        ({}, "count", ("light", 0)),
        ({}, "count_gpu", ("gpu", 2)),
        ({"count": "gpu-large"}, "count", ("gpu-large", 1)),
        ({"count_gpu": "archive"}, "count_gpu", ("archive", 0)),
    ],
    ids=["its own", "gpu", "the site's, with GPUs", "the site's, without"],
)
def test_the_queue_of_a_job(settings, journal, site, kind, expected):
    settings.JOB_QUEUES = site

    job = enqueue_count(journal, kind=kind)

    assert (job.queue, job.gpus) == expected


def test_queues_of_the_site_are_checked(settings):
    settings.JOB_QUEUES = {"count": "gpu-large"}
    assert check_queues() == []

    settings.JOB_QUEUES = {"generation.smaple": "gpu", "count": "GPU 1"}
    problems = [str(problem.msg) for problem in check_queues()]
    assert "Unknown job kind 'generation.smaple'" in problems[0]
    assert problems[1].startswith("JOB_QUEUES: 'GPU 1' cannot be the name of a queue")


@pytest.mark.django_db
def test_a_big_job_is_not_passed_for_ever_by_small_ones():
    too_big, big, small = JobFactory(gpus=8, priority=2), JobFactory(gpus=4, priority=1), JobFactory(gpus=1)

    def claim(free: int):
        lease = claim_next_job(queues=["light"], worker_name="w", gpus=4, free_gpus=free)
        return lease and (lease.job_id, lease.gpus)

    assert claim(free=3) is None
    assert claim(free=4) == (big.pk, 4)
    assert claim(free=0) is None
    assert claim(free=1) == (small.pk, 1)
    assert Job.objects.get(pk=too_big.pk).state == State.QUEUED


def test_gpus_are_given_out_once():
    gpus = Gpus(["0", "GPU-a", "MIG-b"])

    with gpus.taken(2) as mine:
        assert (mine, gpus.free) == (("0", "GPU-a"), 1)
        with pytest.raises(ValueError, match="2 GPUs are wanted, 1 of 3 are free"):
            gpus.take(2)
        assert gpus.take(0) == ()
    assert gpus.take(3) == ("0", "GPU-a", "MIG-b")
    with pytest.raises(ValueError, match="names a GPU twice: 0, 0"):
        Gpus(["0", "0"])


def test_which_gpus_a_worker_has(monkeypatch):
    monkeypatch.delenv("WORKER_GPUS", raising=False)
    assert gpus_from_environment() is None
    monkeypatch.setenv("WORKER_GPUS", "")
    assert gpus_from_environment().names == ()
    monkeypatch.setenv("WORKER_GPUS", "0, GPU-a")
    assert gpus_from_environment().names == ("0", "GPU-a")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    assert find_gpus() == ["2", "3"]


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
def test_jobs_at_the_same_time_see_different_gpus(media_root, tmp_path, monkeypatch):
    """Real processes: what stands in the journal is what CUDA would read."""
    monkeypatch.setenv("DATABASE_URL", database_url())
    monkeypatch.setenv("EXTRA_APPS", "tests.worker.counting")
    monkeypatch.setenv("DATA_DIR", str(media_root.parent))
    paths = [tmp_path / f"{n}.jsonl" for n in range(3)]
    for path, gpus in zip(paths, (2, 1, 0), strict=True):
        JobFactory(queue="gpu", gpus=gpus, parameters={"steps": 20, "journal": str(path), "step_seconds": 0.2})
    slots = Slots(3, queues=["gpu"], gpus=Gpus(["4", "5", "6"]))

    def work() -> None:
        run_queued_jobs(queues=["gpu"], worker_name="w", slots=slots)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)

    assert set(Job.objects.values_list("state", flat=True)) == {State.SUCCEEDED}
    seen = [_visible(path) for path in paths]
    assert [len(names) for names in seen] == [2, 1, 0]
    assert sorted(seen[0] + seen[1]) == ["4", "5", "6"]
    assert slots.gpus.free == 3


def _visible(path: Path) -> list[str]:
    value = json.loads(path.read_text().splitlines()[0])["gpus"]
    return [name for name in value.split(",") if name]
