"""Runs a sampling job: draws every image in bounded memory into a dataset that nobody sees before it is whole.

A job that was killed or cancelled goes on after what it has stored. One that is refused in words, because the generator
has collapsed or the name is taken, leaves nothing. The same request gives the same images, whatever happened to an
earlier attempt.
"""

import json
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generation.gan.grids import grid_png
from generation.gan.sampling import BLOCK_SIZE
from generation.image_source import ImageSource, open_source
from generation.models import SampleRun
from generation.parameters import SampleParameters
from generation.sample_drawing import Store, draw_missing
from generation.sample_selection import Taken
from generation.services import begin_samples, publish_samples
from imaging import storage
from imaging.making import (
    KEPT_UNFINISHED,
    check_whole,
    discard_abandoned,
    discard_dataset,
    remove_discarded,
    unfinished_dataset,
)
from imaging.models import Dataset
from worker.registry import JobContext, JobError, JobStopped

SHOWN = 8  # images of each class on the job's page


def run_sampling(context: JobContext, parameters: SampleParameters) -> dict[str, Any]:
    """Draw the images of a sample run into its dataset. Raises JobError when the generator repeats itself too much."""
    sample_run = SampleRun.objects.select_related(
        "checkpoint__run__job", "checkpoint__run__dataset", "checkpoint__foreign__job", "created_by", "job"
    ).get(pk=parameters.sample_run_id)
    if sample_run.dataset is not None:  # killed between the last transaction and the verdict
        return _result(sample_run.dataset, sample_run.dataset.images.count(), {})
    discard_abandoned()
    remove_discarded()
    try:
        with context.fenced():
            dataset = begin_samples(sample_run=sample_run)
        with open_source(sample_run.checkpoint, parameters.options) as source:
            context.device(source.device_words)
            store = Store(context, source, parameters, dataset, _tolerance(context, source, parameters))
            draw_missing(store)
            stored = store.stored()
            _draw_lost(store, stored)
            check_whole(dataset=dataset, counts=sample_run.per_class)
            context.raise_if_stopped()
            with context.fenced():
                publish_samples(sample_run=sample_run, dataset=dataset)
    except JobStopped:
        _say_what_is_kept(context, sample_run)
        raise
    except (ValueError, JobError) as error:  # CheckpointError, GenerationError, DatasetError, ForeignError are too
        _take_back(context, sample_run)
        raise error if isinstance(error, JobError) else JobError(str(error)) from error
    selection = store.selection
    repeats = {name: n for name, n in zip(source.classes, selection.repeats, strict=True) if n}
    for name, count in repeats.items():
        context.log(
            f"{name}: {count} images equal to an earlier one, pixel for pixel, were left out and replaced by the next",
            level="warning",
        )
    _show(context, stored)
    context.log(f"Stored {selection.total:,} images as “{dataset.name}”")
    return _result(dataset, selection.total, repeats)


def _result(dataset: Dataset, count: int, repeats: dict[str, int]) -> dict[str, Any]:
    return {"dataset_id": str(dataset.pk), "images": count, "repeats_left_out": repeats}


def _take_back(context: JobContext, sample_run: SampleRun) -> None:
    with context.fenced():
        dataset = unfinished_dataset(sample_run.job)
        if dataset is not None:
            discard_dataset(dataset=dataset, by_its_job=True)
    remove_discarded()


def _say_what_is_kept(context: JobContext, sample_run: SampleRun) -> None:
    dataset = unfinished_dataset(sample_run.job)
    if dataset is None:
        return
    count, wanted = dataset.images(manager="everything").count(), sum(sample_run.per_class.values())
    context.log(
        f"Stopped after {count:,} of {wanted:,} images. They are kept for {KEPT_UNFINISHED.days} days, seen by nobody: "
        "resumed until then, it goes on after them; later it begins anew."
    )


def _tolerance(context: JobContext, source: ImageSource, parameters: SampleParameters) -> int | None:
    """How exactly an image can be made again. Found once: a resumed job keeps what its first attempt found."""
    path = context.directory / "tolerance.json"
    if path.exists():
        kept: int | None = json.loads(path.read_text())
        return kept
    first = next(index for index, name in enumerate(source.classes) if parameters.per_class.get(name, 0))
    tolerance = source.tolerance(seed=parameters.seed, class_index=first)
    if tolerance is None:
        context.log("This generator makes another image each time: its images cannot be made again", level="warning")
    elif tolerance:
        context.log(
            f"Precision {parameters.precision}: an image made again differs by at most {tolerance} of 255 grey levels "
            f"(twice the largest difference found in the first images)"
        )
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(tolerance))
    temporary.replace(path)
    return tolerance


def _draw_lost(store: Store, stored: list[Taken]) -> None:
    """Files of stored images that are no longer on the disk, after a restored backup for example, are made again."""
    if storage.have_pixels(taken.sha256 for taken in stored):
        return
    lost = [taken for taken in stored if not storage.has_pixels(taken.sha256)]
    for (class_index, block), group in groupby(lost, key=lambda one: (one.class_index, one.index // BLOCK_SIZE)):
        images = store.source.draw(
            seed=store.parameters.seed,
            class_index=class_index,
            block=block,
            before_each=store.context.raise_if_stopped,
        )
        for taken in group:
            if storage.store_pixels(images[taken.index - block * BLOCK_SIZE]).sha256 != taken.sha256:
                raise JobError(
                    "Stored images have gone from the disk and come out differently on this machine. Sample again."
                )


def _show(context: JobContext, stored: list[Taken]) -> None:
    """The first images of each class as a picture on the job's page."""
    rows = [_row([one.sha256 for one in of_class]) for _, of_class in groupby(stored, key=lambda one: one.class_index)]
    path = context.directory / "samples.png"
    path.write_bytes(grid_png(np.stack(rows)))
    context.artefact(path, kind="grid", step=0)


def _row(hashes: list[str]) -> NDArray[np.uint8]:
    pixels = [storage.load_pixels(sha256) for sha256 in hashes[:SHOWN]]
    blank = np.full_like(pixels[0], 255)
    return np.stack([*pixels, *[blank] * (SHOWN - len(pixels))])
