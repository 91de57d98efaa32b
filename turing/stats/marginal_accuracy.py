"""The accuracy that a mixed logistic model says: of a new reader about a new image, not of those in the study."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from turing.stats.mixed import LogisticFit

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(61)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


@dataclass(frozen=True)
class MarginalAccuracy:
    """Probability of a right answer, averaged over readers and images. NaN, with a reason, where there is none."""

    estimate: float  # in (0, 1)
    se_logit: float  # of its logit
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        return not math.isnan(self.estimate)


def marginal_accuracy(fit: LogisticFit, rows: ArrayLike) -> MarginalAccuracy:
    """Mean over `rows` of the probability of a right answer in the population of readers and images.

    With s^2 = sd_image^2 + sd_reader^2 and phi the standard normal density::

        m = mean over rows x of  integral expit(x beta + s z) phi(z) dz

    by Gauss-Hermite quadrature (61 nodes). The standard error of logit(m) is by the delta method, with the joint
    covariance of the standard deviations and beta (2 times the inverse Hessian of the deviance).

    Parameters
    ----------
    fit : of `fit_logistic`.
    rows : (rows, coefficients), in the columns of the fit's design; one row for each kind of answer that counts alike.

    Returns
    -------
    MarginalAccuracy : undefined, with the reason of the fit, where that is not estimable.

    Raises
    ------
    ValueError : rows of another width than the design.

    Notes
    -----
    A standard deviation estimated as 0 is taken as known, as in the fit's own standard errors.

    References
    ----------
    Zeger SL, Liang KY, Albert PS. Biometrics 1988;44:1049-1060 (marginal and conditional). R: ``marginaleffects`` or
    ``GLMMadaptive::marginal_coefs`` integrate the same way.
    """
    design = np.atleast_2d(np.asarray(rows, dtype=float))
    if design.shape[1] != len(fit.coefficients):
        raise ValueError(f"rows has {design.shape[1]} columns; the model has {len(fit.coefficients)} coefficients")
    if fit.minimum is None:
        return MarginalAccuracy(math.nan, math.nan, fit.reason)
    parameters = fit.minimum.parameters
    orthogonal = design @ fit.model.design.back
    s = math.hypot(fit.sd_image, fit.sd_reader)
    chance = special.expit((orthogonal @ parameters[2:])[:, None] + s * NODES)  # (rows, nodes)
    estimate = float((chance @ WEIGHTS).mean())
    slope = chance * (1 - chance)
    by_s = float(((slope * NODES) @ WEIGHTS).mean())
    by_sd = [by_s * sd / s if s > 0 else 0.0 for sd in parameters[:2]]
    by_beta = ((slope @ WEIGHTS)[:, None] * orthogonal).mean(axis=0)
    free = np.r_[parameters[:2] > 0, np.ones(len(by_beta), bool)]
    gradient = np.r_[by_sd, by_beta][free]
    covariance = 2 * np.linalg.inv(fit.minimum.hessian[np.ix_(free, free)])
    variance = float(gradient @ covariance @ gradient)
    return MarginalAccuracy(estimate, math.sqrt(variance) / (estimate * (1 - estimate)))
