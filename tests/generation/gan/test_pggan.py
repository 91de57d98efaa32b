"""The recipe of the progressive GAN: its loss, its step, its schedule of optimisers, and that it stops and goes on."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from generation.gan.checkpoint import CheckpointData, load_checkpoint
from generation.gan.data import TrainingImages
from generation.gan.memory import estimate_memory
from generation.gan.pggan import PgganRecipe, critic_loss, gradient_norms
from generation.gan.pggan_config import PgganConfig, phase_at
from generation.gan.pggan_networks import PgganDiscriminator
from generation.gan.sampling import load_generator, sample_block
from generation.gan.state import TrainingState
from generation.gan.training import TrainingDivergedError, train
from tests.generation.gan.test_training import Recorder, assert_same_state, flatten, stop_after

ROOT = Path(__file__).resolve().parents[3]
CONFIG = PgganConfig(
    image_size=16,
    feature_maps_base=64,
    feature_maps_max=8,
    latent_dim=6,
    stabilise_kimg=0.032,
    fade_in_kimg=0.048,
    total_kimg=0.288,
    batch_sizes=(8, 8, 8, 4, 4, 4, 4, 4, 4),
    checkpoint_kimg=1000,
    grid_kimg=1000,
    metrics_kimg=0.016,
    grid_columns=2,
    seed=5,
)


def make_images(count: int = 24) -> TrainingImages:
    """Bright squares on dark ground, left ("left") or right ("right")."""
    random = np.random.default_rng(0)
    pixels = random.integers(20, 60, size=(count, 16, 16), dtype=np.uint8)
    for number in range(count):
        column = 2 if number % 2 == 0 else 9
        top = int(random.integers(2, 8))
        pixels[number, top : top + 5, column : column + 5] = 200
    labels = np.arange(count, dtype=np.int64) % 2
    return TrainingImages(pixels=pixels, labels=labels, classes=("left", "right"))


def take_step(recipe: PgganRecipe, seen: int, *, seed: int = 0, classes: torch.Tensor | None = None):
    stage = recipe.stage(seen)
    random = torch.Generator().manual_seed(seed)
    real = torch.rand(stage.batch_size, 1, stage.image_size, stage.image_size, generator=random) * 2 - 1
    classes = torch.zeros(len(real), dtype=torch.int64) if classes is None else classes
    return recipe.step(real, classes, images_seen=seen, random=random)


@pytest.fixture
def recipe() -> PgganRecipe:
    torch.manual_seed(0)
    return PgganRecipe(CONFIG, n_classes=1)


class Linear(nn.Module):
    """score = weight . image: the gradient is the weight, whatever the image."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, images, classes):
        return images.flatten(1) @ self.weight


