"""Checks of ratings that every analysis of graded answers makes."""

import numpy as np
from numpy.typing import ArrayLike


def check_ratings(cases: ArrayLike, controls: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Ratings of the two classes as float vectors.

    Raises
    ------
    ValueError : not one-dimensional, or a rating that is not finite (how many is said).
    """
    return _vector("cases", cases), _vector("controls", controls)


def check_tables(cases: ArrayLike, controls: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Ratings of the two classes as float tables (images, readers); NaN where a reader gave none.

    Raises
    ------
    ValueError : not two-dimensional, different numbers of readers, or an infinite rating.
    """
    tables = []
    for name, values in (("cases", cases), ("controls", controls)):
        table = np.asarray(values, dtype=float)
        if table.ndim != 2:
            raise ValueError(f"{name} has {table.ndim} dimension(s); a table (images, readers) is needed")
        if np.isinf(table).any():
            raise ValueError(f"{name} holds {int(np.isinf(table).sum())} infinite rating(s): finite numbers are needed")
        tables.append(table)
    if tables[0].shape[1] != tables[1].shape[1]:
        raise ValueError(
            f"cases has {tables[0].shape[1]} readers and controls {tables[1].shape[1]}: the same readers are needed"
        )
    return tables[0], tables[1]


def check_confidence(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence} is out of range: it must lie between 0 and 1")
    return confidence


def _vector(name: str, values: ArrayLike) -> np.ndarray:
    vector = np.asarray(values, dtype=float)
    if vector.ndim != 1:
        raise ValueError(f"{name} has {vector.ndim} dimension(s); one rating per image is needed")
    bad = int((~np.isfinite(vector)).sum())
    if bad:
        raise ValueError(f"{name} holds {bad} rating(s) that are missing or infinite: leave them out, and say so")
    return vector
