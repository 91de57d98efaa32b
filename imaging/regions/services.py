"""Verbs of region tasks: make, assign, save a drawing, close, adjudicate, delete."""

import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max, ProtectedError
from django.utils import timezone

from config.accounts.models import User
from config.projects.rules import is_in_project
from imaging.models import Dataset, Image, Region, RegionAnnotator, RegionAssignment, RegionDrawing, RegionTask
from imaging.regions.drawn import DrawnRegion, RegionError, parse_regions
from imaging.regions.geometry import Rectangle
from worker.compute.settings import MAX_SEED

MOST_IMAGES = 20_000  # of one task: more is nobody's reading, and one transaction would hold up the site
MOST_ANNOTATORS = 26  # codes A to Z
MOST_NAMES = 9  # regions, and labels: one digit each
Role = RegionAnnotator.Role


@transaction.atomic
def create_task(
    *,
    name: str,
    dataset: Dataset,
    region_names: Sequence[str],
    labels: Sequence[str],
    annotators: Sequence[User],
    splits: Sequence[str] = (),
    sample_size: int | None = None,
    seed: int = 0,
    instructions: str = "",
    offers_last_boxes: bool = True,
    created_by: User | None,
) -> RegionTask:
    """A task on the images of `dataset` that are there now: of `splits` (all without), `sample_size` of them by `seed`.

    Each annotator gets all of them, in an order of the seed and the annotator's number. Raises RegionError, in words,
    for values that make no sense or a name that is taken.
    """
    name = name.strip()
    if not name or len(name) > 200:
        raise RegionError("Give the task a name of 1 to 200 characters.")
    if RegionTask.objects.filter(name=name).exists():
        raise RegionError(f"There is a task called “{name}” already. Choose another name.")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise RegionError(f"The seed is {seed!r}; it must be a whole number from 0 to {MAX_SEED}.")
    if not annotators:
        raise RegionError("Choose at least one annotator.")
    images = _choose_images(dataset, splits, sample_size, seed)
    task = RegionTask.objects.create(
        name=name,
        dataset=dataset,
        region_names=checked_words("regions", region_names),
        labels=checked_words("labels", labels),
        instructions=instructions.strip(),
        splits=list(splits),
        sample_size=sample_size,
        seed=seed,
        offers_last_boxes=offers_last_boxes,
        n_images=len(images),
        created_by=created_by,
    )
    for user in annotators:
        _assign(task, user, images)
    return task


def checked_words(what: str, words: Iterable[str]) -> list[str]:
    """Names of regions or labels: 1 to 9, different, each of 1 to 100 characters. Raises RegionError."""
    found = [" ".join(word.split()) for word in words if word.strip()]
    if not 1 <= len(found) <= MOST_NAMES:
        raise RegionError(f"Name 1 to {MOST_NAMES} {what}, not {len(found)}.")
    for word in found:
        if len(word) > 100:
            raise RegionError(f"“{word[:30]}…” has {len(word)} characters; 100 are allowed.")
        if [one.casefold() for one in found].count(word.casefold()) > 1:
            raise RegionError(f"“{word}” is named twice among the {what}.")
    return found


@transaction.atomic
def add_annotator(*, task: RegionTask, user: User) -> RegionAnnotator:
    """Let `user` draw on all images of the task too. Raises RegionError when it is closed, or `user` draws already."""
    locked = _lock(task)
    if not locked.is_open:
        raise RegionError("The task is closed. Reopen it first.")
    first = locked.annotators.filter(role=Role.ANNOTATOR).order_by("number").first()
    assert first is not None  # noqa: S101  a task is made with one
    pairs = first.assignments.values_list("image_id", "image__pixel_sha256")
    return _assign(locked, user, list(pairs))


@transaction.atomic
def save_drawing(
    *, annotator: RegionAnnotator, position: int, key: uuid.UUID, regions: Sequence[Mapping[str, Any]]
) -> RegionDrawing:
    """Store what an annotator drew on the image at `position` as a new revision; an unchanged one is not stored again.

    The same `key` again returns what it stored. Raises RegionError when the task is closed (its `code` is "closed") or
    the regions are not those of the task.
    """
    task = _lock(annotator.task)
    if not task.is_open:
        raise RegionError("The task was closed: this drawing was not stored.", code="closed")
    assignment = (
        RegionAssignment.objects.select_for_update(of=("self",))
        .select_related("image", "current")
        .get(annotator=annotator, position=position)
    )
    image = assignment.image
    drawn = parse_regions(regions, names=task.region_names, labels=task.labels, width=image.width, height=image.height)
    return _store(assignment, key, [_plain(one) for one in drawn])


