"""Figures as SVG, PDF and PNG. The same figure gives the same bytes each time: no dates, no random identifiers."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from turing.report.document import Figure

PRINT_DPI = 300
# Okabe M, Ito K. Color Universal Design, 2008: colours that people with any kind of colour vision can tell apart.
# Yellow is left out: it vanishes on white paper. Every series also has its own marker or line, for grey print.
BLACK, BLUE, VERMILION, GREEN, ORANGE = "#000000", "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY, GREY = "#CC79A7", "#56B4E9", "#6E6E6E"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.unicode_minus": True,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
    "text.parse_math": False,  # a reader's name may hold a dollar sign
    "svg.hashsalt": "turing-reader",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,  # TrueType: text in the file stays text
    "figure.dpi": 72,
    "savefig.dpi": 72,
}


@contextmanager
def drawn(figure: Figure) -> Iterator[Canvas]:
    """The matplotlib figure, with the style in force as long as it is used."""
    with mpl.rc_context(STYLE):
        canvas = Canvas(figsize=figure.size, layout="constrained", facecolor="white")
        FigureCanvasAgg(canvas)
        figure.draw(canvas)
        yield canvas


def save(canvas: Canvas, kind: str) -> bytes:
    """`kind`: svg, pdf or png (300 dots per inch). Inside `drawn` only, where the style is in force."""
    buffer = io.BytesIO()
    if kind == "svg":
        canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": "Turing Reader"})
    elif kind == "pdf":
        canvas.savefig(buffer, format="pdf", metadata={"CreationDate": None, "Creator": "Turing Reader"})
    elif kind == "png":
        canvas.savefig(buffer, format="png", dpi=PRINT_DPI, metadata={"Software": "Turing Reader"})
    else:
        raise ValueError(f"“{kind}” is not a kind of picture: svg, pdf or png")
    return buffer.getvalue()


def figure_bytes(figure: Figure, kind: str) -> bytes:
    """One file of a figure, see `save`."""
    with drawn(figure) as canvas:
        return save(canvas, kind)
