"""Reader-averaged area by U-statistics: brute-force moments, analysis-of-variance identities, unbiasedness."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turing.stats.graded import average_area, average_share, delong_covariance
from turing.stats.graded.reader_average import NO_READER_SPREAD
from turing.stats.roc import roc_area


def kernel(cases, controls):
    """{(reader, control, case): 0, 1/2, 1} of what was rated."""
    return {
        (r, i, j): float((cases[j, r] > controls[i, r]) + 0.5 * (cases[j, r] == controls[i, r]))
        for r in range(cases.shape[1])
        for i in range(len(controls))
        for j in range(len(cases))
        if not math.isnan(cases[j, r] + controls[i, r])
    }


def moments_by_hand(values):
    """Every product of two kernel values, sorted by what the two share."""
    sums, counts = np.zeros(8), np.zeros(8)
    for (r1, i1, j1), first in values.items():
        for (r2, i2, j2), second in values.items():
            place = 4 * (r1 != r2) + 2 * (i1 != i2) + (j1 != j2)
            sums[place] += first * second
            counts[place] += 1
    order = [0, 1, 2, 3, 4, 5, 6, 7]  # both, control, case, none; again for two readers
    return sums[order] / counts[order], counts


def simulated(generator, n_readers=4, n_cases=6, n_controls=5, separation=0.7, sd_reader=0.5, sd_image=0.7):
    own = generator.normal(separation, sd_reader, n_readers)
    cases = own + generator.normal(0, sd_image, (n_cases, 1)) + generator.normal(0, 1, (n_cases, n_readers))
    controls = generator.normal(0, sd_image, (n_controls, 1)) + generator.normal(0, 1, (n_controls, n_readers))
    return np.round(cases), np.round(controls)


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=25)
def test_moments_are_those_of_all_products(seed, some_missing):
    generator = np.random.default_rng(seed)
    cases, controls = simulated(generator, n_readers=3, n_cases=4, n_controls=4)
    if some_missing:
        cases[0, 0] = controls[1, 2] = math.nan
    expected, _ = moments_by_hand(kernel(cases, controls))

    result = average_area(cases, controls)

    assert result.moments == pytest.approx(expected, abs=1e-12)
    assert sum(result.coefficients) == pytest.approx(1)


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_variance_is_that_of_the_analysis_of_variance(seed):
    """Complete design: the mean of a three-way random-effects table has variance sum of component / number of levels,
    with components from mean squares (textbook ANOVA; another way to the same unbiased estimate)."""
    cases, controls = simulated(np.random.default_rng(seed))
    table = (cases[None] > controls[:, None]) + 0.5 * (cases[None] == controls[:, None])  # controls, cases, readers
    sizes = table.shape
    effects, mean_squares = {}, {}
    for axes in [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]:
        others = tuple(axis for axis in range(3) if axis not in axes)
        effect = table.mean(axis=others, keepdims=True) - table.mean()
        for smaller, part in effects.items():
            if set(smaller) < set(axes):
                effect = effect - part
        effects[axes] = effect
        degrees = math.prod(sizes[axis] - 1 for axis in axes)
        mean_squares[axes] = math.prod(sizes[axis] for axis in others) * (effect**2).sum() / degrees
    # E[MS of a set] = sum over sets around it of component * number of values per level
    signs = {axes: (-1) ** (len(axes) + 1) for axes in mean_squares}
    variance = sum(signs[axes] * mean_squares[axes] for axes in mean_squares) / math.prod(sizes)

    result = average_area(cases, controls)

    if result.has_interval:
        assert result.se**2 == pytest.approx(variance, abs=1e-12)
    else:
        assert variance < 1e-12


@given(st.integers(0, 10_000))
def test_one_reader_has_delongs_variance_less_its_bias(seed):
    """DeLong's S10 / m + S01 / n counts the interaction of control and case once too often: MS / (m n) is the rest."""
    generator = np.random.default_rng(seed)
    cases, controls = generator.integers(1, 7, (9, 1)) + 0.0, generator.integers(0, 6, (7, 1)) + 0.0
    table = np.sign(cases.T - controls) / 2 + 0.5
    rest = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    expected = delong_covariance(cases, controls)[1][0, 0] - (rest**2).sum() / (8 * 6) / 63

    result = average_area(cases, controls)

    assert result.estimate == pytest.approx(roc_area(cases[:, 0], controls[:, 0]).auc)
    if expected > 1e-12:
        assert result.se_images**2 == pytest.approx(expected, abs=1e-12)
    assert "one reader does not show" in result.reason


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_order_of_rows_and_readers_and_the_scale_do_not_matter(seed):
    generator = np.random.default_rng(seed)
    cases, controls = simulated(generator)
    readers = generator.permutation(4)

    result = average_area(cases, controls)
    other = average_area(np.exp(cases[::-1, readers] / 3), np.exp(controls[::-1, readers] / 3))

    assert (other.estimate, other.se, other.df) == pytest.approx((result.estimate, result.se, result.df), nan_ok=True)


