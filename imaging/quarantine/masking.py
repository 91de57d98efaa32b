"""Painting over rectangles of a picture. Pure: no database, no files."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

import numpy as np

MOST = 200  # rectangles of one picture


class MaskError(ValueError):
    """Rectangles that cannot be used; says which and why."""


@dataclass(frozen=True)
class Rectangle:
    """In whole pixels of the stored picture, from its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    def as_list(self) -> list[int]:
        return list(astuple(self))


def read_rectangles(text: str) -> tuple[Rectangle, ...]:
    """One rectangle a line: x, y, width and height in whole pixels, with commas or blanks between. Raises MaskError."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        parts = re.split(r"[,;\s]+", line.strip())
        if len(parts) != 4 or not all(re.fullmatch(r"\d{1,9}", part, re.ASCII) for part in parts):
            raise MaskError(
                f"Line {number}: four whole numbers are needed (x, y, width, height), not “{line.strip()[:60]}”."
            )
        found.append(Rectangle(*map(int, parts)))
    return tuple(found)


def check_rectangles(rectangles: Sequence[Rectangle], *, width: int, height: int) -> None:
    """Raises MaskError unless there are 1 to MOST of them, each within a picture of `width` x `height` pixels."""
    if not rectangles:
        raise MaskError("Draw at least one rectangle over what must go.")
    if len(rectangles) > MOST:
        raise MaskError(
            f"There are {len(rectangles)} rectangles; {MOST} are allowed. Cover the place with larger ones."
        )
    for number, one in enumerate(rectangles, start=1):
        if one.x < 0 or one.y < 0 or one.width < 1 or one.height < 1:
            raise MaskError(f"Rectangle {number} has no area: width and height must be 1 pixel or more.")
        if one.x + one.width > width or one.y + one.height > height:
            raise MaskError(
                f"Rectangle {number} ({one.x}, {one.y}, {one.width}, {one.height}) leaves the image, which has "
                f"{width} x {height} pixels."
            )


def mask_pixels(pixels: np.ndarray, rectangles: Iterable[Rectangle]) -> np.ndarray:
    """A copy of `pixels` (uint8 or uint16, shape (H, W)) in which the rectangles have the darkest value of the picture.

    Nothing of what was there can be got back from the copy. Raises MaskError as `check_rectangles`, and when the whole
    picture is covered.
    """
    chosen = tuple(rectangles)
    height, width = pixels.shape
    check_rectangles(chosen, width=width, height=height)
    covered = np.zeros(pixels.shape, dtype=bool)
    for one in chosen:
        covered[one.y : one.y + one.height, one.x : one.x + one.width] = True
    if covered.all():
        raise MaskError("The rectangles cover the whole image: nothing would be left. Reject it instead.")
    masked = pixels.copy()
    masked[covered] = pixels.min()
    return masked
