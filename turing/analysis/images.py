"""Item 8 of an analysis: how hard each image was, and the images about which all readers agreed."""

from dataclasses import dataclass

import numpy as np

from turing.analysis.answers import SYNTHETIC, Answers
from turing.analysis.options import AnalysisOptions
from turing.stats.difficulty import Difficulty, image_difficulty
from turing.stats.mixed import fit_logistic
from turing.stats.unanimous import Unanimous, unanimous_images


@dataclass(frozen=True)
class ImagesAnalysis:
    """`difficulty.images[k].image` is a name, and `unanimous.kinds[k].images` are names."""

    difficulty: Difficulty
    difficulty_formula: str
    unanimous: Unanimous | None  # None for pairs, where right or wrong is all there is
    unanimous_reason: str = ""


def analyse_images(answers: Answers, options: AnalysisOptions) -> tuple[ImagesAnalysis | None, str]:
    """The part, or None and the reason."""
    given = answers.first.select(given=True)
    if not len(given):
        return None, "there is no answer"
    difficulty, formula = _difficulty(given, options)
    if given.is_pairs:
        return ImagesAnalysis(
            difficulty, formula, None, "of pairs, there are no kinds of answers beside right and wrong"
        ), ""
    seen = np.unique(given.image)
    truth = np.zeros(len(given.images), int)
    truth[given.image] = given.truth
    names = [given.images[code] for code in seen]
    return ImagesAnalysis(difficulty, formula, unanimous_images(given.table(), truth[seen], names)), ""


def _difficulty(given: Answers, options: AnalysisOptions) -> tuple[Difficulty, str]:
    """With the class as a covariate where both are there: an image is shrunken towards its own kind."""
    synthetic = (given.truth == SYNTHETIC).astype(float)
    designs: list[tuple[np.ndarray, tuple[str, ...], str]] = [
        (np.ones((len(given), 1)), ("(Intercept)",), "correct ~ 1 + (1|image) + (1|reader)")
    ]
    if not given.is_pairs and 0 < synthetic.sum() < len(synthetic):
        with_class = np.column_stack([np.ones(len(given)), synthetic])
        formula = "correct ~ truth + (1|image) + (1|reader)"
        designs.insert(0, (with_class, ("(Intercept)", "truthsynthetic"), formula))
    reasons = []
    for matrix, names, formula in designs:
        if len(given) <= len(names):
            reasons.append(f"{len(given)} answers are too few")
            continue
        labels = np.array(given.images, dtype=object)[given.image].tolist()
        fit = fit_logistic(
            given.correct, matrix, np.array(labels, dtype=object), given.reader, names=names,
            confidence=options.confidence,
        )  # fmt: skip
        found = image_difficulty(fit)
        if found.is_defined:
            return found, formula
        reasons.append(fit.reason)
    return Difficulty((), float("nan"), float("nan"), options.confidence, "; ".join(dict.fromkeys(reasons))), formula
