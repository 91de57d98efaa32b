"""How numbers of a study are written: percentages with one decimal, kappa with three, a word where there is none."""

import math

from django import template

from turing.stats.accuracy import Proportion
from turing.stats.agreement import FleissKappa
from turing.stats.reading_time import TimeSummary
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
def kappa_interval(kappa: FleissKappa) -> str:
    return f"{decimals3(kappa.low)} to {decimals3(kappa.high)}" if not math.isnan(kappa.low) else "–"


@register.filter
def kappa_null_interval(kappa: FleissKappa) -> str:
    return f"{decimals3(kappa.low_null)} to {decimals3(kappa.high_null)}" if kappa.is_defined else "–"


@register.filter
def flag_description(flag: str) -> str:
    return DESCRIPTIONS[Flag(flag)]
