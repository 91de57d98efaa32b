"""Figures of scores: the points that matplotlib is given, the columns, and the words."""

import numpy as np
import pytest

from classification.cnn.figures.scores import (
    MOST_POINTS,
    score_by_decision_figure,
    score_by_label_figure,
    score_by_share_figure,
    score_by_truth_figure,
)
from classification.cnn.figures.style import draw_figure
from classification.cnn.measures.correlation import rank_correlation
from classification.cnn.measures.estimates import Draws
from tests.classification.cnn.figures.test_figures import drawn

SCORES = np.array([0.1, 0.2, 0.3, 0.9, 0.8, 0.7])
MADE = np.array([False, False, False, True, True, True])
SHARES = np.array([0.0, 0.5, 1.0, 1.0, 0.75, np.nan])


def points_of(ax):
    return [np.asarray(part.get_offsets())[:, 1].tolist() for part in ax.collections if hasattr(part, "get_offsets")]


def columns_of(canvas):
    return [text.get_text() for text in canvas.axes[0].get_xticklabels()]


def scattered(canvas):
    """Heights of the points of each column that has some; boxes and lines have other offsets."""
    return [heights for heights in points_of(canvas.axes[0]) if heights not in ([0.0], [])]


def test_real_and_synthetic_stand_side_by_side():
    figure = score_by_truth_figure(SCORES, MADE, ["normal"] * 6, positive="pneumonia")
    canvas = drawn(figure)

    assert columns_of(canvas) == ["real\n(n = 3)", "synthetic\n(n = 3)"]
    assert scattered(canvas) == [[0.1, 0.2, 0.3], [0.9, 0.8, 0.7]]
    assert canvas.axes[0].get_ylabel() == "Score: probability of pneumonia"
    assert "real: 3 images, median 0.20; synthetic: 3 images, median 0.80" in figure.alt


def test_with_several_classes_each_has_its_columns():
    labels = ["mass", "normal", "normal", "mass", "normal", "mass"]

    canvas = drawn(score_by_truth_figure(SCORES, MADE, labels, positive="mass"))

    assert columns_of(canvas) == [
        "real\nmass\n(n = 1)",
        "synthetic\nmass\n(n = 2)",
        "real\nnormal\n(n = 2)",
        "synthetic\nnormal\n(n = 1)",
    ]
    assert scattered(canvas) == [[0.1], [0.9, 0.7], [0.2, 0.3], [0.8]]


def test_many_classes_stand_together_and_long_names_are_broken():
    seven = [*"abcdef", "g"]
    scores, made = np.linspace(0, 1, 7), np.zeros(7, dtype=bool)

    together = drawn(score_by_truth_figure(scores, made, seven, positive="g"))
    apart = drawn(score_by_truth_figure(scores[:2], made[:2], ["pleural effusion, left", "mass"], positive="mass"))

    assert columns_of(together) == ["real\n(n = 7)", "synthetic\n(n = 0)"]
    assert columns_of(apart)[2] == "real\npleural\neffusion, left\n(n = 1)"


def test_of_many_classes_the_histogram_has_the_largest_and_says_so():
    labels = [*"abcdefghij", *"bcdefghi"]  # a and j once

    figure = score_by_label_figure(np.linspace(0, 1, 18), labels, positive="b")

    assert [text.get_text() for text in drawn(figure).legends[0].get_texts()] == [f"{name} (2)" for name in "bcdefghi"]
    assert figure.title == "Score (b) by class, the 8 largest of 10 classes"


def test_of_very_many_images_an_even_choice_is_drawn():
    scores = np.linspace(0, 1, 5 * MOST_POINTS)

    canvas = drawn(score_by_truth_figure(scores, np.zeros(len(scores), bool), ["a"] * len(scores), positive="b"))

    shown = scattered(canvas)[0]
    assert len(shown) == MOST_POINTS
    assert (shown[0], shown[-1]) == (0, 1)
    assert np.mean(shown) == pytest.approx(0.5, abs=1e-3)


def test_decisions_are_those_of_most_readers_and_unanswered_images_are_left_out():
    canvas = drawn(score_by_decision_figure(SCORES, MADE, SHARES, positive="synthetic"))

    assert columns_of(canvas) == [
        "real:\nmost said real\n(n = 1)",
        "real:\nas many said either\n(n = 1)",
        "real:\nmost said synthetic\n(n = 1)",
        "synthetic:\nmost said synthetic\n(n = 2)",
    ]
    assert scattered(canvas) == [[0.1], [0.2], [0.3], [0.9, 0.8]]


def test_shares_stand_against_scores_with_rho_in_the_title():
    rho = rank_correlation(SCORES[:5], SHARES[:5], draws=Draws(n=100))
    figure = score_by_share_figure(SCORES, MADE, SHARES, positive="synthetic", rho=rho)

    canvas = drawn(figure)

    real, made = (np.asarray(part.get_offsets()) for part in canvas.axes[0].collections)
    assert real[:, 1].tolist() == [0.1, 0.2, 0.3]
    assert real[:, 0] == pytest.approx([0, 50, 100], abs=1.2)
    assert made[:, 1].tolist() == [0.9, 0.8]
    assert f"rho {rho.value:.2f}" in figure.title
    assert [text.get_text() for text in canvas.legends[0].get_texts()] == ["real (3)", "synthetic (2)"]


def test_a_histogram_has_the_share_of_each_class():
    scores = np.array([0.02, 0.12, 0.22, 0.97, 0.83, 0.72])  # bins 0, 2, 4, 19 and 16, 14 of 0.05 each

    canvas = drawn(score_by_label_figure(scores, ["a", "a", "a", "a", "b", "b"], positive="b"))

    first, second = (np.asarray(part.get_data().values) for part in canvas.axes[0].patches)
    assert (np.flatnonzero(first).tolist(), set(first[first > 0])) == ([0, 2, 4, 19], {25})
    assert (np.flatnonzero(second).tolist(), set(second[second > 0])) == ([14, 16], {50})
    assert [text.get_text() for text in canvas.legends[0].get_texts()] == ["a (4)", "b (2)"]


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_figure_gives_the_same_bytes(kind):
    figure = score_by_truth_figure(SCORES, MADE, ["normal"] * 6, positive="pneumonia")

    assert draw_figure(figure, kind) == draw_figure(figure, kind)


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="6 scores, 6 truths and 2 labels"):
        score_by_truth_figure(SCORES, MADE, ["a", "b"], positive="b")
    with pytest.raises(ValueError, match="6 scores and 1 labels"):
        score_by_label_figure(SCORES, ["a"], positive="b")
