"""Training jobs, run by the worker's own code: records, resume after a crash and a cancel, and failures in words."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from generation.gan.checkpoint import file_sha256, list_checkpoints, load_checkpoint
from generation.gan.config import AcganConfig
from generation.gan.training import TrainingProgress
from generation.services import start_training
from generation.train_job import milestones
from generation.training_display import TrainingDisplay
from generation.training_keeper import CheckpointKeeper
from imaging.rendering import render_square
from imaging.storage import load_pixels, pixel_name
from tests.generation.conftest import run_job
from worker.models import Job
from worker.services import request_cancel, resume_job

pytestmark = pytest.mark.django_db(transaction=True)


def networks(run) -> dict[str, torch.Tensor]:
    data = load_checkpoint(run.checkpoints.get(iteration=40).path)
    return {f"{part}.{name}": value for part, values in data.networks.items() for name, value in values.items()}


def assert_same_networks(first, second) -> None:
    ours, theirs = networks(first), networks(second)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


class Killed(BaseException):
    """Stands for kill -9: nothing in the job's code may catch it."""


class TestFinishedRun:
    def test_the_record(self, trained, phantoms):
        job, checkpoints = trained.job, list(trained.checkpoints.all())
        lines = sorted(f"{image.pixel_sha256} {image.label}\n" for image in phantoms.images.all())

        assert [checkpoint.iteration for checkpoint in checkpoints] == [4, 10, 20, 30, 40]
        assert [checkpoint.images_seen for checkpoint in checkpoints] == [32, 80, 160, 240, 320]
        assert all(checkpoint.is_milestone for checkpoint in checkpoints)
        assert all(file_sha256(checkpoint.path) == checkpoint.sha256 for checkpoint in checkpoints)
        assert job.result == {
            "iterations": 40,
            "images_seen": 320,
            "skipped_steps": 0,
            "checkpoint_sha256": checkpoints[-1].sha256,
            "training_images": 10,
            "training_images_sha256": hashlib.sha256("".join(lines).encode()).hexdigest(),
        }
        assert (job.progress_done, job.progress_total, job.progress_unit) == (320, 320, "images seen")
        assert job.device in {"CPU, 1 threads", *([torch.cuda.get_device_name()] if torch.cuda.is_available() else [])}

    def test_curves_and_grids(self, trained):
        job = trained.job
        grids = list(job.artefacts.filter(kind="grid"))

        assert list(job.metrics.values_list("step", flat=True)) == [40, 80, 120, 160, 200, 240, 280, 320]
        assert set(job.metrics.last().values) == {
            "discriminator_loss",
            "generator_loss",
            "source_accuracy",
            "real_class_accuracy",
            "generated_class_accuracy",
            "skipped_steps",
            "iterations_per_second",
            "images_per_second",
            "loader_wait_share",
        }
        assert [grid.step for grid in grids] == [0, 160, 320]
        with PillowImage.open(job.directory / grids[-1].name) as picture:
            assert picture.size == (2 * (3 * 56 + 2 * 2), 2 * (2 * 56 + 2))

    def test_training_images_go_through_the_one_rendering_path(self, trained, phantoms):
        pixels = np.load(trained.job.directory / "training-images" / "pixels.npy", mmap_mode="r")

        for row, image in zip(pixels, phantoms.images.order_by("pixel_sha256"), strict=True):
            assert np.array_equal(row, render_square(load_pixels(image), 56))

    def test_only_recorded_checkpoints_and_the_newest_stay(self, trained):
        files = [iteration for iteration, _ in list_checkpoints(trained.job.directory / "checkpoints")]

        assert files == [4, 10, 20, 30, 40]

    def test_running_it_again_changes_nothing(self, trained):
        before = {checkpoint.pk: checkpoint.sha256 for checkpoint in trained.checkpoints.all()}
        result = trained.job.result
        Job.objects.filter(pk=trained.job_id).update(state=Job.State.QUEUED)

        run_job(trained.job)

        assert trained.job.state == Job.State.SUCCEEDED
        assert trained.job.result == result
        assert {checkpoint.pk: checkpoint.sha256 for checkpoint in trained.checkpoints.all()} == before