def test_average_is_the_mean_of_the_readers_areas_where_ratings_are_missing():
    generator = np.random.default_rng(1)
    cases, controls = simulated(generator, n_cases=20, n_controls=20)
    cases[:9, 0] = math.nan
    areas = [roc_area(cases[~np.isnan(cases[:, r]), r], controls[:, r]).auc for r in range(4)]

    assert average_area(cases, controls).estimate == pytest.approx(np.mean(areas))


def test_variance_is_unbiased():
    """Mean of 3,000 estimated variances against the variance of 3,000 estimates; their ratio's SE is about 0.03."""
    generator = np.random.default_rng(11)
    estimates, variances = [], []
    for _ in range(3000):
        result = average_area(*simulated(generator, n_readers=4, n_cases=12, n_controls=12))
        value = np.dot(result.coefficients, result.moments) - result.moments[-1]
        estimates.append(result.estimate)
        variances.append(value)

    assert np.mean(variances) / np.var(estimates, ddof=1) == pytest.approx(1, abs=0.1)


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_share_has_the_variance_of_the_two_way_table(seed):
    """Mean of a two-way random-effects table: (MS reader + MS image - MS rest) / number of answers."""
    table = np.random.default_rng(seed).integers(0, 2, (8, 5)).astype(float)
    of_image, of_reader = table.mean(axis=1, keepdims=True), table.mean(axis=0)
    rest = table - of_image - of_reader + table.mean()
    squares = 5 * of_image.var(ddof=1) + 8 * of_reader.var(ddof=1) - (rest**2).sum() / 28

    result = average_share(table)

    assert result.estimate == pytest.approx(table.mean())
    if result.has_interval:
        assert result.se**2 == pytest.approx(squares / 40, abs=1e-12)
    else:
        assert squares < 1e-12


def test_share_of_one_reader_has_the_unbiased_binomial_variance():
    """k / n with variance p (1 - p) / (n - 1)."""
    result = average_share(np.array([[1, 1, 0, 1, 0, 1, 1, 0]]).T)

    assert result.se_images**2 == pytest.approx(0.625 * 0.375 / 7)


def test_pairs_and_ratings_agree():
    """Two images rated by a reader, and the same reader choosing the one rated higher: the same share."""
    generator = np.random.default_rng(9)
    cases, controls = generator.normal(1, 1, (4000, 3)), generator.normal(0, 1, (4000, 3))

    chosen = average_share((cases > controls).astype(float)).estimate

    assert chosen == pytest.approx(average_area(cases[:400], controls[:400]).estimate, abs=0.03)


@pytest.mark.parametrize(
    ("cases", "controls", "reason"),
    [
        (np.full((3, 2), 5.0), np.full((3, 2), 1.0), "the variance is estimated as 0 or below"),
        (np.full((3, 2), 5.0), np.full((1, 2), 1.0), "images or readers are too few"),
        (np.full((3, 2), math.nan), np.full((3, 2), 1.0), "no reader rated images of both kinds"),
        (np.zeros((3, 0)), np.zeros((3, 0)), "no reader rated images of both kinds"),
    ],
)
def test_without_variance_says_why(cases, controls, reason):
    result = average_area(cases, controls)

    assert result.has_interval is False
    assert reason in result.reason


def test_readers_who_rated_one_class_only_are_left_out_and_counted():
    generator = np.random.default_rng(2)
    cases, controls = simulated(generator)
    controls[:, 3] = math.nan

    result = average_area(cases, controls)

    assert result.estimate == average_area(cases[:, :3], controls[:, :3]).estimate
    assert result.notes[0] == "1 of 4 readers did not rate what is needed and were left out of the average"


def test_interval_for_other_readers_is_never_silently_narrower_than_for_these():
    """Unbiased variances may say that readers differ by less than nothing; then a note says what to do."""
    seen = set()
    for seed in range(40):
        result = average_area(*simulated(np.random.default_rng(seed), n_cases=20, n_controls=20, sd_reader=0.2))
        narrower = result.se < result.se_images
        assert (NO_READER_SPREAD in result.notes) == narrower
        seen.add(bool(narrower))
    assert seen == {True, False}


def test_readers_who_agree_fully_have_no_variance_between_them():
    """The reader's component is 0 or below where every reader gave the same ratings."""
    cases, controls = (np.repeat(part, 3, axis=1) for part in simulated(np.random.default_rng(5), n_readers=1))

    assert average_area(cases, controls).components.reader == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: average_area([1, 2], [1, 2]), r"cases has 1 dimension"),
        (lambda: average_area([[1, 2]], [[1]]), "the same readers are needed"),
        (lambda: average_area([[math.inf]], [[1]]), "1 infinite rating"),
        (lambda: average_share([[0.5]]), "1 .right., 0 .wrong. or NaN"),
        (lambda: average_area([[1.0]], [[1.0]], confidence=0), "confidence = 0 is out of range"),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
