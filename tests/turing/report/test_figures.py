import io
import itertools
import math
import re

import numpy as np
import pytest
from matplotlib.text import Text
from reportlab.pdfgen.canvas import Canvas as Page

from tests.turing.report.studies import SOME_NAMES, simulated
from turing.report.building import build_document
from turing.report.document import Figure, data_of
from turing.report.drawing.agreement import agreement_figure
from turing.report.drawing.forest import ForestRow, Limits, RatioRow, forest_figure, ratio_figure
from turing.report.drawing.times import box_of, times_figure
from turing.report.figure_files import COLOURS, LINES, MARKERS, Pictures
from turing.report.fonts import register_fonts
from turing.report.pdf_figure import draw_on_page


def all_figures():
    found = {}
    for settings in ({"names": SOME_NAMES}, {"graded": True, "n_readers": 9}, {"pairs": True}):
        for figure in build_document(simulated(**settings)).figures():
            found[f"{figure.key}, {settings}"] = figure
    return found


FIGURES = all_figures()


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_is_cut_off_at_the_edge(name):
    canvas = Pictures().canvas(FIGURES[name])
    box, size = canvas.get_tightbbox(canvas.canvas.get_renderer()), canvas.get_size_inches()

    assert box.x0 >= -0.02
    assert box.y0 >= -0.02
    assert box.x1 <= size[0] + 0.02
    assert box.y1 <= size[1] + 0.02


def long_names() -> Figure:
    names = [f"R{number:02} (simulated)" for number in range(1, 7)]
    kappa = np.full((6, 6), 0.5)
    return agreement_figure(key="k", title="T", readers=names, kappa=kappa, n_images=np.full((6, 6), 10))


@pytest.mark.parametrize("figure", [*FIGURES.values(), long_names()], ids=[*FIGURES, "long names"])
def test_names_at_an_axis_do_not_run_into_each_other(figure):
    canvas = Pictures().canvas(figure)
    renderer = canvas.canvas.get_renderer()

    for axes in canvas.axes:
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            boxes = [label.get_window_extent(renderer) for label in labels if label.get_visible() and label.get_text()]
            for before, after in itertools.pairwise(boxes):
                assert not before.padded(-1).overlaps(after), [label.get_text() for label in labels]


@pytest.mark.parametrize("name", [name for name in FIGURES if "names" in name])
def test_files_are_the_same_each_time_and_have_no_date(name):
    figure = FIGURES[name]
    for kind in ("svg", "pdf", "png"):
        first, second = Pictures().file(figure, kind), Pictures().file(figure, kind)
        assert first == second
        assert b"dc:date" not in first
        assert not re.search(rb"D:20[2-9]", first)


@pytest.mark.parametrize("name", FIGURES)
def test_alternative_text_and_data_are_there(name):
    figure = FIGURES[name]

    assert len(figure.alt) > 60
    assert figure.alt.endswith(".")
    assert figure.data.rows
    assert "nan" not in figure.alt.lower().split()


def test_every_series_has_a_colour_a_marker_and_a_line_of_its_own():
    assert len(set(COLOURS)) == len(set(MARKERS)) == len({str(line) for line in LINES}) == 8


def test_the_forest_plots_text_is_written_from_its_numbers():
    rows = [
        ForestRow("A", "single", (Limits(0.7, 0.6, 0.8),)),
        ForestRow("B", "single", (Limits(0.5, 0.4, 0.6),)),
        ForestRow("C", "single", (Limits(math.nan, math.nan, math.nan),)),
        ForestRow("all", "pooled", (Limits(0.6, 0.55, 0.65),)),
    ]
    figure = forest_figure(
        key="k", title="T", panels=("Accuracy",), rows=rows, reference=0.5, reference_name="50 per cent"
    )

    assert (
        "from 50.0 per cent (B) to 70.0 per cent (A); of 2 intervals 1 lie above 50 per cent and 0 below" in figure.alt
    )
    assert "all: accuracy 60.0 (55.0–65.0)" in figure.alt
    assert figure.data.rows[0] == ("A", "single", "Accuracy", 0.7, 0.6, 0.8)


