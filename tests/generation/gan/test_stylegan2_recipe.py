"""Steps of StyleGAN2-ADA: what happens when, that a stopped run goes on bit for bit, that two processes equal one."""

import io
import math
import os
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from generation.gan.noise import draw_noise, draw_seeds
from generation.gan.stylegan2_config import StyleGan2Config
from generation.gan.stylegan2_recipe import StyleGan2Recipe
from tests.generation.gan._stylegan2_share import first_steps
from tests.generation.gan.test_stylegan2 import small

ROOT = Path(__file__).resolve().parents[3]


class Run:
    """A recipe with what the training loop keeps for it."""

    def __init__(self, config: StyleGan2Config, *, n_classes: int = 2) -> None:
        torch.manual_seed(config.seed)
        self.config, self.recipe = config, StyleGan2Recipe(config, n_classes=n_classes)
        self.random = torch.Generator().manual_seed(config.seed)
        self.images_seen = 0

    def step(self, real: torch.Tensor | None = None) -> dict:
        """Real images are a function of how many were seen."""
        source = torch.Generator().manual_seed(self.images_seen)
        size = self.config.batch_size
        if real is None:
            real = torch.rand(size, self.config.channels, 16, 16, generator=source) * 2 - 1
        classes = torch.randint(2, (size,), generator=source)
        curves = self.recipe.step(real, classes, images_seen=self.images_seen, random=self.random)
        self.images_seen += size
        return curves

    def saved(self) -> bytes:
        file = io.BytesIO()
        torch.save(
            {
                "networks": {name: network.state_dict() for name, network in self.recipe.networks.items()},
                "optimisers": {name: one.state_dict() for name, one in self.recipe.optimisers.items()},
                "recipe": self.recipe.state(),
                "random": self.random.get_state(),
                "images_seen": self.images_seen,
            },
            file,
        )
        return file.getvalue()

    @classmethod
    def loaded(cls, config: StyleGan2Config, saved: bytes) -> "Run":
        values = torch.load(io.BytesIO(saved), weights_only=True)
        run = cls(config)
        for name, network in run.recipe.networks.items():
            network.load_state_dict(values["networks"][name])
        for name, optimiser in run.recipe.optimisers.items():
            optimiser.load_state_dict(values["optimisers"][name])
        run.recipe.load_state(values["recipe"])
        run.random.set_state(values["random"])
        run.images_seen = values["images_seen"]
        return run


def weights(run: Run, name: str) -> list[torch.Tensor]:
    return [values.detach().clone() for values in run.recipe.networks[name].state_dict().values()]


def same(first: list[torch.Tensor], second: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def leaves(value, name=""):
    if isinstance(value, dict):
        return {key: leaf for part, item in value.items() for key, leaf in leaves(item, f"{name}/{part}").items()}
    if isinstance(value, list | tuple):
        return {key: leaf for n, item in enumerate(value) for key, leaf in leaves(item, f"{name}/{n}").items()}
    return {name: value}


class TestResume:
    @pytest.mark.parametrize(
        "changes",
        [
            {"augment_kimg": 0.1, "augment_target": -0.99, "augment_noise": True, "augment_flip": True},
            {"loss": "relativistic", "discriminator_regularise_every": 1, "augment_probability": 0.4},
        ],
    )
    @pytest.mark.parametrize("stop", [3, 4])  # within and at the boundary of the steps after which ADA adjusts
    def test_stopping_changes_no_bit(self, changes, stop):
        config = small(**changes)
        whole = Run(config)
        for _ in range(9):
            whole.step()

        first = Run(config)
        for _ in range(stop):
            first.step()
        torch.manual_seed(999)
        second = Run.loaded(config, first.saved())
        for _ in range(9 - stop):
            second.step()

        ours, theirs = (leaves(torch.load(io.BytesIO(run.saved()), weights_only=True)) for run in (second, whole))
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            equal = torch.equal(value, theirs[name]) if isinstance(value, torch.Tensor) else value == theirs[name]
            assert equal, f"{name} differs"
        assert whole.recipe.strength.probability > 0
        assert not same(weights(first, "generator_ema"), weights(whole, "generator_ema"))


def test_two_processes_make_the_step_of_one(tmp_path):
    """Of both losses, in double precision, through gradients, running means and ADA's measure."""
    arguments = [str(tmp_path / "meeting"), str(tmp_path / "shared.pt")]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.generation.gan._stylegan2_share", str(rank), "2", *arguments],
            cwd=ROOT,
            env={**os.environ, "GLOO_SOCKET_IFNAME": "lo"},
        )
        for rank in range(2)
    ]
    one = leaves(first_steps())
    assert [process.wait(timeout=300) for process in processes] == [0, 0]

    two = leaves(torch.load(tmp_path / "shared.pt", weights_only=True))
    assert one.keys() == two.keys()
    assert len(one) > 200
    for name, value in one.items():
        torch.testing.assert_close(
            two[name], value, rtol=1e-6, atol=1e-8, msg=lambda text, name=name: f"{name}: {text}"
        )


