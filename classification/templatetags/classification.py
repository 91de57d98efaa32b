"""Numbers of an experiment in words, for templates: "0.873 (0.812 to 0.921)"."""

import re
from typing import Any

from django import template

from classification import wording
from classification.cnn.measures.comparison import AucComparison
from classification.cnn.measures.estimates import Estimate

register = template.Library()
INTERVAL = re.compile(r"\([+−]?\d[^()]*\)")
register.filter("at_beginning", wording.at_beginning)
register.filter("decimal", wording.decimal)
register.filter("p_value", wording.p_value)
register.filter("repetitions_in_words", wording.repetitions_in_words)


@register.filter
def estimate_in_words(estimate: Estimate) -> str:
    return unbroken(wording.estimate_in_words(estimate))


@register.filter
def difference_in_words(comparison: AucComparison) -> str:
    return unbroken(wording.difference_in_words(comparison))


@register.filter
def unbroken(words: str) -> str:
    """An interval stays on one line: "(0.812 to 0.921)"."""
    return INTERVAL.sub(lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), words)


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