def test_an_odds_ratio_that_does_not_exist_has_its_reason():
    nothing = (math.nan, math.nan)
    rows = [
        RatioRow("All", 2.0, ((1.0, 4.0), (0.5, 8.0))),
        RatioRow("Real", math.nan, (nothing, nothing), "separation"),
    ]
    figure = ratio_figure(key="k", title="T", axis="Odds ratio", kinds=("Wald", "few readers"), rows=rows)

    assert "All: 2.00 (Wald 1.00–4.00; few readers 0.50–8.00)" in figure.alt
    assert "Real: not estimable (separation)" in figure.alt
    shown = [text.get_text() for text in Pictures().canvas(figure).findobj(Text)]
    assert "not estimable" in shown


def test_an_interval_that_does_not_exist_is_not_drawn():
    figure = next(f for f in build_document(simulated(n_readers=2)).figures() if f.key == "odds-ratios")
    small = [row for row in figure.data.rows if row[2] == "for few readers"]

    assert small
    assert all(math.isnan(row[3]) and math.isnan(row[4]) for row in small)
    assert "for few readers not estimable" in figure.alt


def test_pairs_of_readers_without_kappa_are_said():
    kappa = np.array([[math.nan, 0.5, math.nan], [0.5, math.nan, -0.2], [math.nan, -0.2, math.nan]])
    figure = agreement_figure(key="k", title="T", readers=["A", "B", "C"], kappa=kappa, n_images=np.full((3, 3), 10))

    assert figure.alt == (
        "Cohen's kappa of 3 pairs of 3 readers. Lowest −0.20 (B and C), highest 0.50 (A and B), median 0.15. "
        "Undefined for 1 pairs."
    )


def test_boxes_are_quartiles_of_the_times():
    box = box_of("all", np.array([1.0, 2.0, 3.0, 4.0, math.nan]))
    figure = times_figure(key="k", title="T", panels={"All": [box, box_of("none", np.array([math.nan]))]})

    assert (box.n, box.quantiles[1:4]) == (4, (1.75, 2.5, 3.25))
    assert "all 2.5 (1.8 to 3.2); without times: none" in figure.alt


NO_SUBPLOTS = pytest.mark.filterwarnings("ignore:There are no gridspecs")


def operators_of(draw, size=(2.0, 1.0)):
    """The page description of a figure, not compressed."""
    register_fonts()
    figure = Figure(key="k", title="T", alt="A", draw=draw, data=data_of(("x",), []), size=size)
    buffer = io.BytesIO()
    page = Page(buffer, pagesize=(144, 72), pageCompression=0, invariant=1)
    draw_on_page(Pictures().canvas(figure), page)
    page.showPage()
    page.save()
    return buffer.getvalue().decode("latin-1")


@NO_SUBPLOTS
def test_lines_come_on_the_page_at_their_place_in_points():
    def draw(canvas):
        axes = canvas.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.plot([0.25, 0.75], [0.5, 1.0], color="#FF0000", linewidth=3, dashes=(2, 1))

    text = operators_of(draw)

    assert re.search(r"36 36 m\s+108 72 l", text)
    assert "1 0 0 RG" in text
    assert "[6 3] 0.0 d" in text


@NO_SUBPLOTS
def test_curves_are_curves_and_text_is_text():
    def draw(canvas):
        axes = canvas.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.plot([0.5], [0.5], "o")
        axes.text(0.5, 0.5, "κ $5 µ")

    text = operators_of(draw)

    assert len(re.findall(r" c\s", text)) >= 8
    assert text.count(" Tj") == 1


@NO_SUBPLOTS
def test_a_raster_image_is_refused_rather_than_left_out():
    with pytest.raises(NotImplementedError, match="pcolormesh"):
        operators_of(lambda canvas: canvas.add_axes((0, 0, 1, 1)).imshow(np.eye(3)))


def test_two_figures_of_one_key_are_not_mixed_up():
    pictures = Pictures()
    one, other = (
        Figure(key="k", title=title, alt="A", draw=lambda canvas: None, data=data_of(("x",), []))
        for title in ("one", "other")
    )
    pictures.canvas(one)

    with pytest.raises(ValueError, match="Two figures have the key"):
        pictures.file(other, "svg")
    with pytest.raises(ValueError, match="“gif” is not a kind"):
        pictures.file(one, "gif")
