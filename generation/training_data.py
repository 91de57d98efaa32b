"""The images of a training run as one array on disk: rendered as studies render them, kept for a resume.

Memory stays bounded whatever their number and size: pictures are rendered one by one into a memory-mapped file.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from generation.gan.data import TrainingImages
from generation.gan.image_files import CLASSES, LABELS, PIXELS, open_training_images
from generation.models import TrainingRun
from generation.selectors import training_rows
from imaging.rendered_files import RenderingError, images_digest, render_to_file
from worker.registry import JobContext, JobError

DIRECTORY = "training-images"  # as generation.gan.image_files describes it
OLD_NAME = "training-images.npz"  # of the first release


def collect_training_images(
    context: JobContext,
    run: TrainingRun,
    *,
    filters: Mapping[str, Any],
    limits: Mapping[str, int],
    size: int,
    seed: int,
) -> tuple[TrainingImages, str]:
    """The run's images, `size` px, and the digest that names them in its result.

    Sorted by pixel hash, so that a seed means the same on every database. The digest is the SHA-256 over lines
    "<pixel hash> <label>" in this order: what the model was trained on, without the images. Rendered pixels are kept
    in the job's directory; a resumed run does not render again what is there. Raises JobError when an image cannot be
    read or the disk is full.
    """
    rows = training_rows(run.dataset, filters, limits, seed=seed)
    hashes, names = [sha256 for sha256, _ in rows], [label for _, label in rows]
    directory = context.directory / DIRECTORY
    (context.directory / OLD_NAME).unlink(missing_ok=True)

    def step(done: int, total: int) -> None:
        context.raise_if_stopped()
        context.progress(done, total, "images", "Preparing the training images")

    try:
        render_to_file(directory / PIXELS, hashes, size=size, step=step)
    except RenderingError as error:
        raise JobError(str(error)) from error
    one = run.classes == ["all"]  # a generator without classes
    labels = np.array([0 if one else run.classes.index(label) for label in names], dtype=np.int64)
    np.save(directory / LABELS, labels)
    (directory / CLASSES).write_text(json.dumps(run.classes), encoding="utf-8")
    images = open_training_images(directory, step=lambda done, total: context.raise_if_stopped())
    return images, images_digest(hashes, names)


def make_levels(context: JobContext, images: TrainingImages, size: int) -> None:
    """The smaller images of a run whose networks grow from `size` pixels on; kept, too. Can be left, as all of this."""

    def step(done: int, total: int) -> None:
        context.raise_if_stopped()
        context.progress(done, total, "images", "Making smaller copies of the training images")

    images.level(size, step=step)
