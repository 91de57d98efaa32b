"""The part of an analysis about reading times."""

import math

import numpy as np
import pytest

from turing.analysis import AnalysisOptions, make_answers
from turing.analysis.describing import describe_reading
from turing.stats.mixed import fit_linear


def timed_study(seed=1, *, n_readers=4, n_images=40, slow=(), flagged=(), seconds=None, position=True):
    generator = np.random.default_rng(seed)
    reader, image = np.repeat(range(n_readers), n_images), np.tile(range(n_images), n_readers)
    times = generator.lognormal(2, 0.5, len(reader))
    times[list(slow)] = 5000.0
    doubted = np.zeros(len(reader), bool)
    doubted[list(flagged)] = True
    place = np.concatenate([generator.permutation(n_images) + 1.0 for _ in range(n_readers)])
    return make_answers(
        reader=[f"R{code + 1}" for code in reader],
        image=[f"I{code + 1}" for code in image],
        truth=image % 2,
        answer=generator.integers(0, 2, len(reader)),
        seconds=times if seconds is None else seconds,
        group=["more" if code % 2 else "less" for code in reader],
        flagged=doubted,
        position=place if position else None,
    )


def test_distributions_are_of_the_right_answers():
    answers = timed_study()

    result, reason = describe_reading(answers, AnalysisOptions())

    assert reason == ""
    assert result.distribution.n_timed == 160
    assert result.readers[1].distribution.median == np.median(answers.seconds[answers.reader == 1])
    assert result.groups[1].distribution.n_timed == 80
    cell = result.by_answer[0]
    chosen = (answers.truth == 0) & (answers.answer == 0)
    assert (cell.truth, cell.is_correct, cell.distribution.n) == ("real", True, chosen.sum())
    assert cell.distribution.median == np.median(answers.seconds[chosen])


def test_doubtful_times_are_named_and_everything_is_shown_with_and_without():
    answers = timed_study(slow=[3, 50], flagged=[50, 90])

    result, _ = describe_reading(answers, AnalysisOptions(max_seconds=600))

    assert result.outliers.text == (
        "Doubtful among 160 reading times: 2 longer than 600 s, 2 flagged by the measurement; 3 in all."
    )
    assert [(part.name, part.n_outliers) for part in result.readers] == [("R1", 1), ("R2", 1), ("R3", 1), ("R4", 0)]
    assert (result.distribution.n_timed, result.without_outliers.n_timed) == (160, 157)
    assert result.linear_without_outliers["all"].crossed.n_answers == 157
    assert result.trend.without_outliers.n_answers == 157


def test_model_without_doubtful_times_is_that_of_the_fitter():
    answers = timed_study(slow=[3])
    kept = np.arange(160) != 3
    right = (answers.answer == answers.truth).astype(float)[kept]
    expected = fit_linear(
        np.log(answers.seconds[kept] + 1), np.column_stack([np.ones(159), right]), answers.image[kept],
        answers.reader[kept], names=("(Intercept)", "correct"),
    )  # fmt: skip

    result, _ = describe_reading(answers, AnalysisOptions(mad_factor=6))

    found = result.linear_without_outliers["all"].crossed["correct"].estimate
    assert found == pytest.approx(expected["correct"].estimate, rel=1e-9)


def test_without_doubtful_times_there_is_no_second_analysis():
    result, _ = describe_reading(timed_study(), AnalysisOptions())

    assert (result.linear_without_outliers, result.without_outliers) == ({}, None)


def test_without_times_or_positions_there_is_a_reason():
    nothing = timed_study(seconds=np.full(160, math.nan))

    assert describe_reading(nothing, AnalysisOptions()) == (None, "there is no reading time")
    result, _ = describe_reading(timed_study(position=False), AnalysisOptions())
    assert (result.trend, result.trend_reason) == (None, "the place of the images in the readers' order is not known")