class Quadratic(nn.Module):
    """score = sum(weight * image^2) / 2: the gradient is weight * image."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, images, classes):
        return (images.flatten(1).square() * self.weight).sum(1) / 2


def batch(seed: int, side: int = 2, count: int = 4) -> torch.Tensor:
    return torch.randn(count, 1, side, side, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


CLASSES = torch.zeros(4, dtype=torch.int64)


class TestCriticLoss:
    def test_linear_critic_has_the_closed_form(self):
        """Penalty (|w| - 1)^2 and its derivative 2 (|w| - 1) w / |w|."""
        weight = torch.tensor([3.0, 0.0, 4.0, 0.0], dtype=torch.float64)
        critic = Linear(weight.clone())
        real, fake, mix = batch(1), batch(2), torch.rand(4, 1, 1, 1, dtype=torch.float64)

        loss = critic_loss(critic, real, fake, CLASSES, mix, gradient_penalty=10.0, drift=0.001)
        loss.total.backward()

        scores = real.flatten(1) @ weight
        difference = (fake - real).flatten(1).mean(0)
        drift = 2 * 0.001 * (scores[:, None] * real.flatten(1)).mean(0)
        assert float(loss.gradient_norm) == pytest.approx(5.0, rel=1e-14)
        assert float(loss.gradient_penalty) == pytest.approx(16.0, rel=1e-14)
        assert float(loss.total.detach()) == pytest.approx(
            float(difference @ weight) + 10 * 16 + 0.001 * float(scores.square().mean()), rel=1e-12
        )
        assert torch.allclose(critic.weight.grad, difference + 10 * 2 * 4 * weight / 5 + drift, atol=1e-12)

    def test_quadratic_critic_is_penalised_between_real_and_fake(self):
        weight = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
        real, fake, mix = batch(1), batch(2), torch.rand(4, 1, 1, 1, dtype=torch.float64)

        loss = critic_loss(Quadratic(weight), real, fake, CLASSES, mix, gradient_penalty=1.0, drift=0.0)

        between = (1 - mix) * real + mix * fake
        norms = (between.flatten(1) * weight).norm(dim=1)
        assert float(loss.gradient_norm) == pytest.approx(float(norms.mean()), rel=1e-12)
        assert float(loss.gradient_penalty) == pytest.approx(float((norms - 1).square().mean()), rel=1e-12)

    def test_critic_whose_gradient_vanishes_gives_numbers(self):
        critic, mix = Linear(torch.zeros(4, dtype=torch.float64)), torch.zeros(4, 1, 1, 1, dtype=torch.float64)

        loss = critic_loss(critic, batch(1), batch(2), CLASSES, mix, gradient_penalty=10, drift=0.1)
        loss.total.backward()

        assert float(loss.gradient_penalty) == 1.0
        assert bool(torch.isfinite(critic.weight.grad).all())

    @pytest.mark.parametrize(("level", "alpha"), [(0, 1.0), (1, 0.4), (1, 1.0)])
    def test_norms_of_the_network_are_those_of_finite_differences(self, level, alpha):
        critic = self.network(level, alpha)
        images = batch(3, side=4 << level)

        norms = gradient_norms(critic, images, CLASSES)

        step = 1e-6
        for number in range(4):
            squares = 0.0
            for pixel in range(images[number].numel()):
                moved = images.repeat(2, 1, 1, 1).reshape(2, *images.shape).clone()
                moved[0, number].view(-1)[pixel] += step
                moved[1, number].view(-1)[pixel] -= step
                # of the sum of scores: a sample's image also moves its group's standard deviation
                above, below = (float(critic(one, CLASSES).sum().detach()) for one in moved)
                squares += ((above - below) / (2 * step)) ** 2
            assert float(norms[number]) == pytest.approx(squares**0.5, rel=1e-6)

    @pytest.mark.parametrize(("level", "alpha"), [(1, 0.4), (1, 1.0)])
    def test_gradient_of_the_penalty_is_that_of_finite_differences(self, level, alpha):
        """Double backward through every layer of the discriminator, checked at a few weights of each."""
        critic = self.network(level, alpha)
        real, fake = batch(4, side=4 << level), batch(5, side=4 << level)
        mix = torch.rand(4, 1, 1, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(6))

        def penalty() -> torch.Tensor:
            return critic_loss(critic, real, fake, CLASSES, mix, gradient_penalty=10.0, drift=0.001).total

        penalty().backward()
        step, checked = 1e-6, 0
        for weight in critic.parameters():
            if weight.grad is None:
                continue
            for place in {0, weight.numel() // 2, weight.numel() - 1}:
                values = weight.data.view(-1)
                kept = float(values[place])
                values[place] = kept + step
                above = float(penalty().detach())
                values[place] = kept - step
                below = float(penalty().detach())
                values[place] = kept
                assert float(weight.grad.view(-1)[place]) == pytest.approx(
                    (above - below) / (2 * step), abs=2e-6, rel=1e-5
                )
                checked += 1
        assert checked >= 30

    @staticmethod
    def network(level: int, alpha: float) -> PgganDiscriminator:
        torch.manual_seed(3)  # with which no finite difference steps over the bend of a LeakyReLU
        config = PgganConfig(image_size=8, feature_maps_base=32, feature_maps_max=4, latent_dim=3)
        critic = PgganDiscriminator(config, n_classes=1).double()
        with torch.no_grad():
            for parameter in critic.parameters():  # biases too away from 0
                parameter.add_(torch.randn_like(parameter) * 0.1)
        critic.set_stage(level=level, alpha=alpha)
        return critic


class TestStep:
    def test_the_rate_is_that_of_the_level(self):
        rates = tuple(0.001 * (1 + level) for level in range(9))
        recipe = PgganRecipe(replace(CONFIG, learning_rates=rates), n_classes=1)

        for seen, level in ((0, 0), (32, 1), (80, 1), (112, 2)):
            take_step(recipe, seen)
            for optimiser in recipe.optimisers.values():
                assert optimiser.param_groups[0]["lr"] == rates[level]
        group = recipe.optimisers["generator"].param_groups[0]
        assert (group["betas"], group["eps"]) == ((0.0, 0.99), 1e-8)

    def test_optimisers_start_anew_where_the_layers_in_use_change(self, recipe):
        steps = []
        for seen in range(0, 128, 8):
            take_step(recipe, seen)
            steps.append(
                {int(state["step"]) for optimiser in recipe.optimisers.values() for state in optimiser.state.values()}
            )

        # 32 images at 4 x 4, 48 fading in, 32 at 8 x 8, then 16 x 16 begins; eight images a step
        assert steps == [{1}, {2}, {3}, {4}, {1}, {2}, {3}, {4}, {5}, {6}, {1}, {2}, {3}, {4}, {1}, {2}]

    def test_only_the_layers_in_use_move(self, recipe):
        before = {name: value.clone() for name, value in recipe.generator.state_dict().items()}

        take_step(recipe, 0)

        moved = {name for name, value in recipe.generator.state_dict().items() if not torch.equal(value, before[name])}
        assert moved == {
            "dense.weight",
            "dense.bias",
            "conv.weight",
            "conv.bias",
            "to_image.0.weight",
            "to_image.0.bias",
        }

    def test_the_average_follows_with_the_set_decay(self, recipe):
        before = recipe.generator.dense.weight.detach().clone()

        take_step(recipe, 0)

        now = recipe.generator.dense.weight.detach()
        assert torch.allclose(recipe.average.dense.weight, 0.999 * before + 0.001 * now, atol=1e-7)
        assert torch.equal(recipe.average.blocks[1].first.weight, recipe.generator.blocks[1].first.weight)

    def test_all_networks_know_the_moment(self, recipe):
        take_step(recipe, 56)

        for network in recipe.networks.values():
            assert int(network.state_dict()["level"]) == 1
            assert float(network.state_dict()["alpha"]) == 0.5
        assert recipe.sampled(torch.randn(1, 6), torch.zeros(1, dtype=torch.int64)).shape == (1, 1, 8, 8)

    def test_a_step_that_is_not_finite_is_left_out(self, recipe):
        take_step(recipe, 0)
        before = {name: {k: v.clone() for k, v in net.state_dict().items()} for name, net in recipe.networks.items()}
        optimisers = flatten({k: o.state_dict() for k, o in recipe.optimisers.items()})
        kept = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in optimisers.items()}
        real = torch.full((8, 1, 4, 4), torch.nan)

        curves = recipe.step(real, torch.zeros(8, dtype=torch.int64), images_seen=8, random=torch.Generator())

        assert float(curves["skipped_steps"]) == 1.0
        for name in ("generator", "discriminator"):
            for key, value in recipe.networks[name].state_dict().items():
                assert torch.equal(value, before[name][key])
        after = flatten({k: o.state_dict() for k, o in recipe.optimisers.items()})
        assert after.keys() == kept.keys()
        for key, value in after.items():
            assert torch.equal(value, kept[key]) if isinstance(value, torch.Tensor) else value == kept[key]
        assert float(take_step(recipe, 16)["skipped_steps"]) == 0.0

    def test_bfloat16_is_near_single_precision(self):
        torch.manual_seed(0)
        single = PgganRecipe(CONFIG, n_classes=1)
        torch.manual_seed(0)
        half = PgganRecipe(replace(CONFIG, precision="bfloat16"), n_classes=1)

        exact, rough = take_step(single, 56), take_step(half, 56)

        assert half.generator.dense.weight.dtype == torch.float32
        assert float(rough["gradient_norm"]) == pytest.approx(float(exact["gradient_norm"]), rel=0.03)
        assert float(rough["gradient_norm"]) != float(exact["gradient_norm"])
        assert float(rough["skipped_steps"]) == 0.0

    def test_memory_is_estimated_at_the_resolution_that_needs_most(self):
        config = replace(CONFIG, batch_sizes=(8,) * 9)

        estimate = estimate_memory("pggan", config, n_classes=1)

        assert (estimate.stage.image_size, estimate.stage.batch_size) == (16, 8)
        smaller = estimate_memory("pggan", replace(config, image_size=8), n_classes=1)
        assert estimate.activations > 2 * smaller.activations

    def test_conditional_training_moves_the_rows_of_the_batchs_classes(self):
        torch.manual_seed(0)
        recipe = PgganRecipe(replace(CONFIG, conditional=True), n_classes=3)
        before = recipe.generator.embedding.detach().clone(), recipe.discriminator.projection.detach().clone()

        take_step(recipe, 0, classes=torch.tensor([0, 2] * 4))

        for old, new in zip(before, (recipe.generator.embedding, recipe.discriminator.projection), strict=True):
            assert [bool((old[row] != new[row]).any()) for row in range(3)] == [True, False, True]


class TestTraining:
    @pytest.fixture
    def images(self) -> TrainingImages:
        return make_images()

    @pytest.mark.parametrize("conditional", [False, True])
    def test_stopping_in_mid_fade_and_going_on_in_a_new_process_changes_nothing(self, images, tmp_path, conditional):
        config = replace(CONFIG, conditional=conditional)
        whole, parts = Recorder(tmp_path / "whole"), Recorder(tmp_path / "parts")
        train(generator="pggan", config=config, images=images, save=whole)
        end = whole.iterations[-1]

        train(generator="pggan", config=config, images=images, save=parts, **stop_after(6))
        stopped = parts.load(6)
        assert phase_at(config, stopped.images_seen).fading
        assert 0 < float(stopped.networks["generator"]["alpha"]) < 1
        target = tmp_path / "resumed.pt"
        code = (
            "import sys, torch\n"
            "from pathlib import Path\n"
            "torch.set_num_threads(int(sys.argv[3]))\n"
            "from generation.gan.checkpoint import load_checkpoint, save_checkpoint\n"
            "from generation.gan.pggan_config import PgganConfig\n"
            "from generation.gan.training import train\n"
            "from tests.generation.gan.test_pggan import make_images\n"
            "data = load_checkpoint(Path(sys.argv[1]))\n"
            "train(generator='pggan', config=PgganConfig.from_dict(data.config), images=make_images(), resume=data,"
            " save=lambda state: save_checkpoint(Path(sys.argv[2]), state))\n"
        )
        command = [sys.executable, "-c", code, str(parts.path(6)), str(target), str(torch.get_num_threads())]
        subprocess.run(command, cwd=ROOT, check=True)

        self.assert_equal(load_checkpoint(target), whole.load(end))
        assert whole.load(end).images_seen == config.total_images

    @pytest.mark.parametrize("stop", [4, 10, 11, 14, 29])
    def test_stopping_at_and_around_boundaries_changes_nothing(self, images, tmp_path, stop):
        """After step 4 the first fade begins, after 10 it ends, after 14 the next begins."""
        whole, parts = Recorder(tmp_path / "whole"), Recorder(tmp_path / "parts")
        train(generator="pggan", config=CONFIG, images=images, save=whole)
        train(generator="pggan", config=CONFIG, images=images, save=parts, **stop_after(stop))
        torch.manual_seed(999)

        train(generator="pggan", config=CONFIG, images=images, save=parts, resume=parts.load(stop))

        self.assert_equal(parts.load(whole.iterations[-1]), whole.load(whole.iterations[-1]))

    @staticmethod
    def assert_equal(first: CheckpointData, second: CheckpointData) -> None:
        assert_same_state(first, second)
        assert first.recipe_state == second.recipe_state
        assert first.images_seen == second.images_seen
        assert set(first.networks) == {"generator", "generator_raw", "discriminator"}

    def test_a_checkpoint_of_any_moment_is_sampled_at_its_resolution(self, images, tmp_path):
        recorder = Recorder(tmp_path)
        train(generator="pggan", config=CONFIG, images=images, save=recorder, milestones={2, 8})

        sides = [
            sample_block(load_generator(recorder.path(step)), seed=0, class_index=0, block=0, block_size=2).shape
            for step in (2, 8, recorder.iterations[-1])
        ]

        assert sides == [(2, 4, 4), (2, 8, 8), (2, 16, 16)]

    def test_grids_and_curves(self, images):
        grids, curves = [], []
        config = replace(CONFIG, conditional=True, grid_kimg=0.08)

        train(
            generator="pggan",
            config=config,
            images=images,
            grid=lambda seen, pictures: grids.append((seen, pictures.shape)),
            metrics=lambda seen, values: curves.append(values),
        )

        assert grids[0] == (0, (2, 2, 4, 4))
        assert grids[-1] == (config.total_images, (2, 2, 16, 16))
        assert {"discriminator_loss", "generator_loss", "wasserstein_estimate", "gradient_norm"} <= set(curves[0])
        assert sum(values["skipped_steps"] for values in curves) == 0

    def test_it_learns_the_images_and_their_classes_through_a_new_level(self, images):
        """4 x 4, then 8 x 8: every sample has its square on the side of its class, as bright as the real ones."""
        config = replace(
            CONFIG,
            conditional=True,
            image_size=8,
            feature_maps_base=128,
            feature_maps_max=16,
            stabilise_kimg=1.6,
            fade_in_kimg=1.6,
            total_kimg=6.4,
            batch_sizes=(16,) * 9,
            learning_rates=(0.003,) * 9,
            ema_decay=0.98,
            grid_columns=16,
        )
        grids = []

        train(
            generator="pggan",
            config=config,
            images=images,
            grid=lambda _, pictures: grids.append(pictures.astype(float)),
        )

        samples, real = grids[-1], images.level(8).astype(float)
        left_minus_right = samples[..., :4].mean(axis=(2, 3)) - samples[..., 4:].mean(axis=(2, 3))
        wanted = real[0::2, :, :4].mean() - real[0::2, :, 4:].mean()
        assert samples.shape == (2, 16, 8, 8)
        assert left_minus_right[0].min() > 0 > left_minus_right[1].max()
        assert left_minus_right.mean(axis=1) == pytest.approx([wanted, -wanted], rel=0.3)
        assert samples.mean() == pytest.approx(real.mean(), abs=10)

    def test_divergence_ends_the_run_in_words(self, images):
        with pytest.raises(TrainingDivergedError, match="Lower the learning rate"):
            train(generator="pggan", config=CONFIG, images=images, skip_limit=0, resume=poisoned(images, CONFIG))


def poisoned(images: TrainingImages, config: PgganConfig) -> CheckpointData:
    """A run whose discriminator holds a weight that is not a number."""
    state = TrainingState(generator="pggan", config=config, images=images.as_one_class())
    with torch.no_grad():
        state.recipe.networks["discriminator"].score.weight[0, 0] = torch.nan
    return state.snapshot()


def test_two_processes_are_one(tmp_path):
    """Gloo, two processes, three steps also into a fade: the weights are those of one process, up to rounding.

    In double precision: Adam divides by the gradient's own size, which would amplify single precision's rounding.
    """
    alone, together = tmp_path / "alone.pt", tmp_path / "together.pt"
    command = ["-m", "tests.generation.gan._two_processes"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, *command, str(alone)], cwd=ROOT, check=True, env=environment)

    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    subprocess.run([*launcher, *command, str(together)], cwd=ROOT, check=True, env=environment, timeout=120)

    one, two = torch.load(alone), torch.load(together)
    assert one.pop("refusal") == ""
    assert "batch_sizes has 3 images per step, which 2 processes cannot share" in two.pop("refusal")
    one, two = flatten(one), flatten(two)
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert torch.allclose(value, two[name], rtol=1e-9, atol=1e-9), name
    recipe = PgganRecipe(CONFIG, n_classes=1)
    assert len(one) == sum(len(network.state_dict()) for network in recipe.networks.values())
