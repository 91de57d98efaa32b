"""Marks that a reader put on an image, as JSON: the places that gave it away. Pure.

A mark is `{"image": 0, "x": 12.5, "y": 40}`, a box also has `"width"` and `"height"`; lengths are in pixels of the
rendered image from its upper left corner. `image` is 0, or 1 for the right one of a pair.
"""

import math
from typing import Any

from turing.models.studies import MarkKind

MOST_MARKS = 20
MOST_CHARACTERS = 1000  # of a comment
_KEYS = {MarkKind.POINT: ("x", "y"), MarkKind.BOX: ("x", "y", "width", "height")}


def clean_marks(marks: Any, *, kind: str, size: int, n_images: int = 1) -> list[dict[str, float]]:
    """`marks` with their known keys, rounded to a tenth of a pixel. `size`: side of the image in pixels.

    Raises ValueError, naming the mark (from 1), for anything but marks of this kind inside the image.
    """
    if not isinstance(marks, list):
        raise ValueError("Marks are not a list.")
    if marks and kind not in _KEYS:
        raise ValueError("This study takes no marks.")
    if len(marks) > MOST_MARKS:
        raise ValueError(f"There are {len(marks)} marks: at most {MOST_MARKS} are possible.")
    return [_clean_mark(mark, number, kind, size, n_images) for number, mark in enumerate(marks, start=1)]


def _clean_mark(mark: Any, number: int, kind: str, size: int, n_images: int) -> dict[str, float]:
    keys = _KEYS[MarkKind(kind)]
    if not isinstance(mark, dict) or not all(_is_number(mark.get(key)) for key in keys):
        raise ValueError(f"Mark {number} has no {', '.join(keys)}.")
    image = mark.get("image", 0)
    if isinstance(image, bool) or image not in range(n_images):
        raise ValueError(f"Mark {number} is on image {image!r}: there is none.")
    cleaned = {key: round(float(mark[key]), 1) for key in keys}
    right = cleaned["x"] + cleaned.get("width", 0)
    lower = cleaned["y"] + cleaned.get("height", 0)
    ends = (cleaned["x"], cleaned["y"], right, lower)
    if min(ends) < 0 or max(ends) > size + 0.05 or min(cleaned.get("width", 1), cleaned.get("height", 1)) <= 0:
        raise ValueError(f"Mark {number} does not lie inside the image.")
    return {"image": image, **cleaned}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
