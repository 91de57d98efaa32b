"""Numbers and names of experiments in words, alike on pages, in files and in sentences."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from classification.cnn.measures.comparison import AucComparison
from classification.cnn.measures.estimates import Estimate

SMALLEST_P = 0.001


def at_beginning(words: str) -> str:
    """As they stand at the beginning of a sentence."""
    return words[:1].upper() + words[1:]


def decimal(value: float | None) -> str:
    """ "0.873", "−0.012"; "–" where there is none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.3f}".replace("-", "−")


def signed(value: float) -> str:
    """ "+0.012", "−0.003"; zero without a sign."""
    text = f"{value:+.3f}".replace("-", "−")
    return text[1:] if not float(f"{value:.3f}") else text


def p_in_words(p: float) -> str:
    """ "p = 0.042", "p < 0.001"."""
    return f"p {'' if p < SMALLEST_P else '= '}{p_value(p)}"


def p_value(p: float) -> str:
    """ "0.042", "< 0.001", "–" where there is none."""
    if math.isnan(p):
        return "–"
    return f"< {SMALLEST_P:g}" if p < SMALLEST_P else f"{p:.3f}"


def level(confidence: float) -> str:
    return f"{100 * confidence:g} % CI"


def estimate_in_words(estimate: Estimate) -> str:
    """ "0.873 (0.812 to 0.921)"; why there is none, where there is none."""
    if not estimate.is_defined:
        return f"none: {estimate.reason}"
    return with_limits(decimal(estimate.value), estimate.low, estimate.high)


def estimate_with_level(estimate: Estimate) -> str:
    """ "0.873 (95 % CI 0.812 to 0.921)": for a sentence."""
    words = estimate_in_words(estimate)
    return words.replace("(", f"({level(estimate.confidence)} ", 1) if estimate.has_interval else words


def with_limits(value: str, low: float, high: float) -> str:
    return value if math.isnan(low) else f"{value} ({decimal(low)} to {decimal(high)})"


def difference_in_words(comparison: AucComparison) -> str:
    """ "+0.012 (−0.010 to +0.034)"; why there is none, where there is none."""
    if math.isnan(comparison.difference):
        return f"none: {comparison.reason}"
    interval = "" if math.isnan(comparison.low) else f" ({signed(comparison.low)} to {signed(comparison.high)})"
    return f"{signed(comparison.difference)}{interval}"


def repetitions_in_words(repetitions: Mapping[str, Any]) -> str:
    """Mean and standard deviation over repetitions: "0.861 (0.012)"."""
    sd = "" if repetitions["sd"] is None else f" ({repetitions['sd']:.3f})"
    return f"{decimal(repetitions['mean'])}{sd}"


def listed(names: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
