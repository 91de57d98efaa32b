"""The verdict of the leak audit.

Per pixel statistic and jointly: the AUC of telling real from synthetic by it, with CI, and whether chance explains it.
A study is blocked when a transport feature varies at all, or when an AUC is above the limit and chance does not
explain it (family-wise error over all statistics at `alpha`). The joint AUC is cross-validated.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

from turing.blinding import DEFAULT_ALPHA, DEFAULT_LIMIT
from turing.blinding.features import (
    PIXEL_FEATURES,
    TRANSPORT_FEATURES,
    Measurement,
    Observation,
    measure,
    pixel_features,
)

REPORT_SCHEMA = 2  # 2: side; practice and repeats are no part of the statistics of pixels
JOINT = "all statistics together"

CURES = {
    "byte_length": "The server sends bodies of different lengths. This is a fault of the installation: report it.",
    "headers": "The server, or a proxy in front of it, adds headers that differ between images. Compare them and "
    "switch off caching, compression and ETags in the proxy for /read/.",
    "dimensions": "Images of different sizes are shown. Render all of them to one size.",
    "grey_levels": "One side uses more grey levels. Give both sides the same bit depth and windowing before import.",
    "grey_minimum": "The darkest grey differs. Apply the same windowing to both sides before import.",
    "grey_maximum": "The brightest grey differs. Apply the same windowing to both sides before import.",
    "histogram_comb": "One side has gaps in its histogram, as stretching or re-quantising leaves them. Apply the same "
    "grey-level processing to both sides.",
    "border_mean": "The border gives it away (collimation, padding, a frame). Crop or mask both sides alike.",
    "border_sd": "The border gives it away (collimation, padding, a frame). Crop or mask both sides alike.",
    "mean": "One side is brighter. Apply the same windowing to both sides, or choose images of similar exposure.",
    "duplicates": "Some pictures occur more than once on one side. Remove duplicates from the dataset.",
    "side": "The kinds are not evenly on the left and on the right. This is a fault of the program: report it.",
    JOINT: "No single statistic stands out, but together they tell the sides apart. Look at the statistics with the "
    "highest AUC, and process both sides alike.",
}
_PHASE_CURE = (
    "A regular grid of rows or columns (JPEG blocks, upsampling) is on one side only. Use the same compression history "
    "for both sides; a generator with grid artefacts must be trained further, or with resize-convolutions."
)


@dataclass(frozen=True, kw_only=True)
class FeatureLeak:
    """How well one statistic tells real from synthetic.

    auc : 0.5 to 1, direction-free (0.5 tells nothing)
    low, high : 95 % CI (Hanley and McNeil 1982)
    p_value : two-sided against 0.5 (Mann-Whitney U), not corrected
    blocks : above the limit and not explained by chance
    """

    name: str
    auc: float
    low: float
    high: float
    p_value: float
    blocks: bool
    cure: str


@dataclass(frozen=True, kw_only=True)
class LeakAudit:
    """Result of an audit. `n_real`, `n_synthetic`: pictures whose pixels were judged. `varying` maps a transport
    feature to its values and how often each occurs.
    """

    n_real: int
    n_synthetic: int
    limit: float
    alpha: float
    varying: dict[str, dict[str, int]]
    features: tuple[FeatureLeak, ...]

    @property
    def blocked(self) -> bool:
        return bool(self.varying) or any(feature.blocks for feature in self.features)

    @property
    def reasons(self) -> list[str]:
        """Plain sentences: what leaks, and the cure, each cure once."""
        lines = []
        for name, values in self.varying.items():
            shown = ", ".join(f"“{value}” ({count} images)" for value, count in list(values.items())[:4])
            lines.append(f"{name.replace('_', ' ')} is not the same for all images: {shown}. {CURES[name]}")
        blocking = [feature for feature in self.features if feature.blocks]
        if any(feature.name != JOINT for feature in blocking):  # together they say nothing more then
            blocking = [feature for feature in blocking if feature.name != JOINT]
        by_cure: dict[str, list[FeatureLeak]] = {}
        for feature in blocking:
            by_cure.setdefault(feature.cure, []).append(feature)
        for cure, leaks in by_cure.items():
            named = ", ".join(
                f"{leak.name.replace('_', ' ')} (AUC {leak.auc:.2f}, 95 % CI {leak.low:.2f} to {leak.high:.2f})"
                for leak in leaks
            )
            lines.append(f"Real is told from synthetic by {named}; the limit is {self.limit:.2f}. {cure}")
        return lines

    def to_document(self) -> dict[str, Any]:
        """Plain JSON with everything that is shown: settings, each statistic, verdict and reasons."""
        return {
            "schema": REPORT_SCHEMA,
            "n_real": self.n_real,
            "n_synthetic": self.n_synthetic,
            "limit": self.limit,
            "alpha": self.alpha,
            "blocked": self.blocked,
            "reasons": self.reasons,
            "varying": self.varying,
            "features": [{**asdict(leak), "statistic": leak.name.replace("_", " ")} for leak in self.features],
        }


def audit_leaks(
    observations: Iterable[Observation],
    synthetic: Sequence[bool],
    *,
    limit: float = DEFAULT_LIMIT,
    alpha: float = DEFAULT_ALPHA,
    seed: int = 0,
) -> LeakAudit:
    """As `judge_leaks`; `observations` are gone through once, so they may be made one by one."""
    measured = [measure(observation) for observation in observations]
    return judge_leaks(measured, synthetic, limit=limit, alpha=alpha, seed=seed)


def judge_leaks(
    measured: Sequence[Measurement],
    synthetic: Sequence[bool],
    *,
    received_too: Iterable[Mapping[str, str]] = (),
    limit: float = DEFAULT_LIMIT,
    alpha: float = DEFAULT_ALPHA,
    seed: int = 0,
) -> LeakAudit:
    """Audit what was measured of what readers receive.

    The two images of a pair are two pictures here. Drawn apart, they tell no more together: the AUC of a statistic is
    the share of pairs in which it is higher on the synthetic image.

    Parameters
    ----------
    measured : one for each distinct picture that counts; the same one in two folds would tell its own truth
    synthetic : truth of each picture
    received_too : transport features of everything else that readers receive: practice, repeats
    limit : AUC in (0.5, 1] above which a statistic may block
    alpha : family-wise error rate in (0, 1) over all statistics (Bonferroni)
    seed : of the cross-validation folds

    Raises
    ------
    ValueError
        lengths differ, a side is empty, or a setting is out of range.
    """
    truth = np.asarray(synthetic, dtype=bool)
    if truth.shape != (len(measured),):
        raise ValueError(f"{len(measured)} observations need as many truths; got shape {truth.shape}")
    if truth.all() or not truth.any():
        raise ValueError("Both real and synthetic images are needed for a leak audit")
    if not 0.5 < limit <= 1:
        raise ValueError(f"limit must be in (0.5, 1]; got {limit}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be in (0, 1); got {alpha}")

    received = [*(m.transport for m in measured), *received_too]
    transport = {name: Counter(one[name] for one in received if name in one) for name in TRANSPORT_FEATURES}
    varying = {name: dict(counts.most_common()) for name, counts in transport.items() if len(counts) > 1}
    values = pixel_features(measured)
    scores = {name: values[name] for name in PIXEL_FEATURES if np.ptp(values[name]) > 0}
    joint = _joint_scores(np.column_stack(list(scores.values())), truth, seed=seed) if scores else None
    threshold = alpha / (len(PIXEL_FEATURES) + 1)
    leaks = [_leak(name, score, truth, limit=limit, threshold=threshold) for name, score in scores.items()]
    if joint is not None:
        leaks.append(_leak(JOINT, joint, truth, limit=limit, threshold=threshold, one_sided=True))
    return LeakAudit(
        n_real=int((~truth).sum()),
        n_synthetic=int(truth.sum()),
        limit=limit,
        alpha=alpha,
        varying=varying,
        features=tuple(sorted(leaks, key=lambda leak: -leak.auc)),
    )


def _leak(
    name: str, score: np.ndarray, truth: np.ndarray, *, limit: float, threshold: float, one_sided: bool = False
) -> FeatureLeak:
    n1, n0 = int(truth.sum()), int((~truth).sum())
    u, p_value = stats.mannwhitneyu(
        score[truth], score[~truth], alternative="greater" if one_sided else "two-sided", method="auto"
    )
    auc = float(u) / (n1 * n0)
    if not one_sided:  # a cross-validated score below 0.5 is chance, not a leak turned round
        auc = max(auc, 1 - auc)
    low, high = _hanley_mcneil(auc, n1, n0)
    return FeatureLeak(
        name=name,
        auc=auc,
        low=low,
        high=high,
        p_value=float(p_value),
        blocks=bool(auc >= limit and p_value < threshold),
        cure=CURES.get(name, _PHASE_CURE),
    )


def _hanley_mcneil(auc: float, n1: int, n0: int) -> tuple[float, float]:
    """95 % CI of an AUC from its value and the class sizes (Hanley and McNeil, Radiology 1982;143:29-36)."""
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (auc * (1 - auc) + (n1 - 1) * (q1 - auc**2) + (n0 - 1) * (q2 - auc**2)) / (n1 * n0)
    half = 1.959964 * np.sqrt(max(variance, 0.0))
    return max(0.0, auc - half), min(1.0, auc + half)


def _joint_scores(matrix: np.ndarray, truth: np.ndarray, *, seed: int) -> np.ndarray | None:
    """Out-of-fold log odds of a logistic regression on rank-normalised statistics; None for too few images."""
    folds = min(5, int(truth.sum()), int((~truth).sum()))
    if folds < 2:
        return None
    model = make_pipeline(
        QuantileTransformer(n_quantiles=min(100, len(truth) // 2), output_distribution="uniform", random_state=0),
        LogisticRegression(C=1.0, max_iter=1000),
    )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return cross_val_predict(model, matrix, truth, cv=splitter, method="decision_function")
