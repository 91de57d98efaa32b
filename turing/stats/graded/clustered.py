"""Areas under ROC curves when images come in clusters (several of one patient): the covariance of Obuchowski.

With one image per cluster everything here is DeLong's.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from turing.stats.graded.checks import check_confidence, check_ratings, check_tables
from turing.stats.graded.delong import AreaComparison, compared_areas, undefined_comparison
from turing.stats.roc import RocArea, area_of_variance, placements


def clustered_covariance(
    cases: ArrayLike, controls: ArrayLike, case_clusters: ArrayLike, control_clusters: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Areas of several curves of the same images, and their covariance when images of a cluster belong together.

    With V10, V01 the placements of `roc.placements`, A the areas, M cases in I10 clusters, N controls in I01 clusters,
    I clusters in all, and per cluster i the sums a_i = sum (V10 - A) over its cases, b_i = sum (V01 - A) over its
    controls::

        S10 = I10 / ((I10 - 1) M) sum a_i a_i',  S01 = I01 / ((I01 - 1) N) sum b_i b_i',  S11 = I / (I - 1) sum a_i b_i'
        covariance = S10 / M + S01 / N + (S11 + S11') / (M N)

    Parameters
    ----------
    cases, controls : ratings (M, curves) and (N, curves), complete, in at least two clusters each.
    case_clusters, control_clusters : number of each image's cluster, (M,) and (N,); the same number, the same cluster.

    Returns
    -------
    areas (curves,) and covariance (curves, curves).

    Raises
    ------
    ValueError : a missing or infinite rating, clusters that do not fit, or fewer than two clusters with a class.

    References
    ----------
    Obuchowski NA. Biometrics 1997;53:567-578, equations for the estimated variance and covariance of clustered data.
    """
    high, low = check_tables(cases, controls)
    if np.isnan(high).any() or np.isnan(low).any():
        raise ValueError("The covariance of areas needs every image rated in every curve: leave out the others first")
    codes = []
    for name, table, clusters in (("cases", high, case_clusters), ("controls", low, control_clusters)):
        code = np.asarray(clusters)
        if code.shape != (len(table),):
            raise ValueError(f"{len(table)} {name} but clusters of shape {code.shape}: one cluster per image is needed")
        codes.append(code)
    code = np.unique(np.concatenate(codes), return_inverse=True)[1]
    of_cases, of_controls = code[: len(high)], code[len(high) :]
    n_of_cases, n_of_controls = len(np.unique(of_cases)), len(np.unique(of_controls))
    if n_of_cases < 2 or n_of_controls < 2:
        raise ValueError(
            f"Cases come from {n_of_cases} and controls from {n_of_controls} cluster(s): at least two of each needed"
        )
    n_clusters = int(code.max()) + 1
    both = [placements(high[:, curve], low[:, curve]) for curve in range(high.shape[1])]
    areas = np.array([of_case.mean() for of_case, _ in both])
    a, b = (
        np.column_stack([np.bincount(where, both[curve][part] - area, n_clusters) for curve, area in enumerate(areas)])
        for part, where in ((0, of_cases), (1, of_controls))
    )
    m, n = len(high), len(low)
    s10 = n_of_cases / ((n_of_cases - 1) * m) * (a.T @ a)
    s01 = n_of_controls / ((n_of_controls - 1) * n) * (b.T @ b)
    s11 = n_clusters / (n_clusters - 1) * (a.T @ b)
    return areas, s10 / m + s01 / n + (s11 + s11.T) / (m * n)


def clustered_area(
    cases: ArrayLike,
    controls: ArrayLike,
    case_clusters: ArrayLike,
    control_clusters: ArrayLike,
    *,
    confidence: float = 0.95,
) -> RocArea:
    """Area under the ROC curve as `roc.roc_area`, its standard error as `clustered_covariance`.

    Returns
    -------
    RocArea : undefined without a class; without an interval, with a reason, where a class is of one cluster only or
        the variance is 0.

    Raises
    ------
    ValueError : ratings that are not finite, or clusters that do not fit.
    """
    high, low = check_ratings(cases, controls)
    check_confidence(confidence)
    m, n = len(high), len(low)
    if not m or not n:
        return area_of_variance(m, n, math.nan, math.nan, confidence=confidence)
    if min(len(np.unique(case_clusters)), len(np.unique(control_clusters))) < 2:
        auc, reason = float(placements(high, low)[0].mean()), "the images of one kind are all of one patient"
        return area_of_variance(m, n, auc, math.nan, confidence=confidence, reason=reason)
    areas, covariance = clustered_covariance(high[:, None], low[:, None], case_clusters, control_clusters)
    return area_of_variance(m, n, float(areas[0]), float(covariance[0, 0]), confidence=confidence)


def compare_clustered_areas(
    first_cases: ArrayLike,
    first_controls: ArrayLike,
    second_cases: ArrayLike,
    second_controls: ArrayLike,
    case_clusters: ArrayLike,
    control_clusters: ArrayLike,
    *,
    confidence: float = 0.95,
) -> AreaComparison:
    """Areas of two curves of the same images in clusters: Z as in `compare_paired_areas`, with Obuchowski's covariance.

    Returns
    -------
    AreaComparison : undefined, with a reason, as for `compare_paired_areas`.

    Raises
    ------
    ValueError : ratings that are not finite, numbers of images that differ, or clusters that do not fit.

    References
    ----------
    Obuchowski NA. Biometrics 1997;53:567-578.
    """
    first = clustered_area(first_cases, first_controls, case_clusters, control_clusters, confidence=confidence)
    second = clustered_area(second_cases, second_controls, case_clusters, control_clusters, confidence=confidence)
    if min(len(np.unique(case_clusters)), len(np.unique(control_clusters))) < 2:
        reason = "images of each kind from at least two patients are needed"
        return undefined_comparison(first, second, True, confidence, reason)
    cases, controls = np.column_stack([first_cases, second_cases]), np.column_stack([first_controls, second_controls])
    _, covariance = clustered_covariance(cases, controls, case_clusters, control_clusters)
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    return compared_areas(first, second, True, variance, math.inf, confidence)
