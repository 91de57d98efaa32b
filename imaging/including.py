"""From all images of a dataset to those that a study includes: a dataset of its own, with its rules and flow chart."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.db import transaction

from config.accounts.models import User
from imaging.inclusion import TITLES, InclusionRules, Outcome, apply_rules
from imaging.models import Dataset, Image, Picture
from imaging.services import DatasetError, create_dataset

FIELDS = ("age_years", "sex", "view_position", "manufacturer", "modality", "body_part", "study_year", "label")
COPIED = tuple(field.name for field in Picture._meta.get_fields() if field.name not in ("id", "created_at"))
BATCH = 1000


def plan_inclusion(dataset: Dataset, rules: InclusionRules) -> Outcome:
    """What the rules make of the images of `dataset`, in the order of their pixel hashes. Nothing is written."""
    return apply_rules(rules.rules(), list(dataset.images.order_by("pixel_sha256").values(*FIELDS)))


@transaction.atomic
def include_images(*, dataset: Dataset, rules: InclusionRules, name: str, created_by: User | None) -> Dataset:
    """A new dataset of the images that pass, which share their pixels with `dataset`.

    Rules and counts are kept with it. Raises DatasetError when no rule is set, no image is left, or the name is taken.
    """
    if not rules.rules():
        raise DatasetError("Set at least one rule.")
    images = list(dataset.images.order_by("pixel_sha256"))
    outcome = apply_rules(rules.rules(), [{field: getattr(one, field) for field in FIELDS} for one in images])
    left = [image for image, reason in zip(images, outcome.reasons, strict=True) if not reason]
    if not left:
        raise DatasetError("No image passes these rules. The counts say which of them leaves none.")
    record = make_record(dataset, rules, outcome, total=len(images))
    return copy_images(dataset=dataset, images=left, record=record, name=name, created_by=created_by)


@transaction.atomic
def copy_images(
    *, dataset: Dataset, images: Sequence[Image], record: dict[str, Any], name: str, created_by: User | None
) -> Dataset:
    """A new dataset of some images of `dataset`, with all that is known of them, and how they were chosen.

    `record` is one of `make_record`, or of another step of the same flow chart: "source", "source_id", "total", "rules"
    ({} where none were applied), "steps" and "before". A step has "title", "words", "excluded", "missing", "left", and
    may bring its own words for the chart: "excluded_words" and "left_words". Raises DatasetError as `create_dataset`.
    """
    made = create_dataset(
        name=name,
        origin=dataset.origin,
        description=dataset.description,
        licence=dataset.licence,
        citation=dataset.citation,
        is_phantom=dataset.is_phantom,
        created_by=created_by,
    )
    made.inclusion_record = record
    made.split_record, made.import_record = dataset.split_record, dataset.import_record
    made.save(update_fields=["inclusion_record", "split_record", "import_record"])
    copies = (Image(dataset=made, **{field: getattr(image, field) for field in COPIED}) for image in images)
    Image.objects.bulk_create(copies, batch_size=BATCH)
    return made


def make_record(dataset: Dataset, rules: InclusionRules, outcome: Outcome, *, total: int) -> dict[str, Any]:
    """JSON-able: what was done, and the record of the dataset before it, so that the whole way is told."""
    return {
        "source": dataset.name,
        "source_id": str(dataset.pk),
        "total": total,
        "rules": rules.to_dict(),
        "steps": [{"title": TITLES[step.name], **asdict(step)} for step in outcome.steps],
        "before": dataset.inclusion_record,
    }


def earlier_rules() -> dict[str, InclusionRules]:
    """Rules that were used, by name of their dataset, newest first: to apply them to new images."""
    kept = Dataset.objects.exclude(inclusion_record={}).order_by("-created_at")
    return {
        one.name: InclusionRules.from_dict(one.inclusion_record["rules"])
        for one in kept
        if one.inclusion_record["rules"]  # other steps have none
    }
