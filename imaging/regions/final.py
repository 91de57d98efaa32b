"""Which rectangle and label of a region count in the end: what was adjudicated, else by a rule that is chosen."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imaging.models import RegionTask
from imaging.regions.agreement import disagreement
from imaging.regions.geometry import Rectangle, mean_rectangle
from imaging.regions.selectors import Role, Seen, adjudicated_regions, current_regions

FIRST, MEAN, ADJUDICATED = "first", "mean", "adjudicated"
RULES = {
    FIRST: "What was adjudicated, else the first annotator’s region",
    MEAN: "What was adjudicated, else the mean of all rectangles where labels are the same and overlap is enough",
    ADJUDICATED: "Only what was adjudicated",
}


@dataclass(frozen=True, kw_only=True)
class FinalRegion:
    image: uuid.UUID
    name: str
    rectangle: Rectangle
    label: str
    by: tuple[str, ...]  # codes: of the annotators, or of the adjudicator
    how: str  # "adjudicated", "first annotator", "mean"


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    image: uuid.UUID
    name: str
    why: str


def final_regions(task: RegionTask, *, rule: str, limit: float) -> tuple[list[FinalRegion], list[LeftOut]]:
    """Of all images of a task, in the order of the first annotator and of the task's regions.

    `limit`: the smallest intersection over union of any two rectangles with which MEAN takes their mean. Raises
    ValueError for an unknown rule or a limit outside 0 to 1.
    """
    if rule not in RULES:
        raise ValueError(f"rule is {rule!r}; it must be one of {', '.join(RULES)}")
    if not 0 <= limit <= 1:
        raise ValueError(f"limit is {limit}; it must be from 0 to 1")
    annotators = list(task.annotators.filter(role=Role.ANNOTATOR).order_by("number"))
    drawings = {one.code: current_regions(one) for one in annotators}
    adjudicated = adjudicated_regions(task)
    judges = _judges(task)
    kept: list[FinalRegion] = []
    left: list[LeftOut] = []
    for image in annotators[0].assignments.order_by("position").values_list("image_id", flat=True):
        drawn = {code: found[image] for code, found in drawings.items() if image in found}
        for name in task.region_names:
            seen = {code: regions[name] for code, regions in drawn.items()}
            decided = adjudicated.get(image, {}).get(name)
            if decided is not None:
                one = _decided(image, name, decided, judges)
            else:
                one = _by_rule(image, name, seen, rule=rule, limit=limit, first=annotators[0].code)
            (kept if isinstance(one, FinalRegion) else left).append(one)  # type: ignore[arg-type]
    return kept, left


def _judges(task: RegionTask) -> dict[uuid.UUID, str]:
    """Region -> code of its adjudicator."""
    judges = task.annotators.filter(role=Role.ADJUDICATOR)
    return {
        seen.region_id: judge.code for judge in judges for r in current_regions(judge).values() for seen in r.values()
    }


def _decided(image: uuid.UUID, name: str, decided: Seen, judges: Mapping[uuid.UUID, str]) -> FinalRegion | LeftOut:
    if decided.rectangle is None:
        return LeftOut(image=image, name=name, why="not visible, by the adjudicator")
    by = (judges[decided.region_id],)
    return FinalRegion(
        image=image, name=name, rectangle=decided.rectangle, label=decided.label, by=by, how="adjudicated"
    )


def _by_rule(
    image: uuid.UUID, name: str, seen: Mapping[str, Seen], *, rule: str, limit: float, first: str
) -> FinalRegion | LeftOut:
    def left(why: str) -> LeftOut:
        return LeftOut(image=image, name=name, why=why)

    if rule == ADJUDICATED:
        return left("not adjudicated")
    if rule == FIRST:
        if first not in seen:
            return left("not drawn by the first annotator")
        one = seen[first]
        if one.rectangle is None:
            return left("not visible, by the first annotator")
        return FinalRegion(
            image=image, name=name, rectangle=one.rectangle, label=one.label, by=(first,), how="first annotator"
        )
    if len(seen) < 2:
        return left("drawn by fewer than two annotators")
    regions = list(seen.values())
    if all(region.rectangle is None for region in regions):
        return left("not visible, by all annotators")
    if _disagree(image, name, regions, limit):
        return left("annotators disagree, and it is not adjudicated")
    mean = mean_rectangle([region.rectangle for region in regions if region.rectangle is not None])
    return FinalRegion(image=image, name=name, rectangle=mean, label=regions[0].label, by=tuple(seen), how="mean")


def _disagree(image: uuid.UUID, name: str, regions: Sequence[Seen], limit: float) -> bool:
    return any(
        disagreement(image, name, one, other, limit) is not None
        for index, one in enumerate(regions)
        for other in regions[index + 1 :]
    )
