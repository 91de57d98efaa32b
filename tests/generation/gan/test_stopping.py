"""A run is left within a step, a grid or a measure, or while images are made smaller; the state before it is saved."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from generation.gan import training
from generation.gan.config import AcganConfig
from generation.gan.data import TrainingImages
from generation.gan.image_files import ImageWriter, open_training_images
from generation.gan.loader import BatchLoader
from generation.gan.pggan_config import PgganConfig
from generation.gan.recipe import Stage
from generation.gan.stopping import StoppedError, stoppable, stoppable_network
from generation.gan.stylegan2_config import StyleGan2Config
from generation.gan.training import train
from tests.generation.gan.conftest import SMALL, make_images
from tests.generation.gan.test_training import Recorder, assert_same_state

CONFIGS = {
    "acgan": AcganConfig(**{**SMALL, "iterations": 4, "grid_every": 100}),
    "pggan": PgganConfig(
        image_size=8,
        feature_maps_base=32,
        feature_maps_max=8,
        latent_dim=6,
        stabilise_kimg=0.008,
        fade_in_kimg=0.016,
        total_kimg=0.032,
        batch_sizes=(8,) * 9,
    ),
    "stylegan2": StyleGan2Config(
        image_size=16,
        batch_size=8,
        total_kimg=0.032,
        feature_maps_base=64,
        feature_maps_max=8,
        style_dim=8,
        latent_dim=8,
    ),
}


def images_for(config) -> TrainingImages:
    images = make_images(12)
    side = config.image_size
    pixels = images.pixels if side == 56 else np.ascontiguousarray(images.pixels[:, 4:52:3, 4:52:3][:, :side, :side])
    return TrainingImages(pixels=pixels, labels=images.labels, classes=images.classes)


@pytest.fixture
def _every_step_is_slow(monkeypatch):
    monkeypatch.setattr(training, "SLOW_SECONDS", 0.0)


class Leaving:
    """An `abort` that says True when it is asked for the `nth` time after `steps` steps."""

    def __init__(self, *, steps: int, nth: int) -> None:
        self.steps, self.nth, self.done, self.asked = steps, nth, 0, 0

    def progress(self, now) -> None:
        self.done = now.iteration

    def __call__(self) -> bool:
        self.asked += self.done >= self.steps
        return self.asked >= self.nth


@pytest.mark.usefixtures("_every_step_is_slow")
@pytest.mark.parametrize("generator", CONFIGS)
class TestStep:
    def test_what_is_saved_is_the_state_before_the_step(self, generator, tmp_path):
        config = CONFIGS[generator]
        images = images_for(config)
        counting = Leaving(steps=2, nth=10**9)
        whole = Recorder(tmp_path)
        train(
            generator=generator,
            config=config,
            images=images,
            milestones={2},
            save=whole,
            progress=counting.progress,
            abort=counting,
        )
        within_a_step = counting.asked // 2
        assert within_a_step > 40  # so that the third step is left in its forward, backward and double backward passes

        for nth in (5, within_a_step // 3, within_a_step * 2 // 3):
            (tmp_path / str(nth)).mkdir()
            left, leaving = Recorder(tmp_path / str(nth)), Leaving(steps=2, nth=nth)
            outcome = train(
                generator=generator,
                config=config,
                images=images,
                save=left,
                progress=leaving.progress,
                abort=leaving,
            )
            assert (outcome.finished, outcome.iteration) == (False, 2)
            assert left.iterations == [2]
            assert_same_state(left.load(2), whole.load(2))
        train(generator=generator, config=config, images=images, resume=left.load(2), save=left)
        assert_same_state(left.load(4), whole.load(4))

    def test_being_able_to_leave_changes_no_bit(self, generator, tmp_path):
        config = CONFIGS[generator]
        images = images_for(config)
        able, plain = Recorder(tmp_path / "able"), Recorder(tmp_path / "plain")

        train(generator=generator, config=config, images=images, save=able, abort=lambda: False)
        train(generator=generator, config=config, images=images, save=plain)

        assert_same_state(able.load(4), plain.load(4))


def test_a_quick_step_is_finished(tmp_path):
    saved, leaving = Recorder(tmp_path), Leaving(steps=2, nth=2)

    outcome = train(
        generator="acgan",
        config=CONFIGS["acgan"],
        images=make_images(),
        save=saved,
        progress=leaving.progress,
        abort=leaving,
    )

    # asked once before the third step, which is done, and not within it
    assert (outcome.finished, outcome.iteration, saved.iterations) == (False, 3, [3])


def test_smaller_images_are_left_half_made(tmp_path):
    config = replace(CONFIGS["pggan"], image_size=16, total_kimg=0.1)
    writer = ImageWriter(tmp_path / "set", count=40, side=16)
    images = writer.finish(labels=np.arange(40) % 2, classes=("a", "b"))
    before = {path.name for path in (tmp_path / "set").iterdir()}
    saved = Recorder(tmp_path)

    outcome = train(generator="pggan", config=config, images=images, save=saved, abort=lambda: True)

    assert (outcome.finished, saved.iterations) == (False, [0])
    assert {path.name for path in (tmp_path / "set").iterdir()} == before
    done = train(generator="pggan", config=config, images=images, save=saved, resume=saved.load(0))
    assert done.finished
    assert {"pixels-0008.npy", "pixels-0004.npy"} <= {path.name for path in (tmp_path / "set").iterdir()}


def test_a_grid_is_left_and_the_run_saved(tmp_path):
    saved, grids, asked = Recorder(tmp_path), [], []

    def abort() -> bool:
        asked.append(1)
        return True

    train(
        generator="acgan",
        config=CONFIGS["acgan"],
        images=make_images(),
        save=saved,
        grid=lambda images_seen, images: grids.append(images_seen),
        abort=abort,
    )

    assert (grids, saved.iterations) == ([], [0])
    assert len(asked) == 2  # before the first layer of the grid, before the first step


def test_a_measure_is_left_without_a_value(tmp_path):
    class Asked:
        is_stopped = False

        def __call__(self) -> bool:
            return self.is_stopped

    abort, saved, finished = Asked(), [], []

    def measure(images_seen, network) -> dict[str, float]:
        abort.is_stopped = True
        network(torch.zeros(1, 8), torch.zeros(1, dtype=torch.int64))
        finished.append(images_seen)
        return {"kid": 1.0}

    config = replace(CONFIGS["acgan"], checkpoint_every=2)
    train(
        generator="acgan",
        config=config,
        images=make_images(),
        save=lambda data: saved.append((data.iteration, data.measures)),
        measure=measure,
        abort=abort,
    )

    assert (saved, finished) == ([(2, {})], [])


def test_waiting_for_a_batch_can_be_left(tmp_path):
    writer = ImageWriter(tmp_path / "set", count=4, side=8)
    images = writer.finish(labels=np.zeros(4, dtype=np.int64), classes=("a",))
    loader = BatchLoader(
        images,
        channels=1,
        seed=0,
        position=0,
        total=8,
        stage=lambda seen: Stage(image_size=8, batch_size=4),
        device=torch.device("cpu"),
    )  # not entered: no thread gathers anything

    with pytest.raises(StoppedError):
        loader.next(lambda: True)


def test_the_digest_of_a_set_can_be_left(tmp_path):
    def stop(done: int, total: int) -> None:
        raise StoppedError

    ImageWriter(tmp_path / "set", count=4, side=8).finish(labels=np.zeros(4, dtype=np.int64), classes=("a",))
    Path(tmp_path / "set" / "pixels.sha256.json").unlink()

    with pytest.raises(StoppedError):
        open_training_images(tmp_path / "set", step=stop)


def test_hooks_are_taken_away():
    network = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    with pytest.raises(StoppedError), stoppable_network(network, lambda: True):
        network(torch.ones(1, 2))

    assert network(torch.ones(1, 2)).shape == (1, 2)
    with pytest.raises(StoppedError), stoppable(lambda: True):
        network(torch.ones(1, 2))
    network(torch.ones(1, 2)).sum().backward()