class TestSchedule:
    def test_path_length_every_4_and_penalty_every_16_steps(self):
        run = Run(small(augmentation="off"))

        seen = [run.step() for _ in range(18)]

        assert [n for n, curves in enumerate(seen) if curves["path_length"] is not None] == [0, 4, 8, 12, 16]
        assert [n for n, curves in enumerate(seen) if curves["gradient_penalty"] is not None] == [0, 16]
        assert all(float(curves["skipped_steps"]) == 0 for curves in seen)
        assert all(value is None or bool(torch.isfinite(value)) for curves in seen for value in curves.values())

    @pytest.mark.parametrize(
        ("network", "changes", "touched"),
        [
            ("discriminator", {"r1_gamma": 0.0}, {0: True, 1: False, 4: False, 16: True}),
            ("generator", {"path_length_weight": 50.0}, {0: True, 1: False, 3: False, 4: True}),
        ],
    )
    def test_regularisers_act_at_their_steps_only(self, network, changes, touched):
        config = small(augmentation="off", r1_gamma=10.0)
        for step, acts in touched.items():
            plain, other = Run(config), Run(replace(config, **changes))
            for run in (plain, other):
                run.images_seen = step * 8
                run.step()
            assert same(weights(plain, network), weights(other, network)) is not acts, f"step {step}"

    def test_rates_and_betas_of_lazy_regularisation(self):
        """arXiv 1912.04958, appendix B: c = k / (k + 1), rate c lambda, betas beta^c."""
        recipe = Run(small(learning_rate=0.002)).recipe
        for name, every in (("generator", 4), ("discriminator", 16)):
            group, part = recipe.optimisers[name].param_groups[0], every / (every + 1)
            assert group["lr"] == pytest.approx(0.002 * part)
            assert group["betas"] == (0.0, pytest.approx(0.99**part))

        recipe = Run(small(learning_rate=0.002, path_length_weight=0.0, discriminator_regularise_every=1)).recipe
        for name in ("generator", "discriminator"):
            group = recipe.optimisers[name].param_groups[0]
            assert (group["lr"], group["betas"]) == (0.002, (0.0, 0.99))

    def test_stage_and_cadence(self):
        recipe = Run(small(total_kimg=2.5, checkpoint_kimg=0.5, grid_kimg=0.25, metrics_kimg=0.1)).recipe

        assert (recipe.stage(0).image_size, recipe.stage(999).batch_size) == (16, 8)
        assert recipe.total_images == 2500
        assert (recipe.cadence.checkpoint, recipe.cadence.grid, recipe.cadence.metrics) == (500, 250, 100)
        assert recipe.sampled is recipe.networks["generator_ema"]
        assert Run(small(augmentation="off")).recipe.exact_on_cuda
        assert not recipe.exact_on_cuda


