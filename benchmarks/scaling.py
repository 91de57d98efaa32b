"""Costs of one unit of each thing that grows, for docs/scaling.md, and waits of the queue from a simulation.

`python benchmarks/scaling.py [--jobs 10000] [--images 100000]` from the root of the project: a PostgreSQL of its own,
about a minute. The baseline of a claim is the same with a hundredth of the waiting jobs, in one run; the others are
plain costs. The simulation needs no quiet machine: its numbers are the same everywhere.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks._queue_simulation import JobClass, simulate

TURNS = 40
DAY = 86_400.0


def main() -> None:
    parser = argparse.ArgumentParser(description="Costs per unit, and a simulated queue.")
    parser.add_argument("--jobs", type=int, default=10_000, help="waiting jobs")
    parser.add_argument("--images", type=int, default=100_000)
    options = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    print_simulation()
    with tempfile.TemporaryDirectory(prefix="turing-benchmark-") as folder:
        from benchmarks.reading_load import own_postgresql

        with own_postgresql() as url:
            os.environ |= {
                "DATABASE_URL": url,
                "DATA_DIR": f"{folder}/data",
                "DJANGO_SETTINGS_MODULE": "config.settings",
            }
            os.environ |= {"REDIS_URL": "redis://127.0.0.1:1/0", "MIN_FREE_GB": "0"}
            subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, check=True)
            import django

            django.setup()
            measure_jobs(options.jobs)
            measure_images(options.images)
    print(f"load {os.getloadavg()[0]:.1f} at the end")


def print_simulation() -> None:
    """100 GPUs: trainings of 12 h at most nine tenths busy, with sampling jobs of 20 min that go first."""
    for gpus in (1, 10, 100):
        for load in (0.7, 0.9):
            trainings = JobClass(rate=load * gpus * 0.9 / (DAY / 2), mean_seconds=DAY / 2)
            sampling = JobClass(rate=load * gpus * 0.1 / 1200, mean_seconds=1200, priority=1)
            first, second = simulate(classes=[sampling, trainings], workers=gpus, jobs=150_000, seed=8)
            print(
                f"simulated: {gpus} GPUs, {load:.0%} busy: sampling waits {first.mean / 60:.1f} min on average "
                f"(p95 {first.p95 / 60:.1f}), a training {second.mean / 3600:.2f} h (p95 {second.p95 / 3600:.2f})"
            )


def measure_jobs(count: int) -> None:
    from django.db import connection

    from worker import lifecycle
    from worker.models import Job

    def fill(wanted: int) -> None:
        missing = wanted - Job.objects.filter(state="queued").count()
        Job.objects.bulk_create(
            [Job(kind="scaling", title=f"Job {n}", priority=n % 5) for n in range(missing)], batch_size=2000
        )
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE worker_job")

    leases: list[lifecycle.Lease] = []

    def claim() -> None:
        lease = lifecycle.claim_next_job(queues=["light"], worker_name="w")
        assert lease is not None
        leases.append(lease)

    medians = {}
    for waiting in (max(100, count // 100), count):
        fill(waiting)
        medians[waiting] = median_ms(claim)
    few, many = medians
    print(
        f"claim: {medians[few]:.2f} ms with {few} waiting, {medians[many]:.2f} ms with {many}: x "
        f"{medians[many] / medians[few]:.2f}"
    )
    beat = median_ms(lambda: lifecycle.renew(lease=leases[0], progress_done=1))
    print(f"heartbeat: {beat:.2f} ms of a connection, once a second for each running job")
    print(f"a round of the sweeper: {median_ms(lifecycle.find_expired):.2f} ms, every 3 s for each worker")


def measure_images(count: int) -> None:
    from django.db import connection

    from config.projects.services import first_project
    from imaging.models import Dataset, Image

    dataset = Dataset.objects.create(name="Scaling", origin="real", project=first_project())
    for start in range(0, count, 5000):
        Image.objects.bulk_create(
            Image(
                dataset=dataset,
                label="normal",
                pixel_sha256=uuid.uuid4().hex * 2,
                width=1024,
                height=1024,
                bit_depth=16,
            )
            for _ in range(start, min(start + 5000, count))
        )
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_table_size('imaging_image'), pg_indexes_size('imaging_image')")
        table, indexes = cursor.fetchone()
    print(f"an image: {table / count:.0f} bytes of its row, {indexes / count:.0f} of indexes ({count} images)")


def median_ms(call: Callable[[], object]) -> float:
    times = []
    for _ in range(TURNS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    main()
