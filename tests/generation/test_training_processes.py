"""A job on several devices (here: processes on the CPU) is the run that one process makes, and leaves no process."""

import os
import resource
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from generation.gan.checkpoint import CheckpointData, list_checkpoints, load_checkpoint
from generation.gan.image_files import ImageWriter
from generation.gan.pggan_config import PgganConfig
from generation.gan.processes import check_devices
from generation.gan.training import TrainingOutcome
from generation.gan.training_part import PartSpecification
from generation.models import TrainingRun
from generation.services import start_training
from generation.training_keeper import CheckpointKeeper
from generation.training_processes import Reports, train_in_processes
from tests.generation.conftest import run_job
from tests.generation.gan.conftest import SMALL, make_images
from tests.generation.gan.test_training import assert_same_state
from worker.models import Job
from worker.registry import JobError
from worker.services import resume_job


def children() -> set[int]:
    """Processes of a run that this one started and that are there still."""
    found = set()
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            is_part = b"generation.gan.training_part" in (directory / "cmdline").read_bytes()
            parent = int((directory / "stat").read_text().rpartition(")")[2].split()[1])
            if is_part and parent == os.getpid():
                found.add(int(directory.name))
        except OSError:
            continue
    return found


class Watcher:
    """What a job keeps of a run in several processes; acts when told to, as from outside."""

    def __init__(self, folder: Path, *, at: int = -1, act=lambda: None) -> None:
        self.folder, self.at, self.act, self.is_stopped = folder, at, act, False
        self.saved: list[Path] = []
        self.seen: list[int] = []
        self.grids: list[int] = []
        self.said: list[str] = []

    def take(self, path, state, sha256) -> None:
        kept = self.folder / f"kept-{state.iteration}.pt"
        path.replace(kept)
        self.saved.append(kept)

    def progress(self, now) -> None:
        self.seen.append(now.images_seen)
        if 0 <= self.at <= now.images_seen:
            self.at = -1
            self.act()

    def train(self, **specification) -> TrainingOutcome:
        folder = self.folder / "processes"
        values = {
            "generator": "acgan",
            "config": SMALL,
            "images": str(self.folder / "images"),
            "device": "cpu",
            "processes": 2,
            "meeting": str(folder / "meeting"),
            "files": str(folder),
        }
        return train_in_processes(
            PartSpecification(**{**values, **specification}),
            folder=folder,
            threads=1,
            reports=Reports(
                start=lambda device, memory, warning: self.said.append(f"{device}; {memory}"),
                take=self.take,
                grid=lambda images_seen, images: self.grids.append(images_seen),
                metrics=lambda images_seen, values: None,
                progress=self.progress,
                log=lambda text, level: self.said.append(text),
                abort=lambda: self.is_stopped,
            ),
        )


@pytest.fixture
def folder(tmp_path) -> Path:
    images = make_images()
    writer = ImageWriter(tmp_path / "images", count=len(images), side=56)
    writer.pixels[:] = images.pixels
    writer.finish(labels=images.labels, classes=images.classes)
    return tmp_path


LONG = {**SMALL, "iterations": 100_000, "checkpoint_every": 1, "grid_every": 1_000_000}
GROWING = PgganConfig(
    image_size=64,
    feature_maps_base=1024,
    feature_maps_max=32,
    latent_dim=8,
    stabilise_kimg=0.064,
    fade_in_kimg=0.064,
    total_kimg=10,
    batch_sizes=(32,) * 9,
    metrics_kimg=0.032,
)


def test_a_process_that_is_killed_ends_the_run_in_words(folder):
    def kill() -> None:
        found = children()
        assert len(found) == 2  # what is said below of processes that are gone means something
        os.kill(max(found), signal.SIGKILL)

    watcher = Watcher(folder, at=16, act=kill)

    with pytest.raises(JobError, match=r"Process 2 of 2 was ended by SIGKILL \(the system does this") as caught:
        watcher.train(config=LONG)

    assert f"The state after {load_checkpoint(watcher.saved[-1]).images_seen:,} images is kept" in str(caught.value)
    assert not children()


