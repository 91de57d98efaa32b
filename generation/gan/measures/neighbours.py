"""Euclidean distances between two large sets of features, in blocks: memory does not grow with the sets."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
ROWS, COLUMNS = 512, 4096  # a block of distances takes 16 MB


@dataclass(frozen=True, kw_only=True)
class Nearest:
    index: NDArray[np.int64]  # (n,) position in the other set
    distance: Array  # (n,) Euclidean


def find_nearest(
    queries: ArrayLike, others: ArrayLike, *, query_groups: ArrayLike | None = None, groups: ArrayLike | None = None
) -> Nearest:
    """The nearest row of `others` (m, d) for each of `queries` (n, d); of equal distances the first.

    With groups (n,) and (m,) a query is not compared with rows of its own group: the other images of one patient.
    A query that nothing is left for has index -1 and distance infinity. The distance of the winner is computed
    directly, so a copy is at exactly 0. Raises ValueError when d differs or `others` is empty.
    """
    one, two = _checked(queries, others)
    own = None if query_groups is None or groups is None else (np.asarray(query_groups), np.asarray(groups))
    index, best = np.full(len(one), -1, dtype=np.int64), np.full(len(one), np.inf)
    for rows, columns, squared in squared_distances(one, two):
        if own is not None:
            squared = np.where(own[0][rows, None] == own[1][None, columns], np.inf, squared)
        position = squared.argmin(axis=1)
        found = squared[np.arange(len(position)), position]
        better = found < best[rows]
        index[rows] = np.where(better, position + columns.start, index[rows])
        best[rows] = np.where(better, found, best[rows])
    distance = np.full(len(one), np.inf)
    for start in range(0, len(one), ROWS):
        part = slice(start, start + ROWS)
        known = index[part] >= 0
        difference = one[part][known].astype(np.float64) - two[index[part][known]]
        distance[part][known] = np.sqrt((difference**2).sum(axis=1))
    return Nearest(index=index, distance=distance)


def neighbour_radii(features: ArrayLike, *, neighbours: int) -> Array:
    """(n,) squared distance of each row to its `neighbours`-th nearest other row. ValueError for too few rows."""
    rows_of, _ = _checked(features, features)
    if not 1 <= neighbours < len(rows_of):
        raise ValueError(f"{len(rows_of)} images have no {neighbours} neighbours each; use fewer, or more images")
    smallest = np.full((len(rows_of), neighbours + 1), np.inf)  # the image itself is one of them
    for rows, _, squared in squared_distances(rows_of, rows_of):
        smallest[rows] = np.partition(np.hstack([smallest[rows], squared]), neighbours, axis=1)[:, : neighbours + 1]
    return smallest.max(axis=1)


def squared_distances(first: ArrayLike, second: ArrayLike) -> Iterator[tuple[slice, slice, Array]]:
    """Blocks (rows, columns, squared distances) that cover first x second; 0 on the diagonal of an array and itself."""
    one, two = _checked(first, second)
    for top in range(0, len(one), ROWS):
        x = np.asarray(one[top : top + ROWS], dtype=np.float64)
        rows, x2 = slice(top, top + len(x)), (x**2).sum(axis=1)[:, None]
        for left in range(0, len(two), COLUMNS):
            y = np.asarray(two[left : left + COLUMNS], dtype=np.float64)
            columns = slice(left, left + len(y))
            squared = np.maximum(x2 + (y**2).sum(axis=1) - 2 * (x @ y.T), 0.0)
            if first is second:
                same = np.intersect1d(np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop))
                squared[same - rows.start, same - columns.start] = 0.0
            yield rows, columns, squared


def _checked(first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    one, two = np.asanyarray(first), np.asanyarray(second)
    if one.ndim != 2 or two.ndim != 2 or one.shape[1] != two.shape[1] or not len(two):
        raise ValueError(f"features have shapes {one.shape} and {two.shape}; they must be (n, d) with one d, n above 0")
    return one, two
