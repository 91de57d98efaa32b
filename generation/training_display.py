"""What a person sees of a training run while it goes on: progress, curves, and grids of samples at one size."""

from pathlib import Path

import numpy as np

from generation.gan.data import TrainingImages
from generation.gan.grids import at_side, grid_png
from generation.gan.progress import TrainingProgress
from generation.selectors import SEEN
from worker.registry import JobContext

GRIDS = "grids"
LARGE = 128  # px: pictures up to this are shown twice as large
WORTH_SAYING = 0.01  # of the time
LARGEST = 256  # px: larger ones are made smaller


class TrainingDisplay:
    """Callbacks for `generation.gan.training.train` that report to the job."""

    def __init__(self, context: JobContext, *, image_size: int) -> None:
        self.context, self.image_size, self.rate = context, image_size, ""
        self.scale = 2 if image_size <= LARGE else 1
        self.side = min(image_size, LARGEST)

    def progress(self, now: TrainingProgress) -> None:
        words = [f"{now.stage.image_size} x {now.stage.image_size} pixels"]
        if now.stage.alpha < 1:
            words.append(f"{now.stage.alpha:.0%} faded in")
        message = ", ".join([*words, self.rate] if self.rate else words)
        self.context.progress(now.images_seen, now.total_images, SEEN, message, now.seconds_left)

    def metrics(self, images_seen: int, values: dict[str, float]) -> None:
        if "images_per_second" in values:
            self.rate = f"{values['images_per_second']:.3g} images/s"
        if values.get("loader_wait_share", 0) >= WORTH_SAYING:
            self.rate += f", waiting for training images {values['loader_wait_share']:.0%} of the time"
        self.context.metric(images_seen, **values)

    def grid(self, images_seen: int, images: np.ndarray) -> None:
        path = self._write(f"{GRIDS}/grid-{images_seen:010d}.png", images)
        self.context.artefact(path, kind="grid", step=images_seen)

    def training_images(self, images: TrainingImages, *, columns: int) -> None:
        """The first images of each class, as the networks see them, to compare the grids with."""
        side = images.pixels.shape[1]
        rows = np.full((len(images.classes), columns, side, side), 255, dtype=np.uint8)
        for index in range(len(images.classes)):
            for column, position in enumerate(np.flatnonzero(images.labels == index)[:columns]):
                rows[index, column] = images.pixels[position]
        self.context.artefact(self._write(f"{GRIDS}/training-images.png", rows), kind="training_images")

    def _write(self, name: str, images: np.ndarray) -> Path:
        path = self.context.directory / name
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(grid_png(at_side(images, self.side), scale=self.scale))
        temporary.replace(path)
        return path
