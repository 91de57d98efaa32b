"""How figures look, and their files: the same figure gives the same bytes each time.

The look is that of the reports of readings (Okabe and Ito's colours, DejaVu Sans, no frame): both fit one paper.
"""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas

Kind = Literal["svg", "pdf", "png"]
PRINT_DPI = 300
# Okabe M, Ito K. Color Universal Design, 2008, without yellow. Every series has its own line and marker for grey print.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
BLACK, GREY = "#000000", "#6E6E6E"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
LINES: tuple[Any, ...] = ("-", "--", "-.", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)), ":", (0, (1, 1)), (0, (8, 2)))
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
    "text.parse_math": False,  # a name of an experiment may hold a dollar sign
    "svg.hashsalt": "turing-reader",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Figure:
    """What is to be drawn, and what a person who cannot see it is told. `size` in inches."""

    key: str
    title: str
    alt: str
    size: tuple[float, float]
    draw: Callable[[Canvas], None]


def draw_figure(figure: Figure, kind: Kind) -> bytes:
    """The file of a figure: svg (text as outlines), pdf (fonts embedded) or png (300 dots per inch).

    Raises
    ------
    ValueError : another kind.
    """
    ours = {"Creator": "Turing Reader", "Title": figure.title}
    makers: dict[str, tuple[Any, dict[str, Any]]] = {
        "svg": (FigureCanvasSVG, {**ours, "Date": None}),
        "pdf": (FigureCanvasPdf, {**ours, "CreationDate": None}),
        "png": (FigureCanvasAgg, {"Software": "Turing Reader", "Title": figure.title}),
    }
    if kind not in makers:
        raise ValueError(f"“{kind}” is not a kind of picture: svg, pdf or png")
    maker, metadata = makers[kind]
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE):
        canvas = Canvas(figsize=figure.size, dpi=PRINT_DPI if kind == "png" else 72, layout="constrained")
        figure.draw(canvas)
        getattr(maker(canvas), f"print_{kind}")(buffer, metadata=metadata)
    return buffer.getvalue()


def number(value: float, digits: int = 2) -> str:
    return "not defined" if math.isnan(value) else f"{value:.{digits}f}"


def with_interval(value: float, low: float, high: float, confidence: float, digits: int = 2) -> str:
    """0.87 (95 % CI 0.85 to 0.90)."""
    if math.isnan(low):
        return number(value, digits)
    return f"{number(value, digits)} ({100 * confidence:g} % CI {number(low, digits)} to {number(high, digits)})"
