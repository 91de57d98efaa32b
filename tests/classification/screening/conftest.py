"""A dataset in which some images have a device, and a classifier that has learnt to find it, both small and real."""

import numpy as np
import pytest

from classification.cnn.config import SingleSettings
from classification.models import Classifier, ScreenedImage, Screening
from classification.screening.services import start_screening
from classification.services import start_experiment
from imaging.models import Dataset
from tests.classification.conftest import CONFIG, media_root  # noqa: F401  a fixture of all
from tests.factories import DatasetFactory, ImageFactory
from tests.generation.conftest import run_job
from worker.models import Job

DEVICES = 6  # of the 24 images to screen


def chest(*, seed: int, has_device: bool) -> np.ndarray:
    """32 px: noise, with a bright generator of a pacemaker where there is one."""
    draw = np.random.default_rng(seed)
    pixels = draw.normal(90, 12, (32, 32))
    if has_device:
        pixels[4:14, 18:30] += 90
    return np.clip(pixels, 0, 255).astype(np.uint8)


def fill(dataset: Dataset, *, devices: int, others: int, first: int, label: str = "", split: str = "") -> Dataset:
    """Patients "device 1" or "chest 7": tests know by them what an image shows, nobody else is told."""
    for number in range(devices + others):
        has_device = number < devices
        ImageFactory(
            dataset=dataset,
            label=label or ("device" if has_device else "none"),
            split=split,
            pixels=chest(seed=first + number, has_device=has_device),
            patient_pseudonym=f"{'device' if has_device else 'chest'} {first + number}",
        )
    return dataset


@pytest.fixture
def to_screen(db) -> Dataset:
    return fill(DatasetFactory(name="Hospital"), devices=DEVICES, others=18, first=1000, label="normal", split="train")


@pytest.fixture
def finder(transactional_db) -> Classifier:
    """Trained by an experiment on other images: device against none."""
    dataset = DatasetFactory(name="Known devices")
    for split, n, first in (("train", 10, 0), ("tune", 4, 100), ("test", 4, 200)):
        fill(dataset, devices=n, others=n, first=first, split=split)
    experiment = start_experiment(
        name="Find devices",
        kind="single",
        dataset=dataset,
        positive="device",
        config=CONFIG,
        design=SingleSettings(),
        weights={"kind": "none"},
        created_by=None,
    )
    run_job(experiment.job)
    assert experiment.job.state == Job.State.SUCCEEDED, experiment.job.error
    return experiment.classifiers.get()


def begin(dataset: Dataset, *, reviewer, **settings) -> Screening:
    """A screening whose job has run."""
    screening = start_screening(dataset=dataset, reviewer=reviewer, created_by=reviewer, **settings)
    run_job(screening.job)
    assert screening.job.state == Job.State.SUCCEEDED, screening.job.error
    screening.refresh_from_db()
    return screening


def has_device(row: ScreenedImage) -> bool:
    return row.image.patient_pseudonym.startswith("device")
