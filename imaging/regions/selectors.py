"""Reads on region tasks."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Q, QuerySet

from config.accounts.models import User
from imaging.models import Dataset, Image, Region, RegionAnnotator, RegionAssignment, RegionTask
from imaging.regions.geometry import Rectangle

Role = RegionAnnotator.Role


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The current region of one annotator on one image."""

    rectangle: Rectangle | None  # None: not visible
    label: str
    reason: str
    was_offered: bool
    taken_from: str
    region_id: uuid.UUID
    saved_at: datetime


Drawings = dict[uuid.UUID, dict[str, Seen]]  # image -> name of the region -> region


def tasks_with_progress() -> QuerySet[RegionTask]:
    """Newest first, each with `n_annotators`, `n_wanted` and `n_done` (images, of all annotators)."""
    drawn = Q(annotators__role=Role.ANNOTATOR)
    return (
        RegionTask.objects.select_related("dataset")
        .annotate(
            n_annotators=Count("annotators", filter=drawn, distinct=True),
            n_wanted=Count("annotators__assignments", filter=drawn),
            n_done=Count("annotators__assignments", filter=drawn & Q(annotators__assignments__current__isnull=False)),
        )
        .order_by("-created_at", "pk")
    )


def own_tasks(user: User) -> QuerySet[RegionAnnotator]:
    """Where `user` draws: open tasks first, then the newest, each with `n_done` images and its task."""
    done = Count("assignments", filter=Q(assignments__current__isnull=False))
    found = RegionAnnotator.objects.filter(user=user, role=Role.ANNOTATOR).select_related("task")
    return found.annotate(n_done=done).order_by(F("task__closed_at").asc(nulls_first=True), "-task__created_at", "pk")


def annotators_with_progress(task: RegionTask, role: str = Role.ANNOTATOR) -> list[RegionAnnotator]:
    """In the order of their numbers, each with `n_done` images."""
    done = Count("assignments", filter=Q(assignments__current__isnull=False))
    return list(task.annotators.filter(role=role).select_related("user").annotate(n_done=done).order_by("number"))


def annotator_of(task: RegionTask, user: User) -> RegionAnnotator | None:
    return task.annotators.filter(role=Role.ANNOTATOR, user=user).first()


def hidden_from(task: RegionTask, user: User) -> set[uuid.UUID]:
    """Images of which `user` may not see the regions of others yet: own ones of an open task that are not drawn."""
    if not task.is_open:
        return set()
    own = RegionAssignment.objects.filter(
        annotator__task=task, annotator__role=Role.ANNOTATOR, annotator__user=user, current=None
    )
    return set(own.values_list("image_id", flat=True))


def current_regions(annotator: RegionAnnotator, *, image: Image | None = None) -> Drawings:
    """All that an annotator has drawn (on `image`), as it stands. One query."""
    regions = Region.objects.filter(drawing__current_of__annotator=annotator)
    return _drawings(regions if image is None else regions.filter(drawing__current_of__image=image))


def adjudicated_regions(task: RegionTask, *, image: Image | None = None) -> Drawings:
    """The latest decision on each image (on `image`) that somebody decided on. One query."""
    judged = Region.objects.filter(
        drawing__current_of__annotator__task=task, drawing__current_of__annotator__role=Role.ADJUDICATOR
    )
    if image is not None:
        judged = judged.filter(drawing__current_of__image=image)
    return _drawings(judged.order_by("drawing__saved_at", "drawing__pk"), per_drawing=True)


def _drawings(regions: QuerySet[Region], *, per_drawing: bool = False) -> Drawings:
    """With `per_drawing`, a later drawing replaces an earlier one of the same image."""
    found: Drawings = {}
    latest: dict[uuid.UUID, uuid.UUID] = {}
    columns = (
        "drawing__assignment__image_id", "drawing_id", "name", "x", "y", "width", "height", "label", "reason",
        "was_offered", "taken_from", "pk", "drawing__saved_at",
    )  # fmt: skip
    for image, drawing, name, x, y, width, height, label, reason, offered, taken, pk, saved_at in regions.values_list(
        *columns
    ):
        if per_drawing and latest.get(image) != drawing:
            found[image] = {}
            latest[image] = drawing
        found.setdefault(image, {})[name] = Seen(
            rectangle=None if width is None else Rectangle(x, y, width, height),
            label=label,
            reason=reason,
            was_offered=offered,
            taken_from=taken,
            region_id=pk,
            saved_at=saved_at,
        )
    return found


def crops_of(image: Image) -> list[Image]:
    """Images that were cut out of `image`, in the datasets of crops of its dataset's tasks."""
    made = Dataset.objects.filter(crops_record__task__dataset=image.dataset_id)
    crops = Image.objects.filter(dataset__in=list(made), provenance__cropped_from=str(image.pk))
    return list(crops.select_related("dataset").order_by("dataset__created_at", "created_at", "id"))


def source_of(image: Image) -> Image | None:
    """The image that `image` was cut out of; None when it is no crop."""
    pk = image.provenance.get("cropped_from")
    return None if pk is None else Image.objects.select_related("dataset").filter(pk=pk).first()
