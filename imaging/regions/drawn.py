"""What a browser sends as the regions of an image, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imaging.regions.geometry import Rectangle

LONGEST_REASON = 200  # characters


class RegionError(ValueError):
    """A change that a region task does not allow; its text says why and what to do. `code` is for the page."""

    def __init__(self, text: str, *, code: str = "") -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class DrawnRegion:
    """A rectangle with a label; or None, without a label, and the reason why it is not visible."""

    name: str
    rectangle: Rectangle | None
    label: str = ""
    reason: str = ""
    was_offered: bool = False  # the rectangle of the image before, left where it was
    taken_from: str = ""  # adjudicated: code of the annotator whose region it is


def parse_regions(
    regions: Any, *, names: Sequence[str], labels: Sequence[str], width: int, height: int
) -> list[DrawnRegion]:
    """The regions of an image of `width` x `height` px, in the order of `names`: each of them once.

    Each is a mapping with `name`, and either `x`, `y`, `width`, `height` (whole pixels) and `label`, or `reason`.
    Raises RegionError that names the region and says what is wrong with it.
    """
    if not isinstance(regions, Sequence) or not all(isinstance(one, Mapping) for one in regions):
        raise RegionError("The regions must be a list of objects.")
    given = {one.get("name"): one for one in regions if isinstance(one.get("name"), str)}
    if len(regions) != len(names) or set(given) != set(names):
        raise RegionError(f"Draw each of these once, or say that it is not visible: {', '.join(names)}.")
    found = []
    for name in names:
        try:
            found.append(_parse(given[name], name, labels, width, height))
        except ValueError as error:
            raise RegionError(f"{name}: {error}") from error
    return found


def _parse(values: Mapping[str, Any], name: str, labels: Sequence[str], width: int, height: int) -> DrawnRegion:
    reason, label = values.get("reason") or "", values.get("label") or ""
    taken_from = values.get("taken_from") or ""
    if not isinstance(reason, str) or not isinstance(taken_from, str):
        raise ValueError("reason and taken_from must be text.")
    numbers = [values.get(key) for key in ("x", "y", "width", "height")]
    reason = " ".join(reason.split())
    if reason:
        if any(number is not None for number in numbers) or label:
            raise ValueError("What is not visible has neither a rectangle nor a label.")
        if len(reason) > LONGEST_REASON:
            raise ValueError(f"The reason has {len(reason)} characters; {LONGEST_REASON} are allowed.")
        return DrawnRegion(name=name, rectangle=None, reason=reason, taken_from=taken_from)
    if any(isinstance(number, bool) or not isinstance(number, int) for number in numbers):
        raise ValueError("Draw a rectangle, or say why it is not visible.")
    if label not in labels:
        raise ValueError(f"Choose one of the labels {', '.join(labels)}.")
    rectangle = Rectangle(*numbers)  # type: ignore[arg-type]
    rectangle.check_inside(width, height)
    return DrawnRegion(
        name=name,
        rectangle=rectangle,
        label=label,
        was_offered=values.get("was_offered") is True,
        taken_from=taken_from,
    )
