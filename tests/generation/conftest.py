"""Real images in a real store, small settings, and jobs run by the worker's own code in this process."""

from pathlib import Path

import pytest
import torch

from generation.gan import registry
from generation.gan.config import AcganConfig
from generation.models import TrainingRun
from generation.services import start_training
from imaging.models import Dataset
from imaging.phantoms import chest_phantom
from tests.factories import DatasetFactory, ImageFactory, TrainingRunFactory
from tests.generation.gan.conftest import SMALL
from tests.generation.plugin import PluginConfig, PluginNetwork, PluginRecipe
from worker.execution.child import execute_job
from worker.lifecycle import claim_job
from worker.models import Job


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def media_root(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def small_config() -> AcganConfig:
    return AcganConfig(**SMALL)


@pytest.fixture
def plugin():
    """A generator that is not part of the product, as a contributor adds one."""
    registry.register_generator("plugin", title="Plug-in 16 x 16", module="tests.generation.plugin")(PluginConfig)
    registry.register_network("plugin")(PluginNetwork)
    registry.register_recipe("plugin")(PluginRecipe)
    yield
    registry.unregister_generator("plugin")


@pytest.fixture
def phantoms(db) -> Dataset:
    """Five phantoms of each of two classes, 64 px."""
    dataset = DatasetFactory(name="Phantoms", is_phantom=True)
    for seed in range(10):
        lesion = seed % 2 == 0
        pixels = chest_phantom(seed=seed, size=64, lesion=lesion)
        ImageFactory(dataset=dataset, pixels=pixels, label="lesion" if lesion else "normal")
    return dataset


def run_job(job: Job) -> Job:
    """What a worker does with a queued job, heartbeat and verdict included; needs committed rows."""
    lease = claim_job(job_id=job.pk, worker_name="test")
    assert lease is not None
    execute_job(job_id=job.pk, token=lease.token)
    job.refresh_from_db()
    return job


@pytest.fixture
def run(db) -> TrainingRun:
    """A record whose job waits."""
    return TrainingRunFactory(name="Chest run", dataset__name="Real ones")


@pytest.fixture
def training(phantoms, small_config) -> TrainingRun:
    """Queued, not run yet."""
    return start_training(name="First", dataset=phantoms, config=small_config, created_by=None)


@pytest.fixture
def trained(transactional_db, training) -> TrainingRun:
    run_job(training.job)
    assert training.job.state == Job.State.SUCCEEDED, training.job.error
    return training
