"""Every operating point of a classifier: what the ROC curve and the precision-recall curve are drawn from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from classification.cnn.measures.predictions import Predictions
from turing.stats.graded.curve import roc_curve


@dataclass(frozen=True, kw_only=True, eq=False)
class OperatingPoints:
    """Point k calls positive what has a score of at least `thresholds[k]`; none is left out.

    From (nothing called positive) to (everything called positive): one point per different score, and the first.
    Shares that a class without images would have are NaN.
    """

    positive: str
    negative: str
    n_positive: int
    n_negative: int
    thresholds: NDArray[np.float64]  # falling; the first is infinite
    true_positives: NDArray[np.int64]  # rising
    false_positives: NDArray[np.int64]  # rising
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return self.n_positive > 0 and self.n_negative > 0

    @cached_property
    def sensitivity(self) -> NDArray[np.float64]:
        """Share of positive images called positive: the ROC curve's height, and recall."""
        return self.true_positives / self.n_positive if self.n_positive else np.full(len(self.thresholds), np.nan)

    @cached_property
    def false_positive_share(self) -> NDArray[np.float64]:
        """Share of negative images called positive: 1 - specificity."""
        return self.false_positives / self.n_negative if self.n_negative else np.full(len(self.thresholds), np.nan)

    @property
    def specificity(self) -> NDArray[np.float64]:
        return 1 - self.false_positive_share

    @cached_property
    def precision(self) -> NDArray[np.float64]:
        """Share of images called positive that are positive; 1 where nothing is called so, as scikit-learn has it."""
        called = self.true_positives + self.false_positives
        return np.divide(self.true_positives, called, out=np.ones(len(called)), where=called > 0)

    @property
    def average_precision(self) -> float:
        """sum_k (R_k - R_(k-1)) P_k: scikit-learn's ``average_precision_score``, not interpolated."""
        return float(np.diff(self.sensitivity) @ self.precision[1:])

    @property
    def prevalence(self) -> float:
        """Precision of a classifier that knows nothing: the level line of the precision-recall curve."""
        return self.n_positive / (self.n_positive + self.n_negative) if self.n_positive + self.n_negative else np.nan


def operating_points(predictions: Predictions) -> OperatingPoints:
    """All operating points, by falling threshold.

    Returns
    -------
    OperatingPoints : without points, with a reason, when a class has no image.

    References
    ----------
    ROC: as R pROC ``roc(direction = "<")`` and scikit-learn ``roc_curve(drop_intermediate=False)``. Precision and
    recall: as scikit-learn ``precision_recall_curve``, in the opposite order.
    """
    curve = roc_curve(predictions.cases, predictions.controls)
    reason = ""
    if not curve.is_defined:
        missing = predictions.negative if predictions.n_positive else predictions.positive
        reason = f"no image is {missing}: images of both classes are needed"
    return OperatingPoints(
        positive=predictions.positive,
        negative=predictions.negative,
        n_positive=predictions.n_positive,
        n_negative=predictions.n_negative,
        thresholds=curve.threshold,
        true_positives=np.rint(curve.true_positive * predictions.n_positive).astype(np.int64),
        false_positives=np.rint(curve.false_positive * predictions.n_negative).astype(np.int64),
        reason=reason,
    )
