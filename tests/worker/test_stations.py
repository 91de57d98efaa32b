"""Who works on which machine, how long the queues are, and that a queue without a worker is called so."""

import socket
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.factories import JobFactory
from worker.execution.slots import Slots
from worker.lifecycle import claim_job
from worker.machine import MIB, Gpu, measure_machine, read_gpus
from worker.models import Job, WorkerRecord
from worker.presence import Presence
from worker.stations import is_served, list_stations, queue_states, stuck_queues
from worker.timing import ABSENT_SECONDS, FORGET_SECONDS

# as the driver's own documentation shows this query, and on a part of a GPU (MIG)
SMI = "0, NVIDIA H100 80GB HBM3, 1024, 81559, 37\n1, NVIDIA A100 MIG 1g.5gb, [N/A], [N/A], [N/A]\n"


def make_worker(name: str, *queues: str, silent_seconds: float = 0, **values) -> WorkerRecord:
    seen = timezone.now() - timedelta(seconds=silent_seconds)
    machine = {
        "processors": 8,
        "load": 1.5,
        "memory_total": 16 * 2**30,
        "memory_free": 4 * 2**30,
        "disk_total": 2**40,
        "disk_free": 2**39,
        "gpus": [{"index": 0, "name": "NVIDIA H100", "memory_used": 2**30, "memory_total": 80 * 2**30, "load": 37}],
    }
    return WorkerRecord.objects.create(
        **{"name": name, "host": "gamma", "process_id": 7, "queues": list(queues), "machine": machine}
        | {"started_at": seen, "seen_at": seen}
        | values
    )


def test_what_the_driver_writes_is_read():
    assert read_gpus(SMI) == (
        Gpu(index=0, name="NVIDIA H100 80GB HBM3", memory_used=1024 * MIB, memory_total=81559 * MIB, load=37),
        Gpu(index=1, name="NVIDIA A100 MIG 1g.5gb", memory_used=None, memory_total=None, load=None),
    )
    assert read_gpus("No devices were found\n") == ()


def test_this_machine_is_measured(tmp_path):
    machine = measure_machine(tmp_path)

    assert machine.processors >= 1
    assert 0 < machine.disk_free <= machine.disk_total
    if Path("/proc/meminfo").exists():
        assert 0 < machine.memory_free < machine.memory_total


@pytest.mark.django_db
def test_a_worker_shows_itself_forgets_the_long_gone_and_leaves(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    make_worker("old@host", "light", silent_seconds=FORGET_SECONDS + 60)
    presence = Presence(name="light@here", queues=["light", "heavy"], slots=Slots(3))

    presence.show()
    first = WorkerRecord.objects.get()
    presence.show()
    second = WorkerRecord.objects.get()
    presence.leave()

    assert (first.name, first.queues, first.concurrency) == ("light@here", ["heavy", "light"], 3)
    assert first.host == socket.gethostname()
    assert first.version
    assert second.started_at == first.started_at
    assert second.seen_at >= first.seen_at
    assert not WorkerRecord.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_its_thread_outlives_a_failure_and_goes_when_the_worker_stops(settings, tmp_path, caplog):
    settings.MEDIA_ROOT = tmp_path / "gone" / "media"  # its disk cannot be measured
    slots = Slots(1)
    presence = Presence(name="light@here", queues=["light"], slots=slots)
    tried = threading.Event()
    show = presence.show
    presence.show = lambda: (tried.set(), show())

    presence.start()
    assert tried.wait(10)
    slots.stopping.set()
    presence._thread.join(10)

    assert not presence._thread.is_alive()
    assert "No sign of life could be written" in caplog.text


@pytest.mark.django_db
def test_queues_count_what_waits_and_who_serves_them():
    make_worker("a", "light", "heavy")
    make_worker("b", "light", silent_seconds=ABSENT_SECONDS + 5)
    make_worker("c", "night")
    oldest = timezone.now() - timedelta(hours=3)
    JobFactory(queue="light", queued_at=oldest)
    JobFactory(queue="light")
    running = JobFactory(queue="heavy")
    claim_job(job_id=running.pk, worker_name="a")
    JobFactory(queue="heavy", state=Job.State.SUCCEEDED)
    JobFactory(queue="forgotten")

    stations = list_stations()
    states = {state.name: state for state in queue_states(stations)}

    assert {one.record.name: (one.is_alive, one.jobs) for one in stations} == {
        "a": (True, [running]),
        "b": (False, []),
        "c": (True, []),
    }
    light, heavy = states["light"], states["heavy"]
    assert (light.n_waiting, light.waiting_since, light.n_workers, light.is_stuck) == (2, oldest, 1, False)
    assert (heavy.n_waiting, heavy.n_running, heavy.is_stuck) == (0, 1, False)
    assert states["night"].n_workers == 1
    assert [state.name for state in stuck_queues()] == ["forgotten"]
    assert (is_served("night"), is_served("forgotten")) == (True, False)


@pytest.mark.django_db
def test_the_page_shows_machines_and_says_when_nobody_serves_a_queue(investigator_client, client, reader):
    make_worker("heavy@gamma", "heavy")
    job = JobFactory(queue="heavy", title="Night training")
    claim_job(job_id=job.pk, worker_name="heavy@gamma")
    JobFactory(queue="light")

    page = investigator_client.get(reverse("worker:workers")).content.decode()

    for text in (
        "heavy@gamma",
        "Night training",
        "NVIDIA H100",
        "12.0\xa0GB of 16.0\xa0GB used",
        "busy 37 %",
        "load 1.5",
    ):
        assert text in page
    assert "1 job waits in the queue “light”, and no worker serves it" in page
    assert "in the queue “heavy”, and no worker" not in page
    client.force_login(reader)
    assert client.get(reverse("worker:workers")).status_code == 403


@pytest.mark.django_db
def test_the_page_takes_the_same_queries_for_one_worker_and_for_many(investigator_client, django_assert_num_queries):
    make_worker("a", "light")
    with django_assert_num_queries(7):  # session, user, project, workers, their jobs, those of others, queues
        investigator_client.get(reverse("worker:workers"))
    for name in "bcde":
        make_worker(name, "heavy")
        JobFactory.create_batch(3)
    with django_assert_num_queries(7):
        investigator_client.get(reverse("worker:workers"))


@pytest.mark.django_db
def test_without_workers_and_jobs_the_page_says_so(investigator_client):
    page = investigator_client.get(reverse("worker:workers")).content.decode()

    assert "No worker has been seen" in page
    assert 'role="alert"' not in page
