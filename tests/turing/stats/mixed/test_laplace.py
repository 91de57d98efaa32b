"""The Laplace deviance against R and a dense textbook version; its derivatives against finite differences."""

import numpy as np
import pytest

from tests.turing.stats.mixed.studies import PARTS, Study, indicators, oracle_study, simulated_study
from tests.turing.stats.oracle import READER_SETS, expected_of
from turing.stats.mixed import laplace
from turing.stats.mixed.laplace import Answers, laplace_deviance
from turing.stats.mixed.layout import make_grid

PARAMETERS = np.array([0.7, 0.4, 0.1, 0.8])
STUDIES = {
    "complete": simulated_study(1, n_images=12),
    "missing": simulated_study(2, n_images=15, missing=0.4),
    "repeated": simulated_study(3, n_images=10, repeats=17),
    "more readers than images": simulated_study(4, n_images=4, n_readers=9),
}


def answers_of_study(study: Study) -> Answers:
    grid = make_grid(study.image, study.reader, len(study.correct))
    return Answers(grid, grid.spread(study.correct).reshape(grid.shape), grid.spread(study.design))


def textbook_deviance(study: Study, parameters: np.ndarray) -> float:
    """2 f(u*) + log det H with dense matrices, one row per answer, by plain Newton."""
    z = np.column_stack([parameters[0] * indicators(study.image), parameters[1] * indicators(study.reader)])
    u = np.zeros(z.shape[1])
    for _ in range(50):
        eta = study.design @ parameters[2:] + z @ u
        mu = 1 / (1 + np.exp(-eta))
        hessian = (z.T * (mu * (1 - mu))) @ z + np.eye(len(u))
        u = u + np.linalg.solve(hessian, z.T @ (study.correct - mu) - u)
    f = np.logaddexp(0, eta).sum() - study.correct @ eta + u @ u / 2
    return 2 * f + np.linalg.slogdet(hessian)[1]


def slopes(function, parameters: np.ndarray, step: float) -> np.ndarray:
    """Central differences with one extrapolation: error of the fourth order in the step."""

    def at(width):
        shifts = width * np.eye(len(parameters))
        return np.array([(function(parameters + s) - function(parameters - s)) / (2 * width) for s in shifts])

    return (4 * at(step / 2) - at(step)) / 3


@pytest.mark.parametrize("name", READER_SETS)
@pytest.mark.parametrize("part", PARTS)
def test_oracle_points(name, part):
    answers = answers_of_study(oracle_study(name, part))
    for expected in expected_of(name)["glmer"][part]["laplace_points"]:
        at = np.array([expected[key] for key in ("sd_image", "sd_reader", "intercept", "slope")])

        value = laplace_deviance(answers, at).value

        assert value == pytest.approx(expected["minus2ll"], abs=3e-5)
        if expected.get("minus2ll_glmmtmb") is not None:
            assert value == pytest.approx(expected["minus2ll_glmmtmb"], abs=3e-9)


@pytest.mark.parametrize("kind", STUDIES)
@pytest.mark.parametrize("at", [PARAMETERS, [0, 0.5, 0.1, 1], [0.6, 0, 0, -1], [0, 0, 0.3, 0.3], [4, 3, 2, -3]])
def test_deviance_is_the_textbook_one(kind, at):
    at = np.array(at, float)

    value = laplace_deviance(answers_of_study(STUDIES[kind]), at).value

    assert value == pytest.approx(textbook_deviance(STUDIES[kind], at), abs=1e-9)


@pytest.mark.parametrize("kind", STUDIES)
@pytest.mark.parametrize("at", [PARAMETERS, [0, 0.5, 0.1, 1], [0.6, 0, 0, -1], [0, 0, 0.3, 0.3], [4, 3, 2, -3]])
def test_gradient_and_hessian_are_the_slopes(kind, at):
    answers, at = answers_of_study(STUDIES[kind]), np.array(at, float)

    point = laplace_deviance(answers, at)

    expected = slopes(lambda p: laplace_deviance(answers, p).value, at, 2e-3)
    assert point.gradient == pytest.approx(expected, abs=1e-6)
    expected = slopes(lambda p: laplace_deviance(answers, p).gradient, at, 2e-3)
    assert point.hessian == pytest.approx(expected, abs=1e-7 * np.abs(expected).max())


def test_hessian_does_not_depend_on_how_many_directions_are_taken_at_once(monkeypatch):
    answers = answers_of_study(STUDIES["missing"])
    together = laplace_deviance(answers, PARAMETERS).hessian

    monkeypatch.setattr(laplace, "TANGENT_CELLS", 1)

    assert laplace_deviance(answers, PARAMETERS).hessian == pytest.approx(together, abs=1e-12)


def test_deviance_is_even_in_the_standard_deviations():
    answers = answers_of_study(STUDIES["repeated"])
    point, mirrored = (laplace_deviance(answers, sign * PARAMETERS) for sign in (1, np.array([-1, -1, 1, 1])))

    assert mirrored.value == pytest.approx(point.value, abs=1e-11)
    assert mirrored.gradient == pytest.approx(point.gradient * [-1, -1, 1, 1], abs=1e-9)


def test_start_near_by_leads_to_the_same_mode():
    answers = answers_of_study(STUDIES["complete"])
    near = laplace_deviance(answers, PARAMETERS + 0.3)
    _ = near.hessian

    point, cold = laplace_deviance(answers, PARAMETERS, near), laplace_deviance(answers, PARAMETERS)

    assert (point.u1, point.u2) == (pytest.approx(cold.u1, abs=1e-10), pytest.approx(cold.u2, abs=1e-10))


def test_extreme_parameters_find_their_mode():
    answers = answers_of_study(STUDIES["complete"])

    point = laplace_deviance(answers, np.array([25.0, 20.0, 300.0, -400.0]))

    assert 25 * point.rest1 == pytest.approx(point.u1, abs=1e-6)
    assert np.isfinite(point.gradient).all()
