"""Trains the ACGAN: one loop that reads from top to bottom, with everything it needs to stop and go on bit for bit.

It knows nothing of jobs or databases: what is to be shown, stored or asked goes through callbacks.
"""

import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from generation.gan.acgan import AcganDiscriminator, AcganGenerator
from generation.gan.checkpoint import CheckpointData, CheckpointError
from generation.gan.config import AcganConfig
from generation.gan.data import ShuffledOrder, TrainingImages, to_grey_levels, to_unit_range
from generation.gan.registry import register_trainer
from generation.gan.sampling import draw_latents

# A resumed run may be longer and show itself more or less often; all else makes it another run.
CHANGEABLE = ("iterations", "checkpoint_every", "metrics_every", "grid_every", "grid_columns")
METRICS = (
    "discriminator_loss",
    "generator_loss",
    "source_accuracy",
    "real_class_accuracy",
    "generated_class_accuracy",
)


class TrainingDivergedError(ArithmeticError):
    """A loss or a weight is no longer a number. Nothing was saved since; the text says when and what to try."""


@dataclass(frozen=True, kw_only=True)
class TrainingOutcome:
    iteration: int  # done in all, earlier attempts included
    finished: bool  # False: stopped by `abort`, saved


class AcganState:
    """Networks, optimisers, random states and positions of one run: all that changes from iteration to iteration."""

    def __init__(self, *, config: AcganConfig, images: TrainingImages, device: str = "cpu") -> None:
        """A new run. Seeds PyTorch's global generator: initialisation and dropout draw from it."""
        self.config, self.images, self.device = config, images, torch.device(device)
        n_classes = len(images.classes)
        torch.manual_seed(config.seed)
        # built on the CPU so that a seed gives the same start on every device
        self.generator = AcganGenerator(config, n_classes=n_classes).to(self.device)
        self.discriminator = AcganDiscriminator(config, n_classes=n_classes).to(self.device)
        for network in (self.generator, self.discriminator):
            network.to(memory_format=torch.channels_last)
        self.generator_optimiser = _adam(self.generator, config)
        self.discriminator_optimiser = _adam(self.discriminator, config)
        self.latents_random = torch.Generator().manual_seed(config.seed)
        self.order = ShuffledOrder(len(images), seed=config.seed)
        self.iteration = 0

    @classmethod
    def from_checkpoint(
        cls, data: CheckpointData, *, config: AcganConfig, images: TrainingImages, device: str = "cpu"
    ) -> "AcganState":
        """The run as it was saved. Raises CheckpointError when it is of other settings, classes or images."""
        settings, stored = config.to_dict(), AcganConfig.from_dict(data.config).to_dict()
        changed = [name for name in settings if name not in CHANGEABLE and settings[name] != stored[name]]
        if data.generator != "acgan" or changed or data.classes != list(images.classes):
            what = ", ".join(changed) or "generator or classes"
            raise CheckpointError(f"The checkpoint is of a run with other settings ({what}); start a new run")
        if data.data_sha256 != images.sha256:
            raise CheckpointError("The training images are not those the run began with; start a new run")
        state = cls(config=config, images=images, device=device)
        state.generator.load_state_dict(data.networks["generator"])
        state.discriminator.load_state_dict(data.networks["discriminator"])
        state.generator_optimiser.load_state_dict(data.optimisers["generator"])
        state.discriminator_optimiser.load_state_dict(data.optimisers["discriminator"])
        state.latents_random.set_state(data.random_states["latents"])
        state.order.drawn = data.images_drawn
        state.iteration = data.iteration
        torch.set_rng_state(data.random_states["torch"])
        if state.device.type == "cuda" and "cuda" in data.random_states:
            torch.cuda.set_rng_state(data.random_states["cuda"], state.device)
        return state

    def snapshot(self) -> CheckpointData:
        """The run as it is now; the tensors are the live ones, so save it before the next iteration."""
        random_states = {"torch": torch.get_rng_state(), "latents": self.latents_random.get_state()}
        if self.device.type == "cuda":
            random_states["cuda"] = torch.cuda.get_rng_state(self.device)
        return CheckpointData(
            generator="acgan",
            config=self.config.to_dict(),
            classes=list(self.images.classes),
            iteration=self.iteration,
            images_drawn=self.order.drawn,
            data_sha256=self.images.sha256,
            networks={"generator": self.generator.state_dict(), "discriminator": self.discriminator.state_dict()},
            optimisers={
                "generator": self.generator_optimiser.state_dict(),
                "discriminator": self.discriminator_optimiser.state_dict(),
            },
            random_states=random_states,
            device=self.device.type,
            threads=torch.get_num_threads(),
            torch_version=str(torch.__version__),
        )

    def require_finite(self) -> None:
        for network in (self.generator, self.discriminator):
            if not all(bool(torch.isfinite(values).all()) for values in network.state_dict().values()):
                raise TrainingDivergedError(_diverged(self.iteration, "a weight"))


