"""Draws what a dataset still lacks: the network in this thread; others encode, hash, wait for the disk, write the rows.

Some blocks together reach the disk, then the database in short transactions. What is written is a state to go on
from: nothing else has to be remembered between attempts.
"""

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from generation.gan.sampling import BLOCK_SIZE
from generation.image_source import ImageSource
from generation.parameters import SampleParameters
from generation.sample_selection import Selection, Taken
from imaging import storage
from imaging.making import add_images
from imaging.models import Dataset, Image
from worker.registry import JobContext, JobError

THREADS = min(8, max(2, os.cpu_count() or 2))  # that encode, hash and write files
BLOCKS_AT_ONCE = 2  # whose rows are one transaction: 6 ms of a processor, on which readers' answers may have to wait
GROUP_BLOCKS = 8  # that wait for the disk together, ...
GROUP_BYTES = 2**26  # ... or as many as hold this many pixels
GROUPS_AHEAD = 3  # drawn, and not stored yet

Hashes = tuple[str, ...]
Block = tuple[NDArray[np.uint8], Hashes]  # images (BLOCK_SIZE, side, side), and the hash of each


def most_tried(wanted: int) -> int:
    """How many indices of a class may be tried for `wanted` different images before it counts as collapsed."""
    return 3 * wanted + 64


class Store:
    """Where drawn images go: files and rows of an unfinished dataset, and the selection that says which of them."""

    def __init__(
        self,
        context: JobContext,
        source: ImageSource,
        parameters: SampleParameters,
        dataset: Dataset,
        tolerance: int | None,
    ) -> None:
        self.context, self.source, self.parameters, self.dataset = context, source, parameters, dataset
        self.accuracy = {} if tolerance == 0 else {"tolerance": tolerance}
        self.selection = Selection([parameters.per_class.get(name, 0) for name in source.classes])
        self.selection.go_on_after(self.stored())

    def stored(self) -> list[Taken]:
        """What is in the dataset, in the order of classes and indices."""
        number = {name: index for index, name in enumerate(self.source.classes)}
        rows = Image.everything.filter(dataset=self.dataset).order_by()
        taken = [
            Taken(class_index=number[label], index=provenance["index"], sha256=sha256)
            for label, provenance, sha256 in rows.values_list("label", "provenance", "pixel_sha256").iterator()
        ]
        return sorted(taken, key=lambda one: (one.class_index, one.index))

    def add(self, class_index: int, first_block: int, blocks: list[Block]) -> None:
        """Rows of consecutive blocks whose files are there."""
        for start in range(0, len(blocks), BLOCKS_AT_ONCE):
            self._add(class_index, first_block + start, blocks[start : start + BLOCKS_AT_ONCE])

    def _add(self, class_index: int, first_block: int, blocks: list[Block]) -> None:
        pixels: dict[str, NDArray[np.uint8]] = {}
        rows: list[Image] = []
        for block, (images, hashes) in enumerate(blocks, start=first_block):
            for one in self.selection.take(class_index=class_index, block=block, sha256=hashes):
                pixels[one.sha256] = images[one.index - block * BLOCK_SIZE]
                rows.append(self._row(one, side=images.shape[-1]))
                if one.index >= self.selection.wanted[class_index]:  # in place of a repeat: not stored yet
                    storage.store_pixels(pixels[one.sha256])
        for _ in range(3):
            with self.context.fenced():
                is_added = add_images(dataset=self.dataset, images=rows)
            if is_added:
                break
            for image in pixels.values():  # another job took back a file that it had stored as well
                storage.store_pixels(image)
        else:
            raise JobError("Stored images disappear from the disk again and again. Check the storage, then resume.")
        done, wanted = self.selection.total, sum(self.selection.wanted)
        self.context.progress(done, wanted, "images", f"Drawing {self.source.classes[class_index]}")

    def _row(self, taken: Taken, *, side: int) -> Image:
        provenance: dict[str, Any] = self.source.provenance(
            seed=self.parameters.seed, class_index=taken.class_index, index=taken.index
        )
        if self.source.device != "cpu":
            provenance["device"] = self.source.device
        return Image(
            dataset=self.dataset,
            pixel_sha256=taken.sha256,
            width=side,
            height=side,
            bit_depth=8,
            label=self.source.classes[taken.class_index],
            provenance={**provenance, **self.accuracy},
        )


