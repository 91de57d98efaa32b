"""Simulated studies as tables of answers."""

import numpy as np

from turing.analysis import Answers, make_answers


def study(
    seed: int = 1,
    *,
    n_readers: int = 6,
    n_images: int = 40,
    skill: float = 1.0,
    missing: float = 0.0,
    repeats: int = 0,
    graded: bool = False,
    pairs: bool = False,
    real: float = 0.5,
    **changed: object,
) -> Answers:
    """Readers of two groups, alternating; images differ; `repeats` images are shown to everybody a second time."""
    generator = np.random.default_rng(seed)
    truth = (np.arange(n_images) >= round(real * n_images)).astype(int)
    shown = np.r_[np.arange(n_images), generator.choice(n_images, repeats, replace=False)]
    image = np.tile(shown, n_readers)
    reader = np.repeat(np.arange(n_readers), len(shown))
    again = np.tile(np.arange(len(shown)) >= n_images, n_readers)
    effect = generator.normal(0, 0.5, n_images)[image] + generator.normal(0, 0.3, n_readers)[reader]
    evidence = skill * (truth[image] - 0.5) + effect + generator.normal(0, 1, len(image))
    answer = np.where(generator.random(len(image)) < missing, -1, (evidence > 0).astype(int))
    values: dict = {
        "reader": [f"R{code + 1}" for code in reader],
        "image": [f"I{code + 1}" for code in image],
        "truth": truth[image],
        "answer": answer,
        "seconds": np.exp(generator.normal(2, 0.5, len(image))),
        "group": [("less", "more")[code % 2] for code in reader],
        "group_name": "experience",
        "position": np.tile(np.arange(1, len(shown) + 1), n_readers),
        "is_repeat": again,
        "rating": np.clip(np.round(3.5 + 1.2 * evidence), 1, 6) if graded else None,
        "is_pairs": pairs,
    }
    return make_answers(**(values | changed))
