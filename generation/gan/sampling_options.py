"""How images are drawn from a generator: precision, device, truncation. Imports no PyTorch: pages use it."""

from dataclasses import dataclass
from typing import Any

EXACT = "exact"
PRECISIONS = {
    EXACT: "Exact: double precision on the CPU, the same bits on every machine",
    "float32": "Fast: single precision, on a GPU where there is one",
    "bfloat16": "Fastest: half precision (bfloat16), on a GPU where there is one",
}
DEVICES = ("auto", "cpu", "cuda")
MAX_TRUNCATION = 2.0


@dataclass(frozen=True, kw_only=True)
class SamplingOptions:
    """Raises ValueError, naming the option, its value and what is allowed."""

    precision: str = EXACT  # a key of PRECISIONS
    device: str = "auto"  # "auto": a CUDA device where there is one; an exact drawing is always on the CPU
    truncation: float = 1.0  # psi: 1 leaves the latent space as it is, 0 is the average image; StyleGAN2 only

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is {self.precision!r}; it must be one of {', '.join(PRECISIONS)}")
        if self.device not in DEVICES:
            raise ValueError(f"device is {self.device!r}; it must be one of {', '.join(DEVICES)}")
        if self.precision == EXACT and self.device == "cuda":
            raise ValueError("device is 'cuda'; exact images are drawn on the CPU. Choose another precision for a GPU")
        if isinstance(self.truncation, bool) or not isinstance(self.truncation, int | float):
            raise ValueError(f"truncation is {self.truncation!r}; it must be a number from 0 to {MAX_TRUNCATION:g}")
        if not 0 <= self.truncation <= MAX_TRUNCATION:
            raise ValueError(f"truncation is {self.truncation:g}; it must be from 0 to {MAX_TRUNCATION:g}")

    @property
    def is_exact(self) -> bool:
        return self.precision == EXACT

    def provenance(self) -> dict[str, Any]:
        """What of the options belongs to the record of an image; nothing where they are the defaults."""
        values: dict[str, Any] = {}
        if not self.is_exact:
            values["precision"] = self.precision
        if self.truncation != 1:
            values["truncation"] = self.truncation
        return values

    @classmethod
    def from_provenance(cls, values: dict[str, Any]) -> "SamplingOptions":
        """The options behind an image, on the CPU. Images of before there were options are exact."""
        return cls(
            precision=values.get("precision", EXACT), device="cpu", truncation=float(values.get("truncation", 1.0))
        )


DEFAULT_OPTIONS = SamplingOptions()
