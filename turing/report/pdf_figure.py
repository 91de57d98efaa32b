"""Draws matplotlib figures as vectors into a PDF page: a renderer for matplotlib that writes with reportlab.

Text stays text, in the embedded fonts of the page. What the figures of reports do not use is not there: raster images,
hatches and formulas.
"""

import io
from collections.abc import Sequence
from typing import Any, cast

from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.figure import Figure as Canvas
from matplotlib.path import Path
from matplotlib.transforms import Transform
from reportlab.pdfgen.canvas import Canvas as Page

from turing.report.fonts import BOLD, REGULAR, register_fonts

POINTS = 72  # per inch
CAPS = {"butt": 0, "round": 1, "projecting": 2}
JOINS = {"miter": 0, "round": 1, "bevel": 2}


def draw_on_page(canvas: Canvas, page: Page) -> None:
    """The whole figure with its lower left corner at the origin of `page`, 72 units per inch."""
    canvas.set_dpi(POINTS)
    canvas.draw(PageRenderer(page, *canvas.get_size_inches()))


def pdf_of(canvas: Canvas, *, title: str) -> bytes:
    """A PDF file of the figure alone: one page of its size, fonts embedded, no dates."""
    register_fonts()
    buffer = io.BytesIO()
    width, height = canvas.get_size_inches()
    size = (float(width) * POINTS, float(height) * POINTS)
    page = Page(buffer, pagesize=size, invariant=1, initialFontName=REGULAR)  # type: ignore[arg-type]  # the stubs say float
    page.setTitle(title)
    page.setCreator("Turing Reader")
    draw_on_page(canvas, page)
    page.showPage()
    page.save()
    return buffer.getvalue()


class PageRenderer(RendererBase):
    """Turns what matplotlib draws into operators of a PDF page. Both count y upwards in points."""

    def __init__(self, page: Page, width: float, height: float) -> None:
        super().__init__()
        self.page = page
        self.size = (width * POINTS, height * POINTS)

    def get_canvas_width_height(self) -> tuple[float, float]:
        return self.size

    def flipy(self) -> bool:
        return False

    def points_to_pixels(self, points: Any) -> Any:
        return points

    def draw_path(self, gc: GraphicsContextBase, path: Path, transform: Transform, rgbFace: Any = None) -> None:  # noqa: N803
        page = self.page
        page.saveState()
        self._clip(gc)
        is_filled = rgbFace is not None and not (len(rgbFace) == 4 and rgbFace[3] == 0)
        is_stroked = gc.get_linewidth() > 0 and gc.get_rgb()[3] > 0
        if is_filled:
            page.setFillColorRGB(*rgbFace[:3])
            page.setFillAlpha(self._alpha(gc, rgbFace))
        if is_stroked:
            self._pen(gc)
        if is_filled or is_stroked:
            outline = self._outline(path, transform, is_closed=is_filled)
            page.drawPath(outline, stroke=int(is_stroked), fill=int(is_filled))
        page.restoreState()

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: Any,
        angle: float,
        ismath: Any = False,
        mtext: Any = None,
    ) -> None:
        if not s.strip():
            return
        page = self.page
        page.saveState()
        self._clip(gc)
        colour = gc.get_rgb()
        page.setFillColorRGB(*colour[:3])
        page.setFillAlpha(self._alpha(gc, colour))
        page.translate(x, y)
        page.rotate(angle)
        page.setFont(BOLD if prop.get_weight() in ("bold", 700) else REGULAR, prop.get_size_in_points())
        page.drawString(0, 0, s)
        page.restoreState()

    def draw_image(self, *_arguments: Any, **_more: Any) -> None:
        raise NotImplementedError("A raster image in a figure of a report: draw it with vectors (pcolormesh)")

    @staticmethod
    def _alpha(gc: GraphicsContextBase, colour: Sequence[float]) -> float:
        """An alpha set on the artist holds for all of it, else each colour has its own."""
        if gc.get_forced_alpha():
            return float(gc.get_alpha())
        return float(colour[3]) if len(colour) == 4 else 1.0

    def _pen(self, gc: GraphicsContextBase) -> None:
        page, colour = self.page, gc.get_rgb()
        page.setStrokeColorRGB(*colour[:3])
        page.setStrokeAlpha(self._alpha(gc, colour))
        page.setLineWidth(gc.get_linewidth())
        page.setLineCap(CAPS[gc.get_capstyle()])
        page.setLineJoin(JOINS[gc.get_joinstyle()])
        offset, dashes = cast(tuple[float, Sequence[float] | None], gc.get_dashes())
        if dashes is not None:
            page.setDash([float(length) for length in dashes], float(offset))

    def _clip(self, gc: GraphicsContextBase) -> None:
        box = gc.get_clip_rectangle()
        if box is not None:
            outline = self.page.beginPath()
            outline.rect(box.x0, box.y0, box.width, box.height)
            self.page.clipPath(outline, stroke=0, fill=0)
        path, transform = cast(tuple[Path | None, Transform], gc.get_clip_path())
        if path is not None:
            self.page.clipPath(self._outline(path, transform, is_closed=True), stroke=0, fill=0)

    def _outline(self, path: Path, transform: Transform, *, is_closed: bool) -> Any:
        outline, here = self.page.beginPath(), (0.0, 0.0)
        width, height = self.size
        box = None if is_closed else (-width, -height, 2 * width, 2 * height)
        for points, code in path.iter_segments(transform, clip=box, simplify=False):
            ends = [float(value) for value in points]
            if code == Path.MOVETO:
                outline.moveTo(*ends)
            elif code == Path.LINETO:
                outline.lineTo(*ends)
            elif code == Path.CURVE3:
                outline.curveTo(*_cubic(here, ends))
            elif code == Path.CURVE4:
                outline.curveTo(*ends)
            elif code == Path.CLOSEPOLY:
                outline.close()
                continue
            here = (ends[-2], ends[-1])
        return outline


def _cubic(start: tuple[float, float], points: Sequence[float]) -> list[float]:
    """A quadratic curve from `start` as a cubic one."""
    (x0, y0), (x1, y1, x2, y2) = start, points
    third = 2 / 3
    return [x0 + third * (x1 - x0), y0 + third * (y1 - y0), x2 + third * (x1 - x2), y2 + third * (y1 - y2), x2, y2]
