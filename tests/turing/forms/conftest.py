"""What somebody fills into the form of a study."""

import pytest

from tests.turing.builders import make_dataset
from turing.texts import DEFAULT_INSTRUCTIONS, DEFAULT_QUESTION


@pytest.fixture
def datasets():
    return make_dataset(n=20, labels=["normal", "lesion"]), make_dataset(origin="synthetic", n=20)


@pytest.fixture
def plain(datasets):
    """The fewest answers that make a study."""
    real, synthetic = datasets
    return {
        "name": "Chest study",
        "question": DEFAULT_QUESTION,
        "instructions": DEFAULT_INSTRUCTIONS,
        "positive_class": "real",
        "real_dataset": str(real.pk),
        "n_real": "4",
        "synthetic_dataset": str(synthetic.pk),
        "n_synthetic": "4",
    }


@pytest.fixture
def whole(plain):
    """Something in every section."""
    return {
        **plain,
        "scale": "percent",
        "real_label": "Usual",
        "synthetic_label": "Unusual",
        "mark_kind": "box",
        "asks_comment": "on",
        "n_practice": "3",
        "practice_feedback": "on",
        "n_repeats": "2",
        "order": "blocks",
        "block_size": "4",
        "break_every": "5",
        "exposure_limit": "1.5",
        "time_limit": "20",
        "hides_total": "on",
        "shows_score": "on",
        "consent": "I *agree*.",
        "closing_text": "Goodbye.",
        "group_by": "years",
        "group-0-name": "Young",
        "group-0-from_years": "0",
        "group-1-name": "Old",
        "group-1-from_years": "7.5",
        "equivalence_margin": "7",
        "confidence_level": "90",
        "shortest_time": "0.5",
        "longest_time": "300",
        "outlier_mads": "3.5",
        "bit_depth": "8",
        "leak_limit": "0.9",
        "seed": "11",
        "image_size": "16",
        "n_phases": "1",
        "phase-0-title": "Informed",
        "phase-0-question": "And now?",
        "phase-0-instructions": "Some are synthetic.",
        "phase-0-real_label": "Real",
        "phase-0-synthetic_label": "Synthetic",
        "phase-0-real_labels": ["lesion"],
        "phase-0-n_real": "3",
        "phase-0-n_synthetic": "2",
    }