class TestResume:
    def test_cancelled_and_resumed_equals_one_go(self, trained, phantoms, small_config, monkeypatch):
        second = start_training(name="Second", dataset=phantoms, config=small_config, created_by=None)
        asked = [0]

        def cancel_at_13(self):
            asked[0] += 1
            return self.context.stop("Cancelled") if asked[0] == 13 else None

        real = TrainingDisplay.progress
        monkeypatch.setattr(TrainingDisplay, "progress", lambda self, now: (real(self, now), cancel_at_13(self)))
        Job.objects.filter(pk=second.job_id).update(message="")
        run_job(second.job)
        files = [iteration for iteration, _ in list_checkpoints(second.job.directory / "checkpoints")]
        assert files == [4, 10, 13]
        stopped_at = second.checkpoints.get(iteration=13)  # it can be sampled from, until the run goes on
        assert (stopped_at.images_seen, stopped_at.is_milestone) == (104, False)
        if second.job.state != Job.State.QUEUED:
            resume_job(job=second.job)

        run_job(second.job)

        assert second.job.state == Job.State.SUCCEEDED, second.job.error
        assert_same_networks(trained, second)
        assert list(second.checkpoints.values_list("iteration", flat=True)) == [4, 10, 20, 30, 40]
        assert any("Going on after 104 images" in line.text for line in second.job.log_lines.all())

    @pytest.mark.parametrize("where", ["in the loop", "before the checkpoint is recorded"])
    def test_killed_and_taken_over_equals_one_go(self, trained, phantoms, small_config, monkeypatch, where):
        second = start_training(name="Second", dataset=phantoms, config=small_config, created_by=None)
        with monkeypatch.context() as patch:
            if where == "in the loop":
                real = TrainingDisplay.progress

                def progress(self, now: TrainingProgress) -> None:
                    if now.iteration == 27:
                        raise Killed
                    real(self, now)

                patch.setattr(TrainingDisplay, "progress", progress)
            else:
                record = CheckpointKeeper._record

                def killed_record(self, data, sha256: str, **choices) -> None:
                    if data.iteration == 20:
                        raise Killed
                    record(self, data, sha256, **choices)

                patch.setattr(CheckpointKeeper, "_record", killed_record)
            with pytest.raises(Killed):
                run_job(second.job)
        Job.objects.filter(pk=second.job_id).update(state=Job.State.QUEUED, lease_token=None)

        run_job(second.job)

        assert second.job.state == Job.State.SUCCEEDED, second.job.error
        assert_same_networks(trained, second)
        assert list(second.checkpoints.values_list("iteration", flat=True)) == [4, 10, 20, 30, 40]

    def test_a_damaged_newest_checkpoint_costs_a_part_only(self, trained, phantoms, small_config):
        second = start_training(name="Second", dataset=phantoms, config=small_config, created_by=None)
        run_job(second.job)
        recorded = dict(second.checkpoints.values_list("iteration", "sha256"))
        newest = second.job.directory / "checkpoints" / "checkpoint-00000040.pt"
        newest.write_bytes(newest.read_bytes()[:1000])
        Job.objects.filter(pk=second.job_id).update(state=Job.State.QUEUED)

        run_job(second.job)

        assert second.job.state == Job.State.SUCCEEDED, second.job.error
        texts = [line.text for line in second.job.log_lines.all()]
        assert any("checkpoint-00000040.pt cannot be read" in text and "earlier" in text for text in texts)
        assert "Going on after 240 images on CPU, 1 threads" in texts
        assert dict(second.checkpoints.values_list("iteration", "sha256")) == recorded
        assert file_sha256(newest) == recorded[40]  # made again, bit for bit

    def test_cancel_while_queued(self, training):
        request_cancel(job=training.job)

        assert training.job.state == Job.State.CANCELLED


class TestFailures:
    def test_a_missing_image_is_named(self, training, phantoms, media_root):
        sha256 = phantoms.images.order_by("pixel_sha256").first().pixel_sha256
        (media_root / pixel_name(sha256)).unlink()

        run_job(training.job)

        assert training.job.state == Job.State.FAILED
        assert training.job.error.startswith(f"Image {sha256[:12]} cannot be read: ")

    def test_divergence_fails_with_advice(self, phantoms, small_config, monkeypatch):
        original = torch.optim.Adam.step

        def ruined(self, *args, **kwargs):
            original(self, *args, **kwargs)
            self.param_groups[0]["params"][0].data.fill_(float("inf"))

        monkeypatch.setattr(torch.optim.Adam, "step", ruined)
        run = start_training(name="Wild", dataset=phantoms, config=small_config, created_by=None)

        run_job(run.job)

        assert run.job.state == Job.State.FAILED
        assert run.job.error.startswith("Training diverged: a ")
        assert "Lower the learning rate" in run.job.error
        assert not run.checkpoints.exists()

    @pytest.mark.skipif(torch.cuda.is_available(), reason="has a CUDA device")
    def test_a_device_that_is_not_there(self, phantoms, small_config):
        run = start_training(name="GPU", dataset=phantoms, config=small_config, created_by=None, device="cuda")

        run_job(run.job)

        assert run.job.state == Job.State.FAILED
        assert "PyTorch finds no CUDA device on this machine" in run.job.error

    def test_settings_changed_behind_its_back(self, training, small_config):
        run_job(training.job)
        changed = replace(small_config, batch_size=4, iterations=50).to_dict()
        parameters = {**training.job.parameters, "config": changed}
        Job.objects.filter(pk=training.job_id).update(state=Job.State.QUEUED, parameters=parameters)

        run_job(training.job)

        assert training.job.state == Job.State.FAILED
        assert training.job.error == ("The checkpoint is of a run with other settings (batch_size); start a new run")


@pytest.mark.parametrize(
    ("iterations", "expected"), [(1, {1}), (3, {1, 2, 3}), (30_000, {3000, 7500, 15000, 22500, 30000})]
)
def test_milestones_are_few_and_end_with_the_end(iterations, expected):
    assert milestones(AcganConfig(iterations=iterations)) == expected
