"""The odds ratio of a right answer between two studies, with readers and images random, by the logistic mixed model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from turing.stats.mixed import LogisticFit, OddsCoefficient, fit_logistic

TERM = "studysecond"


@dataclass(frozen=True)
class StudyEffect:
    """`fit` of correct ~ study + (1 | image) + (1 | reader); None where it could not be set up (`reason`)."""

    fit: LogisticFit | None
    same_readers: bool
    same_images: bool
    reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def estimable(self) -> bool:
        return self.fit is not None and self.fit.estimable

    @property
    def effect(self) -> OddsCoefficient | None:
        """Odds of a right answer in the second study over those in the first."""
        return self.fit[TERM] if self.fit is not None and self.fit.estimable else None


def study_effect(
    first: tuple[ArrayLike, ArrayLike, ArrayLike],
    second: tuple[ArrayLike, ArrayLike, ArrayLike],
    *,
    same_readers: bool,
    same_images: bool,
    confidence: float = 0.95,
) -> StudyEffect:
    """Logistic mixed model of both studies' answers with the study as the covariate.

    Parameters
    ----------
    first, second : (correct, image, reader) of each study: 1, 0 or NaN (not answered), and labels.
    same_readers, same_images : whether equal labels in the two studies are the same reader (image); else they are kept
        apart, whatever their names.

    Returns
    -------
    StudyEffect : not estimable with the reason of the fit (complete separation and so on), or without a fit when a
        study has no answers.

    References
    ----------
    R: ``lme4::glmer(correct ~ study + (1 | image) + (1 | reader), family = binomial)`` on both studies' rows; see
    `mixed.fit_logistic`.
    """
    columns = []
    for number, (correct, image, reader) in enumerate((first, second)):
        right = np.asarray(correct, dtype=float)
        kept = ~np.isnan(right)
        labels = [
            [str(label) if same else f"{number}:{label}" for label in np.asarray(values)[kept].tolist()]
            for values, same in ((image, same_images), (reader, same_readers))
        ]
        columns.append((right[kept], *labels))
    sizes = [len(part[0]) for part in columns]
    if not all(sizes) or sum(sizes) < 4:
        return StudyEffect(None, same_readers, same_images, "one of the studies has too few answers")
    y = np.concatenate([columns[0][0], columns[1][0]])
    design = np.column_stack([np.ones(len(y)), np.repeat([0.0, 1.0], sizes)])
    fit = fit_logistic(
        y,
        design,
        np.array(columns[0][1] + columns[1][1]),
        np.array(columns[0][2] + columns[1][2]),
        names=("(Intercept)", TERM),
        confidence=confidence,
    )
    return StudyEffect(fit, same_readers, same_images, fit.reason, _notes(same_readers, same_images, columns))


def _notes(same_readers: bool, same_images: bool, columns: list[tuple]) -> tuple[str, ...]:
    notes = []
    if same_readers:
        notes.append(
            "The readers took part in both studies; the model gives each of them one effect for both, so a reader who "
            "gained more than others between the studies is not modelled, and the interval may be too narrow."
        )
        if not set(columns[0][2]) & set(columns[1][2]):
            notes.append("No reader's name is in both studies, although the readers were said to be the same.")
    else:
        fewest = min(len(set(part[2])) for part in columns)
        if fewest < 6:
            notes.append(
                f"One of the studies has {fewest} readers, and the studies differ in their readers: with so few, the "
                "interval of the odds ratio is too narrow; see the difference between readers by Welch's t."
            )
    if same_images and not set(columns[0][1]) & set(columns[1][1]):
        notes.append("No image's name is in both studies, although the images were said to be the same.")
    return tuple(notes)
