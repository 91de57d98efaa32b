"""The REML criterion against R and a dense textbook version; its derivatives against finite differences."""

import numpy as np
import pytest

from tests.turing.stats.mixed.studies import PARTS, Study, indicators, oracle_study, simulated_study
from tests.turing.stats.mixed.test_laplace import slopes
from tests.turing.stats.oracle import READER_SETS, expected_of
from turing.stats.mixed.reml import RemlPoint, Sums, sum_up

STUDIES = {
    "complete": simulated_study(1, n_images=12),
    "missing": simulated_study(2, n_images=15, missing=0.4),
    "repeated": simulated_study(3, n_images=10, repeats=17),
}
PLACES = [[0.5, 0.8], [0.0, 0.5], [0.7, 0.0], [0.0, 0.0], [3.0, 2.0]]


def sums_of(study: Study, *, reader_effect: bool = True) -> Sums:
    images, image = np.unique(study.image, return_inverse=True)
    readers, reader = np.unique(study.reader, return_inverse=True)
    columns = np.column_stack([study.time_design, study.log_seconds])
    return sum_up(columns, image, reader if reader_effect else None, len(images), len(readers))


def textbook_criterion(study: Study, t: np.ndarray) -> float:
    """Harville's formula with the covariance matrix of all answers written out."""
    x, y = study.time_design, study.log_seconds
    zs = indicators(study.image), indicators(study.reader)
    v = np.eye(len(y)) + sum(part**2 * z @ z.T for part, z in zip(t, zs, strict=True))
    information = x.T @ np.linalg.solve(v, x)
    beta = np.linalg.solve(information, x.T @ np.linalg.solve(v, y))
    rest = y - x @ beta
    degrees = len(y) - x.shape[1]
    spread = 1 + np.log(2 * np.pi * (rest @ np.linalg.solve(v, rest)) / degrees)
    return np.linalg.slogdet(v)[1] + np.linalg.slogdet(information)[1] + degrees * spread


@pytest.mark.parametrize("name", READER_SETS)
@pytest.mark.parametrize("part", PARTS)
def test_oracle_points(name, part):
    sums = sums_of(oracle_study(name, part))
    for expected in expected_of(name)["lmer"][part]["crossed"]["reml_points"]:
        at = np.array([expected["theta_image"], expected["theta_reader"]])

        assert RemlPoint(sums, at).value == pytest.approx(expected["reml_criterion"], abs=3e-9)


@pytest.mark.parametrize("kind", STUDIES)
@pytest.mark.parametrize("at", PLACES)
def test_criterion_is_the_textbook_one(kind, at):
    value = RemlPoint(sums_of(STUDIES[kind]), np.array(at)).value

    assert value == pytest.approx(textbook_criterion(STUDIES[kind], np.array(at)), abs=1e-9)


@pytest.mark.parametrize("kind", STUDIES)
@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("reader_effect", [True, False])
def test_gradient_and_hessian_are_the_slopes(kind, at, reader_effect):
    sums = sums_of(STUDIES[kind], reader_effect=reader_effect)

    point = RemlPoint(sums, np.array(at))

    expected = slopes(lambda t: RemlPoint(sums, t).value, point.parameters, 2e-3)
    assert point.gradient == pytest.approx(expected, abs=1e-6)
    expected = slopes(lambda t: RemlPoint(sums, t).gradient, point.parameters, 2e-3)
    assert point.hessian == pytest.approx(expected, abs=1e-7 * np.abs(expected).max())


def test_without_a_reader_effect_its_standard_deviation_is_0():
    study = STUDIES["missing"]

    alone, crossed = sums_of(study, reader_effect=False), sums_of(study)

    assert RemlPoint(alone, np.array([0.6, 0.0])).value == pytest.approx(
        RemlPoint(crossed, np.array([0.6, 0.0])).value, abs=1e-11
    )
