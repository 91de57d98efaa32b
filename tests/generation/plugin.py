"""A generator as a contributor would add it: one file. The fixture `plugin` is the one line that makes it known."""

from dataclasses import dataclass

from generation.gan.settings import MAX_SEED, Settings, setting


@dataclass(frozen=True, kw_only=True)
class PluginConfig(Settings):
    """Settings of every kind that there is."""

    batch_size: int = setting(4, low=2, high=64, main=True, help="Real images per step.")
    seed: int = setting(0, low=0, high=MAX_SEED, main=True, help="The same seed gives the same run.")
    mirror: bool = setting(False, main=True, help="Share of images shown mirrored, 0 or 50 %.")
    channels: int = setting(1, choices={1: "grey", 3: "colour"}, help="Of the images.")
    image_size: int = setting(16, choices={16: "pixels"}, help="Fixed.")
    latent_dim: int = setting(8, low=1, high=64, help="Random numbers behind an image.")
    latent_std: float = setting(1.0, low=0, high=10, low_included=False, help="Their standard deviation.")
    grid_columns: int = setting(3, low=1, high=8, help="Images per class in a grid.")
    depth: int = setting(1, low=1, high=4, help="Layers.")
    betas: tuple[float, float] = setting((0.0, 0.99), low=0, high=1, high_included=False, help="Of Adam.")
    precision: str = setting(
        "float32", choices={"float32": "", "bfloat16": "half the memory"}, help="Of the networks' arithmetic."
    )

    def check(self) -> None:
        if self.batch_size % self.depth:
            raise ValueError(f"batch_size {self.batch_size} is no multiple of the depth {self.depth}")
