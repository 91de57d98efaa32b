"""What is in the figures: the lines that matplotlib is given, the words, and files that stay the same."""

import math

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from scipy import stats

from classification.cnn.figures.performance import (
    confusion_figure,
    precision_recall_figure,
    reliability_figure,
    roc_figure,
)
from classification.cnn.figures.style import STYLE, draw_figure, with_interval
from classification.cnn.figures.sweep import sweep_figure
from classification.cnn.measures.estimates import Draws
from classification.cnn.measures.whole import measure_classifier
from tests.classification.cnn.measures.builders import predictions_of, simulated
from tests.classification.cnn.measures.test_whole import tuning_set

FEW = Draws(n=100)


def measured(name="OD", seed=0, **how):
    return measure_classifier(simulated(seed, **how), name=name, tuning=tuning_set(), draws=FEW)


def drawn(figure):
    with mpl.rc_context(STYLE):
        canvas = Canvas(figsize=figure.size, layout="constrained")
        figure.draw(canvas)
    return canvas


def legend_of(canvas):
    return [text.get_text() for text in canvas.legends[0].get_texts()]


def test_roc_has_every_point_and_the_area_with_its_interval():
    one, two = measured(n=3000), measured("GCB+OMGDA", seed=1)

    canvas = drawn(roc_figure([one, two]))

    chance, first, second = canvas.axes[0].lines
    assert len(first.get_xdata()) == 3001
    assert first.get_ydata() == pytest.approx(100 * one.points.sensitivity)
    assert np.trapezoid(second.get_ydata(), second.get_xdata()) / 1e4 == pytest.approx(two.areas.auc.value)
    assert chance.get_label() == "chance: AUC 0.50"
    auc = one.areas.auc
    assert legend_of(canvas)[1] == f"OD: AUC {auc.value:.2f} (95 % CI {auc.low:.2f} to {auc.high:.2f})"
    assert canvas.axes[0].get_ylabel() == "Sensitivity: pneumonia called pneumonia, per cent"
    assert canvas.axes[0].get_xlabel() == "1 − specificity: normal called pneumonia, per cent"


def test_area_under_the_steps_is_average_precision():
    one = measured()

    canvas = drawn(precision_recall_figure([one]))

    line = canvas.axes[0].lines[1]
    assert line.get_drawstyle() == "steps-pre"
    area = (np.diff(line.get_xdata()) * line.get_ydata()[1:]).sum() / 1e4
    assert area == pytest.approx(one.areas.average_precision.value)


def test_reliability_has_a_panel_for_each_with_the_bins_and_the_numbers():
    one, two = measured(), measured("GCB", seed=1)

    canvas = drawn(reliability_figure([one, two]))

    upper, lower, other, _ = canvas.axes
    filled = [part for part in one.reliability.table.bins if part.observed.n]
    assert upper.lines[1].get_xdata() == pytest.approx([100 * part.mean_stated for part in filled])
    assert sum(bar.get_height() for bar in lower.patches) == 2 * 200
    assert upper.get_title(loc="left") == (
        f"OD\nBrier score {one.reliability.table.brier:.3f}, {one.reliability_scaled.table.brier:.3f} with "
        f"T = {one.temperature.value:.2f}"
    )
    assert other.get_title(loc="left").startswith("GCB\n")
    assert legend_of(canvas) == ["perfect", "as given", "scaled by the temperature T"]
    assert upper.get_ylabel() == "Images that are pneumonia, per cent"


def test_confusion_has_counts_and_shares_of_each_true_class():
    one = measured()

    canvas = drawn(confusion_figure([one]))

    (hits, missed), _ = one.at[0].confusion.rows
    texts = [text.get_text() for text in canvas.axes[0].texts]
    assert texts[0] == f"{hits}\n{100 * hits / (hits + missed):.1f} %"
    assert [tick.get_text() for tick in canvas.axes[0].get_xticklabels()] == ["pneumonia", "normal"]
    assert f"{hits} called pneumonia" in confusion_figure([one]).alt


def test_sweep_has_mean_and_standard_deviation_over_seeds_and_marks_the_choice():
    multiples = range(1, 27)
    generator = np.random.default_rng(0)
    auc = 0.9 - 0.0004 * (np.arange(1, 27) - 14) ** 2 + generator.normal(0, 0.01, (5, 26))
    auc[3:, 20:] = math.nan  # two seeds have not come so far
    figure = sweep_figure(multiples, {"AUC": auc}, choosing="AUC", chosen=14, stopped=26, positive="sinusitis")

    canvas = drawn(figure)

    mean, *seeds, alone, at_choice, at_stop = canvas.axes[0].lines
    assert mean.get_ydata() == pytest.approx(np.nanmean(auc, axis=0))
    assert [list(line.get_ydata()[:3]) for line in seeds] == [list(own[:3]) for own in auc]
    assert list(alone.get_xdata()) == [1 + int(np.nanargmax(own)) for own in auc]
    assert (at_choice.get_xdata()[0], at_stop.get_xdata()[0]) == (14, 26)
    assert legend_of(canvas) == [
        "AUC (chooses K)",
        "a single seed, and the K it alone would choose",
        "chosen: K = 14",
        "search ended: K = 26",
    ]
    band = canvas.axes[0].collections[0].get_paths()[0].vertices
    upper = {x: y for x, y in band if y > np.nanmean(auc, axis=0)[int(x) - 1]}
    assert upper[14] == pytest.approx(auc[:, 13].mean() + stats.tstd(auc[:, 13]))
    assert "at the chosen K = 14" in figure.alt
    assert "mean ± SD of 5 seeds" in canvas.axes[0].get_ylabel()
    assert "positive: sinusitis" in canvas.get_supxlabel()


