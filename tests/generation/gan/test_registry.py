"""A new generator is one module: settings, network and (if it trains) recipe; training and sampling then work on it."""

import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn

from generation.gan import registry
from generation.gan.checkpoint import CheckpointData, load_checkpoint, save_checkpoint
from generation.gan.config import AcganConfig
from generation.gan.data import TrainingImages
from generation.gan.precision import Stepper
from generation.gan.recipe import Cadence, Stage
from generation.gan.sampling import image_provenance, load_generator, remake_image, sample_block
from generation.gan.training import TrainingProgress, train
from worker.compute.settings import Settings, setting


@pytest.fixture
def ramp():
    """A generator of another size, with settings of its own: grey ramps whose slope is the latent."""

    @registry.register_generator("ramp", title="Ramp", module=__name__)
    @dataclass(frozen=True, kw_only=True)
    class RampConfig(Settings):
        channels: int = setting(1, choices={1: "grey"}, help="Grey.")
        image_size: int = setting(16, low=1, high=64, help="Pixels.")
        latent_dim: int = setting(1, low=1, high=1, help="The slope.")
        latent_std: float = setting(1.0, low=0, high=10, help="Of the slope.")
        seed: int = setting(0, low=0, high=100, help="Seed.")
        grid_columns: int = setting(2, low=1, high=8, help="Columns.")
        gain: float = setting(0.5, low=0, high=10, help="Of every class, at the start.")
        conditional: bool = setting(True, choices={True: "yes", False: "no"}, help="Whether it knows classes.")
        total_images: int = setting(96, low=1, high=1000, help="Real images.")

    @registry.register_network("ramp")
    class Ramp(nn.Module):
        def __init__(self, config: RampConfig, *, n_classes: int) -> None:
            super().__init__()
            self.slope = nn.Parameter(torch.full((n_classes,), config.gain))
            self.size = config.image_size

        def forward(self, latents, classes):
            line = torch.linspace(-1, 1, self.size, dtype=latents.dtype)
            ramp = torch.tanh(latents * self.slope[classes, None] * 4)[:, None, :, None] * line[None, None, :, None]
            return ramp.expand(-1, 1, -1, self.size)

    @registry.register_recipe("ramp")
    class RampRecipe:
        """Fits each class's mean square; halves of the run at 8 and 16 pixels; what is sampled is an average."""

        exact_on_cuda = True

        def __init__(self, config: RampConfig, *, n_classes: int, device: str = "cpu") -> None:
            self.config = config
            trained, averaged = Ramp(config, n_classes=n_classes), Ramp(config, n_classes=n_classes)
            self.networks = {"generator": trained, "generator_ema": averaged}
            self.optimisers = {"generator": torch.optim.SGD(trained.parameters(), lr=0.05)}
            self.stepper = Stepper(self.optimisers["generator"], trained, precision="float32", device=device)
            self.total_images = config.total_images
            self.cadence = Cadence(checkpoint=24, grid=48, metrics=12)
            self.steps = 0
            self.sizes: list[int] = []

        @property
        def sampled(self) -> nn.Module:
            return self.networks["generator_ema"]

        def stage(self, images_seen: int) -> Stage:
            return Stage(image_size=16, batch_size=4) if images_seen >= 48 else Stage(image_size=8, batch_size=12)

        def step(self, real, classes, *, images_seen, random):
            assert real.shape[2] == self.stage(images_seen).image_size
            latents = torch.randn(len(real), 1, generator=random)
            made = self.networks["generator"](latents, classes)
            loss = (made.square().mean((1, 2, 3)) - real.square().mean((1, 2, 3))).square().mean()
            self.stepper.backward(loss)
            skipped = self.stepper.step()
            self.steps += 1
            for average, one in zip(self.sampled.parameters(), self.networks["generator"].parameters(), strict=True):
                average.data.lerp_(one.data, 0.5)
            return {"loss": loss, "skipped_steps": skipped, "seldom": loss if self.steps % 5 == 0 else None}

        def state(self):
            return {"steps": self.steps}

        def load_state(self, values):
            self.steps = values["steps"]

    yield RampConfig
    registry.unregister_generator("ramp")


def test_a_new_generator_is_created_saved_and_sampled(ramp, tmp_path):
    network = registry.create_generator("ramp", {"gain": 0.3}, n_classes=2)
    path = tmp_path / "ramp.pt"
    save_checkpoint(
        path,
        CheckpointData(
            generator="ramp",
            config=ramp(gain=0.3).to_dict(),
            classes=["up", "down"],
            iteration=1,
            images_drawn=0,
            data_sha256="",
            networks={"generator": network.state_dict()},
            optimisers={},
            random_states={},
            device="cpu",
            threads=1,
            torch_version=str(torch.__version__),
        ),
    )

    generator = load_generator(path)
    images = sample_block(generator, seed=0, class_index=1, block=0)

    assert images.shape == (32, 16, 16)
    assert np.unique(images).size > 10
    assert np.array_equal(remake_image(path, image_provenance(generator, seed=0, class_index=1, index=5)), images[5])


@pytest.fixture
def squares() -> TrainingImages:
    """Class "faint" of little contrast and class "strong" of much, 16 px."""
    random = np.random.default_rng(1)
    labels = np.arange(10) % 2
    spread = np.where(labels == 0, 20, 110)[:, None, None]
    pixels = (127.5 + random.choice([-1.0, 1.0], size=(10, 1, 1)) * spread * np.ones((1, 16, 16))).astype(np.uint8)
    return TrainingImages(pixels=pixels, labels=labels, classes=("faint", "strong"))


