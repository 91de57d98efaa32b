"""Training can be stopped anywhere and resumed bit for bit, learns, and refuses to go on from nonsense."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from generation.gan import loader
from generation.gan.checkpoint import CheckpointData, CheckpointError, load_checkpoint, save_checkpoint
from generation.gan.config import AcganConfig
from generation.gan.data import TrainingImages
from generation.gan.sampling import load_generator, sample_block
from generation.gan.training import TrainingDivergedError, TrainingProgress, choose_device, train
from tests.generation.gan.conftest import make_images

ROOT = Path(__file__).resolve().parents[3]


class Recorder:
    """Keeps a copy of each checkpoint: through a file, as a job does."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.iterations: list[int] = []

    def __call__(self, data: CheckpointData) -> None:
        save_checkpoint(self.path(data.iteration), data)
        self.iterations.append(data.iteration)

    def path(self, iteration: int) -> Path:
        return self.directory / f"{iteration}.pt"

    def load(self, iteration: int) -> CheckpointData:
        return load_checkpoint(self.path(iteration))


@pytest.fixture
def recorder(tmp_path) -> Recorder:
    return Recorder(tmp_path)


def stop_after(iterations: int):
    """An `abort` that says True from this iteration on, and the `progress` that it listens to."""
    done = [0]

    def progress(now: TrainingProgress) -> None:
        done[0] = now.iteration

    return {"progress": progress, "abort": lambda: done[0] >= iterations}


