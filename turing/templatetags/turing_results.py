"""How numbers of a study are written: percentages with one decimal, kappa and AUC with three, a word where there is
none. And how ratings are drawn.
"""

import math
from collections.abc import Sequence
from typing import Any

from django import template

from turing.results.figures import RatingCounts
from turing.results.images import Expected
from turing.stats.accuracy import Proportion
from turing.stats.agreement import FleissKappa
from turing.stats.reading_time import TimeSummary
from turing.stats.retest import CohenKappa
from turing.stats.roc import RocArea
from turing.timing import DESCRIPTIONS, Flag

register = template.Library()


@register.filter
def percent(proportion: Proportion) -> str:
    """ "62.5 %", or "n/a" with no answers."""
    return f"{100 * proportion.estimate:.1f} %" if proportion.is_defined else "n/a"


@register.filter
def percent_interval(proportion: Proportion) -> str:
    """ "53.1 to 71.3", in per cent; empty with no answers."""
    return f"{100 * proportion.low:.1f} to {100 * proportion.high:.1f}" if proportion.is_defined else ""


@register.filter
def expected_percent(expected: Expected) -> str:
    """ "41.2 % (18.0 to 69.3)"."""
    return f"{100 * expected.share:.1f} % ({100 * expected.low:.1f} to {100 * expected.high:.1f})"


@register.filter
def median_seconds(summary: TimeSummary) -> str:
    return f"{summary.median:.1f} s" if summary.is_defined else "n/a"


@register.filter
def quartile_seconds(summary: TimeSummary) -> str:
    return f"{summary.q1:.1f} to {summary.q3:.1f}" if summary.is_defined else ""


@register.filter
def decimals3(value: float) -> str:
    """Three decimals with a real minus sign; a dash for NaN."""
    return "–" if math.isnan(value) else f"{value:.3f}".replace("-", "−")


@register.filter
def kappa_interval(kappa: FleissKappa | CohenKappa | RocArea) -> str:
    return f"{decimals3(kappa.low)} to {decimals3(kappa.high)}" if not math.isnan(kappa.low) else "–"


@register.filter
def kappa_null_interval(kappa: FleissKappa) -> str:
    return f"{decimals3(kappa.low_null)} to {decimals3(kappa.high_null)}" if kappa.is_defined else "–"


@register.filter
def median_rating(difference: float) -> str:
    return "–" if math.isnan(difference) else f"{difference:g}"


@register.filter
def length_px(value: float) -> str:
    """A length in an SVG: a point for the decimals, whatever the language of the page is."""
    return f"{value:.1f}"


@register.filter
def flag_description(flag: str) -> str:
    return DESCRIPTIONS[Flag(flag)]


CHART_WIDTH, HALF_HEIGHT, LEFT, TOP = 320, 60, 52, 14  # SVG units; each half has its bars, the line lies between them
BAR_GAP = 0.15  # of a step


@register.inclusion_tag("turing/results/_rating_charts.html")
def rating_charts(ratings: Sequence[RatingCounts], results: Sequence[Any]) -> dict[str, Any]:
    """One small picture per reader: bars upwards are real images, downwards synthetic ones. All have one scale: the
    largest share of a step among these readers.
    """
    tallest = max((share for counts in ratings for side in _shares(counts) for share in side), default=0) or 1
    by_reader = {result.reader: result for result in results}
    return {
        "charts": [_chart(counts, tallest, by_reader[counts.reader]) for counts in ratings],
        "width": CHART_WIDTH,
        "height": 2 * (HALF_HEIGHT + TOP) + 16,
        "middle": TOP + HALF_HEIGHT,
        "left": LEFT,
        "undecided": length_px((LEFT + CHART_WIDTH) / 2),
    }


def _shares(counts: RatingCounts) -> tuple[list[float], list[float]]:
    real, synthetic = ([count / (sum(side) or 1) for count in side] for side in (counts.real, counts.synthetic))
    return real, synthetic


def _chart(counts: RatingCounts, tallest: float, result: Any) -> dict[str, Any]:
    step = (CHART_WIDTH - LEFT) / len(counts.steps)
    line = TOP + HALF_HEIGHT
    bars = []
    for side, numbers, shares in zip(
        ("real", "synthetic"), (counts.real, counts.synthetic), _shares(counts), strict=True
    ):
        for index, (number, share) in enumerate(zip(numbers, shares, strict=True)):
            height = HALF_HEIGHT * share / tallest
            up = side == "real"
            bars.append(
                {
                    "side": side,
                    "number": number,
                    "x": length_px(LEFT + (index + BAR_GAP) * step),
                    "y": length_px(line - height if up else line),
                    "width": length_px((1 - 2 * BAR_GAP) * step),
                    "height": length_px(height),
                    "text_x": length_px(LEFT + (index + 0.5) * step),
                    "text_y": length_px(line - height - 3 if up else line + height + 10),
                }
            )
    return {"reader": counts.reader, "auc": result.auc, "is_simulated": result.is_simulated, "bars": bars}