def test_a_new_generator_trains_in_the_same_loop(ramp, squares, tmp_path):
    """Stages of two sizes, an average that is sampled, curves that not every step has; stopped anywhere, equal bits."""
    config = ramp(total_images=600)
    saved: dict[int, str] = {}
    curves: dict[int, dict[str, float]] = {}

    def save(data: CheckpointData) -> None:
        saved[data.iteration] = save_checkpoint(tmp_path / f"{data.iteration}.pt", data)

    seen: list[TrainingProgress] = []
    outcome = train(
        generator="ramp", config=config, images=squares, save=save, metrics=curves.__setitem__, progress=seen.append
    )
    whole = dict(saved)
    steps: list[TrainingProgress] = []
    first = train(
        generator="ramp",
        config=config,
        images=squares,
        save=save,
        progress=steps.append,
        abort=lambda: len(steps) >= 3,
    )
    resumed = load_checkpoint(tmp_path / "3.pt")
    train(generator="ramp", config=config, images=squares, save=save, resume=resumed)

    assert (outcome.images_seen, outcome.iteration) == (600, 4 + 552 // 4)
    assert (first.finished, first.images_seen) == (False, 36)
    assert [now.stage.image_size for now in seen[:6]] == [8, 8, 8, 8, 16, 16]
    assert "seldom" not in curves[12]  # the first step of its kind is the fifth
    assert curves[60]["seldom"] == pytest.approx(curves[60]["loss"], rel=2)
    last = load_checkpoint(tmp_path / f"{outcome.iteration}.pt")
    assert sorted(last.networks) == ["generator", "generator_raw"]
    assert last.recipe_state == {"steps": outcome.iteration}
    assert {name: saved[name] for name in whole} == whole  # the resumed run's files are the same, byte for byte
    slopes = load_generator(tmp_path / f"{outcome.iteration}.pt").network.slope.tolist()
    assert slopes[1] > slopes[0] + 0.1  # it learned which class has more contrast


def test_measures_are_kept_with_the_checkpoint_and_change_nothing(ramp, squares, tmp_path):
    plain: list[CheckpointData] = []
    train(generator="ramp", config=ramp(), images=squares, save=plain.append)
    measured, curves = [], {}

    def measure(images_seen: int, network: nn.Module) -> dict[str, float]:
        assert not network.training
        return {"drawn": float(torch.randn(1)), "images": float(images_seen)}

    train(
        generator="ramp",
        config=ramp(),
        images=squares,
        save=measured.append,
        measure=measure,
        metrics=lambda seen, values: curves.setdefault(seen, {}).update(values),
    )

    assert [data.measures["images"] for data in measured] == [24, 48, 72, 96]
    assert [seen for seen, values in curves.items() if "drawn" in values] == [24, 48, 72, 96]
    assert all(data.measures == {} for data in plain)
    assert torch.equal(plain[-1].random_states["torch"], measured[-1].random_states["torch"])


def test_a_run_without_classes_has_one_class(ramp, squares):
    saved, grids = [], {}

    train(generator="ramp", config=ramp(conditional=False), images=squares, save=saved.append, grid=grids.__setitem__)

    assert saved[-1].classes == ["all"]
    assert saved[-1].networks["generator"]["slope"].shape == (1,)
    assert grids[96].shape == (1, 2, 16, 16)


def test_a_generator_without_recipe_says_so(ramp):
    registry._RECIPES.pop("ramp")
    with pytest.raises(ValueError, match="Generator 'ramp' can be sampled here, but not trained"):
        registry.create_recipe("ramp", ramp(), n_classes=1)


def test_images_that_no_stage_can_use_are_refused(ramp, squares):
    small = replace(squares, pixels=squares.pixels[:, :12, :12].copy())

    with pytest.raises(ValueError, match="The training images have 12 pixels a side; this run needs 8"):
        train(generator="ramp", config=ramp(), images=small)


def test_the_acgan_is_there():
    assert "acgan" in [kind.name for kind in registry.list_generators()]
    assert registry.get_generator("acgan").config is AcganConfig
    assert type(registry.create_recipe("acgan", AcganConfig(), n_classes=2)).__name__ == "AcganRecipe"


def test_a_name_is_taken_once(ramp):
    with pytest.raises(ValueError, match="Generator 'ramp' is registered twice"):
        registry.register_generator("ramp", title="Other", module=__name__)(ramp)
    with pytest.raises(ValueError, match="Generator 'ramp' has a network already"):
        registry.register_network("ramp")(object)


def test_an_unknown_name_is_never_imported():
    with pytest.raises(ValueError, match=r"Unknown generator 'os\.path'; known: .*acgan"):
        registry.create_generator("os.path", {}, n_classes=1)
    assert "os.path" in sys.modules


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("acgan", {}, 0), "n_classes is 0"),
        (("acgan", {"depth": 3}, 2), "Unknown setting depth"),
        (("acgan", object(), 2), "Generator 'acgan' takes a AcganConfig, not a object"),
    ],
)
def test_what_cannot_be_created_is_refused(arguments, message):
    name, config, n_classes = arguments
    with pytest.raises(ValueError, match=message):
        registry.create_generator(name, config, n_classes=n_classes)