def draw_missing(store: Store) -> None:
    """Draw until the dataset has all its images. Raises JobError, in words, when the generator repeats itself."""
    if store.selection.total:
        store.context.log(f"Going on after {store.selection.total:,} images")
    with (
        ThreadPoolExecutor(THREADS, thread_name_prefix="encode") as encoders,
        ThreadPoolExecutor(1, thread_name_prefix="store") as keeper,
    ):
        try:
            for class_index in range(len(store.source.classes)):
                _Drawing(store, encoders, keeper, class_index).run()
        finally:
            keeper.submit(lambda: connection.close())  # that of its thread


class _Group:
    """Some consecutive blocks of a class that are stored together."""

    def __init__(self, store: Store, class_index: int, first: int) -> None:
        self.store, self.class_index, self.first = store, class_index, first
        self.batch = storage.PixelBatch()
        self.blocks: list[tuple[NDArray[np.uint8], Future[Hashes]]] = []
        self.bytes = 0

    def is_full(self) -> bool:
        return len(self.blocks) >= GROUP_BLOCKS or self.bytes >= GROUP_BYTES

    def keep(self) -> None:
        """Runs in the one thread that writes."""
        blocks = [(images, encoded.result()) for images, encoded in self.blocks]
        self.batch.flush()
        self.store.add(self.class_index, self.first, blocks)


class _Drawing:
    """One class."""

    def __init__(
        self, store: Store, encoders: ThreadPoolExecutor, keeper: ThreadPoolExecutor, class_index: int
    ) -> None:
        self.store, self.selection, self.source = store, store.selection, store.source
        self.encoders, self.keeper, self.class_index = encoders, keeper, class_index
        self.wanted = self.selection.wanted[class_index]
        self.waiting: deque[Future[None]] = deque()  # groups on their way

    def run(self) -> None:
        certain = -(-self.wanted // BLOCK_SIZE)  # blocks that are needed even without a repeat
        number = self.selection.blocks[self.class_index]
        group = self._new_group(number)
        try:
            while not self.selection.is_complete(self.class_index):
                if number * BLOCK_SIZE >= most_tried(self.wanted):
                    raise JobError(
                        f"The generator has collapsed: {number * BLOCK_SIZE} images of class "
                        f"{self.source.classes[self.class_index]} held only {self.selection.found[self.class_index]} "
                        f"different ones, {self.wanted} were asked for. Sample an earlier checkpoint, or train again "
                        "with another seed."
                    )
                self._draw_block(group, number)
                number += 1
                if group.is_full() or number >= certain:
                    self._hand_over(group)
                    group = self._new_group(number)
                while self.waiting and (
                    number >= certain or len(self.waiting) >= GROUPS_AHEAD or self.waiting[0].done()
                ):
                    self.waiting.popleft().result()
        finally:  # stopped or failed: what is drawn is stored, so that the next attempt goes on after it
            self._hand_over(group)
            while self.waiting:
                self.waiting.popleft().result()

    def _new_group(self, first: int) -> _Group:
        return _Group(self.store, self.class_index, first)

    def _draw_block(self, group: _Group, number: int) -> None:
        context = self.store.context
        context.raise_if_stopped()
        images = self.source.draw(
            seed=self.store.parameters.seed,
            class_index=self.class_index,
            block=number,
            before_each=context.raise_if_stopped,
        )
        count = self.wanted - number * BLOCK_SIZE
        group.blocks.append((images, self.encoders.submit(_encode, group.batch, images, count)))
        group.bytes += images.nbytes

    def _hand_over(self, group: _Group) -> None:
        if group.blocks:
            self.waiting.append(self.keeper.submit(group.keep))


def _encode(batch: storage.PixelBatch, images: NDArray[np.uint8], count: int) -> Hashes:
    """Hashes of a block; its first `count` images are written, which is what its class needs without a repeat."""
    stored = [batch.add(image) for image in images[: max(0, count)]]
    rest = [storage.describe_pixels(image) for image in images[max(0, count) :]]
    return tuple(one.sha256 for one in stored + rest)
