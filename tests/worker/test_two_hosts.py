"""Two workers on two hosts share one broker and one database. Power cuts, a cut cable, a restarted broker: no job is
lost and none runs twice. Every step that a job does is in a journal outside of the system that is tested.
"""

import copy
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections, transaction

from tests.worker.hosts import SERVER_ADDRESS, Broker, Host, Network, database_server, why_not_here
from tests.worker.journal import Journal
from tests.worker.site import assert_resumed, enqueue_count, wait_for_state, wait_for_step, wait_until
from worker.celery import app
from worker.models import Job

State = Job.State
REASON = why_not_here()
pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.sqlite_is_enough,  # brings a PostgreSQL of its own
    pytest.mark.skipif(bool(REASON), reason=REASON),
]
CUT_SECONDS = 120


@pytest.fixture(scope="module")
def directory():
    # short, for the sockets, and open to the user that PostgreSQL runs as
    with tempfile.TemporaryDirectory(prefix="turing-hosts-") as name:
        os.chmod(name, 0o755)  # noqa: S103, PTH101
        yield Path(name)


@pytest.fixture(scope="module")
def network():
    network = Network()
    try:
        network.open()
        yield network
    finally:
        network.close()


@pytest.fixture(scope="module")
def broker(network, directory):
    broker = Broker(network.hub, directory)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture(scope="module")
def database(network, directory, django_db_blocker):
    """This process, too, works on the hosts' database as long as the module runs."""
    with database_server(network.hub, directory), django_db_blocker.unblock():
        before, settings = connections["default"], connections.settings["default"]
        connections.settings["default"] = {
            **copy.deepcopy(settings),
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": "postgres",
            "PASSWORD": "",
            "HOST": str(directory / "pg"),
            "PORT": "",
            "OPTIONS": {},
        }
        connections["default"] = connections.create_connection("default")
        try:
            call_command("migrate", verbosity=0)
            yield
        finally:
            connections["default"].close()
            connections["default"], connections.settings["default"] = before, settings


@pytest.fixture(scope="module")
def hosts(network, broker, database, directory):
    environment = {
        **os.environ,
        "DATA_DIR": str(directory / "data"),
        "DATABASE_URL": f"postgres://postgres@{SERVER_ADDRESS}/postgres",
        "REDIS_URL": f"redis://{SERVER_ADDRESS}:6379/0",
        "EXTRA_APPS": "tests.worker.counting",
        "OMP_NUM_THREADS": "1",
    }
    worker = [sys.executable, "manage.py", "work", "--queues", "light", "--concurrency", "3", "--gpus", "none"]
    hosts = [
        Host(name, network.add_host(name, number), environment, directory, *worker)
        for number, name in enumerate(("north", "south"), start=2)
    ]
    try:
        for host in hosts:
            host.start()
        for host in hosts:
            host.wait_until_ready()
        yield {host.name: host for host in hosts}
    finally:
        for host in hosts:
            host.close()


@pytest.fixture(autouse=True)
def _use_hosts(hosts, broker, directory, settings, monkeypatch):
    settings.MEDIA_ROOT = directory / "data" / "media"
    monkeypatch.setattr(app.conf, "broker_url", f"redis+socket://{broker.socket}")


def _host_of(job: Job) -> str:
    job.refresh_from_db()
    return job.worker_name.partition("@")[2]


def _other(name: str) -> str:
    return "south" if name == "north" else "north"


def _hosts_in(journal: Journal) -> list[str]:
    return [event["host"] for event in journal.events if event["event"] == "start"]


def test_a_host_loses_power_and_then_the_other_too(hosts, journal):
    job = enqueue_count(journal, steps=60, step_seconds=0.1)
    wait_for_step(journal, 12)
    first = _host_of(job)

    hosts[first].kill()
    wait_for_step(journal, 30, seconds=60)
    second = _host_of(job)
    hosts[second].kill()  # now nobody is left
    for host in hosts.values():
        host.start()
    for host in hosts.values():
        host.wait_until_ready()
    wait_for_state(job, State.SUCCEEDED, seconds=90)

    assert _hosts_in(journal)[:2] == [first, second] == [first, _other(first)]
    assert_resumed(journal, 60, processes=3)
    assert job.attempt == 3


def test_a_host_loses_its_network_for_two_minutes(hosts, network, journal):
    job = enqueue_count(journal, steps=70, step_seconds=0.3)
    wait_for_step(journal, 12)
    cut = _host_of(job)

    network.cut(cut)
    cut_at = time.monotonic()
    wait_for_state(job, State.SUCCEEDED, seconds=100)
    moved_after = time.monotonic() - cut_at
    time.sleep(max(0, CUT_SECONDS - moved_after))
    network.connect(cut)

    # Both hosts have to work: six jobs at once are more than one takes.
    others = [Journal(journal.path.with_name(f"other-{n}")) for n in range(6)]
    jobs = [enqueue_count(other, steps=40, step_seconds=0.5) for other in others]
    for one in jobs:
        wait_for_state(one, State.SUCCEEDED, seconds=120)
    job.refresh_from_db()
    assert (job.state, job.attempt) == (State.SUCCEEDED, 2)
    assert moved_after < CUT_SECONDS, "it moved while its host was away"
    assert _hosts_in(journal) == [cut, _other(cut)]
    assert_resumed(journal, 70)
    assert {_host_of(one) for one in jobs} == {"north", "south"}
    assert all(other.steps == list(range(1, 41)) for other in others)


def test_the_broker_is_restarted_in_mid_work(broker, journal):
    journals = [Journal(journal.path.with_name(f"job-{n}")) for n in range(9)]
    jobs = [enqueue_count(one, steps=20, step_seconds=0.2) for one in journals[:8]]
    wait_for_step(journals[0], 3)

    broker.kill()
    jobs.append(enqueue_count(journals[8], steps=5))  # its message is lost
    time.sleep(3)
    broker.start()

    for job in jobs:
        wait_for_state(job, State.SUCCEEDED, seconds=90)
    assert [job.attempt for job in jobs] == [1] * 9
    assert [one.steps for one in journals] == [list(range(1, 21))] * 8 + [list(range(1, 6))]


def test_fifty_jobs_run_once_each_and_by_priority(tmp_path):
    rng = random.Random(8)
    journals = [Journal(tmp_path / f"{n}.jsonl") for n in range(50)]
    with transaction.atomic():  # all are there at once
        for one in journals:
            job = enqueue_count(one, steps=4, step_seconds=0.5)
            Job.objects.filter(pk=job.pk).update(priority=rng.randrange(-2, 3))

    mine = Job.objects.filter(parameters__journal__in=[str(one.path) for one in journals])
    wait_until(lambda: mine.filter(state=State.SUCCEEDED).count() == 50, 400, "all fifty have ended")

    assert [one.steps for one in journals] == [[1, 2, 3, 4]] * 50
    assert set(mine.values_list("attempt", flat=True)) == {1}
    by_start = list(mine.order_by("started_at").values_list("pk", flat=True))
    assert by_start == list(mine.order_by("-priority", "created_at").values_list("pk", flat=True))
    both = Counter(name.partition("@")[2] for name in mine.values_list("worker_name", flat=True))
    assert set(both) == {"north", "south"}
