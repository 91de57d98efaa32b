"""A queue of jobs and its workers as a discrete-event simulation, and the formulas (M/M/c) that it is checked against.

Jobs arrive at random (Poisson), each of a class with a priority, a rate and a mean length (exponential). A free worker
takes the waiting job of the highest priority, the oldest first, and is not interrupted: as `worker.lifecycle` does it.
"""

import heapq
import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class JobClass:
    """Jobs of one kind. Rates are per second, lengths in seconds."""

    rate: float
    mean_seconds: float
    priority: int = 0  # higher first

    def __post_init__(self) -> None:
        if not (self.rate > 0 and self.mean_seconds > 0):
            raise ValueError(f"rate and mean_seconds must be above 0, not {self.rate} and {self.mean_seconds}")


@dataclass(frozen=True, kw_only=True)
class Waits:
    """What the jobs of one class waited, in seconds, without those of the warm-up."""

    mean: float
    p95: float
    share_waiting: float  # 0 to 1: found no free worker
    jobs: int


def simulate(*, classes: list[JobClass], workers: int, jobs: int, seed: int, warm_up: float = 0.1) -> list[Waits]:
    """Waits of each class over `jobs` arrivals, of which the first `warm_up` (0 to 1) do not count.

    Raises ValueError where work arrives faster than it is done: then waits grow without end.
    """
    load = sum(c.rate * c.mean_seconds for c in classes) / workers
    if load >= 1:
        raise ValueError(f"{workers} workers are {load:.0%} busy: waits would grow without end")
    rng = np.random.default_rng(seed)
    total = sum(c.rate for c in classes)
    arrivals = np.cumsum(rng.exponential(1 / total, size=jobs))
    kinds = rng.choice(len(classes), size=jobs, p=[c.rate / total for c in classes])
    lengths = rng.exponential(1.0, size=jobs) * np.array([c.mean_seconds for c in classes])[kinds]
    waited = np.zeros(jobs)
    ends: list[float] = []  # of the running jobs
    waiting: list[tuple[int, int]] = []  # (-priority, number)
    for job, now in enumerate(arrivals):
        while ends and ends[0] <= now:
            _next(heapq.heappop(ends), waiting, ends, arrivals, lengths, waited)
        if len(ends) < workers:
            heapq.heappush(ends, now + lengths[job])
        else:
            heapq.heappush(waiting, (-classes[kinds[job]].priority, job))
    while ends:
        _next(heapq.heappop(ends), waiting, ends, arrivals, lengths, waited)
    counted = np.arange(jobs) >= warm_up * jobs
    return [_summary(waited[counted & (kinds == number)]) for number in range(len(classes))]


def _next(now: float, waiting: list, ends: list[float], arrivals, lengths, waited) -> None:
    """A worker is free at `now`: it takes the first job that waits."""
    if waiting:
        _, job = heapq.heappop(waiting)
        waited[job] = now - arrivals[job]
        heapq.heappush(ends, now + lengths[job])


def _summary(waits: np.ndarray) -> Waits:
    return Waits(
        mean=float(waits.mean()),
        p95=float(np.quantile(waits, 0.95)),
        share_waiting=float((waits > 0).mean()),
        jobs=len(waits),
    )


def erlang_c(*, workers: int, offered: float) -> float:
    """Probability that a job must wait in M/M/c; `offered` = rate x mean length (erlang), below `workers`.

    Erlang (1917), from the recursion of Erlang B, B(n) = a B(n-1) / (n + a B(n-1)): C = B / (1 - (a/c) (1 - B)).
    """
    if not 0 < offered < workers:
        raise ValueError(f"offered must be above 0 and below {workers} workers, not {offered}")
    blocked = 1.0
    for n in range(1, workers + 1):
        blocked = offered * blocked / (n + offered * blocked)
    return blocked / (1 - offered / workers * (1 - blocked))


def mean_wait(*, workers: int, rate: float, mean_seconds: float) -> float:
    """Mean wait in M/M/c, seconds: C / (c mu - lambda)."""
    chance = erlang_c(workers=workers, offered=rate * mean_seconds)
    return chance / (workers / mean_seconds - rate)


def wait_quantile(*, workers: int, rate: float, mean_seconds: float, q: float) -> float:
    """The wait that a share `q` of jobs does not exceed in M/M/c (first come, first served), seconds."""
    chance = erlang_c(workers=workers, offered=rate * mean_seconds)
    if 1 - q >= chance:
        return 0.0
    return math.log(chance / (1 - q)) / (workers / mean_seconds - rate)
