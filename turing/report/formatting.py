"""Numbers as journals print them: a real minus sign, an en dash in intervals, p with three decimals, never −0.00."""

import math

from turing.stats.accuracy import Proportion

MINUS, DASH, SPACE = "\N{MINUS SIGN}", "\N{EN DASH}", "\N{NO-BREAK SPACE}"
NOT_ESTIMABLE = "not estimable"
NONE = "\N{EM DASH}"  # a cell that has nothing to say


def number(value: float, digits: int = 2) -> str:
    """Rounded half to even on the decimal that is stored. NaN is "not estimable", infinity "∞"."""
    if math.isnan(value):
        return NOT_ESTIMABLE
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def interval(low: float, high: float, digits: int = 2) -> str:
    """ "0.07–0.14"; with "to" where a limit is negative, because a minus sign beside a dash cannot be read."""
    if math.isnan(low) or math.isnan(high):
        return NOT_ESTIMABLE
    first, second = number(low, digits), number(high, digits)
    return f"{first}{SPACE}to{SPACE}{second}" if MINUS in first + second else f"{first}{DASH}{second}"


def estimate(value: float, low: float, high: float, digits: int = 2) -> str:
    """ "0.10 (0.07–0.14)"."""
    if math.isnan(value):
        return NOT_ESTIMABLE
    if math.isnan(low) or math.isnan(high):
        return f"{number(value, digits)} (no interval)"
    return f"{number(value, digits)} ({interval(low, high, digits)})"


def p_value(p: float) -> str:
    """ "0.032", "< 0.001" or "> 0.999"."""
    if math.isnan(p):
        return NOT_ESTIMABLE
    if p < 0.001:
        return f"<{SPACE}0.001"
    if p > 0.999:
        return f">{SPACE}0.999"
    return f"{p:.3f}"


def p_clause(p: float) -> str:
    """In a sentence: "p = 0.032", "p < 0.001"."""
    text = p_value(p)
    if text == NOT_ESTIMABLE:
        return f"p {NOT_ESTIMABLE}"
    return f"p{SPACE}{text}" if text[0] in "<>" else f"p{SPACE}={SPACE}{text}"


def percent(share: float, digits: int = 1) -> str:
    """A share in [0, 1] as "76.0 %"."""
    return NOT_ESTIMABLE if math.isnan(share) else f"{number(100 * share, digits)}{SPACE}%"


def proportion(value: Proportion, digits: int = 1) -> str:
    """ "76.0 (66.4–84.0)", in per cent."""
    if not value.is_defined:
        return "no answers"
    return f"{number(100 * value.estimate, digits)} ({interval(100 * value.low, 100 * value.high, digits)})"


def counts(value: Proportion) -> str:
    """ "76/100"."""
    return f"{value.k}/{value.n}"


def ratio(value: float) -> str:
    """A ratio of odds: two decimals below 10, one below 100, else none; very large or small ones in powers of ten."""
    if math.isnan(value) or math.isinf(value):
        return number(value)
    if value >= 1e5 or 0 < value < 1e-3:
        exponent = math.floor(math.log10(value))
        return f"{value / 10**exponent:.1f}{SPACE}×{SPACE}10{superscript(exponent)}"
    if value < 0.1:
        return number(value, 3)
    return number(value, 2 if value < 10 else 1 if value < 100 else 0)


def ratio_interval(low: float, high: float) -> str:
    if math.isnan(low) or math.isnan(high):
        return NOT_ESTIMABLE
    return f"{ratio(low)}{DASH}{ratio(high)}"


def superscript(whole: int) -> str:
    return str(whole).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def level(confidence: float) -> str:
    """ "95 %"; a confidence of 0.975 is "97.5 %"."""
    return f"{100 * confidence:.4g}{SPACE}%"


def ci(confidence: float) -> str:
    """ "95 % CI", kept on one line."""
    return f"{level(confidence)}{SPACE}CI"


def listed(words: list[str] | tuple[str, ...], joint: str = "and") -> str:
    """ "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {joint} {words[-1]}"


def plural(count: int, word: str, many: str = "") -> str:
    """ "1 reader", "6 readers", "1,200 answers"."""
    return f"{count:,} {word if count == 1 else many or word + 's'}"
