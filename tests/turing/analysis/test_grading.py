"""The graded part of an analysis: right rows into the right statistics, and a reason wherever there is none."""

import math

import numpy as np
import pytest

from turing.analysis import AnalysisOptions, make_answers
from turing.analysis.grading import grade
from turing.stats.graded import average_area, calibration, compare_paired_areas, fit_binormal, obuchowski_rockette
from turing.stats.roc import roc_area

OPTIONS = AnalysisOptions()


def graded_study(seed=1, *, n_readers=4, n_images=40, steps=6, pairs=False):
    generator = np.random.default_rng(seed)
    image, reader = (part.ravel() for part in np.meshgrid(range(n_images), range(n_readers), indexing="ij"))
    truth = image % 2
    looks = truth + generator.normal(0, 0.6, n_images)[image] + generator.normal(0, 0.8, len(image))
    cuts = np.quantile(looks, np.arange(1, steps) / steps)
    rating = np.digitize(looks, cuts) + 1.0
    columns = {
        "reader": [f"R{code + 1}" for code in reader],
        "image": [f"I{code + 1}" for code in image],
        "truth": truth,
        "answer": (rating > steps / 2).astype(int),
        "group": ["more" if code % 2 else "less" for code in reader],
    }
    return make_answers(**columns, **({"is_pairs": True} if pairs else {"rating": rating}))


def test_each_reader_has_the_curve_of_his_or_her_own_ratings():
    answers = graded_study()

    result, reason = grade(answers, OPTIONS)

    assert reason == ""
    for code, part in enumerate(result.readers):
        own = answers.select(readers=[code])
        cases, controls = own.rating[own.truth == 1], own.rating[own.truth == 0]
        assert part.name == answers.readers[code]
        area = roc_area(cases, controls)
        assert (part.area.auc, part.area.se) == pytest.approx((area.auc, area.se))
        assert part.binormal.auc == pytest.approx(fit_binormal(cases, controls).auc)
        assert sum(step.synthetic.n for step in part.steps) == 40


def test_average_and_groups_are_over_the_right_readers():
    answers = graded_study()
    table = np.array([answers.rating[answers.reader == code] for code in range(4)]).T  # rows are in the order of images
    truth = answers.truth[answers.reader == 0]

    result, _ = grade(answers, OPTIONS)

    overall = average_area(table[truth == 1], table[truth == 0])
    first, _, of_more = result.averages
    assert [part.name for part in result.averages] == ["all", "less", "more"]
    assert (first.u_statistics.estimate, first.u_statistics.se) == pytest.approx((overall.estimate, overall.se))
    more = obuchowski_rockette(table[truth == 1][:, 1::2], table[truth == 0][:, 1::2])
    assert of_more.obuchowski_rockette.se == pytest.approx(more.se)
    part = result.between_groups[0]
    assert (part.reference, part.group) == ("less", "more")
    areas = [part.area.auc for part in result.readers]
    assert part.difference.difference == pytest.approx(np.mean(areas[1::2]) - np.mean(areas[::2]))


def test_readers_are_compared_in_pairs_with_holms_correction():
    answers = graded_study()

    result, _ = grade(answers, OPTIONS)

    assert len(result.pairs_of_readers) == 6
    first = result.pairs_of_readers[0]
    one, other = (answers.select(readers=[code]) for code in (0, 1))
    expected = compare_paired_areas(
        one.rating[one.truth == 1], one.rating[one.truth == 0], other.rating[other.truth == 1],
        other.rating[other.truth == 0],
    )  # fmt: skip
    assert first.comparison.p == pytest.approx(expected.p)
    assert all(pair.p_holm >= pair.comparison.p for pair in result.pairs_of_readers)


def test_many_readers_are_not_compared_in_pairs():
    result, _ = grade(graded_study(n_readers=13, n_images=12), OPTIONS)

    assert result.pairs_of_readers == ()
    assert result.pairs_reason.startswith("13 readers make 78 pairs")


def test_stated_probabilities_are_calibrated_and_steps_are_counted():
    """As per cent the ratings are read as probabilities; as steps of a scale in words they are not."""
    answers = graded_study(steps=30)
    percent = rated_again(answers, answers.rating * 3)

    assert grade(graded_study(), OPTIONS)[0].calibration is None
    result = grade(percent, OPTIONS)[0]
    expected = calibration(percent.rating / 100, percent.truth)
    assert (result.scale, result.calibration.brier) == ("0 to 100 per cent", pytest.approx(expected.brier))
    assert result.readers[0].calibration.n == 40
    assert result.readers[0].steps == ()


def rated_again(answers, rating):
    return make_answers(
        reader=[answers.readers[code] for code in answers.reader],
        image=[answers.images[code] for code in answers.image],
        truth=answers.truth,
        answer=answers.answer,
        rating=rating,
    )


def test_pairs_have_the_average_share_of_right_choices():
    answers = graded_study(pairs=True)

    result, reason = grade(answers, OPTIONS)

    assert (reason, result.readers) == ("", ())
    assert result.averages[0].u_statistics.estimate == pytest.approx(answers.correct.mean())
    assert [part.name for part in result.averages] == ["all", "less", "more"]


def test_without_ratings_or_with_one_class_there_is_a_reason():
    answers = graded_study()
    plain = make_answers(reader=["A", "A"], image=["1", "2"], truth=[0, 1], answer=[0, 1])
    missing = make_answers(reader=["A", "A"], image=["1", "2"], truth=[0, 1], answer=[0, 1], rating=[math.nan] * 2)

    assert grade(plain, OPTIONS)[1].startswith("answers are not graded")
    assert grade(missing, OPTIONS)[1] == "no answer has a rating"
    assert grade(answers.select(truth="real"), OPTIONS)[1].startswith("only real images have ratings")


def test_answers_without_a_rating_are_left_out_and_counted():
    answers = graded_study()
    rating = answers.rating.copy()
    rating[0] = math.nan

    result, _ = grade(rated_again(answers, rating), OPTIONS)

    assert (result.n_unrated, result.pairs_of_readers[0].n_images, result.pairs_of_readers[-1].n_images) == (1, 39, 40)
