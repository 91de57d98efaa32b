"""Predictions for tests of measures."""

import numpy as np
from hypothesis import strategies as st

from classification.cnn.measures.predictions import Predictions


def predictions_of(cases, controls, *, patients=None, positive="pneumonia", negative="normal"):
    """Scores of the positive class first."""
    scores = [*cases, *controls]
    truth = [True] * len(cases) + [False] * len(controls)
    return Predictions(
        scores=np.array(scores, dtype=float),
        is_positive=np.array(truth, dtype=bool),
        patients=patients,
        positive=positive,
        negative=negative,
    )


def simulated(seed, *, n=200, shift=1.5, images_per_patient=1, share=0.4):
    """Scores of a classifier that tells the classes apart by `shift` standard deviations; patients have one class."""
    generator = np.random.default_rng(seed)
    n_patients = n // images_per_patient
    truth = np.repeat(generator.random(n_patients) < share, images_per_patient)
    own = np.repeat(generator.normal(size=n_patients), images_per_patient)
    noise = generator.normal(size=len(truth))
    value = shift * truth - shift / 2 + (own + noise) / np.sqrt(2)
    patients = tuple(f"P{number:05d}" for number in np.repeat(np.arange(n_patients), images_per_patient))
    return Predictions(
        scores=1 / (1 + np.exp(-value)),
        is_positive=truth,
        patients=patients,
        positive="pneumonia",
        negative="normal",
    )


@st.composite
def any_predictions(draw, *, clustered=False, min_size=2, max_size=24):
    """Both classes, few different scores, so that ties are frequent."""
    n = draw(st.integers(min_size, max_size))
    levels = draw(st.integers(1, 12))
    scores = [draw(st.integers(0, levels)) / levels for _ in range(n)]
    truth = [True, False, *(draw(st.booleans()) for _ in range(n - 2))]
    patients = tuple(f"P{draw(st.integers(0, n // 2))}" for _ in range(n)) if clustered else None
    return Predictions(
        scores=np.array(scores),
        is_positive=np.array(truth),
        patients=patients,
        positive="pneumonia",
        negative="normal",
    )
