"""Which drawn images a sampled dataset takes: of each class the first ones that differ from every image before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from generation.gan.sampling import BLOCK_SIZE


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """One image that goes into the dataset."""

    class_index: int
    index: int
    sha256: str


class Selection:
    """A function of the blocks in their order alone, class after class.

    So what is stored already tells all: of the blocks up to the last stored image, what is not stored is a repeat.
    """

    def __init__(self, wanted: Sequence[int]) -> None:
        self.wanted = list(wanted)  # by class index
        self.found = [0] * len(wanted)
        self.repeats = [0] * len(wanted)
        self.blocks = [0] * len(wanted)  # seen of each class: the next one has this number
        self._seen: set[bytes] = set()

    @property
    def total(self) -> int:
        return sum(self.found)

    def is_complete(self, class_index: int) -> bool:
        return self.found[class_index] >= self.wanted[class_index]

    def go_on_after(self, stored: Iterable[Taken]) -> None:
        """Continue where an earlier attempt, which stored whole blocks, came to. In any order."""
        last = [-1] * len(self.wanted)
        for one in stored:
            self._seen.add(bytes.fromhex(one.sha256))
            self.found[one.class_index] += 1
            last[one.class_index] = max(last[one.class_index], one.index)
        for number, index in enumerate(last):
            self.blocks[number] = (index + BLOCK_SIZE) // BLOCK_SIZE
            tried = index + 1 if self.is_complete(number) else self.blocks[number] * BLOCK_SIZE
            self.repeats[number] = tried - self.found[number]

    def take(self, *, class_index: int, block: int, sha256: Sequence[str]) -> list[Taken]:
        """What of the next block, by the hashes of its pixels, is taken.

        Raises ValueError when it is not the next block of its class.
        """
        if block != self.blocks[class_index]:
            raise ValueError(f"Block {block} of class {class_index} comes after block {self.blocks[class_index] - 1}")
        self.blocks[class_index] += 1
        taken: list[Taken] = []
        for index, one in enumerate(sha256, start=block * BLOCK_SIZE):
            if self.is_complete(class_index):
                break
            digest = bytes.fromhex(one)
            if digest in self._seen:
                self.repeats[class_index] += 1
                continue
            self._seen.add(digest)
            self.found[class_index] += 1
            taken.append(Taken(class_index=class_index, index=index, sha256=one))
        return taken
