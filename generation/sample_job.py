"""Runs a sampling job: draws every image in bounded memory, and makes the whole dataset visible in one go at the end.

A finished block is stored and noted before the next ones: a job that was killed or cancelled goes on where it was.
The same request gives the same images, whatever happened to an earlier attempt. Encoding and writing run in threads
of their own, so that the network need not wait for them.
"""

import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generation.gan.grids import grid_png
from generation.gan.sampling import BLOCK_SIZE
from generation.image_source import ImageSource, open_source
from generation.models import SampleRun
from generation.parameters import SampleParameters
from generation.sample_journal import SHOWN, DrawnBlock, Journal, Selection, Taken
from generation.services import store_samples
from imaging import storage
from imaging.models import Dataset, Image
from imaging.services import remove_unreferenced_pixels
from worker.registry import JobContext, JobError

THREADS = min(8, max(2, os.cpu_count() or 2))  # that encode, hash and write
BYTES_AHEAD = 2**28  # of drawn images that wait for those threads

Stored = tuple[tuple[str, ...], NDArray[np.uint8]]


def run_sampling(context: JobContext, parameters: SampleParameters) -> dict[str, Any]:
    """Draw the images of a sample run into its dataset. Raises JobError when the generator repeats itself too much."""
    sample_run = SampleRun.objects.select_related("checkpoint__run__job", "checkpoint__run__dataset", "created_by").get(
        pk=parameters.sample_run_id
    )
    if sample_run.dataset is not None:  # killed between the last transaction and the verdict
        return _result(sample_run.dataset, sample_run.dataset.images.count(), {})
    journal = Journal(context.directory / "blocks.jsonl")
    try:
        with open_source(sample_run.checkpoint, parameters.options) as source:
            context.device(source.device_words)
            tolerance = _tolerance(context, source, parameters)
            selection = _draw(context, source, parameters, journal)
            dataset = _record(context, sample_run, source, parameters, journal, tolerance)
    except (ValueError, JobError) as error:  # CheckpointError, GenerationError and ForeignError are ValueErrors
        remove_unreferenced_pixels(journal.hashes())
        journal.remove()
        raise error if isinstance(error, JobError) else JobError(str(error)) from error
    repeats = {name: n for name, n in zip(source.classes, selection.repeats, strict=True) if n}
    for name, count in repeats.items():
        context.log(
            f"{name}: {count} images equal to an earlier one, pixel for pixel, were left out and replaced by the next",
            level="warning",
        )
    _show(context, selection)
    context.log(f"Stored {selection.total} images as “{dataset.name}”")
    journal.remove()
    return _result(dataset, selection.total, repeats)


def _result(dataset: Dataset, count: int, repeats: dict[str, int]) -> dict[str, Any]:
    return {"dataset_id": str(dataset.pk), "images": count, "repeats_left_out": repeats}


def most_tried(wanted: int) -> int:
    """How many indices of a class may be tried for `wanted` different images before it counts as collapsed."""
    return 3 * wanted + 64


def _wanted(source: ImageSource, parameters: SampleParameters) -> list[int]:
    return [parameters.per_class.get(name, 0) for name in source.classes]


def _tolerance(context: JobContext, source: ImageSource, parameters: SampleParameters) -> int | None:
    """How exactly an image can be made again. Found once: a resumed job keeps what its first attempt found."""
    path = context.directory / "tolerance.json"
    if path.exists():
        kept: int | None = json.loads(path.read_text())
        return kept
    first = next(index for index, count in enumerate(_wanted(source, parameters)) if count)
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


def _draw(context: JobContext, source: ImageSource, parameters: SampleParameters, journal: Journal) -> Selection:
    """Draw what the journal does not have yet."""
    selection = Selection(_wanted(source, parameters))
    for block in journal.blocks():
        selection.take(block)
    if selection.total:
        context.log(f"Going on after {selection.total} images")
    with ThreadPoolExecutor(THREADS, thread_name_prefix="encode") as pool:
        for class_index, name in enumerate(source.classes):
            _draw_class(context, source, parameters, journal, selection, pool, class_index, name)
    return selection


