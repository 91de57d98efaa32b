"""What is made of a checkpoint apart from samples: a film, a grid of mixed styles, the nearest latent of an image."""

from dataclasses import dataclass

from generation.gan.sampling_options import DEVICES, SamplingOptions
from worker.compute.settings import MAX_SEED

TOOL = "generation.tool"
TOOLS = {
    "film": "Film from image to image",
    "mixing": "Mixture of styles",
    "projection": "Nearest image to a real one",
}
MAX_FRAMES = 600
MAX_STEPS = 5000


@dataclass(frozen=True, kw_only=True)
class ToolParameters:
    """Raises ValueError whose text begins with the name of the parameter."""

    checkpoint_id: str
    tool: str  # a key of TOOLS
    seed: int = 1
    truncation: float = 1.0
    device: str = "auto"
    label: str = ""  # class; "": all of them (film), the nearest (projection), the first (mixing)
    columns: int = 4  # film: trajectories of each class; mixing: images
    stops: int = 4  # film: images that it passes
    steps: int = 24  # film: frames from image to image; projection: steps of the search
    crossover: int = 2  # mixing: layers that take the style of the row
    image_id: str = ""  # projection: the image whose nearest is wanted

    @property
    def options(self) -> SamplingOptions:
        """Single precision: nothing here has to be made again bit for bit."""
        return SamplingOptions(precision="float32", device=self.device, truncation=self.truncation)

    def __post_init__(self) -> None:
        if self.tool not in TOOLS:
            raise ValueError(f"tool is {self.tool!r}; it must be one of {', '.join(TOOLS)}")
        if self.device not in DEVICES:
            raise ValueError(f"device is {self.device!r}; it must be one of {', '.join(DEVICES)}")
        self.options  # noqa: B018  checks itself
        bounds = {
            "seed": (0, MAX_SEED),
            "columns": (1, 16),
            "stops": (2, 60),
            "steps": (1, MAX_STEPS if self.tool == "projection" else MAX_FRAMES),
            "crossover": (1, 64),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ValueError(f"{name} is {value!r}; it must be a whole number from {low} to {high}")
        if self.tool == "film" and self.stops * self.steps > MAX_FRAMES:
            raise ValueError(f"steps is {self.steps}; {self.stops} images make a film of more than {MAX_FRAMES} frames")
        if self.tool == "projection" and not self.image_id:
            raise ValueError("image_id is missing; choose the image whose nearest is wanted")
