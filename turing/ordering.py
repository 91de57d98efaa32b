"""The order in which a reader meets the trials. Pure: places and a seed in, positions out; drawn once, then stored.

Practice comes first, phases follow one another, and a picture that is shown twice is never shown twice in a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turing.errors import StudyError
from turing.models.studies import TrialOrder

ALGORITHM = (
    "numpy.random.Generator(PCG64([seed, reader])): permutation of blocks and of the trials of each; "
    "then random swaps inside blocks until repeats lie apart"
)
WIDEST_GAP = 10  # places; a repeat further away than this is as good as any
ATTEMPTS = 200


@dataclass(frozen=True)
class Place:
    """What the order needs to know of a trial."""

    position: int  # its name here
    phase: int
    block: int  # 0: no blocks
    is_practice: bool
    picture: str  # the same for a trial and its repeat


def draw_order(places: Sequence[Place], *, order: str, seed: int, reader: int) -> list[int]:
    """Positions in the order of reader number `reader` (from 1; 0 draws the order of the study itself).

    Raises StudyError when repeats cannot be kept from following one another.
    """
    ordered = sorted(places, key=lambda place: place.position)
    if order == TrialOrder.SAME and reader != 0:
        return [place.position for place in ordered]
    generator = np.random.Generator(np.random.PCG64([seed, reader]))
    drawn = [place for place in ordered if place.is_practice]
    for phase in sorted({place.phase for place in ordered}):
        drawn += _draw_phase([place for place in ordered if place.phase == phase and not place.is_practice], generator)
    return [place.position for place in drawn]


def _draw_phase(places: list[Place], generator: np.random.Generator) -> list[Place]:
    widest = max(min(WIDEST_GAP, len(places) // 4), 1)
    for attempt in range(ATTEMPTS):
        # the wish for distance gives way before the draw does: at the end only "not in a row" is asked for
        gap = max(round(widest * (1 - 2 * attempt / ATTEMPTS)), 1)
        drawn = _permute(places, generator)
        if _spread(drawn, gap, generator):
            return drawn
    raise StudyError(
        f"{len(places)} images with these repeats cannot be ordered so that no image follows itself. "
        "Ask for fewer repeats or more images."
    )


def _permute(places: list[Place], generator: np.random.Generator) -> list[Place]:
    blocks = sorted({place.block for place in places})
    return [
        members[index]
        for block in generator.permutation(blocks)
        for members in [[place for place in places if place.block == block]]
        for index in generator.permutation(len(members))
    ]


def _spread(drawn: list[Place], gap: int, generator: np.random.Generator) -> bool:
    """Swaps inside blocks until every repeat is more than `gap` places from the first; False when that fails."""
    for _ in range(len(drawn)):
        close = _close_pairs(drawn, gap)
        if not close:
            return True
        index = close[int(generator.integers(len(close)))]
        same_block = [other for other, place in enumerate(drawn) if place.block == drawn[index].block]
        other = same_block[int(generator.integers(len(same_block)))]
        drawn[index], drawn[other] = drawn[other], drawn[index]
        if len(_close_pairs(drawn, gap)) > len(close):
            drawn[index], drawn[other] = drawn[other], drawn[index]
    return not _close_pairs(drawn, gap)


def _close_pairs(drawn: list[Place], gap: int) -> list[int]:
    """Indices of repeats at most `gap` places after the picture's first showing. A gap of 1 is "in a row"."""
    last: dict[str, int] = {}
    close = []
    for index, place in enumerate(drawn):
        if place.picture in last and index - last[place.picture] <= gap:
            close.append(index)
        last[place.picture] = index
    return close