def test_every_other_measure_has_a_panel_with_the_same_axis():
    tables = {name: np.array([[0.6, 0.7], [0.5, value]]) for name, value in (("AUC", 0.6), ("PPV", 0.1), ("NPV", 0.9))}

    canvas = drawn(sweep_figure([1, 2], tables, choosing="PPV", positive="a"))

    main, *others = canvas.axes
    assert main.get_ylabel() == "PPV, mean ± SD of 2 seeds"
    assert [ax.get_title(loc="left") for ax in others] == ["AUC", "NPV"]
    assert others[0].get_ylim() == others[1].get_ylim() != main.get_ylim()
    assert others[1].lines[0].get_ydata() == pytest.approx([0.55, 0.8])


def test_a_single_seed_has_no_band():
    canvas = drawn(sweep_figure([1, 2], {"AUC": np.array([[0.6, 0.7]])}, choosing="AUC", positive="a"))

    assert not canvas.axes[0].collections
    assert len(canvas.axes[0].lines) == 1
    assert canvas.axes[0].get_ylabel() == "AUC"


@pytest.mark.parametrize(
    "figure",
    [
        *(confusion_figure([measured("Real + synthetic", seed=one) for one in range(count)]) for count in (1, 2, 3, 4)),
        *(reliability_figure([measured("GCB+OMGDA", seed=number) for number in range(count)]) for count in (1, 3)),
        roc_figure([measured("GCB+OMGDA", seed=number) for number in range(4)]),
        precision_recall_figure([measured("GCB+OMGDA", seed=number) for number in range(4)]),
        *(
            sweep_figure(
                range(1, 27), {f"measure {number}": np.full((3, 26), 0.7) for number in range(count)},
                choosing="measure 0", chosen=14, stopped=26, positive="pneumonia",
            )
            for count in (1, 2, 8)
        ),
    ],
    ids=lambda figure: f"{figure.key} {figure.size[0]:.1f}x{figure.size[1]:.1f}",
)  # fmt: skip
def test_nothing_reaches_over_the_edge_of_the_page(figure):
    with mpl.rc_context(STYLE):
        canvas = Canvas(figsize=figure.size, layout="constrained")
        figure.draw(canvas)
        FigureCanvasAgg(canvas).draw()
        box = canvas.get_tightbbox()

    assert min(box.x0, box.y0) >= -0.01
    assert box.x1 <= figure.size[0] + 0.01
    assert box.y1 <= figure.size[1] + 0.01
    assert figure.size[0] <= 7.1  # wider than no journal's page


@pytest.mark.parametrize("kind", ["svg", "pdf"])
def test_the_same_figure_gives_the_same_bytes(kind):
    figure = roc_figure([measured("a $ b & <c>")])

    first = draw_figure(figure, kind)

    assert first == draw_figure(figure, kind)
    assert first.startswith({"svg": b"<?xml", "pdf": b"%PDF"}[kind])


def test_what_is_not_defined_can_still_be_drawn():
    empty = measure_classifier(predictions_of([], [0.2, 0.7]), name="OD", draws=FEW)

    for figure in (roc_figure([empty]), precision_recall_figure([empty]), confusion_figure([empty])):
        assert draw_figure(figure, "svg")
    assert draw_figure(reliability_figure([empty]), "svg")
    assert "AUC not defined" in roc_figure([empty]).alt


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: roc_figure([]), "no classifier to draw"),
        (
            lambda: roc_figure(
                [measured(), measure_classifier(predictions_of([0.1], [0.2], positive="tumour"), name="x", draws=FEW)]
            ),
            "different classes",
        ),
        (lambda: confusion_figure([measured()], at=7), "threshold number 8"),
        (lambda: confusion_figure([measured()] * 7), "at most 6"),
        (lambda: sweep_figure([], {}, choosing="AUC", positive="a"), "no K has been measured"),
        (
            lambda: sweep_figure([1], {"F1": np.ones((1, 1))}, choosing="AUC", positive="a"),
            "among the measures: F1",
        ),
        (lambda: sweep_figure([1], {"AUC": np.ones((1, 2))}, choosing="AUC", positive="a"), r"\(seeds, 1\) is needed"),
        (lambda: draw_figure(roc_figure([measured()]), "gif"), "“gif” is not a kind"),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_interval_in_words():
    assert with_interval(0.8712, 0.8531, 0.9, 0.9) == "0.87 (90 % CI 0.85 to 0.90)"
    assert with_interval(0.8712, math.nan, math.nan, 0.95) == "0.87"
