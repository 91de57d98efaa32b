"""The flow chart of an inclusion, as papers print it (STARD): boxes downwards, what was left out at the right."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

WIDTH, BOX, SIDE, LINE, PAD, GAP = 640, 260, 300, 18, 12, 26
LETTERS = {"box": 34, "side": 40}  # of a line; 13 px type


@dataclass(frozen=True, kw_only=True)
class Box:
    """Upper left corner, size and lines of text."""

    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Where everything is, in units of 1/96 inch from the upper left corner; `arrows` as x, y of start and tip."""

    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[tuple[float, float, float, float], ...]
    width: float = WIDTH


def lay_out_chart(record: dict[str, Any]) -> Chart:
    """Of `imaging.including.make_record`; steps of earlier inclusions come first."""
    boxes: list[Box] = []
    arrows: list[tuple[float, float, float, float]] = []
    y = 10.0
    levels = _levels(record)
    for number, (text, excluded) in enumerate(levels):
        lines = _wrapped(text, LETTERS["box"])
        height = len(lines) * LINE + 2 * PAD
        boxes.append(Box(x=10, y=y, width=BOX, height=height, lines=tuple(lines)))
        y += height
        if number == len(levels) - 1:
            break
        side = [line for one in excluded for line in _wrapped(one, LETTERS["side"])]
        side_height = len(side) * LINE + 2 * PAD if side else 0
        step = max(GAP * 2, side_height + GAP)
        middle = 10 + BOX / 2
        if side:
            left = WIDTH - SIDE - 10
            top = y + step / 2 - side_height / 2
            boxes.append(Box(x=left, y=top, width=SIDE, height=side_height, lines=tuple(side)))
            arrows.append((middle, y + step / 2, left, y + step / 2))
        arrows.append((middle, y, middle, y + step))
        y += step
    return Chart(height=y + 10, boxes=tuple(boxes), arrows=tuple(arrows))


def draw_flow_chart(record: dict[str, Any], *, label: str) -> str:
    """SVG of `imaging.including.make_record`. `label`: what it is, in words."""
    chart = lay_out_chart(record)
    parts = [part for box in chart.boxes for part in _box(box)]
    parts += [_arrow(*arrow) for arrow in chart.arrows]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {chart.width:g} {chart.height:g}" role="img" '
        f'aria-label="{escape(label, {chr(34): "&quot;"})}" font-family="sans-serif" font-size="13" fill="#1a1a1a">'
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="10" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0 0L10 5L0 10z"/></marker></defs>{"".join(parts)}</svg>'
    )


def chart_in_words(record: dict[str, Any]) -> str:
    """The same for those who do not see it: "794 images; Age (19 years or older): 60 left out; ... 734 included"."""
    levels = _levels(record)
    middle = [one for _, excluded in levels for one in excluded]
    return "; ".join([levels[0][0], *middle, levels[-1][0]])


def _levels(record: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Each box with what was left out after it."""
    history = [record]
    while history[0]["before"]:
        history.insert(0, history[0]["before"])
    levels: list[tuple[str, list[str]]] = [(f"{history[0]['total']:,} images in {history[0]['source']}", [])]
    for one in history:
        for step in one["steps"]:
            missing = f" ({step['missing']:,} not known)" if step["missing"] else ""
            excluded = step.get("excluded_words") or f"{step['excluded']:,} left out{missing}"
            left = step.get("left_words") or f"{step['left']:,} images: {step['title'].lower()} {step['words']}"
            levels[-1][1].append(excluded)
            levels.append((left, []))
    return levels


def _wrapped(text: str, letters: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > letters:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _box(box: Box) -> Iterable[str]:
    size = f'width="{box.width:g}" height="{box.height:g}"'
    yield f'<rect x="{box.x:g}" y="{box.y:g}" {size} fill="#fff" stroke="#1a1a1a"/>'
    for number, line in enumerate(box.lines):
        yield f'<text x="{box.x + PAD:g}" y="{box.y + PAD + LINE * (number + 0.75):g}">{escape(line)}</text>'


def _arrow(x: float, y: float, to_x: float, to_y: float) -> str:
    return f'<path d="M{x:g} {y:g}L{to_x:g} {to_y:g}" stroke="#1a1a1a" fill="none" marker-end="url(#tip)"/>'
