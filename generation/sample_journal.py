"""What a sampling job has drawn so far, on disk: one line per finished block, so that a killed job goes on after it.

The pixels themselves are in the image store already; nothing refers to them before the dataset is made at the end.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from generation.gan.sampling import BLOCK_SIZE

SHOWN = 8  # images of each class on the job's page


@dataclass(frozen=True, kw_only=True, slots=True)
class DrawnBlock:
    """BLOCK_SIZE images of one class with consecutive indices, described by the hash of their pixels."""

    class_index: int
    block: int
    side: int  # px
    sha256: tuple[str, ...]
    device: str = "cpu"


class Journal:
    """Append-only file. A line that a killed process left half-written is cut off when the file is opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.exists():
            content = path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole != len(content):
                with path.open("r+b") as file:
                    file.truncate(whole)

    def add(self, block: DrawnBlock) -> None:
        values = [block.class_index, block.block, block.side, block.device, block.sha256]
        with self._path.open("a") as file:
            file.write(json.dumps(values, separators=(",", ":")) + "\n")

    def blocks(self) -> Iterator[DrawnBlock]:
        """In the order in which they were added, one at a time from the disk."""
        if not self._path.exists():
            return
        with self._path.open() as file:
            for line in file:
                class_index, block, side, device, hashes = json.loads(line)
                yield DrawnBlock(class_index=class_index, block=block, side=side, device=device, sha256=tuple(hashes))

    def hashes(self) -> Iterator[str]:
        for block in self.blocks():
            yield from block.sha256

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """One image that goes into the dataset."""

    class_index: int
    index: int
    sha256: str
    side: int  # px
    device: str


class Selection:
    """Which drawn images are taken: of each class the first `wanted` that differ from every image taken before.

    A function of the blocks in their order alone: replaying a journal gives the same selection.
    """

    def __init__(self, wanted: Sequence[int]) -> None:
        self.wanted = list(wanted)  # by class index
        self.found = [0] * len(wanted)
        self.repeats = [0] * len(wanted)
        self.blocks = [0] * len(wanted)  # seen of each class: the next one has this number
        self.shown: list[list[str]] = [[] for _ in wanted]
        self._seen: set[bytes] = set()

    @property
    def total(self) -> int:
        return sum(self.found)

    def is_complete(self, class_index: int) -> bool:
        return self.found[class_index] >= self.wanted[class_index]

    def take(self, block: DrawnBlock) -> list[Taken]:
        """What of the next block is taken. ValueError when it is not the next block of its class."""
        number = block.class_index
        if block.block != self.blocks[number]:
            raise ValueError(f"Block {block.block} of class {number} comes after block {self.blocks[number] - 1}")
        self.blocks[number] += 1
        taken: list[Taken] = []
        for index, sha256 in enumerate(block.sha256, start=block.block * BLOCK_SIZE):
            if self.is_complete(number):
                break
            digest = bytes.fromhex(sha256)
            if digest in self._seen:
                self.repeats[number] += 1
                continue
            self._seen.add(digest)
            self.found[number] += 1
            if len(self.shown[number]) < SHOWN:
                self.shown[number].append(sha256)
            taken.append(Taken(class_index=number, index=index, sha256=sha256, side=block.side, device=block.device))
        return taken
