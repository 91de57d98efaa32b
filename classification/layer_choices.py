"""The layers of a classifier that Grad-CAM can show, as its record keeps them: read without loading PyTorch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LayerChoice:
    """A layer and the maps that it gives at the classifier's input size."""

    name: str
    rows: int  # cells; 0: not known
    columns: int
    is_usable: bool
    larger_side: int  # px: a larger input
    larger_rows: int  # what the layer would give there
    larger_columns: int

    @property
    def cells(self) -> str:
        return f"{self.rows} × {self.columns} cell{'s' if self.rows * self.columns != 1 else ''}"

    @property
    def reason(self) -> str:
        """Why it cannot be chosen, and what would help; "" where it can."""
        if self.is_usable:
            return ""
        covers = "its one cell covers the whole image" if self.rows * self.columns == 1 else "they form a single line"
        text = f"cannot say where in the image: {covers}"
        if min(self.larger_rows, self.larger_columns) > 1:
            text += f". A classifier trained at {self.larger_side} pixels has {self.larger_rows} × "
            text += f"{self.larger_columns} cells there"
        return text

    @property
    def words(self) -> str:
        """A line in a list of choices."""
        return f"{self.name}: {self.cells}" + ("" if self.is_usable else ", which cannot say where")


def read_layers(values: Iterable[Mapping[str, Any]]) -> tuple[LayerChoice, ...]:
    """What `classification.layers.describe_layers` stored, from the last layer to earlier ones."""
    return tuple(LayerChoice(**one) for one in values)


def last_usable(layers: Iterable[LayerChoice]) -> LayerChoice | None:
    """The deepest layer whose maps can say where; None when none can, or nothing is known."""
    return next((one for one in layers if one.is_usable), None)


def warn_of_last(layers: Iterable[LayerChoice], *, side: int) -> str:
    """What to say, above a choice of layers, of a last layer that cannot be used; "" where it can."""
    known = tuple(layers)
    if not known or known[0].is_usable:
        return ""
    last, usable = known[0], last_usable(known)
    text = f"At {side} × {side} pixels the last layer, {last.name}, {last.reason}."
    if usable is None:
        return f"{text} No earlier layer can say more: train with larger images."
    return f"{text} The deepest layer that can be used here is {usable.name}, with {usable.cells}."