@register_trainer("acgan")
def train_acgan(
    *,
    config: AcganConfig,
    images: TrainingImages,
    resume: CheckpointData | None = None,
    device: str = "cpu",
    milestones: Collection[int] = (),  # iterations that are saved beside every `checkpoint_every`-th
    save: Callable[[CheckpointData], None] | None = None,
    grid: Callable[[int, NDArray[np.uint8]], None] | None = None,  # iteration, (classes, columns, side, side)
    metrics: Callable[[int, dict[str, float]], None] | None = None,
    progress: Callable[[int, int], None] | None = None,  # iterations done, of how many; at every iteration
    abort: Callable[[], bool] | None = None,  # asked at every iteration; True: save and leave
    log: Callable[[str], None] | None = None,
) -> TrainingOutcome:
    """Train for `config.iterations` in all, from the start or from `resume`.

    One iteration draws `batch_size` real images and as many latents with uniformly drawn classes, then

    * discriminator: binary cross-entropy of the source (real 1, generated 0) + cross-entropy of the class, on the real
      and on the generated images;
    * generator: binary cross-entropy towards "real" + cross-entropy of the class it was asked for, on the same
      generated images, so that they are computed once for both.

    With the same settings, images, device, thread count and PyTorch version a run gives the same bits, however often
    it was stopped and resumed. Raises TrainingDivergedError when a loss or weight is not finite, CheckpointError when
    `resume` belongs to another run.
    """
    with deterministic_algorithms():
        if resume is None:
            state = AcganState(config=config, images=images, device=device)
        else:
            state = AcganState.from_checkpoint(resume, config=config, images=images, device=device)
            _warn_of_other_bits(resume, state, log)
        generator, discriminator = state.generator.train(), state.discriminator.train()
        pixels = torch.from_numpy(np.ascontiguousarray(images.pixels)).to(state.device)
        labels = torch.from_numpy(np.ascontiguousarray(images.labels)).to(state.device)
        real_target = torch.ones(config.batch_size, device=state.device)
        fake_target = torch.zeros(config.batch_size, device=state.device)

        if grid and state.iteration == 0:
            grid(0, sample_grid(state))
        saved_at = state.iteration if resume else -1
        sums = torch.zeros(len(METRICS), device=state.device)
        window_start, window_clock = state.iteration, time.perf_counter()

        while state.iteration < config.iterations:
            if abort and abort():
                if save and saved_at != state.iteration:
                    _require_finite_losses(sums, state.iteration)
                    state.require_finite()
                    save(state.snapshot())
                return TrainingOutcome(iteration=state.iteration, finished=False)

            # batch
            chosen = state.order.next(config.batch_size).to(state.device)
            real, real_classes = to_unit_range(pixels[chosen], channels=config.channels), labels[chosen]
            latents = torch.randn(config.batch_size, config.latent_dim, generator=state.latents_random)
            fake_classes = torch.randint(len(images.classes), (config.batch_size,), generator=state.latents_random)
            fake_classes = fake_classes.to(state.device, non_blocking=True)
            fake = generator(latents.mul_(config.latent_std).to(state.device, non_blocking=True), fake_classes)

            # discriminator: real and generated images in batches of their own, each with its own batch norm
            real_source, real_class = discriminator(real)
            fake_source, fake_class = discriminator(fake.detach())
            loss_discriminator = (
                functional.binary_cross_entropy_with_logits(real_source, real_target)
                + functional.binary_cross_entropy_with_logits(fake_source, fake_target)
                + functional.cross_entropy(real_class, real_classes)
                + functional.cross_entropy(fake_class, fake_classes)
            )
            state.discriminator_optimiser.zero_grad(set_to_none=True)
            loss_discriminator.backward()
            state.discriminator_optimiser.step()

            # generator: through the discriminator, whose own gradients nobody needs
            discriminator.requires_grad_(False)
            source, predicted = discriminator(fake)
            loss_generator = functional.binary_cross_entropy_with_logits(
                source, real_target
            ) + functional.cross_entropy(predicted, fake_classes)
            state.generator_optimiser.zero_grad(set_to_none=True)
            loss_generator.backward()
            state.generator_optimiser.step()
            discriminator.requires_grad_(True)
            state.iteration += 1

            # what it looks like
            with torch.no_grad():
                sums += torch.stack(
                    [
                        loss_discriminator,
                        loss_generator,
                        ((real_source > 0).float().mean() + (fake_source <= 0).float().mean()) / 2,
                        (real_class.argmax(1) == real_classes).float().mean(),
                        (fake_class.argmax(1) == fake_classes).float().mean(),
                    ]
                )
            last = state.iteration == config.iterations
            if progress:
                progress(state.iteration, config.iterations)
            if state.iteration % config.metrics_every == 0 or last:
                _require_finite_losses(sums, state.iteration)  # the only wait for the device
                done, seconds = state.iteration - window_start, time.perf_counter() - window_clock
                if metrics:
                    means = dict(zip(METRICS, (sums / done).tolist(), strict=True))
                    metrics(state.iteration, {**means, "iterations_per_second": done / seconds})
                sums.zero_()
                window_start, window_clock = state.iteration, time.perf_counter()
            if grid and (state.iteration % config.grid_every == 0 or last):
                grid(state.iteration, sample_grid(state))
            if save and (state.iteration % config.checkpoint_every == 0 or state.iteration in milestones or last):
                _require_finite_losses(sums, state.iteration)
                state.require_finite()
                save(state.snapshot())
                saved_at = state.iteration
        return TrainingOutcome(iteration=state.iteration, finished=True)


