"""What opening a study would show: drawn from its candidates, written nowhere. The same study, the same plan."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from imaging.models import Dataset
from imaging.selectors import filter_images
from turing.drawing import DrawnImage, DrawnTrial, Supply, draw_study, share_practice
from turing.errors import StudyError
from turing.models import Phase, Scale, Study, TrialTruth

Candidates = dict[str, UUID]  # key of the image by pixel hash


@dataclass(frozen=True)
class PlannedTrial:
    drawn: DrawnTrial
    image: UUID  # key
    right_image: UUID | None = None  # of a pair

    @property
    def counts(self) -> bool:
        """It is neither practice nor a repeat."""
        return not self.drawn.is_practice and self.drawn.repeat_of is None

    @property
    def sources(self) -> list[tuple[str, bool]]:
        """Pixel hash of its image, and whether that is synthetic; of a pair, the left one and the right one."""
        image = self.drawn.image
        is_synthetic = image.origin == "synthetic"
        both = [(image.pixel_sha256, is_synthetic), (image.right_sha256, not is_synthetic)]
        return [(sha256, synthetic) for sha256, synthetic in both if sha256]


@dataclass(frozen=True)
class Plan:
    """All that rendering needs to know, and all that must still be so when the study is frozen."""

    image_size: int  # px
    bit_depth: int
    trials: tuple[PlannedTrial, ...]  # by position
    n_candidates: tuple[tuple[int, int], ...]  # of each phase: real, synthetic


def phases_of(study: Study) -> list[Study | Phase]:
    """What holds the images and words of each phase: the study itself, then its later phases."""
    return [study, *study.later_phases.select_related("real_dataset", "synthetic_dataset").order_by("number")]


def plan_study(study: Study) -> Plan:
    """Raises StudyError when there are not enough images, not of the depth that is asked for, or the same on both
    sides.
    """
    phases = phases_of(study)
    candidates = [
        (
            candidates_of(phase.real_dataset, phase.real_filters),
            candidates_of(phase.synthetic_dataset, phase.synthetic_filters),
        )
        for phase in phases
    ]
    for phase in phases:
        require_bit_depth(study.bit_depth, phase)
    before = _FirstSession(study.follows) if study.follows is not None else None
    drawn = draw_study(
        [
            Supply(
                real=_without(before, real),
                synthetic=_without(before, synthetic),
                n_real=phase.n_real,
                n_synthetic=phase.n_synthetic,
            )
            for phase, (real, synthetic) in zip(phases, candidates, strict=True)
        ],
        seed=study.seed,
        pairs=study.scale == Scale.PAIR,
        n_practice=study.n_practice,
        n_repeats=study.n_repeats,
        order=study.order,
        block_size=study.block_size,
        shown_before=None if before is None else before.phases,
    )
    known: list[Candidates] = [
        {**real, **synthetic, **(before.images if before else {})} for real, synthetic in candidates
    ]
    return Plan(
        image_size=study.image_size,
        bit_depth=study.bit_depth,
        trials=tuple(
            PlannedTrial(
                drawn=trial,
                image=known[trial.phase - 1][trial.image.pixel_sha256],
                right_image=known[trial.phase - 1].get(trial.image.right_sha256),
            )
            for trial in drawn
        ),
        n_candidates=tuple((len(real), len(synthetic)) for real, synthetic in candidates),
    )


def candidates_of(dataset: Dataset, filters: dict[str, Any]) -> Candidates:
    try:
        pairs = filter_images(dataset, filters).values_list("pixel_sha256", "pk")
    except ValueError as error:
        raise StudyError(f"Filters on “{dataset}”: {error}") from error
    return dict(pairs)


def require_bit_depth(bit_depth: int, phase: Study | Phase) -> None:
    """16 bits are sent only when every candidate has them: bits on one side alone would give that side away."""
    if bit_depth == 8:
        return
    for dataset, filters in (
        (phase.real_dataset, phase.real_filters),
        (phase.synthetic_dataset, phase.synthetic_filters),
    ):
        n_shallow = filter_images(dataset, filters).filter(bit_depth__lte=8).count()
        if n_shallow:
            raise StudyError(
                f"16 bits cannot be shown: {n_shallow} of the images in “{dataset}” that match the filters have 8. "
                "Choose 8 bits, other filters, or another dataset."
            )


def has_practice_left(first: Study, n_practice: int) -> bool:
    """A second session can have so many practice trials, of candidates that the first, `first`, has not shown."""
    before = _FirstSession(first)
    left = (
        len(_without(before, candidates_of(first.real_dataset, first.real_filters))),
        len(_without(before, candidates_of(first.synthetic_dataset, first.synthetic_filters))),
    )
    needed = share_practice(n_practice, pairs=first.scale == Scale.PAIR)
    return all(there >= number for there, number in zip(left, needed, strict=True))


class _FirstSession:
    """What the study that this one follows has shown."""

    def __init__(self, first: Study) -> None:
        truths = list(TrialTruth.objects.filter(trial__study=first).select_related("trial", "image", "right_image"))
        truths.sort(key=lambda truth: truth.trial.position)
        self.images: Candidates = {
            image.pixel_sha256: image.pk for truth in truths for image in (truth.image, truth.right_image) if image
        }
        n_phases = max(truth.trial.phase for truth in truths)
        self.phases: list[list[DrawnImage]] = [[] for _ in range(n_phases)]
        for truth in truths:
            if not truth.trial.is_practice and truth.repeat_of_id is None:
                right = "" if truth.right_image is None else truth.right_image.pixel_sha256
                self.phases[truth.trial.phase - 1].append(DrawnImage(truth.origin, truth.image.pixel_sha256, right))


def _without(before: _FirstSession | None, candidates: Candidates) -> list[str]:
    """Of a second session: those that were not shown in the first, for the practice."""
    return [sha256 for sha256 in candidates if before is None or sha256 not in before.images]
