"""Laplace approximation to the likelihood of a logistic model with two crossed random intercepts, with its exact
gradient and Hessian. Evaluates only; `newton.py` looks for the minimum.

Model: logit P(y_k = 1) = eta_k = x_k beta + t1 u1[image of k] + t2 u2[reader of k], u ~ N(0, I), with the standard
deviations t = (t1, t2). lme4 calls them theta; being the scale of u, they may be 0 without anything breaking.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from turing.stats.mixed.layout import Grid

MODE_TOLERANCE = 1e-20  # squared length of the last step to the mode, in conditional standard deviations
MODE_STEPS = 100
TANGENT_CELLS = 50_000  # derivatives are taken for several parameters at once as long as their arrays stay this small


@dataclass(frozen=True, eq=False)
class Answers:
    """0/1 outcomes and covariates on the grid: what the deviance is a function of, besides its parameters."""

    grid: Grid
    y: np.ndarray  # (layers, images, readers), 0 where there is no answer
    x: np.ndarray  # (cells, p), likewise

    @cached_property
    def ones(self) -> tuple[np.ndarray, np.ndarray]:
        return np.ones(self.grid.shape[1]), np.ones(self.grid.shape[2])


def laplace_deviance(answers: Answers, parameters: np.ndarray, near: "LaplacePoint | None" = None) -> "LaplacePoint":
    """-2 log likelihood by Laplace's approximation (lme4's ``glmer(nAGQ = 1)``); no constant is left out.

    With f(u) = -log p(y | u) + |u|^2 / 2, its minimum u* and its Hessian H = L Z'WZ L + I at u*, where L is diagonal
    with t1 and t2, and W holds mu (1 - mu)::

        deviance(t, beta) = 2 f(u*) + log det H

    u* is found by penalised iteratively reweighted least squares (Newton with step halving; f is convex). The images'
    block of H is diagonal, so each step factors only its Schur complement, readers by readers.

    Parameters
    ----------
    parameters : (t1, t2, beta...); the deviance is even in t1 and in t2.
    near : an evaluation at nearby parameters, whose mode, moved along its derivative, is where the search starts.

    References
    ----------
    Breslow NE, Clayton DG. J Am Stat Assoc 1993;88:9-25. Bates D, Maechler M, Bolker B, Walker S. J Stat Softw
    2015;67(1) and lme4's vignette "Computational methods for mixed models".
    """
    _, n_images, n_readers = answers.grid.shape
    u1, u2 = np.zeros(n_images), np.zeros(n_readers)
    if near is not None:
        u1, u2 = near.mode_at(parameters)
    t1, t2, beta = float(parameters[0]), float(parameters[1]), parameters[2:]
    fixed = (answers.x @ beta).reshape(answers.grid.shape)
    point = _weigh(answers, parameters, fixed, u1, u2)
    for _ in range(MODE_STEPS):
        score1, score2 = t1 * point.rest1 - point.u1, t2 * point.rest2 - point.u2
        step1, step2 = point.solve(score1, score2)
        length = float(score1 @ step1 + score2 @ step2)
        if length < MODE_TOLERANCE:
            return point
        scale = 1.0
        while True:
            moved = _weigh(answers, parameters, fixed, point.u1 + scale * step1, point.u2 + scale * step2)
            # close to the mode the gain is below the rounding of the sum: then the full step is right
            if moved.penalised <= point.penalised or length < 1e-9 * (1 + abs(point.penalised)):
                break
            scale /= 2
            if scale < 1e-9:
                return point
        if length < 1e-12 and scale == 1 and _step_left(moved) >= length:
            return moved  # rounding is all that is left
        point = moved
    return point


def _step_left(point: "LaplacePoint") -> float:
    t1, t2 = point.parameters[:2]
    score1, score2 = t1 * point.rest1 - point.u1, t2 * point.rest2 - point.u2
    step1, step2 = point.solve(score1, score2)
    return float(score1 @ step1 + score2 @ step2)


def _weigh(
    answers: Answers, parameters: np.ndarray, fixed: np.ndarray, u1: np.ndarray, u2: np.ndarray
) -> "LaplacePoint":
    """Everything at given random effects that a step to the mode needs."""
    grid, (ones1, ones2) = answers.grid, answers.ones
    t1, t2 = float(parameters[0]), float(parameters[1])
    eta = fixed + ((t1 * u1)[:, None] + t2 * u2)
    small = np.exp(-np.abs(eta))
    log_of_sum = np.log(1 + small) + np.maximum(eta, 0)  # log(1 + exp(eta))
    mu = np.where(eta >= 0, 1.0, small) / (1 + small)
    weight = small / (1 + small) ** 2
    if grid.weight is not None:
        log_of_sum, mu, weight = log_of_sum * grid.weight, mu * grid.weight, weight * grid.weight
    penalised = 2 * float(log_of_sum.sum() - (answers.y * eta).sum()) + float(u1 @ u1 + u2 @ u2)
    rest = answers.y - mu
    rest_cells, cells = _over_layers(rest), _over_layers(weight)
    w1, w2 = cells @ ones2, ones1 @ cells
    d1, d2 = 1 + t1 * t1 * w1, 1 + t2 * t2 * w2
    cross = (t1 * t2) * cells
    ratio = cross / d1[:, None]
    schur = -(cross.T @ ratio)
    schur.flat[:: len(d2) + 1] += d2
    return LaplacePoint(
        answers=answers, parameters=parameters, u1=u1, u2=u2, mu=mu, weight=weight, rest=rest,
        rest1=rest_cells @ ones2, rest2=ones1 @ rest_cells, cells=cells, w1=w1, w2=w2, d1=d1, d2=d2, ratio=ratio,
        schur=schur, penalised=penalised,
    )  # fmt: skip


def _over_layers(values: np.ndarray) -> np.ndarray:
    """(..., layers, images, readers) to (..., images, readers)."""
    return values[..., 0, :, :] if values.shape[-3] == 1 else values.sum(axis=-3)


@dataclass(eq=False)
class LaplacePoint:
    """The deviance and its derivatives at one set of parameters, computed when they are asked for.

    Index 1 is the images', 2 the readers'. H = [[diag(d1), C], [C', diag(d2)]], `ratio` = C / d1, `schur` = its Schur
    complement onto the readers.
    """

    answers: Answers
    parameters: np.ndarray
    u1: np.ndarray
    u2: np.ndarray
    mu: np.ndarray
    weight: np.ndarray
    rest: np.ndarray  # y - mu
    rest1: np.ndarray  # its sums
    rest2: np.ndarray
    cells: np.ndarray  # weights, summed over layers
    w1: np.ndarray
    w2: np.ndarray
    d1: np.ndarray
    d2: np.ndarray
    ratio: np.ndarray
    schur: np.ndarray
    penalised: float  # 2 f(u)
    _moves: tuple[np.ndarray, np.ndarray] | None = field(default=None, repr=False)  # du / dparameters

    @cached_property
    def schur_inverse(self) -> np.ndarray:
        return np.linalg.inv(self.schur)

    def solve(self, right1: np.ndarray, right2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """inv(H) times vectors, given as rows (..., images) and (..., readers)."""
        part2 = (right2 - right1 @ self.ratio) @ self.schur_inverse
        return right1 / self.d1 - part2 @ self.ratio.T, part2

    def mode_at(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The mode at other parameters, to first order where derivatives are at hand."""
        if self._moves is None:
            return self.u1, self.u2
        change = parameters - self.parameters
        return self.u1 + change @ self._moves[0], self.u2 + change @ self._moves[1]

    @cached_property
    def value(self) -> float:
        _, log_det = np.linalg.slogdet(self.schur)
        return self.penalised + float(np.log(self.d1).sum() + log_det)

    @cached_property
    def _inverse(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the derivatives need of inv(H): images' diagonal, images x readers block, readers' diagonal."""
        block = self.ratio @ self.schur_inverse
        return 1 / self.d1 + (block * self.ratio) @ self.answers.ones[1], -block, np.diag(self.schur_inverse).copy()

    @cached_property
    def _first(self) -> "_FirstOrder":
        t1, t2 = self.parameters[:2]
        h1, h12, h2 = self._inverse
        spread = (t1 * t1 * h1)[:, None] + (2 * t1 * t2) * h12 + t2 * t2 * h2  # variance of eta given y
        third = self.weight * (1 - 2 * self.mu)  # d weight / d eta
        pull = third * spread
        pull1, pull2 = self._sums(pull)
        a1, a2 = self.solve(t1 * pull1, t2 * pull2)
        lean = (t1 * a1)[:, None] + t2 * a2
        total = pull - 2 * self.rest - self.weight * lean
        total1, total2 = self._sums(total)
        return _FirstOrder(spread, third, pull1, pull2, a1, a2, lean, total, total1, total2)

    @cached_property
    def gradient(self) -> np.ndarray:
        """Exact derivative of the deviance by (t1, t2, beta...).

        The mode moves with the parameters, and with it log det H: with v = d log det H / du and a = inv(H) v, that part
        is -a' (d^2 f / du dparameter), by the implicit function theorem.
        """
        t1, t2 = self.parameters[:2]
        h1, h12, h2 = self._inverse
        first = self._first
        both = float(np.vdot(h12, self.cells))
        by_t1 = first.total1 @ self.u1 + first.a1 @ self.rest1 + 2 * t1 * (h1 @ self.w1) + 2 * t2 * both
        by_t2 = first.total2 @ self.u2 + first.a2 @ self.rest2 + 2 * t2 * (h2 @ self.w2) + 2 * t1 * both
        return np.r_[by_t1, by_t2, first.total.reshape(-1) @ self.answers.x]

    @property
    def reader_slope(self) -> np.ndarray:
        """Exact derivative of the deviance by an intercept of each reader's own, (readers,)."""
        return self._first.total2

    @cached_property
    def hessian(self) -> np.ndarray:
        """Exact second derivative by (t1, t2, beta...): the gradient's formulas, differentiated once more by hand."""
        n_parameters = len(self.parameters)
        at_once = max(1, TANGENT_CELLS // self.weight.size)
        rows, moves1, moves2 = [], [], []
        for start in range(0, n_parameters, at_once):
            row, move1, move2 = self._hessian_rows(np.eye(n_parameters)[start : start + at_once])
            rows.append(row)
            moves1.append(move1)
            moves2.append(move2)
        self._moves = np.concatenate(moves1), np.concatenate(moves2)
        matrix = np.concatenate(rows)
        return (matrix + matrix.T) / 2

    def _hessian_rows(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Derivatives of the gradient and of the mode along some directions (a dot in a formula is a `_dot` here)."""
        x, shape = self.answers.x, self.answers.grid.shape
        t1, t2 = self.parameters[:2]
        t1_dot, t2_dot = directions[:, 0, None], directions[:, 1, None]
        h1, h12, h2 = self._inverse
        first = self._first
        # the mode: H u_dot = -(d^2 f / du dparameter) parameter_dot
        fixed_dot = (directions[:, 2:] @ x.T).reshape(-1, *shape)
        fixed_dot = fixed_dot + self._outer(t1_dot * self.u1, t2_dot * self.u2)
        sum1, sum2 = self._sums(self.weight * fixed_dot)
        u1_dot, u2_dot = self.solve(t1_dot * self.rest1 - t1 * sum1, t2_dot * self.rest2 - t2 * sum2)
        eta_dot = fixed_dot + self._outer(t1 * u1_dot, t2 * u2_dot)
        # weights and H
        weight_dot = first.third * eta_dot
        rest1_dot, rest2_dot = (-total for total in self._sums(self.weight * eta_dot))
        cells_dot = _over_layers(weight_dot)
        ones1, ones2 = self.answers.ones
        w1_dot, w2_dot = cells_dot @ ones2, ones1 @ cells_dot
        product_dot = (t1_dot * t2 + t1 * t2_dot)[..., None]
        d1_dot = 2 * t1 * t1_dot * self.w1 + t1 * t1 * w1_dot
        d2_dot = 2 * t2 * t2_dot * self.w2 + t2 * t2 * w2_dot
        cross_dot = product_dot * self.cells + (t1 * t2) * cells_dot
        # inv(H)
        half = np.swapaxes(cross_dot, -1, -2) @ self.ratio
        shrink = (self.ratio.T * d1_dot[:, None, :]) @ self.ratio
        schur_dot = shrink - half - np.swapaxes(half, -1, -2)
        n_readers = len(self.d2)
        schur_dot.reshape(len(directions), -1)[:, :: n_readers + 1] += d2_dot
        schur_inverse_dot = -(self.schur_inverse @ schur_dot @ self.schur_inverse)
        ratio_dot = (cross_dot - d1_dot[..., None] * self.ratio) / self.d1[:, None]
        block_dot = ratio_dot @ self.schur_inverse + self.ratio @ schur_inverse_dot
        h1_dot = -d1_dot / self.d1**2 + (block_dot * self.ratio - h12 * ratio_dot) @ ones2
        h12_dot = -block_dot
        h2_dot = np.diagonal(schur_inverse_dot, axis1=-2, axis2=-1)
        # the variance of eta, and a = inv(H) v
        spread_dot = self._outer(2 * t1 * t1_dot * h1 + t1 * t1 * h1_dot, 2 * t2 * t2_dot * h2 + t2 * t2 * h2_dot)
        spread_dot += 2 * (product_dot * h12 + (t1 * t2) * h12_dot)[:, None]
        fourth = self.weight * (1 - 6 * self.weight)
        pull_dot = fourth * eta_dot * first.spread + first.third * spread_dot
        pull1_dot, pull2_dot = self._sums(pull_dot)
        right1 = t1_dot * first.pull1 + t1 * pull1_dot - d1_dot * first.a1 - cross_dot @ first.a2
        right2 = t2_dot * first.pull2 + t2 * pull2_dot - d2_dot * first.a2 - first.a1 @ cross_dot
        a1_dot, a2_dot = self.solve(right1, right2)
        lean_dot = self._outer(t1_dot * first.a1 + t1 * a1_dot, t2_dot * first.a2 + t2 * a2_dot)
        total_dot = pull_dot + 2 * self.weight * eta_dot - weight_dot * first.lean - self.weight * lean_dot
        total1_dot, total2_dot = self._sums(total_dot)
        # the gradient
        both = float(np.vdot(h12, self.cells))
        both_dot = (h12_dot * self.cells + h12 * cells_dot).sum(axis=(-1, -2))
        by_t1 = (
            u1_dot @ first.total1 + total1_dot @ self.u1 + a1_dot @ self.rest1 + rest1_dot @ first.a1
            + 2 * (directions[:, 0] * (h1 @ self.w1) + t1 * (h1_dot @ self.w1 + w1_dot @ h1))
            + 2 * (directions[:, 1] * both + t2 * both_dot)
        )  # fmt: skip
        by_t2 = (
            u2_dot @ first.total2 + total2_dot @ self.u2 + a2_dot @ self.rest2 + rest2_dot @ first.a2
            + 2 * (directions[:, 1] * (h2 @ self.w2) + t2 * (h2_dot @ self.w2 + w2_dot @ h2))
            + 2 * (directions[:, 0] * both + t1 * both_dot)
        )  # fmt: skip
        by_beta = total_dot.reshape(len(directions), -1) @ x
        return np.column_stack([by_t1, by_t2, by_beta]), u1_dot, u2_dot

    def _sums(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums by image and by reader of cell values (..., layers, images, readers)."""
        cells = _over_layers(values)
        return cells @ self.answers.ones[1], self.answers.ones[0] @ cells

    @staticmethod
    def _outer(part1: np.ndarray, part2: np.ndarray) -> np.ndarray:
        """Image and reader parts (q, images), (q, readers) added on the grid, (q, 1, images, readers)."""
        return part1[:, None, :, None] + part2[:, None, None, :]


@dataclass(frozen=True, eq=False)
class _FirstOrder:
    """Parts of the gradient that the Hessian needs again; names as in the formulas of `LaplacePoint.gradient`."""

    spread: np.ndarray
    third: np.ndarray
    pull1: np.ndarray
    pull2: np.ndarray
    a1: np.ndarray
    a2: np.ndarray
    lean: np.ndarray
    total: np.ndarray
    total1: np.ndarray
    total2: np.ndarray
