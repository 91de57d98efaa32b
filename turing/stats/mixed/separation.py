"""Whether a logistic regression has finite coefficients at all.

Where a combination of the covariates is never negative for the answers 1 and never positive for the answers 0, the
likelihood grows without end along it. Random intercepts do not help: they are pulled to 0, the coefficients are not.
"""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from turing.stats.mixed.layout import Design

STEPS = 50
GAIN = 1e-6  # of the columns scaled to largest value 1; the programs are solved to 1e-7


@dataclass(frozen=True, eq=False)
class PlainFit:
    """Logistic regression without random effects: where the mixed model starts."""

    beta: np.ndarray  # of the orthogonal columns
    rest: np.ndarray  # y - mu, one per answer
    weight: np.ndarray  # mu (1 - mu)
    is_finite: bool  # converged with every probability well inside (0, 1), so there is no separation


@dataclass(frozen=True)
class Separation:
    """Columns whose coefficients have no finite estimate."""

    names: tuple[str, ...]
    complete: bool  # every single answer is foretold; else (quasi-complete) only some are

    def __str__(self) -> str:
        kind = "complete" if self.complete else "quasi-complete"
        columns = ", ".join(self.names)
        return f"{kind} separation: the likelihood grows without end along {columns}, so there is no finite odds ratio"


def fit_plain_logistic(y: np.ndarray, x: np.ndarray) -> PlainFit:
    """Newton's method; steps are cut, so that it creeps along a separated direction and never overflows."""
    beta = np.zeros(x.shape[1])
    deviance = np.inf
    for _ in range(STEPS):
        eta = x @ beta
        mu = special.expit(eta)
        weight = mu * (1 - mu)
        gradient = x.T @ (y - mu)
        information = (x.T * weight) @ x
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            break
        length = float(step @ gradient)
        if length < 1e-10:
            return PlainFit(beta, y - mu, weight, bool(np.abs(eta).max() < 15))
        largest = float(np.abs(x @ step).max())
        if not np.isfinite(largest) or np.abs(eta).max() > 25:
            break
        last, deviance = deviance, float(np.logaddexp(0, eta).sum() - y @ eta)
        beta = beta + step * min(1.0, 3.0 / largest) * (0.5 if deviance > last else 1.0)
    return PlainFit(beta, y - mu, weight, False)


def find_separation(y: np.ndarray, design: Design) -> Separation | None:
    """Complete or quasi-complete separation by the fixed effects, by linear programming.

    With s = 1 for an answer 1 and -1 for an answer 0, looks for a direction g with s_k x_k g >= 0 for all k::

        maximise sum_k s_k x_k g   subject to   s_k x_k g >= 0,   -1 <= g <= 1

    The data are separated exactly if the maximum is positive, and completely if s_k x_k g >= m for all k is possible
    with m > 0, a second program. R: ``detectseparation::detect_separation``.

    References
    ----------
    Albert A, Anderson JA. Biometrika 1984;71:1-10. Konis K. Linear programming algorithms for detecting separated data
    in binary logistic regression models. DPhil thesis, University of Oxford, 2007.
    """
    scale = np.abs(design.matrix).max(axis=0)
    rows = np.unique((2 * y - 1)[:, None] * design.matrix / scale, axis=0)
    direction = _best(-rows.mean(axis=0), rows)
    if (rows @ direction).max() < GAIN:
        return None
    names = tuple(name for name, part in zip(design.names, direction, strict=True) if abs(part) > GAIN)
    with_margin = np.column_stack([rows, -np.ones(len(rows))])  # s_k x_k g >= m, and m as large as it gets
    margin = _best(np.r_[np.zeros(rows.shape[1]), -1.0], with_margin)[-1]
    return Separation(names, bool(margin > GAIN))


def _best(costs: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Minimises costs @ g subject to rows @ g >= 0 and -1 <= g <= 1, which g = 0 always fulfils."""
    found = optimize.linprog(costs, A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=(-1, 1))
    return np.zeros(len(costs)) if found.x is None else found.x
