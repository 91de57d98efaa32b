"""What settings of several generators have in common: presets, and fields with the same range and words in each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from generation.gan.class_mix import ClassMix
from worker.compute.settings import MAX_SEED, setting


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Ready-made settings that a person begins with. Those of a generator are a tuple in its configuration's module."""

    name: str  # "kong": in addresses and options
    title: str  # a line in a list of choices
    generator: str  # a name in generation.gan.registry
    make: Callable[[int], Any]  # make(seed) -> the generator's configuration
    is_demonstration: bool = False  # runs with it, and their samples, are marked as such
    published: str = ""  # where the settings come from and how long they took there, in a sentence; "" if nowhere
    mix: ClassMix | None = None  # the classes to begin with, by their role; None: all images of the dataset

    @property
    def purpose(self) -> str:
        """Where the settings come from or, of a demonstration, what they are good for."""
        if self.is_demonstration:
            return (
                "For trying out: shows in a short time whether images and settings fit together. Its pictures are told "
                "from real ones at a glance and are no material for a reader study."
            )
        return self.published


def seed_setting() -> Any:
    """Of initialisation, order of images, latents and dropout."""
    return setting(
        0, low=0, high=MAX_SEED, main=True, help="The same seed on the same images and machine gives the same run."
    )


def channels_setting(*, three: str = "colour") -> Any:
    """1 or 3; `three` says in words what 3 means."""
    return setting(1, choices={1: "grey", 3: three}, main=True, help="Samples are grey either way; 3 copies the grey.")


def checkpoint_kimg_setting() -> Any:
    return setting(
        50.0,
        low=0.001,
        high=1e6,
        label="Checkpoint every (kimg)",
        help="Thousands of real images. What a crash can cost at most.",
    )


def grid_kimg_setting() -> Any:
    return setting(
        20.0,
        low=0.001,
        high=1e6,
        label="Sample grid every (kimg)",
        help="Thousands of real images between pictures of the same latents.",
    )


def metrics_kimg_setting(default: float) -> Any:
    return setting(
        default,
        low=0.001,
        high=1e6,
        label="Curve point every (kimg)",
        help="Thousands of real images over which a point is averaged.",
    )


def grid_columns_setting() -> Any:
    return setting(8, low=1, high=32, label="Images per class in a grid", help="1 to 32.")


def precision_setting() -> Any:
    """The field `precision` of generators whose recipe can compute in less than single precision."""
    return setting(
        "float32",
        choices={
            "float32": "exact, everywhere",
            "bfloat16": "faster on recent GPUs",
            "float16": "faster on older GPUs",
        },
        help="Numbers in which training computes. Samples are always drawn in double precision.",
    )


def compile_setting() -> Any:
    """The field `compile` of generators whose networks `torch.compile` can handle."""
    return setting(
        False,
        label="Compile networks",
        help="Lets PyTorch compile the networks when training starts, which takes minutes and needs a C++ compiler. "
        "Off unless measured to help on the machine: see the benchmarks.",
    )