class TestParts:
    @pytest.mark.parametrize(
        ("images_seen", "half_life"),
        [(0, 8 * 0.05), (992, 1000 * 0.05), (1_000_000, 5000.0)],
    )
    def test_average_has_its_half_life(self, images_seen, half_life):
        run = Run(small(ema_kimg=5.0))
        before = [values.detach().clone() for values in run.recipe.average.parameters()]
        run.images_seen = images_seen

        run.step()

        decay = 0.5 ** (8 / half_life)
        for old, now, live in zip(
            before, run.recipe.average.parameters(), run.recipe.generator.parameters(), strict=True
        ):
            torch.testing.assert_close(now, old * decay + live.detach() * (1 - decay))
        assert torch.equal(run.recipe.average.w_mean, run.recipe.generator.w_mean)
        assert float(run.recipe.average.w_mean.abs().max()) > 0

    def test_path_length_is_the_norm_of_the_jacobian_product(self):
        """Section 3.2 of arXiv 1912.04958, with the Jacobian written out."""
        run = Run(small(batch_size=2, minibatch_group=2, path_length_weight=2.0, precision="float32"))
        recipe = run.recipe
        classes = torch.tensor([1])
        lengths = recipe._path_lengths(classes, torch.Generator().manual_seed(8))

        random = torch.Generator().manual_seed(8)
        draws = recipe._draw(1, random)
        seeds = draw_seeds(1, random=random)
        _, w = recipe._generate(draws, classes)
        noise = draw_noise(draws.noise_seeds, (recipe.generator.noise_size,), device=w.device, dtype=torch.float32)
        y = draw_noise(seeds, (1, 16, 16), device=w.device, dtype=torch.float32)
        jacobian = torch.autograd.functional.jacobian(
            lambda styles: recipe.generator.synthesis(styles, noise=noise), w.detach()
        )[0, :, :, :, 0]
        product = torch.einsum("chw,chwld->ld", y[0] / 16, jacobian)

        expected = product.square().sum(dim=1).mean().sqrt()
        torch.testing.assert_close(lengths[0].detach(), expected, rtol=1e-4, atol=1e-6)

    def test_mean_path_length_moves_by_its_decay(self):
        run = Run(small(path_length_decay=0.25))

        first = run.step()["path_length"]

        assert run.recipe.state()["mean_path_length"] == pytest.approx(0.25 * float(first), rel=1e-6)

    def test_mixed_images_take_the_second_style_from_the_crossover_on(self):
        recipe = Run(small(style_mixing=0.5)).recipe
        draws = recipe._draw(400, torch.Generator().manual_seed(0))
        classes = torch.zeros(400, dtype=torch.int64)

        _, w = recipe._generate(draws, classes)

        first, second = (recipe.generator.mapping(z, classes) for z in (draws.latents, draws.other_latents))
        for number, crossover in enumerate(draws.crossover.tolist()):
            assert torch.equal(w[number, :crossover], first[number, :crossover])
            assert torch.equal(w[number, crossover:], second[number, crossover:])
        mixed = draws.crossover < recipe.generator.n_layers
        assert float(mixed.float().mean()) == pytest.approx(0.5, abs=0.1)
        assert set(draws.crossover[mixed].tolist()) == set(range(1, recipe.generator.n_layers))

    def test_each_phase_changes_its_own_network(self):
        run = Run(small(augmentation="off"))
        frozen = deepcopy(run.recipe.discriminator.state_dict())
        seen: dict[str, bool] = {}
        update = run.recipe._update

        def watched(name, loss):
            result = update(name, loss)
            changed = any(
                not torch.equal(frozen[key], now) for key, now in run.recipe.discriminator.state_dict().items()
            )
            seen.setdefault(name, changed)
            assert all(one.grad is None for net in run.recipe.networks.values() for one in net.parameters())
            return result

        run.recipe._update = watched
        run.step()

        assert seen == {"generator": False, "discriminator": True}

    def test_scores_of_augmented_images_differ_and_unaugmented_do_not(self):
        images, classes = torch.randn(8, 1, 16, 16), torch.arange(8) % 2
        for kind, probability, alike in (("fixed", 1.0, False), ("fixed", 0.0, True), ("off", 0.0, True)):
            recipe = Run(small(augmentation=kind, augment_probability=probability)).recipe
            with torch.no_grad():
                scores = recipe._scores(images, classes, torch.Generator().manual_seed(0))
                assert torch.equal(scores, recipe.discriminator(images, classes)) is alike

    def test_logistic_losses_are_those_of_the_scores(self):
        """With learning rates so small that no network moves, losses of a step follow from its scores."""
        run = Run(small(augmentation="off", learning_rate=1e-30, style_mixing=0.0))
        real, classes = torch.randn(8, 1, 16, 16), torch.arange(8) % 2
        recipe = run.recipe

        curves = recipe.step(real, classes, images_seen=8, random=torch.Generator().manual_seed(1))

        random = torch.Generator().manual_seed(1)
        with torch.no_grad():
            fakes = [recipe._generate(recipe._draw(8, random), classes)[0] for _ in range(2)]
            fake_scores = [recipe.discriminator(fake, classes) for fake in fakes]
            real_scores = recipe.discriminator(real, classes)
        torch.testing.assert_close(curves["generator_loss"], -torch.log(torch.sigmoid(fake_scores[0])).mean())
        expected = -torch.log(torch.sigmoid(real_scores)).mean() - torch.log(torch.sigmoid(-fake_scores[1])).mean()
        torch.testing.assert_close(curves["discriminator_loss"], expected)
        torch.testing.assert_close(curves["overfitting"], torch.sign(real_scores).mean())

    def test_relativistic_step_compares_pairs_and_penalises_both_kinds(self):
        config = small(
            loss="relativistic",
            discriminator_regularise_every=1,
            path_length_weight=0.0,
            style_mixing=0.0,
            augmentation="off",
            learning_rate=1e-30,
        )
        recipe = Run(config).recipe
        real, classes = torch.randn(8, 1, 16, 16), torch.arange(8) % 2

        curves = recipe.step(real, classes, images_seen=8, random=torch.Generator().manual_seed(1))

        random = torch.Generator().manual_seed(1)
        fakes = [recipe._generate(recipe._draw(8, random), classes)[0].detach() for _ in range(2)]
        penalty = 0.0
        for images in (real, fakes[1]):
            moved = images.clone().requires_grad_(True)
            (gradient,) = torch.autograd.grad(recipe.discriminator(moved, classes).sum(), moved)
            penalty += float(gradient.square().sum() / 8)
        scores = [recipe.discriminator(images, classes).detach() for images in (real, *fakes)]
        torch.testing.assert_close(curves["generator_loss"], functional.softplus(scores[0] - scores[1]).mean())
        torch.testing.assert_close(curves["discriminator_loss"], functional.softplus(scores[2] - scores[0]).mean())
        assert float(curves["gradient_penalty"]) == pytest.approx(penalty, rel=1e-4)
        assert curves["path_length"] is None