@transaction.atomic
def adjudicate(
    *, task: RegionTask, user: User, image: Image, key: uuid.UUID, regions: Sequence[Mapping[str, Any]]
) -> RegionDrawing:
    """Store what an adjudicator decides on an image of a closed task. The latest decision of anybody is what counts.

    `taken_from` of a region (a code) is kept where that annotator's region is the same, and dropped where it is not.
    Raises RegionError as `save_drawing`, and while the task is open.
    """
    task = _lock(task)
    if task.is_open:
        raise RegionError("Close the task first: while it is open, annotators may still correct their drawings.")
    first = RegionAssignment.objects.filter(
        annotator__task=task, annotator__role=Role.ANNOTATOR, annotator__number=1, image=image
    ).first()
    if first is None:
        raise RegionError("This image is not part of the task.")
    drawn = parse_regions(regions, names=task.region_names, labels=task.labels, width=image.width, height=image.height)
    judge = task.annotators.filter(role=Role.ADJUDICATOR, user=user).first()
    if judge is None:
        judge = RegionAnnotator.objects.create(
            task=task, user=user, role=Role.ADJUDICATOR, number=_next_number(task, Role.ADJUDICATOR)
        )
    assignment, _ = RegionAssignment.objects.select_related("current").get_or_create(
        annotator=judge, image=image, defaults={"position": first.position}
    )
    sources = {
        (region.drawing.assignment.annotator.code, region.name): region
        for region in Region.objects.select_related("drawing__assignment__annotator").filter(
            drawing__current_of__annotator__task=task,
            drawing__current_of__annotator__role=Role.ANNOTATOR,
            drawing__current_of__image=image,
        )
    }
    rows = []
    for one in drawn:
        source = sources.get((one.taken_from, one.name))
        same = source is not None and _same(source, one)
        rows.append(_plain(one) | {"taken_from": one.taken_from if same else ""})
    return _store(assignment, key, rows)


@transaction.atomic
def close_task(*, task: RegionTask) -> None:
    """No drawing changes from now on. Closing again keeps the first date."""
    RegionTask.objects.filter(pk=task.pk, closed_at=None).update(closed_at=timezone.now())
    task.refresh_from_db(fields=["closed_at"])


@transaction.atomic
def reopen_task(*, task: RegionTask) -> None:
    """Let annotators go on. Raises RegionError once something was decided or cropped on what they drew."""
    locked = _lock(task)
    if locked.annotators.filter(role=Role.ADJUDICATOR).exists():
        raise RegionError("Regions of this task were adjudicated: it stays closed.")
    if locked.crops.exists():
        raise RegionError("Crops were made of this task's regions: it stays closed.")
    locked.closed_at = None
    locked.save(update_fields=["closed_at"])


@transaction.atomic
def delete_task(*, task: RegionTask) -> None:
    """Remove a task with all its regions. Raises RegionError, naming them, while datasets of crops rest on it."""
    locked = _lock(task)
    for request in locked.crops.filter(dataset=None).select_related("job"):
        if request.job.is_active:
            raise RegionError(f"Crops are being made just now. Cancel the job “{request.job.title}” first.")
        request.delete()
    try:
        with transaction.atomic():
            locked.delete()
    except ProtectedError as error:
        names = ", ".join(sorted(f"“{one}”" for one in error.protected_objects))
        raise RegionError(f"The task “{task}” cannot be deleted: {names} has crops of its regions.") from error


