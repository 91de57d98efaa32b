"""Figures as SVG, PDF and PNG. The same figure gives the same bytes each time: no dates, no random identifiers."""

import io
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas

from turing.report.document import Figure
from turing.report.pdf_figure import pdf_of

PRINT_DPI, SCREEN_DPI = 300, 72
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
    "figure.dpi": SCREEN_DPI,
}


class Pictures:
    """The pictures of one report: each figure is drawn and laid out once, whatever is then made of it."""

    def __init__(self) -> None:
        self._canvases: dict[str, tuple[Figure, Canvas]] = {}
        self._files: dict[tuple[str, str], bytes] = {}

    def canvas(self, figure: Figure) -> Canvas:
        """The matplotlib figure.

        Raises
        ------
        ValueError : another figure of the same key was drawn before.
        """
        if figure.key not in self._canvases:
            with mpl.rc_context(STYLE):
                canvas = Canvas(figsize=figure.size, layout="constrained", facecolor="white")
                FigureCanvasAgg(canvas)
                figure.draw(canvas)
                engine = canvas.get_layout_engine()
                for _ in range(2):  # a new size may bring other ticks, whose labels need other room
                    if engine is not None:
                        engine.execute(canvas)
                canvas.set_layout_engine("none")  # it stays where it is now
            self._canvases[figure.key] = (figure, canvas)
        known, canvas = self._canvases[figure.key]
        if known is not figure:
            raise ValueError(f"Two figures have the key “{figure.key}”")
        return canvas

    def file(self, figure: Figure, kind: str) -> bytes:
        """The figure as svg, pdf or png (300 dots per inch)."""
        if (figure.key, kind) not in self._files:
            canvas = self.canvas(figure)
            with mpl.rc_context(STYLE):
                self._files[figure.key, kind] = _save(canvas, kind, figure.title)
        return self._files[figure.key, kind]


def _save(canvas: Canvas, kind: str, title: str) -> bytes:
    if kind == "pdf":
        return pdf_of(canvas, title=title)
    # Not by `savefig`, which draws everything twice.
    buffer = io.BytesIO()
    if kind == "svg":
        FigureCanvasSVG(canvas).print_svg(buffer, metadata={"Date": None, "Creator": "Turing Reader"})
    elif kind == "png":
        canvas.set_dpi(PRINT_DPI)
        how = {"compress_level": 2}  # of 9: the last few per cent of size cost most of the time
        FigureCanvasAgg(canvas).print_png(buffer, metadata={"Software": "Turing Reader"}, pil_kwargs=how)
        canvas.set_dpi(SCREEN_DPI)
    else:
        raise ValueError(f"“{kind}” is not a kind of picture: svg, pdf or png")
    return buffer.getvalue()
