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
GROUP_BLOCKS = 8  # that wait for the disk together, ...
GROUP_BYTES = 2**26  # ... or as many as hold this many pixels
GROUPS_AHEAD = 3  # drawn, and not on the disk yet

Stored = tuple[tuple[str, ...], NDArray[np.uint8]]


def run_sampling(context: JobContext, parameters: SampleParameters) -> dict[str, Any]:
    """Draw the images of a sample run into its dataset. Raises JobError when the generator repeats itself too much."""
    sample_run = SampleRun.objects.select_related(
        "checkpoint__run__job", "checkpoint__run__dataset", "checkpoint__foreign__job", "created_by"
    ).get(pk=parameters.sample_run_id)
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
    with (
        ThreadPoolExecutor(THREADS, thread_name_prefix="encode") as encoders,
        ThreadPoolExecutor(1, thread_name_prefix="disk") as disk,
    ):
        for class_index in range(len(source.classes)):
            _Drawing(context, source, parameters, journal, selection, encoders, disk, class_index).run()
    return selection


class _Group:
    """Some consecutive blocks that reach the disk together."""

    def __init__(self, first: int) -> None:
        self.first = first  # number of its first block
        self.batch = storage.PixelBatch()
        self.encoded: list[Future[Stored]] = []
        self.bytes = 0
        self.stored: Future[list[Stored]] | None = None

    def is_full(self) -> bool:
        return len(self.encoded) >= GROUP_BLOCKS or self.bytes >= GROUP_BYTES

    def store(self) -> list[Stored]:
        blocks = [future.result() for future in self.encoded]
        self.batch.flush()
        return blocks


class _Drawing:
    """One class: the network draws ahead while threads encode and write what it drew."""

    def __init__(
        self,
        context: JobContext,
        source: ImageSource,
        parameters: SampleParameters,
        journal: Journal,
        selection: Selection,
        encoders: ThreadPoolExecutor,
        disk: ThreadPoolExecutor,
        class_index: int,
    ) -> None:
        self.context, self.source, self.parameters = context, source, parameters
        self.journal, self.selection = journal, selection
        self.encoders, self.disk, self.class_index = encoders, disk, class_index
        self.wanted = selection.wanted[class_index]
        self.name = source.classes[class_index]
        self.waiting: deque[_Group] = deque()

    def run(self) -> None:
        certain = -(-self.wanted // BLOCK_SIZE)  # blocks that are needed even without a repeat
        number = self.selection.blocks[self.class_index]
        group = _Group(number)
        try:
            while not self.selection.is_complete(self.class_index):
                if number * BLOCK_SIZE >= most_tried(self.wanted):
                    raise JobError(
                        f"The generator has collapsed: {number * BLOCK_SIZE} images of class {self.name} held only "
                        f"{self.selection.found[self.class_index]} different ones, {self.wanted} were asked for. "
                        "Sample an earlier checkpoint, or train again with another seed."
                    )
                self._draw_block(group, number)
                number += 1
                if group.is_full() or number >= certain:
                    self._hand_over(group)
                    group = _Group(number)
                while self.waiting and (number >= certain or len(self.waiting) >= GROUPS_AHEAD or self._first_done()):
                    self._finish_first()
        finally:  # stopped or failed: what is drawn is kept, or known, so that it can be removed
            self._hand_over(group)
            while self.waiting:
                self._finish_first()

    def _draw_block(self, group: _Group, number: int) -> None:
        self.context.raise_if_stopped()
        images = self.source.draw(
            seed=self.parameters.seed,
            class_index=self.class_index,
            block=number,
            before_each=self.context.raise_if_stopped,
        )
        group.encoded.append(self.encoders.submit(_encode, group.batch, images, self.wanted - number * BLOCK_SIZE))
        group.bytes += images.nbytes

    def _hand_over(self, group: _Group) -> None:
        if group.encoded:
            group.stored = self.disk.submit(group.store)
            self.waiting.append(group)

    def _first_done(self) -> bool:
        stored = self.waiting[0].stored
        return stored is not None and stored.done()

    def _finish_first(self) -> None:
        group = self.waiting.popleft()
        if group.stored is None:
            return
        for block, (hashes, pixels) in enumerate(group.stored.result(), start=group.first):
            drawn = DrawnBlock(
                class_index=self.class_index,
                block=block,
                side=pixels.shape[-1],
                device=self.source.device,
                sha256=hashes,
            )
            for taken in self.selection.take(drawn):
                if taken.index >= self.wanted:  # in place of a repeat: not stored yet
                    storage.store_pixels(pixels[taken.index - block * BLOCK_SIZE])
            self.journal.add(drawn)
        self.context.progress(self.selection.total, sum(self.selection.wanted), "images", f"Drawing {self.name}")


def _encode(batch: storage.PixelBatch, images: NDArray[np.uint8], count: int) -> Stored:
    """Hashes of a block; its first `count` images are written, which is what its class needs without a repeat."""
    stored = [batch.add(image) for image in images[: max(0, count)]]
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
