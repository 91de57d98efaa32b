"""What a draft must be so that it can be drawn and read. Refusals are StudyErrors that an investigator understands."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Min, Model
from django.db.models.functions import Least

from imaging.models import Dataset
from imaging.selectors import clean_filters, filter_images
from turing.drawing import LARGEST_SEED, share_practice, share_repeats
from turing.errors import StudyError
from turing.grouping import clean_groups
from turing.models import GroupBy, Origin, Phase, Scale, Study, TrialOrder
from turing.services.planning import has_practice_left, require_bit_depth

MAX_IMAGE_SIZE = 2048  # px; a reading page shows no more, and a stimulus is image_size^2 bytes, or twice that
MOST_PHASES = 6
MOST_PRACTICE = 100
MOST_WASHOUT_DAYS = 3650
SHORTEST_LIMIT_MS, LONGEST_LIMIT_MS = 200, 3_600_000  # of exposure and of time
MOST_BETWEEN_BREAKS = 10_000
LONGEST_TIME_MS = 24 * 3_600_000  # of a rule for outlying times
FEWEST_MADS, MOST_MADS = 0.5, 100
USUAL_CONFIDENCE = 0.95  # of a margin that was declared without one

_SIDES = ("real_dataset_id", "synthetic_dataset_id", "real_filters", "synthetic_filters", "n_real", "n_synthetic")


def check_draft(study: Study, later_phases: Sequence[Phase], *, image_size: int | None) -> None:
    """Brings filters, groups and image size of a draft, and of its phases, into their one spelling; nothing is saved.

    Raises StudyError for whatever could not be drawn or read.
    """
    phases: list[Study | Phase] = [study, *later_phases]
    if len(phases) > MOST_PHASES:
        raise StudyError(f"{len(phases)} phases are too many: at most {MOST_PHASES} are possible.")
    _check_range("Seed", study.seed, 0, LARGEST_SEED)
    if not isinstance(study.leak_limit, int | float) or not 0.5 < study.leak_limit <= 1:
        raise StudyError(f"Limit of the leak audit {study.leak_limit} is out of range: above 0.5, at most 1.")
    _check_numbers(study)
    _check_analysis(study)
    for phase in phases:
        _check_phase(phase, study)
    _check_order(study, [_n_trials(phase, study) for phase in phases])
    _check_follows(study, phases)
    if study.group_by not in GroupBy.values:
        raise StudyError(f"Reader groups by “{study.group_by}” are not known: by years or by grade.")
    study.groups = clean_groups(study.group_by, study.groups)
    study.image_size = min(smallest_side(phase) for phase in phases) if image_size is None else image_size
    _check_range("Image size", study.image_size, 8, MAX_IMAGE_SIZE, unit=" px")
    _check_project(study, phases)
    for row in phases:
        _full_clean(row, number=row.number if isinstance(row, Phase) else 0)


def smallest_side(phase: Study | Phase) -> int:
    """Smallest width or height (px) among all candidate images of both sides, at most MAX_IMAGE_SIZE."""
    sides = [
        filter_images(dataset, filters).order_by().aggregate(side=Min(Least("width", "height")))["side"]
        for dataset, filters in (
            (phase.real_dataset, phase.real_filters),
            (phase.synthetic_dataset, phase.synthetic_filters),
        )
    ]
    return min(*sides, MAX_IMAGE_SIZE)


def _n_trials(phase: Study | Phase, study: Study) -> int:
    return phase.n_real if study.scale == Scale.PAIR else phase.n_real + phase.n_synthetic


def _check_range(what: str, value: Any, low: int, high: int, *, unit: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise StudyError(f"{what} {value}{unit} is out of range: it must lie between {low} and {high}.")


def _check_numbers(study: Study) -> None:
    if study.bit_depth not in (8, 16):
        raise StudyError(f"Bit depth {study.bit_depth} is not possible: 8 or 16.")
    _check_range("Number of practice images", study.n_practice, 0, MOST_PRACTICE)
    _check_range("Images between two breaks", study.break_every, 0, MOST_BETWEEN_BREAKS)
    if study.practice_feedback and not study.n_practice:
        raise StudyError("Feedback is given on practice images alone: ask for some, or for no feedback.")
    for what, limit in (("Exposure limit", study.exposure_limit_ms), ("Time limit", study.time_limit_ms)):
        if limit is not None:
            _check_range(what, limit, SHORTEST_LIMIT_MS, LONGEST_LIMIT_MS, unit=" ms")
    if study.exposure_limit_ms and study.time_limit_ms and study.exposure_limit_ms > study.time_limit_ms:
        raise StudyError(
            f"Exposure limit {study.exposure_limit_ms} ms is longer than the time limit of {study.time_limit_ms} ms: "
            "the image would never be taken off. Make it shorter, or leave one of the two out."
        )


def _check_analysis(study: Study) -> None:
    """What the analysis declares. A margin without a confidence has the usual one: the test of it needs one."""
    _check_share("Equivalence margin", study.equivalence_margin, 0, 0.5, "0.1 means 40 % to 60 %")
    _check_share("Confidence of intervals", study.confidence_level, 0.5, 1, "0.95 is usual")
    if study.equivalence_margin is not None and study.confidence_level is None:
        study.confidence_level = USUAL_CONFIDENCE
    for what, limit in (("Shortest time", study.shortest_time_ms), ("Longest time", study.longest_time_ms)):
        if limit is not None:
            _check_range(what, limit, 1, LONGEST_TIME_MS, unit=" ms")
    if study.shortest_time_ms and study.longest_time_ms and study.shortest_time_ms >= study.longest_time_ms:
        raise StudyError(
            f"Shortest time {study.shortest_time_ms} ms is not below the longest of {study.longest_time_ms} ms: every "
            "reading time would be an outlier."
        )
    mads = study.outlier_mads
    if mads is not None and not (_is_number(mads) and FEWEST_MADS <= mads <= MOST_MADS):
        raise StudyError(
            f"Outlying further than {mads} MADs is out of range: it must lie between {FEWEST_MADS} and {MOST_MADS}; "
            "3.5 is usual."
        )


def _check_share(what: str, value: Any, above: float, below: float, example: str) -> None:
    if value is not None and not (_is_number(value) and above < value < below):
        raise StudyError(
            f"{what} {value} is out of range: it must lie between {above} and {below}, both left out; {example}."
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_phase(phase: Study | Phase, study: Study) -> None:
    """Words, images and numbers of one phase."""
    where = f"Phase {phase.number}: " if isinstance(phase, Phase) else ""
    try:
        if study.scale == Scale.PAIR and phase.n_real != phase.n_synthetic:
            raise StudyError(
                f"A pair shows one image of each kind: {phase.n_real} real and {phase.n_synthetic} synthetic images "
                "make no pairs. Ask for as many of one as of the other."
            )
        n_practice = study.n_practice if phase is study else 0
        extra = share_practice(n_practice, pairs=study.scale == Scale.PAIR)
        phase.real_filters = _check_side(Origin.REAL, phase.real_dataset, phase.real_filters, phase.n_real, extra[0])
        phase.synthetic_filters = _check_side(
            Origin.SYNTHETIC, phase.synthetic_dataset, phase.synthetic_filters, phase.n_synthetic, extra[1]
        )
        require_bit_depth(study.bit_depth, phase)
        _check_labels(phase, study.scale)
    except StudyError as error:
        raise StudyError(f"{where}{error}") from error


def _check_labels(phase: Study | Phase, scale: str) -> None:
    labels = (str(phase.real_label).strip(), str(phase.synthetic_label).strip())
    if labels[0].lower() == labels[1].lower():
        raise StudyError(f"The two answers have the same words, “{labels[0]}”: readers could not tell them apart.")
    if scale in (Scale.PAIR, Scale.CONFIDENCE) and labels != (Origin.REAL.label, Origin.SYNTHETIC.label):
        words = "left and right" if scale == Scale.PAIR else "six steps from surely real to surely synthetic"
        raise StudyError(f"This scale has answers of its own ({words}): other words for them cannot be chosen.")
    phase.real_label, phase.synthetic_label = labels


def _check_side(origin: str, dataset: Dataset, filters: dict[str, Any], number: int, practice: int) -> dict[str, Any]:
    """The filters in their one spelling. Raises StudyError when this side cannot be drawn."""
    if dataset.origin != origin:
        raise StudyError(f"“{dataset}” is a {dataset.origin} dataset; the {origin} images need a {origin} one.")
    if not isinstance(number, int) or number < 1:
        raise StudyError(f"Number of {origin} images {number} is out of range: at least 1 is needed.")
    if not isinstance(filters, dict):
        raise StudyError(f"Filters of the {origin} images: {filters!r} names none. No filter is {{}}.")
    try:
        filters = clean_filters(filters)
    except ValueError as error:
        raise StudyError(f"Filters of the {origin} images: {error}") from error
    available = filter_images(dataset, filters).count()
    if available < number + practice:
        asked = f"{number}" if not practice else f"{number}, and for {practice} more to practise,"
        raise StudyError(
            f"Not enough {origin} images: the study asks for {asked} and {available} in “{dataset}” match the "
            "filters. Ask for fewer, widen the filters, or choose a larger dataset."
        )
    return filters


def _check_order(study: Study, sizes: Sequence[int]) -> None:
    _check_range("Number of repeats", study.n_repeats, 0, sum(sizes) // 2)
    share_repeats(sizes, study.n_repeats)
    if study.order == TrialOrder.BLOCKS:
        _check_range("Block size", study.block_size, 2, max(sum(sizes), 2))
    elif study.block_size:
        raise StudyError(f"Block size {study.block_size} is for an order in blocks: leave it at 0, or choose blocks.")


def _check_follows(study: Study, phases: Sequence[Study | Phase]) -> None:
    first = study.follows
    if first is None:
        if study.washout_days:
            raise StudyError("A washout is the time between two sessions: this study follows no other.")
        return
    _check_range("Washout", study.washout_days, 0, MOST_WASHOUT_DAYS, unit=" days")
    if first.status == Study.Status.DRAFT:
        raise StudyError(f"“{first}” is a draft: a second session shows the images of a study that has been opened.")
    if first.is_example != study.is_example:
        raise StudyError(
            "Simulated readers read example studies, people read the others: both sessions are of one kind."
        )
    before = [first, *first.later_phases.order_by("number")]
    same = [[getattr(phase, name) for name in _SIDES] for phase in phases]
    if same != [[getattr(phase, name) for name in _SIDES] for phase in before]:
        raise StudyError(
            f"A second session shows the images of “{first}” again: its phases, datasets, filters and numbers cannot "
            "be changed. Make a new study to show others."
        )
    if (study.scale == Scale.PAIR) != (first.scale == Scale.PAIR):
        raise StudyError(f"A second session shows pairs if “{first}” did, and single images if that did.")
    if not has_practice_left(first, study.n_practice):
        raise StudyError(
            f"“{first}” has shown so many of the images that {study.n_practice} are not left to practise on. Ask for "
            "fewer."
        )


def _check_project(study: Study, phases: Sequence[Study | Phase]) -> None:
    datasets = [dataset for phase in phases for dataset in (phase.real_dataset, phase.synthetic_dataset)]
    if study.project_id is None:
        study.project_id = datasets[0].project_id
    for dataset in datasets:
        if dataset.project_id != study.project_id:
            raise StudyError(f"“{dataset}” belongs to another project than the study. Import it into this project.")
    if Study.anywhere.filter(project=study.project_id, name=study.name).exclude(pk=study.pk).exists():
        raise StudyError(f"There is a study called “{study.name}” already. Choose another name.")


def _full_clean(row: Model, *, number: int) -> None:
    try:
        row.full_clean(exclude=["study"] if number else None)
    except ValidationError as error:
        where = f"Phase {number}: " if number else ""
        raise StudyError(where + " ".join(_validation_messages(error))) from error


def _validation_messages(error: ValidationError) -> list[str]:
    if not hasattr(error, "error_dict"):
        return list(error.messages)
    return [f"{field}: {message}" for field, messages in error.message_dict.items() for message in messages]
