"""How hard each image was: the image effects of a fitted logistic mixed model, shrunken towards the mean, with
intervals from their conditional variances."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from turing.stats.accuracy import Proportion, clopper_pearson
from turing.stats.mixed import LogisticFit


@dataclass(frozen=True)
class ImageDifficulty:
    """One image. `effect` is on the logit scale, 0 being an image like the others with the same covariates.

    `share` is the share of right answers that the model expects from an average reader (reader effect 0) among those
    who read the image; its interval is that of the effect, everything else being held at its estimate.
    """

    image: object  # its label
    rank: int  # 1: hardest; images with the same answers share a rank
    observed: Proportion  # right answers, exact interval
    effect: float
    sd: float  # conditional standard deviation of the effect
    low: float
    high: float
    share: float
    share_low: float
    share_high: float


@dataclass(frozen=True)
class Difficulty:
    """Images from hardest to easiest. Empty, with a reason, where the model has no estimate."""

    images: tuple[ImageDifficulty, ...]
    sd_image: float  # of the images' effects, on the logit scale
    reliability: float  # share of the variance of effects that the ranking shows, in [0, 1]; near 0: do not read it
    confidence: float
    reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_defined(self) -> bool:
        return bool(self.images)


def image_difficulty(fit: LogisticFit) -> Difficulty:
    """Images ranked by the expected share of right answers, hardest first.

    With eta = X beta + b + c, the conditional mode b* of the image effects and their conditional variance given the
    answers, the standard deviations and beta (H as in `mixed.laplace`)::

        b* = t u*,   var(b | y) = t^2 [inv(H)]_image,image,   interval b* -+ z sqrt(var)

    The interval says where the effect of this very image lies, as far as the answers about it and what is known of all
    images tell; beta and the standard deviations are taken as known, so it is a little too narrow, and it is one image
    at a time: of 200 intervals of 95 % about ten miss. Two images whose intervals overlap widely have no order.
    `reliability` = 1 - mean(var(b | y)) / t^2.

    Parameters
    ----------
    fit : of `mixed.fit_logistic` with right (1) and wrong (0) as the outcome.

    Returns
    -------
    Difficulty : empty, with a reason, when the model is not estimable. A standard deviation between images of 0 gives
        equal effects without width, and a note that says what this means.

    References
    ----------
    Bates D, Maechler M, Bolker B, Walker S. J Stat Softw 2015;67(1). As R ``lme4::ranef(fit, condVar = TRUE)`` (no R
    value was at hand; tests compare with a numerical second derivative of the penalised likelihood).
    """
    if not fit.estimable or fit.minimum is None:
        return Difficulty((), math.nan, math.nan, fit.confidence, f"no image effects: {fit.reason}")
    point, model = fit.minimum, fit.model
    grid = model.grid
    t = float(point.parameters[0])
    effects = t * point.u1
    block = point.ratio @ point.schur_inverse
    variances = t**2 * (1 / point.d1 + (block * point.ratio).sum(axis=1))
    z = float(special.ndtri(0.5 + fit.confidence / 2))
    image_of_row = grid.place // grid.shape[2] % grid.shape[1]
    count = np.bincount(image_of_row, minlength=grid.shape[1])
    right = np.bincount(image_of_row, model.y, minlength=grid.shape[1])
    beta = model.design.back @ point.parameters[2:]
    fixed = np.bincount(image_of_row, model.design.matrix @ beta, minlength=grid.shape[1]) / count
    spread = z * np.sqrt(variances)
    shares = [special.expit(fixed + effects + shift) for shift in (0.0, -spread, spread)]
    rounded = np.round(shares[0], 10)
    order = np.lexsort((np.arange(len(count)), right / count, rounded))
    ranks = 1 + np.searchsorted(np.sort(rounded), rounded, side="left")
    notes = []
    if t == 0:
        notes.append(
            "The standard deviation between images is estimated as 0: the answers show no more difference between "
            "images than chance makes, so there is no ranking beyond the covariates."
        )
    return Difficulty(
        images=tuple(
            ImageDifficulty(
                image=grid.images[image],
                rank=int(ranks[image]),
                observed=clopper_pearson(int(right[image]), int(count[image]), confidence=fit.confidence),
                effect=float(effects[image]),
                sd=math.sqrt(variances[image]),
                low=float(effects[image] - spread[image]),
                high=float(effects[image] + spread[image]),
                share=float(shares[0][image]),
                share_low=float(shares[1][image]),
                share_high=float(shares[2][image]),
            )
            for image in order.tolist()
        ),
        sd_image=t,
        reliability=float(1 - variances.mean() / t**2) if t > 0 else 0.0,
        confidence=fit.confidence,
        notes=tuple(notes),
    )
