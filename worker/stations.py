"""Reads for the page of workers and devices: who is there, what each runs, and how long the queues are."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BooleanField, Case, Count, Min, Q, Value, When
from django.db.models.functions import Now

from worker.models import Job, WorkerRecord
from worker.timing import ABSENT_SECONDS

HELD = (Job.State.RUNNING, Job.State.CANCELLING)


@dataclass(frozen=True, kw_only=True)
class Station:
    """A worker with its machine, and the jobs that it runs now: those in sight, and how many there are of others."""

    record: WorkerRecord
    is_alive: bool
    jobs: list[Job]
    n_elsewhere: int = 0  # of other projects: nothing of them is said

    @property
    def machine(self) -> dict[str, Any]:
        return self.record.machine

    @property
    def memory_used(self) -> int | None:
        total, free = self.machine.get("memory_total"), self.machine.get("memory_free")
        return None if total is None or free is None else total - free


@dataclass(frozen=True, kw_only=True)
class QueueState:
    name: str
    label: str
    n_waiting: int
    n_running: int
    waiting_since: datetime | None  # of the job that has waited longest
    n_workers: int  # alive, that serve it

    @property
    def is_stuck(self) -> bool:
        """Jobs wait, and nobody will take them."""
        return self.n_waiting > 0 and self.n_workers == 0


def list_stations() -> list[Station]:
    """Every worker that is known, with its jobs: three queries."""
    alive = Q(seen_at__gt=Now() - timedelta(seconds=ABSENT_SECONDS))
    records = WorkerRecord.objects.annotate(
        is_alive=Case(When(alive, then=Value(True)), default=Value(False), output_field=BooleanField())
    )
    held: dict[str, list[Job]] = {}
    for job in Job.objects.filter(state__in=HELD).order_by("attempt_started_at", "pk"):
        held.setdefault(job.worker_name, []).append(job)
    every = dict(Job.anywhere.filter(state__in=HELD).order_by().values_list("worker_name").annotate(n=Count("pk")))
    return [
        Station(
            record=one,
            is_alive=one.is_alive,
            jobs=held.get(one.name, []),
            n_elsewhere=every.get(one.name, 0) - len(held.get(one.name, [])),
        )
        for one in records
    ]


def queue_states(stations: list[Station]) -> list[QueueState]:
    """Every queue that the site has, that is served, or that jobs wait in: one query."""
    active = Job.anywhere.filter(state__in=Job.ACTIVE).order_by().values("queue")
    rows = active.annotate(
        n_waiting=Count("pk", filter=Q(state=Job.State.QUEUED)),
        n_running=Count("pk", filter=Q(state__in=HELD)),
        waiting_since=Min("queued_at", filter=Q(state=Job.State.QUEUED)),
    )
    counts: dict[str, dict[str, Any]] = {row["queue"]: dict(row) for row in rows}
    served = [queue for station in stations if station.is_alive for queue in station.record.queues]
    labels = dict(Job.Queue.choices)
    return [
        QueueState(
            name=name,
            label=labels.get(name, name),
            n_waiting=counts.get(name, {}).get("n_waiting", 0),
            n_running=counts.get(name, {}).get("n_running", 0),
            waiting_since=counts.get(name, {}).get("waiting_since"),
            n_workers=served.count(name),
        )
        for name in dict.fromkeys([*labels, *sorted(served), *sorted(counts)])
    ]


def stuck_queues() -> list[QueueState]:
    """Queues in which jobs wait although no worker serves them: four queries."""
    return [state for state in queue_states(list_stations()) if state.is_stuck]


def is_served(queue: str) -> bool:
    """A worker that is alive takes jobs of `queue`. One query."""
    return any(queue in queues for queues in _alive().values_list("queues", flat=True))


def alive_machines(queue: str) -> list[dict[str, Any]]:
    """The machines of the workers that serve `queue`. One query."""
    rows = _alive().values_list("queues", "machine")
    return [machine for queues, machine in rows if queue in queues]


def _alive() -> Any:
    return WorkerRecord.objects.filter(seen_at__gt=Now() - timedelta(seconds=ABSENT_SECONDS))
