"""The images of a training run as one array on disk: rendered as studies render them, kept for a resume.

Memory stays bounded whatever their number and size: pictures are rendered one by one into a memory-mapped file.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from generation.gan.data import TrainingImages
from generation.gan.image_files import CLASSES, LABELS, PIXELS, open_training_images
from generation.models import TrainingRun
from generation.selectors import training_rows
from imaging.rendering import render_square
from imaging.storage import load_pixels
from worker.registry import JobContext, JobError

DIRECTORY = "training-images"  # as generation.gan.image_files describes it
STATE_NAME = "rendered.json"  # which images the file holds, and how many of them are rendered
OLD_NAME = "training-images.npz"  # of the first release
NOTE_EVERY = 500  # images, at most, between two notes of how far it is
NOTE_BYTES = 2**26  # at most: what a cancel waits for to reach the disk


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
    digest = hashlib.sha256("".join(f"{sha256} {label}\n" for sha256, label in rows).encode()).hexdigest()
    directory = context.directory / DIRECTORY
    directory.mkdir(exist_ok=True)
    _render(context, directory, [sha256 for sha256, _ in rows], digest, size)
    one = run.classes == ["all"]  # a generator without classes
    labels = np.array([0 if one else run.classes.index(label) for _, label in rows], dtype=np.int64)
    np.save(directory / LABELS, labels)
    (directory / CLASSES).write_text(json.dumps(run.classes), encoding="utf-8")
    return open_training_images(directory, step=lambda done, total: context.raise_if_stopped()), digest


def make_levels(context: JobContext, images: TrainingImages, size: int) -> None:
    """The smaller images of a run whose networks grow from `size` pixels on; kept, too. Can be left, as all of this."""

    def step(done: int, total: int) -> None:
        context.raise_if_stopped()
        context.progress(done, total, "images", "Making smaller copies of the training images")

    images.level(size, step=step)


def _render(context: JobContext, directory: Path, hashes: list[str], digest: str, size: int) -> None:
    """`hashes` as (N, size, size) uint8 in the directory's file of pixels, as far as they are not there yet."""
    path, note = directory / PIXELS, directory / STATE_NAME
    (context.directory / OLD_NAME).unlink(missing_ok=True)
    begin = _rendered(path, note, digest, size)
    if begin < len(hashes):
        shape = (len(hashes), size, size)
        try:
            pixels = np.lib.format.open_memmap(path, mode="r+" if begin else "w+", dtype=np.uint8, shape=shape)
        except OSError as error:
            need = len(hashes) * size * size / 1e9
            raise JobError(f"There is no room for the training images ({need:.1f} GB): {error}") from error
        every = max(1, min(NOTE_EVERY, NOTE_BYTES // size**2))
        try:
            for position in range(begin, len(hashes)):
                context.raise_if_stopped()
                try:
                    pixels[position] = render_square(load_pixels(hashes[position]), size)
                except (OSError, ValueError) as error:
                    raise JobError(f"Training image {hashes[position][:12]} cannot be read: {error}") from error
                context.progress(position + 1, len(hashes), "images", "Preparing the training images")
                begin = position + 1
                if begin % every == 0:
                    _note(pixels, note, digest, size, begin)
        finally:
            _note(pixels, note, digest, size, begin)


def _rendered(path: Path, note: Path, digest: str, size: int) -> int:
    """How many of these images are in the file already."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        values = json.loads(note.read_text())
        if (values["digest"], values["size"]) == (digest, size) and path.is_file():
            return int(values["done"])
    return 0


def _note(pixels: np.memmap, note: Path, digest: str, size: int, done: int) -> None:
    pixels.flush()  # pixels are on the disk before the note says so
    temporary = note.with_suffix(".tmp")
    temporary.write_text(json.dumps({"digest": digest, "size": size, "done": done}))
    temporary.replace(note)
