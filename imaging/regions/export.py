"""All regions of a task as CSV or JSON, as they stand or with every revision. Annotators are named by code."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from django.db.models import F

from config.accounts.models import User
from imaging.models import Region, RegionTask
from imaging.regions.selectors import hidden_from

COLUMNS = (
    "image", "image_sha256", "region", "x", "y", "width", "height", "label", "not_visible_because", "annotator",
    "role", "revision", "is_current", "as_offered", "taken_from", "time",
)  # fmt: skip
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def region_rows(task: RegionTask, *, user: User, history: bool = False) -> Iterator[dict[str, Any]]:
    """One mapping of COLUMNS for each region, by annotator, image and region; with `history` for each revision of it.

    Without what `user` may not see yet (see `hidden_from`); own regions are always there.
    """
    hidden = hidden_from(task, user)
    regions = Region.objects.filter(drawing__assignment__annotator__task=task)
    if not history:
        regions = regions.filter(drawing__current_of__isnull=False)
    regions = regions.select_related("drawing__assignment__annotator", "drawing__assignment__image")
    order = {name: index for index, name in enumerate(task.region_names)}
    role = "drawing__assignment__annotator__role"
    rows = regions.annotate(current=F("drawing__current_of")).order_by(
        F(role).desc(),  # annotators before adjudicators
        "drawing__assignment__annotator__number",
        "drawing__assignment__position",
        "drawing__revision",
    )
    for region in _in_order(rows.iterator(chunk_size=2000), order):
        drawing = region.drawing
        assignment = drawing.assignment
        if assignment.image_id in hidden and assignment.annotator.user_id != user.pk:
            continue
        yield {
            "image": str(assignment.image_id),
            "image_sha256": assignment.image.pixel_sha256,
            "region": region.name,
            "x": region.x,
            "y": region.y,
            "width": region.width,
            "height": region.height,
            "label": region.label,
            "not_visible_because": region.reason,
            "annotator": assignment.annotator.code,
            "role": assignment.annotator.role,
            "revision": drawing.revision,
            "is_current": region.current is not None,  # type: ignore[attr-defined]
            "as_offered": region.was_offered,
            "taken_from": region.taken_from,
            "time": drawing.saved_at.isoformat(),
        }


def export_csv(task: RegionTask, *, user: User, history: bool = False) -> str:
    """The rows with a header. A text that a spreadsheet would run as a formula has an apostrophe put before it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in region_rows(task, user=user, history=history):
        writer.writerow([_cell(row[column]) for column in COLUMNS])
    return buffer.getvalue()


def export_json(task: RegionTask, *, user: User, history: bool = False) -> dict[str, Any]:
    """The task's settings, and the rows."""
    return {
        "task": task.name,
        "dataset": task.dataset.name,
        "region_names": task.region_names,
        "labels": task.labels,
        "splits": task.splits,
        "sample_size": task.sample_size,
        "seed": task.seed,
        "images": task.n_images,
        "offered_boxes_of_the_image_before": task.offers_last_boxes,
        "closed_at": task.closed_at.isoformat() if task.closed_at else None,
        "unit": "pixels of the original image, from its upper left corner",
        "regions": list(region_rows(task, user=user, history=history)),
    }


def _in_order(regions: Iterator[Region], order: dict[str, int]) -> Iterator[Region]:
    """Regions of a drawing in the order of the task; drawings follow one another already."""
    group: list[Region] = []
    for region in regions:
        if group and region.drawing_id != group[0].drawing_id:
            yield from sorted(group, key=lambda one: order[one.name])
            group = []
        group.append(region)
    yield from sorted(group, key=lambda one: order[one.name])


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value
