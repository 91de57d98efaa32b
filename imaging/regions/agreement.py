"""How far two annotators agree: on where regions are (intersection over union) and on their labels (Cohen's kappa).

Pure numbers on what `imaging.regions.selectors` reads.
"""

import math
import uuid
from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np

from imaging.regions.geometry import intersection_over_union
from imaging.regions.selectors import Drawings, Seen

Z_95 = 1.959963984540054  # of a normal distribution
BINS = 10  # of the histogram: 0 to 0.1, ..., 0.9 to 1, each with its lower end and the last with both
STEPS = (0.5, 0.7, 0.9)  # shares of regions with at least this intersection over union


@dataclass(frozen=True, kw_only=True)
class Kappa:
    """Cohen's kappa of labels; `estimate`, `low` and `high` are None where it is not defined, and `why` says why."""

    n: int  # regions that both drew
    agreeing: int
    estimate: float | None
    low: float | None  # 95 % interval
    high: float | None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class RegionAgreement:
    """Of one region, or of all together (`name` is "")."""

    name: str
    images: int  # regions that both have finished
    both: int  # seen by both
    first_only: int
    second_only: int
    neither: int
    mean: float | None  # intersection over union of those seen by both
    median: float | None
    shares: tuple[tuple[float, float | None], ...]  # limit, share of regions at or above it
    histogram: tuple[int, ...]  # BINS counts
    table: tuple[tuple[int, ...], ...]  # labels: rows of the first, columns of the second annotator
    kappa: Kappa


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    image: uuid.UUID
    name: str
    first: Seen
    second: Seen
    overlap: float | None  # intersection over union; None when one of them did not see it
    reasons: tuple[str, ...]  # of "visible", "label", "place"


@dataclass(frozen=True, kw_only=True)
class Agreement:
    per_region: tuple[RegionAgreement, ...]
    pooled: RegionAgreement
    disagreements: tuple[Disagreement, ...]  # in the order of `images`
    images: int  # that both have finished


def compare_annotators(
    first: Drawings,
    second: Drawings,
    *,
    images: Sequence[uuid.UUID],
    names: Sequence[str],
    labels: Sequence[str],
    limit: float,
    hidden: Container[uuid.UUID] = (),
) -> Agreement:
    """Agreement on those of `images` that both have finished and that are not `hidden`.

    `limit`: regions with a smaller intersection over union count as in disagreement. Raises ValueError outside 0 to 1.
    """
    if not 0 <= limit <= 1:
        raise ValueError(f"limit is {limit}; it must be from 0 to 1")
    shared = [image for image in images if image in first and image in second and image not in hidden]
    pairs = {name: [(first[image][name], second[image][name]) for image in shared] for name in names}
    disagreements = [
        found
        for image in shared
        for name in names
        if (found := disagreement(image, name, first[image][name], second[image][name], limit)) is not None
    ]
    return Agreement(
        per_region=tuple(_measure(name, pairs[name], labels) for name in names),
        pooled=_measure("", [pair for name in names for pair in pairs[name]], labels),
        disagreements=tuple(disagreements),
        images=len(shared),
    )


def disagreement(image: uuid.UUID, name: str, one: Seen, other: Seen, limit: float) -> Disagreement | None:
    """What two annotators disagree on in a region; None when they agree."""
    reasons, overlap = [], None
    if one.rectangle is not None and other.rectangle is not None:
        overlap = intersection_over_union(one.rectangle, other.rectangle)
        if one.label != other.label:
            reasons.append("label")
        if overlap < limit:
            reasons.append("place")
    elif one.rectangle is not None or other.rectangle is not None:
        reasons.append("visible")
    if not reasons:
        return None
    return Disagreement(image=image, name=name, first=one, second=other, overlap=overlap, reasons=tuple(reasons))


def cohens_kappa(table: np.ndarray) -> Kappa:
    """Cohen's kappa of a square table of counts, with the 95 % interval of its large-sample standard error.

    With p the shares of the table, r and c its row and column sums, po = sum p[i, i] and pe = sum r c::

        kappa = (po - pe) / (1 - pe)
        var = (sum p (w (1 - pe) - (c[i] + r[j]) (1 - po))^2 - (po pe - 2 pe + po)^2) / (n (1 - pe)^4)

    where w is 1 on the diagonal and 0 elsewhere (Cohen 1960; Fleiss, Cohen and Everitt 1969, Psychol Bull 72:323; the
    same as statsmodels 0.15 `cohens_kappa`). The interval is cut at -1 and 1. Not defined without regions, and when
    both used one label, the same, throughout; without an interval where the standard error is 0: in full agreement,
    and where one annotator used a single label, so that kappa is 0 whatever the other did.
    """
    counts = np.asarray(table, dtype=float)
    n, agreeing = int(counts.sum()), int(np.trace(counts))
    if n == 0:
        return Kappa(n=0, agreeing=0, estimate=None, low=None, high=None, why="no region was drawn by both")
    p = counts / n
    row, column = p.sum(axis=1), p.sum(axis=0)
    if row.max() == 1 and (row == column).all():
        why = "both used one label only, so agreement by chance is complete"
        return Kappa(n=n, agreeing=agreeing, estimate=None, low=None, high=None, why=why)
    observed, chance = agreeing / n, float(row @ column)
    kappa = (observed - chance) / (1 - chance)
    spread = p * (np.eye(len(p)) * (1 - chance) - (column[:, None] + row[None, :]) * (1 - observed)) ** 2
    bias = (observed * chance - 2 * chance + observed) ** 2
    excess = float(spread.sum()) - bias
    if excess <= 1e-12 * bias or n == 1:  # exactly 0, but for rounding
        why = "full agreement" if agreeing == n else "one of them used one label only"
        return Kappa(n=n, agreeing=agreeing, estimate=kappa, low=None, high=None, why=f"no interval: {why}")
    reach = Z_95 * math.sqrt(excess / n) / (1 - chance) ** 2
    return Kappa(n=n, agreeing=agreeing, estimate=kappa, low=max(-1.0, kappa - reach), high=min(1.0, kappa + reach))


def _measure(name: str, pairs: Sequence[tuple[Seen, Seen]], labels: Sequence[str]) -> RegionAgreement:
    both = [(one, other) for one, other in pairs if one.rectangle is not None and other.rectangle is not None]
    overlaps = np.array([intersection_over_union(one.rectangle, other.rectangle) for one, other in both])  # type: ignore[arg-type]
    table = np.zeros((len(labels), len(labels)), dtype=int)
    for one, other in both:
        table[labels.index(one.label), labels.index(other.label)] += 1
    histogram, _ = np.histogram(overlaps, bins=BINS, range=(0, 1))
    return RegionAgreement(
        name=name,
        images=len(pairs),
        both=len(both),
        first_only=sum(one.rectangle is not None and other.rectangle is None for one, other in pairs),
        second_only=sum(one.rectangle is None and other.rectangle is not None for one, other in pairs),
        neither=sum(one.rectangle is None and other.rectangle is None for one, other in pairs),
        mean=float(overlaps.mean()) if both else None,
        median=float(np.median(overlaps)) if both else None,
        shares=tuple((step, float((overlaps >= step).mean()) if both else None) for step in STEPS),
        histogram=tuple(int(count) for count in histogram),
        table=tuple(tuple(int(count) for count in row) for row in table),
        kappa=cohens_kappa(table),
    )
