"""All of a run that changes from step to step, to and from a checkpoint."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from generation.gan.checkpoint import CheckpointData, CheckpointError
from generation.gan.data import TrainingImages
from generation.gan.distributed import world
from generation.gan.registry import create_recipe, get_generator


class TrainingState:
    """The recipe with its networks and optimisers, random states and positions."""

    def __init__(self, *, generator: str, config: Any, images: TrainingImages, device: str = "cpu") -> None:
        """A new run. Seeds PyTorch's global generator: initial weights draw from it."""
        self.generator, self.config, self.images, self.device = generator, config, images, torch.device(device)
        torch.manual_seed(config.seed)
        self.recipe = create_recipe(generator, config, n_classes=len(images.classes), device=device)
        self.random = torch.Generator().manual_seed(config.seed)
        self.iteration = 0
        self.images_seen = 0
        self.skipped_steps = 0
        self.skipped_in_a_row = 0

    @classmethod
    def from_checkpoint(
        cls, data: CheckpointData, *, generator: str, config: Any, images: TrainingImages, device: str = "cpu"
    ) -> "TrainingState":
        """The run as it was saved. Raises CheckpointError when it is of other settings, classes or images."""
        changed = _changed_settings(data, generator, config)
        if data.generator != generator or changed or data.classes != list(images.classes):
            what = ", ".join(changed) or "generator or classes"
            raise CheckpointError(f"The checkpoint is of a run with other settings ({what}); start a new run")
        if data.data_sha256 != images.sha256:
            raise CheckpointError("The training images are not those the run began with; start a new run")
        state = cls(generator=generator, config=config, images=images, device=device)
        try:
            state.load(data)
        except (RuntimeError, KeyError, ValueError) as error:
            raise CheckpointError(f"The checkpoint does not fit its own settings: {error}; start a new run") from error
        return state

    def load(self, data: CheckpointData) -> None:
        """Be as `data` says. Raises RuntimeError, KeyError or ValueError for what does not fit."""
        for name, network in self.named_networks().items():
            network.load_state_dict(data.networks[name])
        for name, optimiser in self.recipe.optimisers.items():
            optimiser.load_state_dict(data.optimisers[name])
        self.recipe.load_state(data.recipe_state)
        self.iteration, self.images_seen = data.iteration, data.images_seen
        self.skipped_steps, self.skipped_in_a_row = data.skipped_steps, data.skipped_in_a_row
        self.random.set_state(data.random_states["latents"])
        torch.set_rng_state(data.random_states["torch"])
        if self.device.type == "cuda" and "cuda" in data.random_states:
            torch.cuda.set_rng_state(data.random_states["cuda"], self.device)

    def named_networks(self) -> dict[str, nn.Module]:
        """The recipe's networks under their names in a checkpoint: "generator" is the one that is sampled."""
        networks = dict(self.recipe.networks)
        sampled = self.recipe.sampled
        if networks.get("generator") is sampled:
            return networks
        named = {"generator": sampled}
        for name, network in networks.items():
            if network is not sampled:
                named["generator_raw" if name == "generator" else name] = network
        return named

    def snapshot(self, measures: dict[str, float] | None = None) -> CheckpointData:
        """The run as it is now; the tensors are the live ones, so save it before the next step."""
        random_states = {"torch": torch.get_rng_state(), "latents": self.random.get_state()}
        if self.device.type == "cuda":
            random_states["cuda"] = torch.cuda.get_rng_state(self.device)
        return CheckpointData(
            generator=self.generator,
            config=self.config.to_dict(),
            classes=list(self.images.classes),
            iteration=self.iteration,
            images_drawn=self.images_seen,
            data_sha256=self.images.sha256,
            networks={name: network.state_dict() for name, network in self.named_networks().items()},
            optimisers={name: optimiser.state_dict() for name, optimiser in self.recipe.optimisers.items()},
            random_states=random_states,
            device=self.device.type,
            threads=torch.get_num_threads(),
            torch_version=str(torch.__version__),
            images_seen=self.images_seen,
            skipped_steps=self.skipped_steps,
            skipped_in_a_row=self.skipped_in_a_row,
            recipe_state=self.recipe.state(),
            measures=measures or {},
            processes=world().size,
        )

    def copy(self) -> CheckpointData:
        """The run as it is now, for `load`: a copy in the machine's memory that further steps do not change."""
        live = self.snapshot()
        return replace(
            live,
            networks=_copied(live.networks),
            optimisers=_copied(live.optimisers),
            recipe_state=_copied(live.recipe_state),
        )

    def is_finite(self) -> bool:
        """Whether every weight and running statistic is a number."""
        return all(
            bool(torch.isfinite(values).all())
            for network in self.named_networks().values()
            for values in network.state_dict().values()
        )


def warn_of_other_bits(resume: CheckpointData, state: TrainingState, log: Callable[[str], None] | None) -> None:
    """Say in words what of device, threads, PyTorch and number of processes is not as when `resume` was saved."""
    now: dict[str, Any] = {
        "device": state.device.type,
        "threads": torch.get_num_threads(),
        "torch_version": str(torch.__version__),
        "processes": world().size,
    }
    changed = [
        f"{name} {getattr(resume, name)} -> {value}" for name, value in now.items() if getattr(resume, name) != value
    ]
    if changed and log:
        log(f"Resumed elsewhere ({', '.join(changed)}): sound, but not bit for bit what one go would have given")


def _copied(values: Any) -> Any:
    """Nested dictionaries and lists with a copy of each tensor, on the CPU."""
    if isinstance(values, dict):
        return {name: _copied(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return type(values)(_copied(value) for value in values)
    return values.to("cpu", copy=True) if isinstance(values, torch.Tensor) else values


def _changed_settings(data: CheckpointData, generator: str, config: Any) -> list[str]:
    if data.generator != generator:
        return []
    try:
        stored = get_generator(generator).config.from_dict(data.config).to_dict()
    except ValueError as error:
        raise CheckpointError(f"The checkpoint's settings cannot be read: {error}") from error
    changeable: frozenset[str] = getattr(config, "changeable", frozenset())
    return [name for name, value in config.to_dict().items() if name not in changeable and value != stored[name]]
