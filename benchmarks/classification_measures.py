"""Everything for one classifier on a test set of 50,000 images, against the same written as plain loops.

    python benchmarks/classification_measures.py [--images 50000] [--draws 2000]

Ours: `measure_classifier` (areas with DeLong and 2,000 draws of patients, all operating points, shares at three
thresholds, calibration, temperature), twice: one image per patient, and four. Plain: the draws of patients alone, each
given to scikit-learn (AUC and average precision); measured on a few draws and multiplied, which is said. The widths of
both intervals are compared on the same draws. Memory: peak of what Python and numpy took, at 5,000 and at 50,000.
"""

import argparse
import json
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
from sklearn import metrics

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from classification.cnn.measures.auc import measure_areas
from classification.cnn.measures.estimates import Draws
from classification.cnn.measures.predictions import Predictions
from classification.cnn.measures.whole import ClassifierMeasures, measure_classifier

PLAIN_DRAWS = 20


def simulated(n: int, *, images_per_patient: int, seed: int, mark: str) -> Predictions:
    generator = np.random.default_rng(seed)
    n_patients = n // images_per_patient
    truth = np.repeat(generator.random(n_patients) < 0.3, images_per_patient)
    own = np.repeat(generator.normal(size=n_patients), images_per_patient)
    value = 1.6 * truth - 0.8 + 0.7 * own + 0.7 * generator.normal(size=len(truth))
    return Predictions(
        scores=1 / (1 + np.exp(-1.5 * value)),
        is_positive=truth,
        patients=tuple(f"{mark}{number}" for number in np.repeat(np.arange(n_patients), images_per_patient)),
        positive="pneumonia",
        negative="normal",
    )


def plain_draws(made: Predictions, *, n: int, seed: int) -> list[tuple[float, float]]:
    """Patients drawn with all their images, as one writes it first."""
    generator = np.random.default_rng(seed)
    codes = made.patient_codes
    order = np.argsort(codes, kind="stable")
    of_patient = np.split(order, np.cumsum(np.bincount(codes))[:-1])
    found = []
    for _ in range(n):
        chosen = np.concatenate([of_patient[code] for code in generator.integers(0, made.n_patients, made.n_patients)])
        truth, scores = made.is_positive[chosen], made.scores[chosen]
        found.append((metrics.roc_auc_score(truth, scores), metrics.average_precision_score(truth, scores)))
    return found


def measured(n: int, images_per_patient: int, draws: int) -> tuple[ClassifierMeasures, float]:
    test = simulated(n, images_per_patient=images_per_patient, seed=1, mark="P")
    tuning = simulated(max(n // 10, 400), images_per_patient=images_per_patient, seed=2, mark="T")
    start = time.process_time()
    found = measure_classifier(test, name="OD", tuning=tuning, draws=Draws(n=draws, seed=3))
    return found, time.process_time() - start


def peak_memory(n: int) -> float:
    """In MB, of `measure_classifier` with few draws: they do not add to it."""
    tracemalloc.start()
    measured(n, 4, 100)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--draws", type=int, default=2000)
    arguments = parser.parse_args()
    n, draws = arguments.images, arguments.draws
    for images_per_patient in (1, 4):
        made = simulated(n, images_per_patient=images_per_patient, seed=1, mark="P")
        found, ours = measured(n, images_per_patient, draws)
        start = time.process_time()
        plain = plain_draws(made, n=PLAIN_DRAWS, seed=3)
        one_draw = (time.process_time() - start) / PLAIN_DRAWS
        few = measure_areas(made, draws=Draws(n=100, seed=3))
        same = plain_draws(made, n=100, seed=3)
        ends = np.quantile([auc for auc, _ in same], [0.025, 0.975])
        assert np.allclose(ends, [few.auc_bootstrap.low, few.auc_bootstrap.high], atol=1e-12)
        assert plain == same[:PLAIN_DRAWS]
        print(
            f"{n:,} images, {images_per_patient} per patient, {draws:,} draws: everything {ours:.2f} s; the draws "
            f"alone by scikit-learn {one_draw * draws:.1f} s ({PLAIN_DRAWS} draws measured, multiplied); ratio "
            f"{one_draw * draws / ours:.1f}. AUC {found.areas.auc.value:.4f} ({found.areas.auc.low:.4f} to "
            f"{found.areas.auc.high:.4f}); as JSON {len(json.dumps(found.to_dict())) / 1e6:.1f} MB"
        )
    small, large = peak_memory(n // 10), peak_memory(n)
    print(f"Peak memory: {small:.1f} MB at {n // 10:,} images, {large:.1f} MB at {n:,}: {large / small:.1f} times")


if __name__ == "__main__":
    main()
