"""A sampling in its real process, killed with SIGKILL: the next attempt gives exactly the same dataset."""

import hashlib
import os
import signal
from pathlib import Path

import pytest
import torch

from generation.gan.acgan import AcganGenerator
from generation.gan.checkpoint import CheckpointData, save_checkpoint
from generation.gan.config import AcganConfig
from generation.gan.sampling import BLOCK_SIZE
from generation.models import Checkpoint, SampleRun
from generation.sample_drawing import BLOCKS_AT_ONCE
from generation.services import record_checkpoint, start_sampling
from imaging.models import Dataset, Image
from imaging.storage import load_pixels
from tests.factories import JobFactory, TrainingRunFactory
from tests.generation.gan.conftest import SMALL
from tests.generation.killing.apps import REQUEST
from tests.worker.conftest import use_site  # noqa: F401  a fixture
from tests.worker.site import NEEDS_PROC, Site, wait_for_state, wait_until
from worker.models import Job

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True), NEEDS_PROC]
PER_CLASS = {"lesion": 700, "normal": 300}
ROWS = BLOCKS_AT_ONCE * BLOCK_SIZE  # of one transaction


class KillingSite(Site):
    """Its jobs can be told to kill themselves (see `tests.generation.killing`)."""

    @property
    def environment(self) -> dict[str, str]:
        extra = {"EXTRA_APPS": "tests.worker.counting,tests.generation.killing", REQUEST: str(self.data_dir / "kill")}
        return super().environment | extra


@pytest.fixture
def kill_file(site) -> Path:
    return site.data_dir / "kill"


@pytest.fixture
def site(tmp_path, use_site):  # noqa: F811
    site = KillingSite(tmp_path / "site", "--no-web")
    site.start()
    yield use_site(site)
    site.close()


@pytest.fixture
def checkpoint(site) -> Checkpoint:
    """An untrained generator whose images differ: its first layer is strong."""
    config = AcganConfig(**{**SMALL, "generator_channels": (96, 64, 32)})
    torch.manual_seed(1)
    network = AcganGenerator(config, n_classes=2)
    network.latent.weight.data.mul_(30)
    blank = dict.fromkeys(CheckpointData.__dataclass_fields__, 0)
    data = CheckpointData(
        **{
            **blank,
            "generator": "acgan",
            "config": config.to_dict(),
            "classes": list(PER_CLASS),
            "networks": {"generator": network.state_dict()},
        }
    )
    run = TrainingRunFactory(config=config.to_dict(), job=JobFactory(state=Job.State.SUCCEEDED))
    path = run.job.directory / "checkpoint-00000001.pt"
    path.parent.mkdir(parents=True)
    return record_checkpoint(run=run, iteration=1, file_name=path.name, sha256=save_checkpoint(path, data))


def draw(checkpoint: Checkpoint, name: str) -> SampleRun:
    return start_sampling(checkpoint=checkpoint, per_class=PER_CLASS, seed=3, dataset_name=name, created_by=None)


def stored(sample_run: SampleRun) -> int:
    return Image.everything.filter(dataset__made_by=sample_run.job_id).count()


def contents(dataset: Dataset) -> dict[tuple[str, int], tuple[str, str]]:
    """(label, index) -> (hash, digest of all else that is on record)."""
    return {
        (image.label, image.provenance["index"]): (
            image.pixel_sha256,
            hashlib.sha256(
                repr((image.width, image.height, image.bit_depth, sorted(image.provenance.items()))).encode()
            ).hexdigest(),
        )
        for image in dataset.images.all()
    }


def assert_it_went_on(sample_run: SampleRun, *, kept: int) -> None:
    job = wait_for_state(sample_run.job, Job.State.SUCCEEDED, 600)
    assert (job.attempt, job.crashes) == (2, 1)
    texts = [line.text for line in job.log_lines.all()]
    assert "The process was ended by SIGKILL" in "\n".join(texts)
    assert f"Going on after {kept:,} images" in texts
    assert 0 < kept < sum(PER_CLASS.values())


def test_killed_it_gives_the_same_dataset(site, checkpoint, kill_file):
    drawing = draw(checkpoint, "Killed while drawing")
    wait_until(lambda: stored(drawing) > 150, 300, "some blocks are stored")
    process_id = Job.objects.values_list("process_id", flat=True).get(pk=drawing.job_id)
    os.kill(process_id, signal.SIGKILL)
    kept_of_drawing = stored(drawing)
    assert not Dataset.objects.filter(name="Killed while drawing").exists()
    assert_it_went_on(drawing, kept=kept_of_drawing)

    kill_file.touch()
    storing = draw(checkpoint, "Killed while storing rows")
    wait_until(lambda: not kill_file.exists(), 300, "it killed itself")
    kept_of_storing = stored(storing)
    assert kept_of_storing % ROWS == 0
    assert_it_went_on(storing, kept=kept_of_storing)

    undisturbed = draw(checkpoint, "Undisturbed")
    wait_for_state(undisturbed.job, Job.State.SUCCEEDED, 600)
    for sample_run in (drawing, storing, undisturbed):
        sample_run.refresh_from_db()
    expected = contents(undisturbed.dataset)
    assert len(expected) == sum(PER_CLASS.values())
    assert contents(drawing.dataset) == expected
    assert contents(storing.dataset) == expected
    assert load_pixels(drawing.dataset.images.last()).shape == (56, 56)