def _draw_class(
    context: JobContext,
    source: ImageSource,
    parameters: SampleParameters,
    journal: Journal,
    selection: Selection,
    pool: ThreadPoolExecutor,
    class_index: int,
    name: str,
) -> None:
    wanted = selection.wanted[class_index]
    certain = -(-wanted // BLOCK_SIZE)  # blocks that are needed even without a repeat
    number = selection.blocks[class_index]
    waiting: deque[tuple[int, Future[Stored]]] = deque()

    def finish_first() -> None:
        block, future = waiting.popleft()
        hashes, pixels = future.result()
        drawn = DrawnBlock(
            class_index=class_index, block=block, side=pixels.shape[-1], device=source.device, sha256=hashes
        )
        for taken in selection.take(drawn):
            if taken.index >= wanted:  # in place of a repeat: not stored yet
                storage.store_pixels(pixels[taken.index - block * BLOCK_SIZE])
        journal.add(drawn)
        context.progress(selection.total, sum(selection.wanted), "images", f"Drawing {name}")

    try:
        while not selection.is_complete(class_index):
            if number * BLOCK_SIZE >= most_tried(wanted):
                raise JobError(
                    f"The generator has collapsed: {number * BLOCK_SIZE} images of class {name} held only "
                    f"{selection.found[class_index]} different ones, {wanted} were asked for. Sample an earlier "
                    "checkpoint, or train again with another seed."
                )
            images = source.draw(
                seed=parameters.seed, class_index=class_index, block=number, before_each=context.raise_if_stopped
            )
            waiting.append((number, pool.submit(_encode, images, wanted - number * BLOCK_SIZE)))
            number += 1
            most = max(2, min(2 * THREADS, BYTES_AHEAD // images.nbytes))
            while waiting and (number >= certain or len(waiting) >= most or waiting[0][1].done()):
                finish_first()
    finally:  # stopped or failed: what is drawn is kept, or known, so that it can be removed
        while waiting:
            finish_first()


def _encode(images: NDArray[np.uint8], count: int) -> Stored:
    """Hashes of a block; its first `count` images are stored, which is what its class needs without a repeat."""
    stored = [storage.store_pixels(image) for image in images[: max(0, count)]]
    rest = [storage.describe_pixels(image) for image in images[max(0, count) :]]
    return tuple(one.sha256 for one in stored + rest), images


def _record(
    context: JobContext,
    sample_run: SampleRun,
    source: ImageSource,
    parameters: SampleParameters,
    journal: Journal,
    tolerance: int | None,
) -> Dataset:
    """All records in one transaction. Files that somebody swept away in the meantime are drawn again."""
    accuracy = {} if tolerance == 0 else {"tolerance": tolerance}

    def images() -> Iterator[Image]:
        for taken in _taken(journal, _wanted(source, parameters)):
            provenance = source.provenance(seed=parameters.seed, class_index=taken.class_index, index=taken.index)
            if taken.device != "cpu":
                provenance["device"] = taken.device
            yield Image(
                pixel_sha256=taken.sha256,
                width=taken.side,
                height=taken.side,
                bit_depth=8,
                label=source.classes[taken.class_index],
                provenance={**provenance, **accuracy},
            )

    for _ in range(3):
        context.raise_if_stopped()
        with context.fenced():
            dataset = store_samples(sample_run=sample_run, images=images())
        if dataset is not None:
            return dataset
        _draw_lost(context, source, parameters, journal)
    raise JobError("Stored images disappear from the disk again and again. Check the storage, then sample again.")


def _taken(journal: Journal, wanted: list[int]) -> Iterator[Taken]:
    selection = Selection(wanted)
    for block in journal.blocks():
        yield from selection.take(block)


def _draw_lost(context: JobContext, source: ImageSource, parameters: SampleParameters, journal: Journal) -> None:
    selection = Selection(_wanted(source, parameters))
    for block in journal.blocks():
        lost = [taken for taken in selection.take(block) if not storage.has_pixels(taken.sha256)]
        if not lost:
            continue
        images = source.draw(
            seed=parameters.seed,
            class_index=block.class_index,
            block=block.block,
            before_each=context.raise_if_stopped,
        )
        for taken in lost:
            if storage.store_pixels(images[taken.index - block.block * BLOCK_SIZE]).sha256 != taken.sha256:
                raise JobError(
                    "Stored images have gone from the disk and come out differently on this machine. Sample again."
                )


def _show(context: JobContext, selection: Selection) -> None:
    """The first images of each class as a picture on the job's page."""
    rows = [_row(hashes) for hashes in selection.shown if hashes]
    path = context.directory / "samples.png"
    path.write_bytes(grid_png(np.stack(rows)))
    context.artefact(path, kind="grid", step=0)


def _row(hashes: Iterable[str]) -> NDArray[np.uint8]:
    pixels = [storage.load_pixels(sha256) for sha256 in hashes]
    blank = np.full_like(pixels[0], 255)
    return np.stack([*pixels, *[blank] * (SHOWN - len(pixels))])