def test_one_process_without_memory_ends_the_run_in_words(folder):
    def take_memory() -> None:
        pid = max(children())
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
        resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize(),) * 2)

    watcher = Watcher(folder, at=32, act=take_memory)
    images = ImageWriter(folder / "large", count=32, side=64)
    images.finish(labels=make_images(32).labels, classes=("disc", "hole"))

    with pytest.raises(JobError, match=r"There is not enough memory for a step of 32 images") as caught:
        watcher.train(generator="pggan", config=GROWING.to_dict(), images=str(folder / "large"))

    assert "Lower batch_sizes" in str(caught.value)
    assert "(Process 2 of 2; the others were stopped with it.)" in str(caught.value)
    assert not children()


def test_what_every_process_finds_is_said_once(folder):
    watcher = Watcher(folder)

    with pytest.raises(JobError) as caught:
        watcher.train(config={**SMALL, "batch_size": 7})

    assert str(caught.value) == (
        "Batches of 7 images cannot be shared evenly among 2 processes; choose batch sizes that are multiples of 2, or "
        "another number of processes"
    )
    assert not children()


def test_devices_that_are_not_there():
    assert check_devices("cpu", processes=2) == "cpu"
    assert check_devices("cpu", processes=1) == "cpu"
    if torch.cuda.device_count() < 16:
        with pytest.raises(ValueError, match=r"The run asks for 16 GPUs, but this worker has .*\. Choose "):
            check_devices("auto", processes=16)


@pytest.mark.django_db(transaction=True)
def test_a_job_trains_what_one_process_trains_and_goes_on_bit_for_bit(phantoms, small_config, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    config = replace(small_config, iterations=4, metrics_every=1, grid_every=2, checkpoint_every=2)

    def started(name: str, processes: int) -> TrainingRun:
        return start_training(
            name=name, dataset=phantoms, config=config, created_by=None, device="cpu", processes=processes
        )

    one, two, left = started("One", 1), started("Two", 2), started("Left", 2)

    run_job(one.job)
    run_job(two.job)

    assert two.job.state == Job.State.SUCCEEDED, two.job.error
    ours, theirs = newest(two), newest(one)
    assert (ours.processes, theirs.processes) == (2, 1)
    for name, network in theirs.networks.items():
        for key, value in network.items():
            assert torch.allclose(ours.networks[name][key].double(), value.double(), rtol=1e-3, atol=1e-4), key
    values = [list(run.checkpoints.values_list("iteration", "images_seen", "is_milestone")) for run in (two, one)]
    assert values[0] == values[1]
    shown = [list(run.job.artefacts.values_list("name", "kind", "step")) for run in (two, one)]
    assert shown[0] == shown[1]
    assert list(two.job.metrics.values_list("step", flat=True)) == [8, 16, 24, 32]
    for point, expected in zip(two.job.metrics.all(), one.job.metrics.all(), strict=True):
        assert point.values["discriminator_loss"] == pytest.approx(expected.values["discriminator_loss"], rel=1e-3)
    assert (two.job.progress_done, two.job.progress_total) == (32, 32)
    assert two.job.device.startswith("2 x CPU")
    assert not (two.job.directory / "processes").exists()

    with monkeypatch.context() as patch:
        take = CheckpointKeeper.take

        def cancelled(self, written, state, sha256: str) -> None:
            take(self, written, state, sha256)
            self.context.stop("Cancelled")

        patch.setattr(CheckpointKeeper, "take", cancelled)
        run_job(left.job)
    stopped_at = left.checkpoints.get(iteration=1)  # a milestone; the cancel reaches the processes before they go on
    assert newest(left).iteration == 1
    assert not children()
    if left.job.state != Job.State.QUEUED:
        resume_job(job=left.job)
    run_job(left.job)

    assert left.job.state == Job.State.SUCCEEDED, left.job.error
    texts = [line.text for line in left.job.log_lines.all()]
    assert f"Stopped and saved after {stopped_at.images_seen:,} images" in texts
    assert any(text.startswith(f"Going on after {stopped_at.images_seen:,} images on 2 x CPU") for text in texts)
    assert_same_state(newest(left), ours)


def newest(run: TrainingRun) -> CheckpointData:
    return load_checkpoint(list_checkpoints(run.job.directory / "checkpoints")[-1][1])
