"""Smooth pictures, which have a perceptual hash that means something, and the search run by the worker's own code."""

from collections.abc import Callable

import numpy as np
import pytest

from imaging.duplicates.fingerprints import compute_fingerprints, missing_fingerprints
from imaging.models import DatasetReport
from tests.generation.conftest import run_job
from worker.models import Job


def smooth(seed: int, size: int = 96) -> np.ndarray:
    """Waves of 24 random low frequencies: another picture for each seed. uint8 (size, size)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / size
    total = np.zeros((size, size))
    for _ in range(24):
        u, v = rng.uniform(-6, 6, size=2)
        total += rng.normal() * np.cos(2 * np.pi * (u * x + v * y) + rng.uniform(0, 7))
    total = (total - total.min()) / np.ptp(total)
    return (30 + 190 * total).astype(np.uint8)


def brighter(pixels: np.ndarray) -> np.ndarray:
    return (pixels + 15).astype(np.uint8)


@pytest.fixture
def run_search() -> Callable[[Job], DatasetReport]:
    def run(job: Job) -> DatasetReport:
        run_job(job)
        job.refresh_from_db()
        assert job.state == Job.State.SUCCEEDED, job.error
        return DatasetReport.objects.get(pk=job.result["report_id"])

    return run


def look_at(*datasets) -> None:
    """Compute what the job would."""
    compute_fingerprints(missing_fingerprints([one.pk for one in datasets]), step=lambda done, total: None)
