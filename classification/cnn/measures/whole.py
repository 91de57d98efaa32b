"""Everything that is said of one classifier on one test set, and of a set of experiments on the same test set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from classification.cnn.measures.auc import Areas, measure_areas
from classification.cnn.measures.calibration import (
    Reliability,
    Temperature,
    fit_temperature,
    measure_calibration,
    scale_by_temperature,
)
from classification.cnn.measures.comparison import (
    AucComparison,
    Corrected,
    DecisionComparison,
    compare_auc_paired,
    compare_decisions,
    correct_for_many,
)
from classification.cnn.measures.curves import OperatingPoints, operating_points
from classification.cnn.measures.estimates import Draws
from classification.cnn.measures.plain import from_plain, to_plain
from classification.cnn.measures.predictions import Predictions, check_same_images
from classification.cnn.measures.scores import Scores, measure_scores
from classification.cnn.measures.threshold import (
    Threshold,
    fixed_threshold,
    threshold_for_sensitivity,
    threshold_for_specificity,
    youden_threshold,
)

OVERLAPPING_AT_MOST = 3  # patients that an error message names


class _Plain:
    """To and from values that JSON holds."""

    def to_dict(self) -> dict[str, Any]:
        """`json.dumps(..., allow_nan=False)` takes it; `from_dict` of it gives the same record."""
        plain: dict[str, Any] = to_plain(self)
        return plain

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Raises ValueError when it was written by another version or is not a record of this kind."""
        return from_plain(cls, dict(values))


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassifierMeasures(_Plain):
    """One classifier on one test set. `thresholds` and `at` belong together; the first is the one at 0.5."""

    name: str
    positive: str
    negative: str
    n_positive: int
    n_negative: int
    n_patients: int
    n_tuning: int  # 0: nothing was chosen on a tuning set
    areas: Areas
    points: OperatingPoints
    thresholds: tuple[Threshold, ...]
    at: tuple[Scores, ...]
    reliability: Reliability
    temperature: Temperature | None  # None: without a tuning set
    reliability_scaled: Reliability | None  # None: where no temperature was fitted
    confidence: float
    n_draws: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class AgainstReference(_Plain):
    """One experiment, `first`, and the reference, `second`: differences are experiment - reference."""

    name: str
    auc: AucComparison
    decisions: DecisionComparison


@dataclass(frozen=True, kw_only=True)
class Comparisons(_Plain):
    """Each experiment against the reference; p values corrected within each kind of test, in the order of `against`."""

    reference: str
    positive: str
    against: tuple[AgainstReference, ...]
    auc_p: Corrected
    decisions_p: Corrected  # of McNemar's mid-p
    confidence: float
    note: str


def measure_classifier(
    test: Predictions,
    *,
    name: str,
    tuning: Predictions | None = None,
    specificity: float | None = 0.9,
    sensitivity: float | None = None,
    draws: Draws | None = None,
    confidence: float = 0.95,
    n_bins: int = 10,
) -> ClassifierMeasures:
    """All measures of one classifier on one test set.

    Parameters
    ----------
    test : what it said about the test images.
    name : how the experiment is called in tables ("GCB+OMGDA").
    tuning : what it said about the tuning images; thresholds and temperature are chosen on them.
    specificity, sensitivity : of the thresholds that keep these on the tuning set; None: no such threshold.

    Raises
    ------
    ValueError : a patient who is in both sets (who, is said), other classes in the tuning set, or a share or
        confidence out of range.
    """
    drawn = draws or Draws()
    thresholds = [fixed_threshold()]
    temperature, scaled = None, None
    if tuning is not None:
        _check_apart(test, tuning)
        thresholds.append(youden_threshold(tuning))
        if specificity is not None:
            thresholds.append(threshold_for_specificity(tuning, at_least=specificity))
        if sensitivity is not None:
            thresholds.append(threshold_for_sensitivity(tuning, at_least=sensitivity))
        temperature = fit_temperature(tuning)
        if temperature.was_fitted:
            calibrated = scale_by_temperature(test, temperature.value)
            scaled = measure_calibration(calibrated, n_bins=n_bins, confidence=confidence)
    return ClassifierMeasures(
        name=name,
        positive=test.positive,
        negative=test.negative,
        n_positive=test.n_positive,
        n_negative=test.n_negative,
        n_patients=test.n_patients,
        n_tuning=len(tuning) if tuning is not None else 0,
        areas=measure_areas(test, draws=drawn, confidence=confidence),
        points=operating_points(test),
        thresholds=tuple(thresholds),
        at=tuple(
            measure_scores(test, threshold=one.value, threshold_words=one.words, draws=drawn, confidence=confidence)
            for one in thresholds
        ),
        reliability=measure_calibration(test, n_bins=n_bins, confidence=confidence),
        temperature=temperature,
        reliability_scaled=scaled,
        confidence=confidence,
        n_draws=drawn.n,
        seed=drawn.seed,
    )