def test_a_step_that_is_not_finite_reaches_no_weight():
    run = Run(small(augment_every=1))
    run.step()
    before, optimiser = weights(run, "discriminator"), deepcopy(run.recipe.optimisers["discriminator"].state_dict())

    curves = run.step(torch.full((8, 1, 16, 16), math.nan))

    assert float(curves["skipped_steps"]) == 1
    assert same(weights(run, "discriminator"), before)
    now = run.recipe.optimisers["discriminator"].state_dict()
    assert same(list(leaves(now["state"]).values()), list(leaves(optimiser["state"]).values()))
    assert float(run.step()["skipped_steps"]) == 0
    assert all(bool(torch.isfinite(values).all()) for name in run.recipe.networks for values in weights(run, name))
    assert math.isfinite(run.recipe.strength.probability)


def test_reduced_precision_trains_finitely():
    run = Run(small(precision="bfloat16"))

    curves = [run.step() for _ in range(3)]

    assert all(float(one["skipped_steps"]) == 0 for one in curves)
    assert all(values.dtype is torch.float32 for values in weights(run, "generator"))


def test_a_discriminator_learns_to_tell_real_from_generated():
    """Stripes against what an untrained generator makes: scores part, and the generator's loss says so."""
    run = Run(small(learning_rate=0.01, augmentation="off", seed=2))
    stripes = (torch.arange(16) % 4 < 2).float().mul(2).sub(1).expand(8, 1, 16, 16)

    curves = [run.step(stripes) for _ in range(12)]

    gaps = [float(one["real_score"] - one["fake_score"]) for one in curves]
    assert max(gaps) > gaps[0] + 0.8