def _choose_images(
    dataset: Dataset, splits: Sequence[str], sample_size: int | None, seed: int
) -> list[tuple[uuid.UUID, str]]:
    """Primary key and pixel hash of each."""
    images = dataset.images.filter(split__in=splits) if splits else dataset.images.all()
    pairs = list(images.order_by().values_list("pk", "pixel_sha256"))
    if sample_size is not None:
        if not 1 <= sample_size <= len(pairs):
            raise RegionError(f"A sample of {sample_size:,} of {len(pairs):,} images cannot be drawn.")
        pairs = sorted(pairs, key=_by_chance(seed, "sample"))[:sample_size]
    if not pairs:
        raise RegionError(f"“{dataset.name}” has no such images.")
    if len(pairs) > MOST_IMAGES:
        raise RegionError(f"These are {len(pairs):,} images; a task may have {MOST_IMAGES:,}. Draw a random sample.")
    return pairs


def _by_chance(seed: int, what: str) -> Callable[[tuple[uuid.UUID, str]], str]:
    """An order that depends on seed and pixels alone: the same on every machine and with every version."""
    return lambda pair: hashlib.sha256(f"{seed} {what} {pair[1]}".encode()).hexdigest()


def _assign(task: RegionTask, user: User, images: Sequence[tuple[uuid.UUID, str]]) -> RegionAnnotator:
    if not user.works_in_projects or not is_in_project(user, task.dataset.project):
        raise RegionError(
            f"{user.username} is not in the project “{task.dataset.project}”: an owner can add them there."
        )
    if task.annotators.filter(role=Role.ANNOTATOR, user=user).exists():
        raise RegionError(f"{user.username} is an annotator of this task already.")
    number = _next_number(task, Role.ANNOTATOR)
    if number > MOST_ANNOTATORS:
        raise RegionError(f"A task has at most {MOST_ANNOTATORS} annotators.")
    annotator = RegionAnnotator.objects.create(task=task, user=user, number=number)
    ordered = sorted(images, key=_by_chance(task.seed, f"annotator {number}"))
    rows = (
        RegionAssignment(annotator=annotator, image_id=pk, position=position)
        for position, (pk, _) in enumerate(ordered, start=1)
    )
    RegionAssignment.objects.bulk_create(rows, batch_size=1000)
    return annotator


def _next_number(task: RegionTask, role: str) -> int:
    last: int | None = task.annotators.filter(role=role).aggregate(last=Max("number"))["last"]
    return (last or 0) + 1


def _lock(task: RegionTask) -> RegionTask:
    return RegionTask.objects.select_for_update(of=("self",)).get(pk=task.pk)


def _store(assignment: RegionAssignment, key: uuid.UUID, rows: list[dict[str, Any]]) -> RegionDrawing:
    before = RegionDrawing.objects.filter(idempotency_key=key).first()
    if before is not None:
        if before.assignment_id != assignment.pk:
            raise RegionError("This key belongs to the drawing of another image. Reload the page.")
        return before
    current = assignment.current
    fields = ("name", "x", "y", "width", "height", "label", "reason", "was_offered", "taken_from")
    if current is not None:
        stored = {region.name: {field: getattr(region, field) for field in fields} for region in current.regions.all()}
        if stored == {row["name"]: row for row in rows}:
            return current
    last: int = assignment.drawings.aggregate(last=Max("revision"))["last"] or 0
    drawing = RegionDrawing.objects.create(
        assignment=assignment, revision=last + 1, idempotency_key=key, saved_at=timezone.now()
    )
    Region.objects.bulk_create(Region(drawing=drawing, **row) for row in rows)
    assignment.current = drawing
    assignment.save(update_fields=["current"])
    return drawing


def _plain(one: DrawnRegion) -> dict[str, Any]:
    """Columns of `Region`."""
    box = one.rectangle
    return {
        "name": one.name,
        "x": box.x if box else None,
        "y": box.y if box else None,
        "width": box.width if box else None,
        "height": box.height if box else None,
        "label": one.label,
        "reason": one.reason,
        "was_offered": one.was_offered,
        "taken_from": "",
    }


def _same(region: Region, one: DrawnRegion) -> bool:
    if not region.is_visible:
        return one.rectangle is None and region.reason == one.reason
    return rectangle_of(region) == one.rectangle and region.label == one.label


def rectangle_of(region: Region) -> Rectangle | None:
    """None where the region is not visible."""
    if region.x is None or region.y is None or region.width is None or region.height is None:
        return None
    return Rectangle(region.x, region.y, region.width, region.height)
