"""What the owner of a generator that was made elsewhere says about it. Imports no PyTorch: pages use it."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

FORMATS = {
    "torchscript": "TorchScript (made with torch.jit.save)",
    "onnx": "ONNX",
    "safetensors": "safetensors: the weights of a network that this program has, with its settings as JSON",
}
LATENTS = {"normal": "normal, mean 0 and standard deviation 1", "uniform": "uniform from -1 to 1"}
LATENT_SHAPES = {"vector": "(batch, size)", "map": "(batch, size, 1, 1), as DCGANs take it"}
CLASS_INPUTS = {
    "none": "none: it makes images of one class",
    "index": "the number of the class, counted from 0",
    "one_hot": "one number per class: 1 for the class, 0 for the others",
}
RANGES = {"-1..1": (-1.0, 1.0), "0..1": (0.0, 1.0), "0..255": (0.0, 255.0)}  # black to white
CHANNELS = (1, 3)


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """Input and output of a foreign generator. Raises ValueError whose text begins with the field's name."""

    format: str  # a key of FORMATS
    classes: tuple[str, ...]  # in the order of the generator's own numbers
    latent_dim: int = 100
    latent: str = "normal"
    latent_shape: str = "vector"
    class_input: str = "none"
    value_range: str = "-1..1"
    channels: int = 1
    generator: str = ""  # safetensors: its name in generation.gan.registry, ...
    config: dict[str, Any] | None = None  # ... and its configuration

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))
        choices: dict[str, Collection[Any]] = {
            "format": FORMATS,
            "latent": LATENTS,
            "latent_shape": LATENT_SHAPES,
            "class_input": CLASS_INPUTS,
            "value_range": RANGES,
            "channels": CHANNELS,
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                words = ", ".join(str(value) for value in allowed)
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be one of {words}")
        if isinstance(self.latent_dim, bool) or not isinstance(self.latent_dim, int):
            raise ValueError(f"latent_dim is {self.latent_dim!r}; it must be a whole number from 1 to 16384")
        if not 1 <= self.latent_dim <= 16384:
            raise ValueError(f"latent_dim is {self.latent_dim}; it must be from 1 to 16384")
        if not self.classes or len(set(self.classes)) != len(self.classes) or len(self.classes) > 1000:
            raise ValueError(f"classes are {', '.join(self.classes) or 'missing'}; name each class once, 1 to 1000")
        for name in self.classes:
            if not 1 <= len(name.strip()) <= 100 or name != name.strip() or not name.isprintable():
                raise ValueError(f"classes: {name!r} is not a name of 1 to 100 characters")
        if self.class_input == "none" and self.format != "safetensors" and len(self.classes) != 1:
            raise ValueError(
                f"classes: {len(self.classes)} are named, but the generator takes no class; name the one that it makes"
            )
        if self.format == "safetensors" and (not self.generator or not isinstance(self.config, dict)):
            raise ValueError('config must be a JSON object {"generator": name, "config": {...}, "classes": [...]}')

    @property
    def low_high(self) -> tuple[float, float]:
        return RANGES[self.value_range]

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "classes": list(self.classes)}