def compare_experiments(
    experiments: Mapping[str, Predictions],
    *,
    reference: str,
    thresholds: Mapping[str, Threshold] | None = None,
    confidence: float = 0.95,
) -> Comparisons:
    """Each experiment against the reference on the same test images, with p values corrected over the set.

    Parameters
    ----------
    experiments : name -> what its classifier said, all of the same images in the same order; at least two.
    reference : name of the one that the others are compared with ("OD").
    thresholds : name -> threshold of each classifier, for McNemar's test; None: 0.5 for all.

    Raises
    ------
    ValueError : an unknown reference, fewer than two experiments, other images, or a threshold missing.
    """
    if reference not in experiments:
        raise ValueError(f"The reference “{reference}” is not among the experiments: {', '.join(experiments)}")
    others = [name for name in experiments if name != reference]
    if not others:
        raise ValueError("A single experiment cannot be compared: at least two are needed")
    chosen = thresholds or {name: fixed_threshold() for name in experiments}
    missing = [name for name in experiments if name not in chosen]
    if missing:
        raise ValueError(f"No threshold is given for {', '.join(missing)}")
    second = experiments[reference]
    against = []
    for name in others:
        try:
            check_same_images(experiments[name], second)
        except ValueError as error:
            raise ValueError(f"“{name}” and “{reference}” cannot be compared. {error}") from error
        decisions = compare_decisions(
            experiments[name],
            second,
            first_threshold=chosen[name].value,
            second_threshold=chosen[reference].value,
            confidence=confidence,
        )
        areas = compare_auc_paired(experiments[name], second, confidence=confidence)
        against.append(AgainstReference(name=name, auc=areas, decisions=decisions))
    return Comparisons(
        reference=reference,
        positive=second.positive,
        against=tuple(against),
        auc_p=correct_for_many([one.auc.p for one in against]),
        decisions_p=correct_for_many([one.decisions.p_mid for one in against]),
        confidence=confidence,
        note=_note(reference, others),
    )


def _check_apart(test: Predictions, tuning: Predictions) -> None:
    if (test.positive, test.negative) != (tuning.positive, tuning.negative):
        raise ValueError(
            f"The test set has {test.positive} / {test.negative} and the tuning set {tuning.positive} / "
            f"{tuning.negative}: the same classes in the same roles are needed"
        )
    both = sorted(set(test.patients or ()) & set(tuning.patients or ()))
    if both:
        named = ", ".join(both[:OVERLAPPING_AT_MOST])
        more = f" and {len(both) - OVERLAPPING_AT_MOST} more" if len(both) > OVERLAPPING_AT_MOST else ""
        raise ValueError(
            f"{len(both)} patient(s) are in the test set and in the tuning set ({named}{more}): what is chosen on a "
            "patient must not be judged on the same patient. Split by patient"
        )


def _note(reference: str, others: Sequence[str]) -> str:
    many = len(others)
    tests = "one comparison" if many == 1 else f"{many} comparisons"
    return (
        f"{tests} with {reference}; corrected within each kind of test: Holm (chance of any false finding) and "
        "Benjamini-Hochberg (expected share of false findings)"
    )
