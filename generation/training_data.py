"""The images of a training run as one array: read, rendered as studies render them, and kept for a resume."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from generation.gan.data import TrainingImages
from generation.models import TrainingRun
from imaging.rendering import render_square
from imaging.selectors import filter_images
from imaging.storage import load_pixels
from worker.registry import JobContext, JobError

FILE_NAME = "training-images.npz"


def collect_training_images(
    context: JobContext, run: TrainingRun, *, filters: dict[str, Any], size: int
) -> tuple[TrainingImages, str]:
    """The run's images, `size` px, and the digest that names them in its result.

    Sorted by pixel hash, so that a seed means the same on every database. The digest is the SHA-256 over lines
    "<pixel hash> <label>" in this order: what the model was trained on, without the images. Rendered pixels are kept
    in the job's directory; a resumed run does not render again. Raises JobError when an image cannot be read.
    """
    rows = list(filter_images(run.dataset, filters).order_by("pixel_sha256").values_list("pixel_sha256", "label"))
    digest = hashlib.sha256("".join(f"{sha256} {label}\n" for sha256, label in rows).encode()).hexdigest()
    path = context.directory / FILE_NAME
    pixels = _kept_pixels(path, digest)
    if pixels is None:
        pixels = _render(context, [sha256 for sha256, _ in rows], size)
        _keep_pixels(path, digest, pixels)
    labels = np.array([run.classes.index(label) for _, label in rows], dtype=np.int64)
    return TrainingImages(pixels=pixels, labels=labels, classes=tuple(run.classes)), digest


def _render(context: JobContext, hashes: list[str], size: int) -> np.ndarray:
    pixels = np.empty((len(hashes), size, size), dtype=np.uint8)
    for position, sha256 in enumerate(hashes):
        context.raise_if_stopped()
        try:
            pixels[position] = render_square(load_pixels(sha256), size)
        except (OSError, ValueError) as error:
            raise JobError(f"Training image {sha256[:12]} cannot be read: {error}") from error
        context.progress(position + 1, len(hashes), "images", "Preparing the training images")
    return pixels


def _kept_pixels(path: Path, digest: str) -> np.ndarray | None:
    try:
        with np.load(path, allow_pickle=False) as kept:
            pixels: np.ndarray = kept["pixels"]
            return pixels if str(kept["digest"]) == digest else None
    except (OSError, ValueError, KeyError, EOFError):
        return None  # not there yet, or half written by a process that was killed


def _keep_pixels(path: Path, digest: str, pixels: np.ndarray) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.savez(file, pixels=pixels, digest=np.array(digest))
    temporary.replace(path)
