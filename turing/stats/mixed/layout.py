"""Answers as a grid (layer, image, reader), and the checks of what a caller hands in.

Both models need sums over images and over readers at every step. On a grid these are products with a vector of ones,
and image-by-reader blocks need no index. A cell without an answer has weight 0; a reader who saw an image k times fills
k layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

DEPENDENT = 1e-10  # smallest singular value, relative to the largest, of a design with columns of length 1


@dataclass(frozen=True, eq=False)
class Grid:
    """Where row k of the data stands: `place[k]` in the flattened grid of `shape` (layers, images, readers)."""

    shape: tuple[int, int, int]
    place: np.ndarray
    weight: np.ndarray | None  # 1 where there is an answer, else 0; None: an answer everywhere
    images: list  # labels, sorted
    readers: list
    reader_of_row: np.ndarray

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Row values (n, ...) to (cells, ...), with zeros where there is no answer."""
        filled = np.zeros((int(np.prod(self.shape)), *values.shape[1:]))
        filled[self.place] = values
        return filled


@dataclass(frozen=True, eq=False)
class Design:
    """A checked design matrix, and the same columns made orthogonal: `orthogonal = matrix @ inv(back)`.

    Coefficients of the two: `beta = back @ beta_orthogonal`. The orthogonal columns have mean square 1, which makes one
    step length right for every covariate, whatever its unit. The last orthogonal coefficient is the last coefficient
    but for a factor, so it can be held fixed.
    """

    matrix: np.ndarray  # (n, p)
    names: tuple[str, ...]
    orthogonal: np.ndarray  # (n, p)
    back: np.ndarray  # (p, p), upper triangular


def make_grid(image: ArrayLike, reader: ArrayLike, n_rows: int) -> Grid:
    """Places every row.

    Raises
    ------
    ValueError : labels of another length than the answers, or a missing label.
    """
    images, image_of_row = find_levels("image", image, n_rows)
    readers, reader_of_row = find_levels("reader", reader, n_rows)
    n_cells = len(images) * len(readers)
    cell = image_of_row * len(readers) + reader_of_row
    if np.bincount(cell, minlength=n_cells).max() == 1:
        layer = np.zeros(n_rows, int)
    else:
        order = np.argsort(cell, kind="stable")
        first = np.flatnonzero(np.diff(cell[order], prepend=-1))
        layer = np.empty(n_rows, int)
        layer[order] = np.arange(n_rows) - np.repeat(first, np.diff(first, append=n_rows))
    shape = (int(layer.max()) + 1, len(images), len(readers))
    place = layer * n_cells + cell
    weight = None
    if n_rows < shape[0] * n_cells:
        weight = np.zeros(shape)
        weight.reshape(-1)[place] = 1
    return Grid(shape, place, weight, images, readers, reader_of_row)


def check_answers(y: ArrayLike) -> np.ndarray:
    """Outcome as a float vector.

    Raises
    ------
    ValueError : not one-dimensional, empty, or a value that is not a finite number.
    """
    values = _floats("y", y)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"y has shape {values.shape}; one number per answer is needed, and at least one answer")
    _refuse_not_finite("y", values)
    return values


def check_design(design: ArrayLike, names: Sequence[str], n_rows: int) -> Design:
    """Design matrix with its names.

    Raises
    ------
    ValueError : wrong shape, names that do not fit, a value that is not finite, more columns than rows, or columns that
        depend on each other (the message names them).
    """
    matrix = _floats("design", design)
    if matrix.ndim != 2 or len(matrix) != n_rows or not matrix.shape[1]:
        raise ValueError(f"design has shape {matrix.shape}; {n_rows} rows (one per answer) and columns are needed")
    names = tuple(names)
    if len(names) != matrix.shape[1] or len(set(names)) != len(names):
        raise ValueError(f"names = {list(names)}: {matrix.shape[1]} different names are needed, one per column")
    for name, column in zip(names, matrix.T, strict=True):
        _refuse_not_finite(f"column '{name}' of design", column)
    if n_rows <= len(names):
        raise ValueError(f"{n_rows} answers for {len(names)} coefficients: more answers are needed")
    length = np.sqrt((matrix**2).sum(axis=0))
    if not length.all():
        raise ValueError(f"Column '{names[int(np.argmin(length))]}' of design is 0 everywhere: leave it out")
    orthogonal, upper = np.linalg.qr(matrix / length)
    _, singular, right = np.linalg.svd(upper)
    if singular[-1] < DEPENDENT * singular[0]:
        involved = [f"'{name}'" for name, share in zip(names, right[-1], strict=True) if abs(share) > 1e-6]
        raise ValueError(
            f"Columns {', '.join(involved)} of design depend on each other (a covariate given twice, or one that never "
            "changes beside an intercept): leave one out"
        )
    root_n = np.sqrt(n_rows)
    back = np.linalg.solve(upper, np.eye(len(names))) * root_n / length[:, None]
    return Design(matrix, names, orthogonal * root_n, np.triu(back))


def check_confidence(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence} is out of range: it must lie between 0 and 1")
    return confidence


def find_levels(what: str, labels: ArrayLike, n_rows: int) -> tuple[list, np.ndarray]:
    """Sorted labels, and the position among them for each row.

    Raises
    ------
    ValueError : another length than the answers, a missing label (None, NaN), or text mixed with numbers.
    """
    values = np.asarray(labels)
    if values.shape != (n_rows,):
        raise ValueError(f"{what} has shape {values.shape}; one label for each of the {n_rows} answers is needed")
    listed = values.tolist()
    found = dict.fromkeys(listed)  # much faster than sorting, where there are many rows
    if any(label is None or label != label for label in found):  # only NaN differs from itself
        row = next(row for row, label in enumerate(listed) if label is None or label != label)
        raise ValueError(f"{what} has no label in row {row} (counted from 0)")
    try:
        levels = sorted(found)
    except TypeError as error:
        raise ValueError(f"{what} mixes kinds of labels (text and numbers): use one kind") from error
    code = {label: position for position, label in enumerate(levels)}
    return levels, np.array([code[label] for label in listed])


def _floats(what: str, values: ArrayLike) -> np.ndarray:
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} must hold numbers: {error}") from error


def _refuse_not_finite(what: str, values: np.ndarray) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"{what} is {values[row]} in row {row} (counted from 0): a finite number is needed")
