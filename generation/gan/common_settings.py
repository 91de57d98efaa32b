"""Settings that several generators have, with the same range and words in each."""

from typing import Any

from generation.gan.settings import MAX_SEED, setting


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
