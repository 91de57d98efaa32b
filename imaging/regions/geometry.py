"""Rectangles in pixels: how far two of them agree, and the one between them."""

from collections.abc import Sequence
from dataclasses import dataclass

SMALLEST = 4  # px; smaller ones are slips of the hand


@dataclass(frozen=True, order=True)
class Rectangle:
    """Columns x to x + width - 1 and rows y to y + height - 1, from the upper left corner of the image."""

    x: int
    y: int
    width: int
    height: int

    @property
    def area(self) -> int:
        return self.width * self.height

    def check_inside(self, width: int, height: int) -> None:
        """Raises ValueError, in words for the annotator, unless it lies in an image of `width` x `height` px."""
        if self.width < SMALLEST or self.height < SMALLEST:
            raise ValueError(
                f"The rectangle is {self.width} × {self.height} px; it must be at least {SMALLEST} × {SMALLEST} px."
            )
        if self.x < 0 or self.y < 0 or self.x + self.width > width or self.y + self.height > height:
            raise ValueError(
                f"The rectangle from ({self.x}, {self.y}), {self.width} × {self.height} px, reaches outside the image "
                f"of {width} × {height} px."
            )


def intersection_over_union(one: Rectangle, other: Rectangle) -> float:
    """Area that both cover over area that either covers (Jaccard index): 0 apart, 1 equal. By whole pixels."""
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    both = max(0, across) * max(0, down)
    return both / (one.area + other.area - both)


def mean_rectangle(rectangles: Sequence[Rectangle]) -> Rectangle:
    """The mean of each edge, rounded half up. Raises ValueError for none."""
    if not rectangles:
        raise ValueError("There is no mean of no rectangles")

    def mean(values: list[int]) -> int:
        return (2 * sum(values) + len(values)) // (2 * len(values))

    left, top = mean([one.x for one in rectangles]), mean([one.y for one in rectangles])
    right = mean([one.x + one.width for one in rectangles])
    bottom = mean([one.y + one.height for one in rectangles])
    return Rectangle(left, top, right - left, bottom - top)
