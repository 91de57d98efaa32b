"""Drafts: make, change, delete. Once a study is open its protocol is frozen and none of this works any more."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Min
from django.db.models.functions import Least

from config.accounts.models import User
from imaging.models import Dataset
from imaging.selectors import clean_filters, filter_images
from turing.audit.services import record_event
from turing.drawing import LARGEST_SEED, new_seed
from turing.errors import StudyError
from turing.models import Origin, Study
from turing.models.studies import DEFAULT_LEAK_LIMIT
from turing.texts import DEFAULT_INSTRUCTIONS, DEFAULT_QUESTION

MAX_IMAGE_SIZE = 2048  # px; a reading page shows no more, and a stimulus is image_size^2 bytes


@transaction.atomic
def create_study(
    *,
    name: str,
    real_dataset: Dataset,
    synthetic_dataset: Dataset,
    n_real: int,
    n_synthetic: int,
    created_by: User | None,
    question: str = DEFAULT_QUESTION,
    instructions: str = DEFAULT_INSTRUCTIONS,
    positive_class: str = Origin.REAL,
    seed: int | None = None,
    image_size: int | None = None,
    real_filters: dict[str, Any] | None = None,
    synthetic_filters: dict[str, Any] | None = None,
    is_example: bool = False,
    leak_limit: float = DEFAULT_LEAK_LIMIT,
) -> Study:
    """Create a draft. Without `seed` an unpredictable one is drawn; without `image_size` (px) it is the smallest side
    among the images of both sets, so that both are shown at the resolution of the coarser one. `leak_limit`: AUC above
    0.5 and up to 1, see `turing.blinding`.

    Raises StudyError when the study could not be drawn: wrong kind of dataset, empty filters, too few images, a name
    that is taken, a number out of range.
    """
    study = Study(created_by=created_by, is_example=is_example)
    _save_draft(
        study,
        name=name,
        question=question,
        instructions=instructions,
        positive_class=positive_class,
        real_dataset=real_dataset,
        synthetic_dataset=synthetic_dataset,
        real_filters=real_filters or {},
        synthetic_filters=synthetic_filters or {},
        n_real=n_real,
        n_synthetic=n_synthetic,
        seed=new_seed() if seed is None else seed,
        image_size=image_size,
        leak_limit=leak_limit,
    )
    record_event(action="study.created", about=study, by=created_by, written=[study])
    return study


@transaction.atomic
def update_study(*, study: Study, by: User | None = None, **changes: Any) -> Study:
    """Change fields of a draft, named as in `create_study`; `image_size=None` and `seed=None` choose anew.

    Raises StudyError when the study is not a draft any more, or could not be drawn.
    """
    locked = lock_study(study.pk)
    if locked.status != Study.Status.DRAFT:
        raise StudyError(f"“{study}” has been opened: its protocol is frozen. Make a new study to change it.")
    editable = {
        field: getattr(locked, field)
        for field in (
            *("name", "question", "instructions", "positive_class", "real_dataset", "synthetic_dataset"),
            *("real_filters", "synthetic_filters", "n_real", "n_synthetic", "seed", "image_size", "leak_limit"),
        )
    }
    unknown = sorted(set(changes) - set(editable))
    if unknown:
        raise TypeError(f"Not a field of a draft: {', '.join(unknown)}")
    values = {**editable, **changes}
    if values["seed"] is None:
        values["seed"] = new_seed()
    _save_draft(locked, **values)
    record_event(action="study.changed", about=locked, by=by, written=[locked])
    study.refresh_from_db()
    return study


@transaction.atomic
def delete_study(*, study: Study, by: User | None = None) -> None:
    """Delete a draft and its invitations. Raises StudyError for a study that has been opened: its record stays."""
    locked = lock_study(study.pk)
    if locked.status != Study.Status.DRAFT:
        raise StudyError(f"“{study}” has been opened: it is part of the record and cannot be deleted.")
    # locked before the event, as everybody takes these two locks in this order
    invitations = list(locked.invitations.select_for_update().order_by("pk"))
    record_event(action="study.deleted", about=locked, by=by, removed=[locked, *invitations])
    locked.delete()


def lock_study(study_id: UUID) -> Study:
    """The row as it is now, locked until the transaction ends (SQLite: the whole database, by IMMEDIATE)."""
    return (
        Study.objects.select_for_update(of=("self",))
        .select_related("real_dataset", "synthetic_dataset")
        .get(pk=study_id)
    )


def _save_draft(study: Study, *, image_size: int | None, **values: Any) -> None:
    for field, value in values.items():
        setattr(study, field, value)
    study.real_filters = _check_side("real", study.real_dataset, study.real_filters, study.n_real)
    study.synthetic_filters = _check_side(
        "synthetic", study.synthetic_dataset, study.synthetic_filters, study.n_synthetic
    )
    if not 0 <= study.seed <= LARGEST_SEED:
        raise StudyError(f"Seed {study.seed} is out of range: it must lie between 0 and {LARGEST_SEED}.")
    if not 0.5 < study.leak_limit <= 1:
        raise StudyError(f"Limit of the leak audit {study.leak_limit} is out of range: above 0.5, at most 1.")
    study.image_size = smallest_side(study) if image_size is None else image_size
    if not 8 <= study.image_size <= MAX_IMAGE_SIZE:
        raise StudyError(
            f"Image size {study.image_size} px is out of range: it must lie between 8 and {MAX_IMAGE_SIZE}."
        )
    try:
        study.full_clean()
    except ValidationError as error:
        raise StudyError(" ".join(_validation_messages(error))) from error
    study.save()


def _check_side(origin: str, dataset: Dataset, filters: dict[str, Any], number: int) -> dict[str, Any]:
    """The filters in their one spelling. Raises StudyError when this side cannot be drawn."""
    if dataset.origin != origin:
        raise StudyError(f"“{dataset}” is a {dataset.origin} dataset; the {origin} images need a {origin} one.")
    if number < 1:
        raise StudyError(f"Number of {origin} images {number} is out of range: at least 1 is needed.")
    try:
        filters = clean_filters(filters)
    except ValueError as error:
        raise StudyError(f"Filters of the {origin} images: {error}") from error
    available = filter_images(dataset, filters).count()
    if available < number:
        raise StudyError(
            f"Not enough {origin} images: the study asks for {number} and {available} in “{dataset}” match the "
            "filters. Ask for fewer, widen the filters, or choose a larger dataset."
        )
    return filters


def smallest_side(study: Study) -> int:
    """Smallest width or height (px) among all candidate images of both sides, at most MAX_IMAGE_SIZE."""
    sides = [
        filter_images(dataset, filters).order_by().aggregate(side=Min(Least("width", "height")))["side"]
        for dataset, filters in (
            (study.real_dataset, study.real_filters),
            (study.synthetic_dataset, study.synthetic_filters),
        )
    ]
    return min(*sides, MAX_IMAGE_SIZE)


def _validation_messages(error: ValidationError) -> list[str]:
    if not hasattr(error, "error_dict"):
        return list(error.messages)
    return [f"{field}: {message}" for field, messages in error.message_dict.items() for message in messages]
