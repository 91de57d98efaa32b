"""REML criterion of a linear model with up to two crossed random intercepts, with its exact gradient and Hessian.

Model: y = X beta + t1 s u1[image] + t2 s u2[reader] + e, u ~ N(0, I), e ~ N(0, s^2 I); t are the standard deviations
relative to the residual one (lme4's theta). The data enter by sums over images and readers only, taken once.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Sums:
    """Sufficient statistics of [X y] = A (n, p + 1). Without a reader effect the readers' arrays have length 0."""

    n: int
    total: np.ndarray  # A'A
    by_image: np.ndarray  # Z1'A (images, p + 1)
    by_reader: np.ndarray  # Z2'A (readers, p + 1)
    per_image: np.ndarray  # answers per image
    per_reader: np.ndarray
    cells: np.ndarray  # answers per image and reader, Z1'Z2


def sum_up(matrix: np.ndarray, image: np.ndarray, reader: np.ndarray | None, n_images: int, n_readers: int) -> Sums:
    """Sums of the columns of `matrix` over codes 0 .. n - 1 of images and readers; `reader` None: no reader effect."""
    by_image = np.stack([np.bincount(image, column, n_images) for column in matrix.T], axis=1)
    per_image = np.bincount(image, minlength=n_images).astype(float)
    if reader is None:
        by_reader, per_reader, cells = np.zeros((0, matrix.shape[1])), np.zeros(0), np.zeros((n_images, 0))
    else:
        by_reader = np.stack([np.bincount(reader, column, n_readers) for column in matrix.T], axis=1)
        per_reader = np.bincount(reader, minlength=n_readers).astype(float)
        cells = np.bincount(image * n_readers + reader, minlength=n_images * n_readers).astype(float)
        cells = cells.reshape(n_images, n_readers)
    return Sums(len(matrix), matrix.T @ matrix, by_image, by_reader, per_image, per_reader, cells)


@dataclass(eq=False)
class RemlPoint:
    """Minus twice the REML log likelihood, profiled over beta and s, at `parameters` = (t1, t2), and its derivatives.

    With V = I + t1^2 Z1 Z1' + t2^2 Z2 Z2', P = inv(V) - inv(V) X inv(X'inv(V)X) X'inv(V) and n - p = m (lme4's
    ``REMLcrit``)::

        value = log det V + log det X'inv(V)X + m (1 + log(2 pi y'Py / m))

    Derivatives by r = t^2, K = ZZ' (Harville 1977), then the chain rule::

        d/dr_j        tr(P K_j) - m y'P K_j P y / y'Py
        d2/dr_j dr_k  -tr(P K_j P K_k) + m (2 y'P K_j P K_k P y / y'Py - y'P K_j P y y'P K_k P y / (y'Py)^2)

    inv(V) is taken in two parts, images first (diagonal), then a matrix of readers by readers, and everything is
    written so that t = 0 needs no case of its own.
    """

    sums: Sums
    parameters: np.ndarray

    def __post_init__(self) -> None:
        sums, (r1, r2) = self.sums, self.parameters**2
        shrink = 1 / (1 + r1 * sums.per_image)
        self._cells = sums.cells * shrink[:, None]  # Z1' inv(V1) Z2, V1 = I + r1 Z1 Z1'
        self._kernel = np.diag(sums.per_reader) - r1 * (sums.cells.T @ self._cells)  # T = Z2' inv(V1) Z2
        self._middle = np.linalg.inv(np.eye(len(self._kernel)) + r2 * self._kernel)  # M = inv(I + r2 T)
        first1 = sums.by_image * shrink[:, None]
        first2 = sums.by_reader - r1 * (self._cells.T @ sums.by_image)
        self._side2 = self._middle @ first2  # Z2' inv(V) A
        self._side1 = first1 - r2 * (self._cells @ self._side2)  # Z1' inv(V) A
        inside = sums.total - r1 * (sums.by_image.T @ first1) - r2 * (first2.T @ self._side2)  # A' inv(V) A
        self.information = inside[:-1, :-1]
        self.unscaled = np.linalg.inv(self.information)  # inv(X' inv(V) X)
        self.beta = self.unscaled @ inside[:-1, -1]
        self.residual = float(inside[-1, -1] - inside[:-1, -1] @ self.beta)  # y'Py
        self._shrink = shrink

    @property
    def degrees(self) -> int:
        return self.sums.n - len(self.beta)

    @property
    def sigma2(self) -> float:
        return self.residual / self.degrees

    @cached_property
    def value(self) -> float:
        log_det = -float(np.log(self._shrink).sum()) - np.linalg.slogdet(self._middle)[1]
        log_det += np.linalg.slogdet(self.information)[1]
        return float(log_det + self.degrees * (1 + np.log(2 * np.pi * self.sigma2)))

    @cached_property
    def _rests(self) -> tuple[np.ndarray, np.ndarray]:
        """Z1'Py and Z2'Py."""
        side1, side2 = self._side1, self._side2
        return side1[:, -1] - side1[:, :-1] @ self.beta, side2[:, -1] - side2[:, :-1] @ self.beta

    @cached_property
    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """X' inv(V) K_j inv(V) X for images and readers."""
        x1, x2 = self._side1[:, :-1], self._side2[:, :-1]
        return x1.T @ x1, x2.T @ x2

    @cached_property
    def first(self) -> tuple[np.ndarray, np.ndarray]:
        """tr(P K_j) and y'P K_j P y."""
        squares = self._cells.T @ self._cells
        trace1 = self._shrink @ self.sums.per_image - self.parameters[1] ** 2 * np.vdot(self._middle, squares)
        trace2 = np.vdot(self._kernel, self._middle)
        traces = np.array([trace1, trace2]) - [np.vdot(self.unscaled, side) for side in self.sides]
        e1, e2 = self._rests
        return traces, np.array([e1 @ e1, e2 @ e2])

    @cached_property
    def second(self) -> tuple[np.ndarray, np.ndarray]:
        """tr(P K_j P K_k) and y'P K_j P K_k P y, 2 x 2 each, by Q_jk = Z_j' inv(V) Z_k without forming Q_11."""
        r2 = self.parameters[1] ** 2
        cells, middle, kernel = self._cells, self._middle, self._kernel
        own = self._shrink * self.sums.per_image
        squares = cells.T @ cells
        q22 = kernel @ middle
        middle_squares = middle @ squares
        norms = np.empty((2, 2))
        norms[0, 0] = own @ own - 2 * r2 * np.vdot(middle, (cells.T * own) @ cells)
        norms[0, 0] += r2 * r2 * np.vdot(middle_squares, middle_squares.T)
        norms[0, 1] = norms[1, 0] = np.vdot(middle_squares, middle)
        norms[1, 1] = np.vdot(q22, q22.T)

        x1, x2, (e1, e2) = self._side1[:, :-1], self._side2[:, :-1], self._rests
        both = [np.column_stack([x1, e1]), np.column_stack([x2, e2])]
        down = cells.T @ both[0]
        products = {
            (0, 0): (both[0].T * own) @ both[0] - r2 * (down.T @ middle @ down),
            (0, 1): down.T @ middle @ both[1],
            (1, 1): both[1].T @ q22 @ both[1],
        }
        traces, forms = np.empty((2, 2)), np.empty((2, 2))
        for (j, k), product in products.items():
            cross = np.vdot(self.unscaled, product[:-1, :-1])
            ends = np.vdot(self.unscaled @ self.sides[j], (self.unscaled @ self.sides[k]).T)
            traces[j, k] = traces[k, j] = norms[j, k] - 2 * cross + ends
            left, right = both[j][:, :-1].T @ both[j][:, -1], both[k][:, :-1].T @ both[k][:, -1]
            forms[j, k] = forms[k, j] = product[-1, -1] - left @ self.unscaled @ right
        return traces, forms

    @cached_property
    def gradient(self) -> np.ndarray:
        traces, forms = self.first
        return 2 * self.parameters * (traces - forms / self.sigma2)

    @cached_property
    def hessian(self) -> np.ndarray:
        t = self.parameters
        traces, forms = self.first
        traces2, forms2 = self.second
        by_ratio = -traces2 + 2 * forms2 / self.sigma2 - np.outer(forms, forms) / (self.sigma2 * self.residual)
        return 4 * np.outer(t, t) * by_ratio + np.diag(2 * (traces - forms / self.sigma2))