@torch.no_grad()
def sample_grid(state: AcganState) -> NDArray[np.uint8]:
    """Images of the same latents at every call: (classes, columns, side, side) uint8, the same for all classes.

    In evaluation mode, as samples are drawn; changes neither the networks' statistics nor a random state.
    """
    config, n_classes = state.config, len(state.images.classes)
    row = draw_latents(
        seed=config.seed,
        class_index=0,
        indices=range(config.grid_columns),
        dim=config.latent_dim,
        std=config.latent_std,
    )
    latents = torch.from_numpy(row).to(state.device, torch.float32)
    state.generator.eval()
    rows = [
        to_grey_levels(state.generator(latents, torch.full((len(latents),), index, device=state.device)))
        for index in range(n_classes)
    ]
    state.generator.train()
    return np.stack(rows)


@contextmanager
def deterministic_algorithms() -> Iterator[None]:
    """Within it PyTorch uses only algorithms that give the same bits each time, on CPU and CUDA; then as before."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS starts
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    settings: Any = torch.utils.deterministic
    fill, benchmark = settings.fill_uninitialized_memory, torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    settings.fill_uninitialized_memory = False  # costs time and changes nothing here
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        settings.fill_uninitialized_memory = fill
        torch.backends.cudnn.benchmark = benchmark


def choose_device(wanted: str = "auto") -> str:
    """ "auto" -> "cuda" where there is one, else "cpu". Raises ValueError for a device that is not there."""
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted not in ("cpu", "cuda"):
        raise ValueError(f"device is {wanted!r}; it must be auto, cpu or cuda")
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda', but PyTorch finds no CUDA device on this machine; choose auto or cpu")
    return wanted


def device_name(device: str) -> str:
    """In words, for the record: the GPU's name, or the number of CPU threads."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} threads"


def _adam(network: torch.nn.Module, config: AcganConfig) -> torch.optim.Adam:
    # fused: one pass over each tensor instead of a dozen, on CPU as well
    return torch.optim.Adam(
        network.parameters(), lr=config.learning_rate, betas=(config.beta1, config.beta2), fused=True
    )


def _require_finite_losses(sums: Tensor, iteration: int) -> None:
    if not bool(torch.isfinite(sums).all()):
        raise TrainingDivergedError(_diverged(iteration, "a loss"))


def _diverged(iteration: int, what: str) -> str:
    return (
        f"Training diverged: {what} was not a finite number by iteration {iteration}. Lower the learning rate (by "
        "half, say) or change the seed, and start a new run; resuming this one would diverge again."
    )


def _warn_of_other_bits(resume: CheckpointData, state: AcganState, log: Callable[[str], None] | None) -> None:
    now: dict[str, Any] = {
        "device": state.device.type,
        "threads": torch.get_num_threads(),
        "torch_version": str(torch.__version__),
    }
    changed = [
        f"{name} {getattr(resume, name)} -> {value}" for name, value in now.items() if getattr(resume, name) != value
    ]
    if changed and log:
        log(f"Resumed elsewhere ({', '.join(changed)}): sound, but not bit for bit what one go would have given")
