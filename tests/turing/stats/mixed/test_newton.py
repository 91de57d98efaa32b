"""The minimiser on functions whose minima are known."""

from dataclasses import dataclass

import numpy as np
import pytest

from turing.stats.mixed.newton import find_minimum


@dataclass
class Polynomial:
    """(t^2 - a)^2 + (t^2 - a)(b - 1) + (b - 1)^2 + c t^6, even in t: a > 0 has a minimum at t = sqrt(a), b = 1."""

    parameters: np.ndarray
    a: float

    @property
    def value(self) -> float:
        t, b = self.parameters
        s, d = t * t - self.a, b - 1
        return float(s * s + s * d + d * d)

    @property
    def gradient(self) -> np.ndarray:
        t, b = self.parameters
        s, d = t * t - self.a, b - 1
        return np.array([2 * t * (2 * s + d), s + 2 * d])

    @property
    def hessian(self) -> np.ndarray:
        t, b = self.parameters
        s, d = t * t - self.a, b - 1
        return np.array([[2 * (2 * s + d) + 8 * t * t, 2 * t], [2 * t, 2]])


def search(a: float, start, **options):
    return find_minimum(lambda parameters, _: Polynomial(parameters, a), np.array(start, float), n_even=1, **options)


@pytest.mark.parametrize("start", [[0.3, 0], [0.0, 0.0], [1e-8, 5.0], [5.0, -3.0]])
@pytest.mark.parametrize("a", [0.5, 1e-3, 4.0])
def test_minimum_inside_is_found_from_everywhere(a, start):
    """From t = 0 too, where the gradient in t is 0."""
    found = search(a, start)

    assert found.converged
    assert found.point.parameters == pytest.approx([np.sqrt(a), 1], abs=1e-6)


def test_minimum_on_the_boundary_is_exactly_zero():
    found = search(-0.5, [1.0, 3.0])

    # at t = 0: 0.25 + 0.5 d + d^2 is least at d = -0.25
    assert found.converged
    assert found.point.parameters[0] == 0
    assert found.point.parameters[1] == pytest.approx(0.75, abs=1e-7)


def test_held_parameter_stays():
    found = search(1.0, [0.5, 3.0], free=np.array([True, False]))

    # d = 2: (s + 1)^2 + 3 is least at s = -1, that is t = 0
    assert found.point.parameters == pytest.approx([0, 3], abs=1e-4)
    assert found.point.parameters[1] == 3.0


def test_limit_of_a_standard_deviation():
    assert search(100.0, [1.0, 0.0], largest=5.0).ran_away


def test_too_few_iterations_are_no_convergence():
    assert not search(4.0, [0.1, 5.0], max_iterations=2).converged