def flatten(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {key: leaf for part, item in value.items() for key, leaf in flatten(item, f"{name}/{part}").items()}
    if isinstance(value, list | tuple):
        return {key: leaf for n, item in enumerate(value) for key, leaf in flatten(item, f"{name}/{n}").items()}
    return {name: value}


def assert_same_state(first: CheckpointData, second: CheckpointData) -> None:
    """Every tensor of both networks, both optimisers and all random states is equal; so is every number."""
    for part in ("networks", "optimisers", "random_states"):
        ours, theirs = flatten(getattr(first, part)), flatten(getattr(second, part))
        assert ours.keys() == theirs.keys()
        tensors = [name for name, value in ours.items() if isinstance(value, torch.Tensor)]
        assert len(tensors) >= 2
        for name, value in ours.items():
            if name in tensors:
                assert torch.equal(value, theirs[name]), f"{part}{name} differs"
            else:
                assert value == theirs[name], f"{part}{name} differs"
    assert (first.iteration, first.images_drawn, first.data_sha256) == (
        second.iteration,
        second.images_drawn,
        second.data_sha256,
    )


class TestResume:
    def test_twenty_and_twenty_in_a_fresh_process_equal_forty_in_one_go(self, small_config, images, recorder, tmp_path):
        train(generator="acgan", config=small_config, images=images, save=recorder, milestones={20})
        target = tmp_path / "resumed.pt"

        command = [sys.executable, "-m", "tests.generation.gan._train_part", str(recorder.path(20)), str(target)]
        subprocess.run(command, cwd=ROOT, check=True)

        assert_same_state(load_checkpoint(target), recorder.load(40))
        start = flatten(recorder.load(20).networks)
        end = flatten(recorder.load(40).networks)
        assert any(not torch.equal(value, end[name]) for name, value in start.items())  # it did train in between

    @pytest.mark.parametrize("stop", [1, 7, 13, 39])
    def test_stopping_anywhere_changes_nothing(self, small_config, images, recorder, tmp_path, stop):
        whole = Recorder(tmp_path / "whole")
        train(generator="acgan", config=small_config, images=images, save=whole)

        first = train(generator="acgan", config=small_config, images=images, save=recorder, **stop_after(stop))
        torch.manual_seed(999)  # what happens in between must not matter
        torch.rand(100)
        second = train(generator="acgan", config=small_config, images=images, save=recorder, resume=recorder.load(stop))

        assert (first.iteration, first.finished) == (stop, False)
        assert (second.iteration, second.finished) == (40, True)
        assert_same_state(recorder.load(40), whole.load(40))

    def test_grids_metrics_and_checkpoints_do_not_change_the_run(self, small_config, images, recorder, tmp_path):
        bare = Recorder(tmp_path / "bare")
        train(generator="acgan", config=replace(small_config, checkpoint_every=1000), images=images, save=bare)

        train(
            generator="acgan",
            config=replace(small_config, grid_every=3, metrics_every=2, grid_columns=5),
            images=images,
            save=recorder,
            grid=lambda iteration, pictures: None,
            metrics=lambda iteration, values: None,
        )

        assert_same_state(recorder.load(40), bare.load(40))

    def test_a_finished_run_has_nothing_left_to_do(self, small_config, images, recorder):
        train(generator="acgan", config=small_config, images=images, save=recorder)
        before = list(recorder.iterations)

        again = train(generator="acgan", config=small_config, images=images, save=recorder, resume=recorder.load(40))

        assert again.finished
        assert recorder.iterations == before

    def test_a_run_can_be_made_longer(self, small_config, images, recorder, tmp_path):
        longer = replace(small_config, iterations=50)
        whole = Recorder(tmp_path / "whole")
        train(generator="acgan", config=longer, images=images, save=whole)
        train(generator="acgan", config=small_config, images=images, save=recorder)

        train(generator="acgan", config=longer, images=images, save=recorder, resume=recorder.load(40))

        assert_same_state(recorder.load(50), whole.load(50))

    def test_a_checkpoint_of_the_first_release_goes_on_and_can_be_sampled(
        self, small_config, images, recorder, tmp_path
    ):
        """Format 1: these keys and no others, settings of that time; `images_seen` was not there."""
        train(generator="acgan", config=small_config, images=images, save=recorder)
        data = recorder.load(20)
        keys = (
            "generator config classes iteration images_drawn data_sha256 networks optimisers random_states device "
            "threads torch_version"
        )
        values = {name: getattr(data, name) for name in keys.split()}
        values["config"] = {name: value for name, value in data.config.items() if name != "precision"}
        torch.save({"format": 1, **values}, tmp_path / "old.pt")

        again: list[CheckpointData] = []
        resume = load_checkpoint(tmp_path / "old.pt")
        train(generator="acgan", config=small_config, images=images, resume=resume, save=again.append)

        assert resume.images_seen == 160
        assert_same_state(again[-1], recorder.load(40))
        pictures = [
            sample_block(load_generator(path), seed=1, class_index=1, block=0)
            for path in (tmp_path / "old.pt", recorder.path(20))
        ]
        assert np.array_equal(*pictures)

    def test_other_settings_are_refused_by_name(self, small_config, images, recorder):
        train(generator="acgan", config=small_config, images=images, save=recorder)

        with pytest.raises(CheckpointError, match=r"other settings \(batch_size, learning_rate\)"):
            train(
                generator="acgan",
                config=replace(small_config, batch_size=4, learning_rate=1e-3),
                images=images,
                resume=recorder.load(40),
            )

    def test_other_images_are_refused(self, small_config, images, recorder):
        train(generator="acgan", config=small_config, images=images, save=recorder)

        with pytest.raises(CheckpointError, match="The training images are not those the run began with"):
            train(generator="acgan", config=small_config, images=make_images(18), resume=recorder.load(40))

    def test_another_thread_count_is_said(self, small_config, images, recorder):
        train(generator="acgan", config=small_config, images=images, save=recorder)
        said: list[str] = []

        train(
            generator="acgan",
            config=small_config,
            images=images,
            resume=replace(recorder.load(40), threads=64),
            log=said.append,
        )

        assert said == ["Resumed elsewhere (threads 64 -> 1): sound, but not bit for bit what one go would have given"]


class TestReports:
    def test_the_callbacks_hear_what_they_should(self, small_config, images, recorder):
        done, curves, grids = [], {}, {}

        outcome = train(
            generator="acgan",
            config=small_config,
            images=images,
            milestones={33},
            save=recorder,
            progress=done.append,
            metrics=curves.__setitem__,
            grid=grids.__setitem__,
        )

        assert outcome.finished
        assert [now.iteration for now in done] == list(range(1, 41))
        assert [now.images_seen for now in done] == list(range(8, 328, 8))
        assert {(now.total_images, now.stage.image_size, now.stage.batch_size) for now in done} == {(320, 56, 8)}
        assert recorder.iterations == [10, 20, 30, 33, 40]
        assert list(curves) == [40, 80, 120, 160, 200, 240, 280, 320]
        assert set(curves[320]) == {
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
        assert all(0 <= value <= 1 for point in curves.values() for name, value in point.items() if "accuracy" in name)
        assert all(0 <= point["loader_wait_share"] < 1 and point["skipped_steps"] == 0 for point in curves.values())
        assert list(grids) == [0, 160, 320]
        assert grids[320].shape == (2, 3, 56, 56)
        assert grids[320].dtype == np.uint8
        assert not np.array_equal(grids[0], grids[320])

    def test_the_generator_learns_the_two_classes(self, small_config):
        """Discs are bright on dark and holes dark on bright: after training, so are the samples of each class."""
        grids = {}
        config = replace(
            small_config,
            generator_channels=(32, 24, 12),
            discriminator_channels=(8, 12, 16, 24),
            dropout=0.2,
            learning_rate=5e-4,
            batch_size=16,
            iterations=300,
            seed=1,
        )

        train(generator="acgan", config=config, images=make_images(40), grid=grids.__setitem__)

        def contrast(pictures: np.ndarray) -> float:
            centre = pictures[:, 24:32, 24:32].mean()
            border = np.concatenate([pictures[:, :4].ravel(), pictures[:, -4:].ravel()]).mean()
            return float(centre - border)

        disc, hole = grids[4800]
        assert contrast(disc) > 30
        assert contrast(hole) < -30


class TestDivergence:
    @pytest.fixture
    def poison(self, monkeypatch):
        """Makes the real images of the given batches, counted from 1, not numbers."""

        def poison(batches: range) -> None:
            real, calls = loader.to_unit_range, [0]

            def poisoned(pixels, *, channels):
                calls[0] += 1
                batch = real(pixels, channels=channels)
                return batch * float("nan") if calls[0] in batches else batch

            monkeypatch.setattr(loader, "to_unit_range", poisoned)

        return poison

    def test_a_step_that_is_not_finite_is_left_out_and_counted(self, small_config, images, recorder, poison):
        curves = {}
        poison(range(13, 15))

        outcome = train(
            generator="acgan", config=small_config, images=images, save=recorder, metrics=curves.__setitem__
        )

        assert (outcome.finished, outcome.skipped_steps) == (True, 2)
        assert {seen: point["skipped_steps"] for seen, point in curves.items() if point["skipped_steps"]} == {120: 2}
        assert all(np.isfinite(value) for point in curves.values() for value in point.values())
        assert [recorder.load(n).skipped_steps for n in (10, 20, 40)] == [0, 2, 2]

    def test_a_step_that_is_left_out_changes_no_weight_statistic_or_optimiser(
        self, small_config, images, recorder, poison
    ):
        poison(range(11, 13))

        train(generator="acgan", config=small_config, images=images, save=recorder, milestones={11, 12, 13})

        before, after, later = (recorder.load(n) for n in (10, 12, 13))
        for part in ("networks", "optimisers"):
            ours, theirs = flatten(getattr(before, part)), flatten(getattr(after, part))
            assert all(
                torch.equal(value, theirs[name]) if isinstance(value, torch.Tensor) else value == theirs[name]
                for name, value in ours.items()
            )
        assert (after.skipped_steps, after.skipped_in_a_row, later.skipped_in_a_row) == (2, 2, 0)
        assert not torch.equal(after.networks["generator"]["up1.weight"], later.networks["generator"]["up1.weight"])

    def test_many_in_a_row_stop_with_advice_and_save_nothing(self, small_config, images, recorder, poison):
        poison(range(13, 100))

        with pytest.raises(
            TrainingDivergedError,
            match=r"a loss or gradient of each of the last 8 steps was not a finite number by iteration 20\. Lower the",
        ):
            train(generator="acgan", config=small_config, images=images, save=recorder, skip_limit=5)

        assert recorder.iterations == [10]

    def test_stopping_after_the_damage_does_not_save_it(self, small_config, images, recorder, monkeypatch):
        config = replace(small_config, metrics_every=1000, checkpoint_every=1000)
        original = torch.optim.Adam.step

        def ruined(self, *args, **kwargs):
            original(self, *args, **kwargs)
            self.param_groups[0]["params"][0].data.fill_(float("inf"))

        monkeypatch.setattr(torch.optim.Adam, "step", ruined)
        with pytest.raises(TrainingDivergedError, match="resuming this one would diverge"):
            train(generator="acgan", config=config, images=images, save=recorder, **stop_after(3))

        assert recorder.iterations == []


class TestDevice:
    def test_auto_takes_what_there_is(self):
        assert choose_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
        assert choose_device("cpu") == "cpu"

    def test_an_unknown_device_is_refused(self):
        with pytest.raises(ValueError, match="device is 'tpu'; it must be auto, cpu or cuda"):
            choose_device("tpu")

    @pytest.mark.skipif(torch.cuda.is_available(), reason="has a CUDA device")
    def test_a_missing_device_is_refused_in_words(self):
        with pytest.raises(ValueError, match="PyTorch finds no CUDA device"):
            choose_device("cuda")

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
    def test_resume_is_bit_for_bit_on_cuda(self, images, recorder, tmp_path):
        config = AcganConfig(iterations=40, batch_size=16, seed=3)
        whole = Recorder(tmp_path / "whole")
        train(generator="acgan", config=config, images=images, device="cuda", save=whole)
        train(generator="acgan", config=config, images=images, device="cuda", save=recorder, **stop_after(20))

        train(generator="acgan", config=config, images=images, device="cuda", save=recorder, resume=recorder.load(20))

        assert_same_state(recorder.load(40), whole.load(40))


def test_a_single_class_and_three_channels_train(small_config, images):
    ones = TrainingImages(pixels=images.pixels, labels=np.zeros(len(images), np.int64), classes=("all",))
    config = replace(small_config, channels=3, iterations=3)

    assert train(generator="acgan", config=config, images=ones).finished


def test_global_switches_are_left_as_they_were(small_config, images):
    train(generator="acgan", config=replace(small_config, iterations=1), images=images)

    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory
