"""Draws the images of a study, its blocks, repeats and sides from a seed. Pure: hashes in, hashes out; nobody picks.

The order in which readers meet what is drawn here is a matter of `turing.ordering`.
"""

import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations

import numpy as np

from turing.errors import StudyError
from turing.models.studies import Origin, TrialOrder
from turing.ordering import Place, draw_order

ALGORITHM = (
    "numpy.random.Generator(PCG64(seed)); in each phase, real before synthetic: permutation of the sorted hashes not "
    "drawn yet, of which the first are taken (in phase 1 those of the practice after the others), passing over what "
    "later phases cannot do without; then phase by phase, practice first: sides, blocks, repeats"
)
LARGEST_SEED = 2**53 - 1  # exact in JSON everywhere
SIDES = (Origin.REAL.value, Origin.SYNTHETIC.value)


@dataclass(frozen=True)
class Supply:
    """The candidates of one phase, as pixel hashes, and how many of them are wanted."""

    real: Sequence[str]
    synthetic: Sequence[str]
    n_real: int
    n_synthetic: int


@dataclass(frozen=True)
class DrawnImage:
    """An image, or a pair of them."""

    origin: str  # "real" or "synthetic"; of a pair, what the left one is
    pixel_sha256: str
    right_sha256: str = ""  # of a pair: pixels of the right one, which is of the other origin


@dataclass(frozen=True)
class DrawnPhase:
    """What is shown in one phase, in no order that means anything."""

    test: tuple[DrawnImage, ...]
    practice: tuple[DrawnImage, ...] = ()


@dataclass(frozen=True)
class DrawnTrial:
    position: int  # from 1
    image: DrawnImage
    phase: int = 1
    block: int = 0  # from 1; 0: no blocks
    is_practice: bool = False
    repeat_of: int | None = None  # position of the trial that shows the same


def new_seed() -> int:
    """An unpredictable seed, for studies whose investigator gives none."""
    return secrets.randbelow(LARGEST_SEED) + 1


def draw_study(
    supplies: Sequence[Supply],
    *,
    seed: int,
    pairs: bool = False,
    n_practice: int = 0,
    n_repeats: int = 0,
    order: str = TrialOrder.SAME,
    block_size: int = 0,
    shown_before: Sequence[Sequence[DrawnImage]] | None = None,
) -> list[DrawnTrial]:
    """The trials of a study by position, which is the order of the study itself.

    The result depends on the sets of hashes, the numbers and the seed alone, not on the order the hashes come in.

    Parameters
    ----------
    supplies : one for each phase; practice is drawn from that of the first
    pairs : one image of each kind makes a trial; `n_practice` and `n_repeats` count pairs then
    shown_before : for a second session, the test images (or pairs) of each phase of the first one, which are taken in
        place of drawing; sides of pairs are drawn anew, and practice from candidates that are not among them

    Raises
    ------
    StudyError : a hash twice, or on both sides; too few candidates; too many repeats; a seed out of range.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise StudyError(f"Seed {seed} is out of range: it must lie between 0 and {LARGEST_SEED}.")
    generator = np.random.Generator(np.random.PCG64(seed))
    phases = _draw_images(supplies, generator, pairs=pairs, n_practice=n_practice, shown_before=shown_before)
    if pairs:
        phases = [
            DrawnPhase(practice=_draw_sides(phase.practice, generator), test=_draw_sides(phase.test, generator))
            for phase in phases
        ]
    shares = share_repeats([len(phase.test) for phase in phases], n_repeats)
    practice = phases[0].practice
    trials = [
        DrawnTrial(position=position, image=practice[index], is_practice=True)
        for position, index in enumerate(generator.permutation(len(practice)), start=1)
    ]
    odd_is_real = int(generator.integers(2))  # of an odd number of repeats; then in turn, so that all are half and half
    for number, (phase, share) in enumerate(zip(phases, shares, strict=True), start=1):
        size = block_size if order == TrialOrder.BLOCKS else 0
        n_real = (share + odd_is_real) // 2
        trials += _draw_trials(
            phase.test, (n_real, share - n_real), size, generator, phase=number, first=len(trials) + 1
        )
        odd_is_real ^= share % 2
    return _in_order(trials, order=order, seed=seed)


def places_of(trials: Iterable[DrawnTrial]) -> list[Place]:
    """What `turing.ordering` needs to know of them."""
    return [
        Place(
            position=trial.position,
            phase=trial.phase,
            block=trial.block,
            is_practice=trial.is_practice,
            picture=trial.image.pixel_sha256 + trial.image.right_sha256,
        )
        for trial in trials
    ]


def share_practice(n_practice: int, *, pairs: bool) -> tuple[int, int]:
    """Real and synthetic images that so many practice trials need; of an odd number one more is real."""
    return (n_practice, n_practice) if pairs else ((n_practice + 1) // 2, n_practice // 2)


def share_repeats(sizes: Sequence[int], n_repeats: int) -> list[int]:
    """How many of the repeats each phase has: in proportion to its trials (`sizes`), by largest remainders.

    At most half of a phase, rounded up, is repeated, and nothing of a phase of one trial: its repeat would follow it.
    Raises StudyError when that leaves no room for all.
    """
    total = sum(sizes)
    room = [0 if size < 2 else (size + 1) // 2 for size in sizes]
    if n_repeats > min(total // 2, sum(room)):
        raise StudyError(
            f"Number of repeats {n_repeats} is out of range: at most half of the {total} images can be shown again."
        )
    exact = [n_repeats * size / total for size in sizes]
    shares = [min(int(share), most) for share, most in zip(exact, room, strict=True)]
    by_remainder = sorted(range(len(sizes)), key=lambda phase: (shares[phase] - exact[phase], phase))
    while sum(shares) < n_repeats:
        for phase in by_remainder:
            if sum(shares) < n_repeats and shares[phase] < room[phase]:
                shares[phase] += 1
    return shares


def _draw_images(
    supplies: Sequence[Supply],
    generator: np.random.Generator,
    *,
    pairs: bool,
    n_practice: int,
    shown_before: Sequence[Sequence[DrawnImage]] | None,
) -> list[DrawnPhase]:
    _refuse_repeats(supplies)
    used = {sha256 for phase in shown_before or () for image in phase for sha256 in _hashes(image)}
    needs = [(supply.n_real, supply.n_synthetic) if shown_before is None else (0, 0) for supply in supplies]
    extra = share_practice(n_practice, pairs=pairs)
    stocks = [
        _Stock(
            origin,
            [(supply.real, supply.synthetic)[side] for supply in supplies],
            [need[side] + (extra[side] if phase == 0 else 0) for phase, need in enumerate(needs)],
            n_practice=extra[side],
            used=used,
        )
        for side, origin in enumerate(SIDES)
    ]
    drawn = []
    for phase, need in enumerate(needs):
        real, synthetic = (stock.draw(phase, generator) for stock in stocks)
        test = _make(real[: need[0]], synthetic[: need[1]], pairs=pairs)
        if shown_before is not None:
            test = tuple(shown_before[phase])
        drawn.append(DrawnPhase(test=test, practice=_make(real[need[0] :], synthetic[need[1] :], pairs=pairs)))
    return drawn


class _Stock:
    """The candidates of one kind in all phases. Gives each phase its own, so that enough is left for those after it."""

    def __init__(
        self, origin: str, candidates: Sequence[Sequence[str]], wanted: list[int], *, n_practice: int, used: set[str]
    ) -> None:
        self._origin = origin
        self._wanted = wanted  # still, by phase
        self._phases_of: dict[str, frozenset[int]] = {}
        for phase, hashes in enumerate(candidates):
            for sha256 in set(hashes) - used:
                self._phases_of[sha256] = self._phases_of.get(sha256, frozenset()) | {phase}
        self._left = Counter(self._phases_of.values())
        self._check(n_practice)

    def draw(self, phase: int, generator: np.random.Generator) -> list[str]:
        candidates = sorted(sha256 for sha256, phases in self._phases_of.items() if phase in phases)
        chosen: list[str] = []
        needed_later: set[frozenset[int]] = set()  # kinds of candidates of which no more can be taken
        for index in generator.permutation(len(candidates)):
            phases = self._phases_of[candidates[index]]
            if self._wanted[phase] == 0:
                break
            if phases in needed_later:
                continue
            self._left[phases] -= 1
            self._wanted[phase] -= 1
            if len(phases) > 1 and self._short() is not None:
                self._left[phases] += 1
                self._wanted[phase] += 1
                needed_later.add(phases)
            else:
                chosen.append(candidates[index])
        for sha256 in chosen:
            del self._phases_of[sha256]
        return chosen

    def _short(self) -> tuple[tuple[int, ...], int, int] | None:
        """Phases that together want more than their candidates (Hall's condition), with both numbers; the fewest."""
        asking = [phase for phase, number in enumerate(self._wanted) if number]
        for group in chain.from_iterable(combinations(asking, size + 1) for size in range(len(asking))):
            wanted = sum(self._wanted[phase] for phase in group)
            there = sum(number for phases, number in self._left.items() if not phases.isdisjoint(group))
            if there < wanted:
                return group, wanted, there
        return None

    def _check(self, n_practice: int) -> None:
        short = self._short()
        if short is None:
            return
        group, wanted, there = short
        practice = f" (practice included: {n_practice})" if n_practice and 0 in group else ""
        if len(self._wanted) == 1:
            asked = f"the study asks for {wanted}{practice} and {there} match the filters."
        elif len(group) == 1:
            asked = f"phase {group[0] + 1} asks for {wanted}{practice} and {there} match its filters."
        else:
            names = ", ".join(str(phase + 1) for phase in group[:-1])
            asked = (
                f"phases {names} and {group[-1] + 1} share candidates and ask for {wanted}{practice} together; {there} "
                "match their filters, and no image is shown in two phases."
            )
        raise StudyError(
            f"Not enough {self._origin} images: {asked} Ask for fewer, widen the filters, or choose a larger dataset."
        )


def _make(real: list[str], synthetic: list[str], *, pairs: bool) -> tuple[DrawnImage, ...]:
    if pairs:
        return tuple(DrawnImage(SIDES[0], left, right) for left, right in zip(real, synthetic, strict=True))
    return tuple(
        DrawnImage(origin, sha256) for origin, hashes in zip(SIDES, (real, synthetic), strict=True) for sha256 in hashes
    )


def _hashes(image: DrawnImage) -> list[str]:
    return [image.pixel_sha256, image.right_sha256] if image.right_sha256 else [image.pixel_sha256]


def _draw_sides(images: tuple[DrawnImage, ...], generator: np.random.Generator) -> tuple[DrawnImage, ...]:
    """Real ones on the left in half of the pairs; in an odd number, chance decides about the one more."""
    n_left = (len(images) + int(generator.integers(2))) // 2
    real_left = generator.permutation(np.arange(len(images)) < n_left)
    return tuple(
        image if (image.origin == SIDES[0]) == bool(left) else _mirrored(image)
        for image, left in zip(images, real_left, strict=True)
    )


def _mirrored(pair: DrawnImage) -> DrawnImage:
    other = SIDES[1] if pair.origin == SIDES[0] else SIDES[0]
    return DrawnImage(origin=other, pixel_sha256=pair.right_sha256, right_sha256=pair.pixel_sha256)


def _draw_trials(
    images: Sequence[DrawnImage],
    n_repeats: tuple[int, int],
    block_size: int,
    generator: np.random.Generator,
    *,
    phase: int,
    first: int,
) -> list[DrawnTrial]:
    """The trials of one phase, with blocks (`block_size` above 0) and repeats (real, synthetic), whose positions are
    only names for now.
    """
    blocks = _draw_blocks(images, block_size, generator)
    trials = [
        DrawnTrial(position=first + index, image=image, phase=phase, block=block)
        for index, (image, block) in enumerate(zip(images, blocks, strict=True))
    ]
    n_blocks = max(blocks, default=0)
    filled = Counter(blocks)
    for index in _draw_repeated(images, n_repeats, generator):
        block = trials[index].block
        others = [other for other in range(1, n_blocks + 1) if other != block]
        if others:
            fewest = min(filled[other] for other in others)
            emptiest = [other for other in others if filled[other] == fewest]
            block = emptiest[int(generator.integers(len(emptiest)))]
        filled[block] += 1
        trials.append(
            replace(trials[index], position=first + len(trials), block=block, repeat_of=trials[index].position)
        )
    return trials


def _draw_blocks(images: Sequence[DrawnImage], block_size: int, generator: np.random.Generator) -> list[int]:
    """For each image its block: dealt in turn, one kind after the other, so that all have equal shares of each."""
    if not block_size:
        return [0] * len(images)
    n_blocks = max((2 * len(images) + block_size) // (2 * block_size), 1)  # nearest number, halves up
    blocks = [0] * len(images)
    dealt = 0
    for origin in SIDES:
        own = [index for index, image in enumerate(images) if image.origin == origin]
        for index in generator.permutation(own):
            blocks[index] = dealt % n_blocks + 1
            dealt += 1
    return blocks


def _draw_repeated(images: Sequence[DrawnImage], numbers: tuple[int, int], generator: np.random.Generator) -> list[int]:
    """Indices of those shown again: so many of each kind, and more of the other where there are not enough of one."""
    real, synthetic = ([index for index, image in enumerate(images) if image.origin == origin] for origin in SIDES)
    n_real = max(min(numbers[0], len(real)), sum(numbers) - len(synthetic))
    chosen = [*generator.permutation(real)[:n_real], *generator.permutation(synthetic)[: sum(numbers) - n_real]]
    return [int(index) for index in chosen]


def _in_order(trials: list[DrawnTrial], *, order: str, seed: int) -> list[DrawnTrial]:
    """Positions given anew in the order of the study itself, that of reader 0."""
    drawn = draw_order(places_of(trials), order=order, seed=seed, reader=0)
    position = {name: place for place, name in enumerate(drawn, start=1)}
    renamed = [
        replace(
            trial,
            position=position[trial.position],
            repeat_of=None if trial.repeat_of is None else position[trial.repeat_of],
        )
        for trial in trials
    ]
    return sorted(renamed, key=lambda trial: trial.position)


def _refuse_repeats(supplies: Sequence[Supply]) -> None:
    """Within a phase a hash is there once; real in one phase and synthetic in another is as wrong as in one."""
    for supply in supplies:
        for origin, candidates in zip(SIDES, (supply.real, supply.synthetic), strict=True):
            if len(set(candidates)) != len(candidates):
                raise StudyError(f"The {origin} dataset holds the same pixels twice. Remove the duplicate images.")
    shared = sorted(
        {sha256 for supply in supplies for sha256 in supply.real}
        & {sha256 for supply in supplies for sha256 in supply.synthetic}
    )
    if shared:
        raise StudyError(
            f"{len(shared)} image(s) with the same pixels are in the real and in the synthetic dataset "
            f"(first: {shared[0][:12]}). An image must be one or the other: remove them from one of the two."
        )
