"""Numbers of an experiment in words: "0.873 (0.812 to 0.921)"."""

import math
from typing import Any

from django import template

from classification.cnn.measures.comparison import AucComparison
from classification.cnn.measures.estimates import Estimate

register = template.Library()


@register.filter
def estimate_in_words(estimate: Estimate) -> str:
    """Value and interval with three decimals and a real minus sign; why there is none, where there is none."""
    if not estimate.is_defined:
        return f"none: {estimate.reason}"
    interval = f" ({estimate.low:.3f} to {estimate.high:.3f})" if estimate.has_interval else ""
    return f"{estimate.value:.3f}{interval}".replace("-", "−")


@register.filter
def difference_in_words(comparison: AucComparison) -> str:
    if math.isnan(comparison.difference):
        return f"none: {comparison.reason}"
    interval = "" if math.isnan(comparison.low) else f" ({comparison.low:+.3f} to {comparison.high:+.3f})"
    return f"{comparison.difference:+.3f}{interval}"


@register.filter
def p_value(p: float) -> str:
    """ "0.042", "< 0.001", "–" where there is none."""
    if math.isnan(p):
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


@register.filter
def repetitions_in_words(repetitions: dict[str, Any]) -> str:
    """Mean and standard deviation over repetitions: "0.861 (0.012)"."""
    if repetitions["mean"] is None:
        return "–"
    sd = "" if repetitions["sd"] is None else f" ({repetitions['sd']:.3f})"
    return f"{repetitions['mean']:.3f}{sd}"


@register.filter
def share_in_words(share: Estimate) -> str:
    """ "62.5 %", or "n/a" with no answers: as tables of readers have it."""
    return f"{100 * share.value:.1f} %" if share.is_defined else "n/a"


@register.filter
def share_interval(share: Estimate) -> str:
    """ "53.1 to 71.3", in per cent."""
    return f"{100 * share.low:.1f} to {100 * share.high:.1f}" if share.has_interval else ""


@register.filter
def cell_in_words(results: dict[str, Any]) -> str:
    """How much of an image one cell of its map covers: "50 % of the image’s height and 50 % of its width"."""
    height, width = 100 / results["rows"], 100 / results["columns"]
    return f"{height:.2g} % of the image’s height and {width:.2g} % of its width"
