"""Drafts: make, change, copy, delete. Once a study is open its protocol is frozen, and copying is all that is left."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from config.accounts.models import User
from imaging.models import Dataset
from turing.audit.services import record_event
from turing.drawing import new_seed
from turing.errors import StudyError
from turing.models import Origin, Phase, Study
from turing.models.studies import DEFAULT_LEAK_LIMIT
from turing.services.being_opened import require_not_being_opened
from turing.services.checking import MAX_IMAGE_SIZE, check_draft, smallest_side
from turing.services.planning import has_practice_left
from turing.texts import DEFAULT_INSTRUCTIONS, default_question

__all__ = [
    "MAX_IMAGE_SIZE",
    "PHASE_FIELDS",
    "PROTOCOL_FIELDS",
    "clone_study",
    "create_study",
    "delete_study",
    "follow_up_study",
    "lock_study",
    "smallest_side",
    "update_study",
]

# what a phase has of its own
PHASE_FIELDS = (
    *("title", "question", "instructions", "real_label", "synthetic_label", "real_dataset", "synthetic_dataset"),
    *("real_filters", "synthetic_filters", "n_real", "n_synthetic"),
)
# what can be chosen of a draft, apart from its phases
PROTOCOL_FIELDS = (
    *("name", "question", "instructions", "positive_class", "real_dataset", "synthetic_dataset", "real_filters"),
    *("synthetic_filters", "n_real", "n_synthetic", "seed", "image_size", "bit_depth", "leak_limit", "scale"),
    *("real_label", "synthetic_label", "mark_kind", "asks_comment", "n_practice", "practice_feedback", "n_repeats"),
    *("order", "block_size", "break_every", "exposure_limit_ms", "time_limit_ms", "shows_total", "shows_score"),
    *("consent", "closing_text", "group_by", "groups", "follows", "washout_days"),
    *("equivalence_margin", "confidence_level", "shortest_time_ms", "longest_time_ms", "outlier_mads"),
)


@transaction.atomic
def create_study(
    *,
    name: str,
    real_dataset: Dataset,
    synthetic_dataset: Dataset,
    n_real: int,
    n_synthetic: int,
    created_by: User | None,
    question: str | None = None,
    instructions: str = DEFAULT_INSTRUCTIONS,
    positive_class: str = Origin.REAL,
    seed: int | None = None,
    image_size: int | None = None,
    real_filters: dict[str, Any] | None = None,
    synthetic_filters: dict[str, Any] | None = None,
    is_example: bool = False,
    leak_limit: float = DEFAULT_LEAK_LIMIT,
    later_phases: Sequence[Mapping[str, Any]] = (),
    **choices: Any,
) -> Study:
    """Create a draft. Without `seed` an unpredictable one is drawn; without `image_size` (px) it is the smallest side
    among the images of both sets, so that both are shown at the resolution of the coarser one; without `question` it is
    the usual one of the scale. `leak_limit`: AUC above 0.5 and up to 1, see `turing.blinding`.

    `later_phases`: one mapping for each phase after the first, with PHASE_FIELDS; datasets, question and labels are
    those of the study unless given. `choices`: any other of PROTOCOL_FIELDS, each off unless given.

    Raises StudyError when the study could not be drawn or read: wrong kind of dataset, empty filters, too few images, a
    name that is taken, a number out of range, choices that contradict each other.
    """
    study = Study(created_by=created_by, is_example=is_example)
    scale = choices.get("scale", study.scale)
    values = {
        "name": name,
        "question": default_question(scale, positive_class) if question is None else question,
        "instructions": instructions,
        "positive_class": positive_class,
        "real_dataset": real_dataset,
        "synthetic_dataset": synthetic_dataset,
        "real_filters": real_filters or {},
        "synthetic_filters": synthetic_filters or {},
        "n_real": n_real,
        "n_synthetic": n_synthetic,
        "seed": new_seed() if seed is None else seed,
        "image_size": image_size,
        "leak_limit": leak_limit,
        **choices,
    }
    return _create(study, values, later_phases, by=created_by)


@transaction.atomic
def update_study(
    *,
    study: Study,
    by: User | None = None,
    later_phases: Sequence[Mapping[str, Any]] | None = None,
    **changes: Any,
) -> Study:
    """Change fields of a draft, named as in `create_study`; `image_size=None` and `seed=None` choose anew.

    `later_phases` replaces all of them; None leaves them as they are. Raises StudyError when the study is not a draft
    any more, or could not be drawn.
    """
    locked = _lock_draft(study)
    if "seed" in changes and changes["seed"] is None:
        changes["seed"] = new_seed()
    before = list(locked.later_phases.select_related("real_dataset", "synthetic_dataset").order_by("number"))
    values = {"image_size": locked.image_size, **changes}
    phases = before if later_phases is None else _phases(locked, later_phases, values)
    _assign(locked, values, phases)
    locked.save()
    replaced = []
    if later_phases is not None:
        replaced = [Phase(pk=phase.pk) for phase in before]
        locked.later_phases.all().delete()
    for phase in phases:
        phase.save()
    record_event(action="study.changed", about=locked, by=by, written=[locked, *phases], removed=replaced)
    study.refresh_from_db()
    return study


@transaction.atomic
def delete_study(*, study: Study, by: User | None = None) -> None:
    """Delete a draft, its phases and its invitations. Raises StudyError for a study that has been opened: its record
    stays.
    """
    locked = lock_study(study.pk)
    if locked.status != Study.Status.DRAFT:
        raise StudyError(f"“{study}” has been opened: it is part of the record and cannot be deleted.")
    require_not_being_opened(locked)
    # locked before the event, as everybody takes these two locks in this order
    invitations = list(locked.invitations.select_for_update(of=("self",)).order_by("pk"))
    record_event(
        action="study.deleted", about=locked, by=by, removed=[locked, *locked.later_phases.all(), *invitations]
    )
    locked.delete()


@transaction.atomic
def clone_study(*, study: Study, by: User | None, name: str = "") -> Study:
    """A draft with the same settings and phases, and a new seed: it draws other images. Never an example study, and
    never a second session. Without `name` it is “... (copy)”.

    Raises StudyError as `create_study`.
    """
    values = {field: getattr(study, field) for field in PROTOCOL_FIELDS}
    values |= {"name": name or _free_name(study.name, "copy"), "seed": new_seed(), "follows": None, "washout_days": 0}
    return _create(Study(created_by=by), values, _described_phases(study), by=by, details={"copy_of": str(study.pk)})


@transaction.atomic
def follow_up_study(*, study: Study, by: User | None, name: str = "", washout_days: int) -> Study:
    """The draft of a second session of an opened study: the same images in a new order, for the same readers, each of
    whom can start `washout_days` after finishing the first. Without repeats, unless they are asked for afterwards, and
    without practice where no images are left for one. Without `name` it is “... (second session)”.

    Raises StudyError for a draft, and as `create_study`.
    """
    values = {field: getattr(study, field) for field in PROTOCOL_FIELDS}
    values |= {
        "name": name or _free_name(study.name, "second session"),
        "seed": new_seed(),
        "follows": study,
        "washout_days": washout_days,
        "n_repeats": 0,
    }
    if study.status != Study.Status.DRAFT and not has_practice_left(study, study.n_practice):
        values |= {"n_practice": 0, "practice_feedback": False}
    draft = Study(created_by=by, is_example=study.is_example)
    return _create(draft, values, _described_phases(study), by=by)


def lock_study(study_id: UUID) -> Study:
    """The row as it is now, locked until the transaction ends (SQLite: the whole database, by IMMEDIATE)."""
    return (
        Study.objects.select_for_update(of=("self",))
        .select_related("real_dataset", "synthetic_dataset", "follows")
        .get(pk=study_id)
    )


def _lock_draft(study: Study) -> Study:
    locked = lock_study(study.pk)
    if locked.status != Study.Status.DRAFT:
        raise StudyError(f"“{study}” has been opened: its protocol is frozen. Make a new study to change it.")
    require_not_being_opened(locked)
    return locked


def _create(
    study: Study,
    values: dict[str, Any],
    later_phases: Sequence[Mapping[str, Any]],
    *,
    by: User | None,
    details: dict[str, Any] | None = None,
) -> Study:
    phases = _phases(study, later_phases, values)
    _assign(study, values, phases)
    study.save()
    for phase in phases:
        phase.save()
    record_event(action="study.created", about=study, by=by, written=[study, *phases], details=details or {})
    return study


def _assign(study: Study, values: dict[str, Any], phases: Sequence[Phase]) -> None:
    unknown = sorted(set(values) - set(PROTOCOL_FIELDS))
    if unknown:
        raise TypeError(f"Not a field of a draft: {', '.join(unknown)}")
    image_size = values.pop("image_size")
    for field, value in values.items():
        setattr(study, field, value)
    check_draft(study, phases, image_size=image_size)


def _phases(study: Study, later_phases: Sequence[Mapping[str, Any]], values: Mapping[str, Any]) -> list[Phase]:
    """Unsaved, numbered from 2. What one of them does not say is as in the study."""
    phases = []
    for number, given in enumerate(later_phases, start=2):
        unknown = sorted(set(given) - set(PHASE_FIELDS))
        missing = sorted({"n_real", "n_synthetic"} - set(given))
        if unknown or missing:
            problem = f"{unknown[0]} is not known" if unknown else f"{missing[0]} is missing"
            raise StudyError(f"Phase {number}: {problem}. A phase has {', '.join(PHASE_FIELDS)}.")
        shared = ("question", "real_label", "synthetic_label", "real_dataset", "synthetic_dataset")
        defaults = {field: values.get(field, getattr(study, field, None)) for field in shared}
        phases.append(Phase(study=study, number=number, **{"title": f"Part {number}", **defaults, **given}))
    return phases


def _described_phases(study: Study) -> list[dict[str, Any]]:
    phases = study.later_phases.select_related("real_dataset", "synthetic_dataset").order_by("number")
    return [{field: getattr(phase, field) for field in PHASE_FIELDS} for phase in phases]


def _free_name(name: str, suffix: str) -> str:
    """`name (suffix)`, with a number when that is taken; cut to what a name may have."""
    longest = Study._meta.get_field("name").max_length or 0
    number = 1
    while True:
        ending = f" ({suffix})" if number == 1 else f" ({suffix} {number})"
        found = name[: longest - len(ending)] + ending
        if not Study.objects.filter(name=found).exists():
            return found
        number += 1
