"""What an experiment comes to, in sentences: what was shown, what was not, and how far that reaches.

"Not shown to differ" is not "equal", so every sentence carries the interval of the difference.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from classification.cnn.arms import Arm, Outcome
from classification.cnn.experiments import MIXED
from classification.cnn.measures.comparison import AucComparison
from classification.cnn.measures.estimates import Estimate
from classification.cnn.measures.whole import AgainstReference, ClassifierMeasures, Comparisons
from classification.models import Experiment
from classification.wording import (
    at_beginning,
    decimal,
    estimate_with_level,
    level,
    listed,
    p_in_words,
    signed,
)

ALPHA = 0.05
GUESSING = 0.5  # AUC
WIDE = 0.1  # of an interval of the AUC: then the test set is called small
NOT_EQUAL = "“Not shown to differ” does not mean equal: any difference within its interval would fit what was measured."


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All arms on one test set; `comparisons` with the first arm, None where there is one arm."""

    measures: tuple[ClassifierMeasures, ...]
    comparisons: Comparisons | None


def summarise(kind: str, outcome: Outcome, sets: Mapping[str, Measured]) -> list[str]:
    """Sentences in the order in which a page shows them."""
    sentences = [] if outcome.sweep is None else [outcome.sweep.words]
    is_open = False
    for name, found in sets.items():
        where = at_beginning(name)
        if found.comparisons is None:
            one = found.measures[0]
            sentences.append(f"{where}: {_origin(one) if kind == Experiment.Kind.ORIGIN else _single(one)}")
        else:
            for number, against in enumerate(found.comparisons.against):
                holm = found.comparisons.auc_p.holm[number]
                is_open = is_open or holm >= ALPHA
                arm = next(arm for arm in outcome.arms if arm.name == against.name)
                sentences.append(f"{where}: {_comparison(kind, arm, against, found.comparisons, holm)}")
        turned = "" if kind == Experiment.Kind.ORIGIN else _turned(found)
        sentences += [f"{where}: {sentence}" for sentence in ([turned] if turned else []) + _small(found)]
    return [*sentences, NOT_EQUAL] if is_open else sentences


def _single(one: ClassifierMeasures) -> str:
    auc, at = one.areas.auc, one.at[0]
    if not auc.is_defined:
        return f"there is no AUC: {auc.reason}."
    shares = listed([f"{_lower(share)} {estimate_with_level(share)}" for share in (at.sensitivity, at.specificity)])
    return f"AUC {estimate_with_level(auc)}; at the threshold {at.threshold:g} {shares}."


def _origin(one: ClassifierMeasures) -> str:
    auc = one.areas.auc
    if not auc.is_defined:
        return f"there is no AUC: {auc.reason}."
    told = f"the machine reader tells {one.positive} from {one.negative} images with an AUC of"
    if not auc.has_interval:
        return f"{told} {decimal(auc.value)} (0.5 would be guessing). {at_beginning(auc.reason)}."
    if auc.low > GUESSING:
        return f"{told} {estimate_with_level(auc)}: better than guessing, which would be 0.5."
    if auc.high < GUESSING:
        return f"{told} {estimate_with_level(auc)}: worse than guessing, which would be 0.5; look at the images."
    return (
        f"{told} {estimate_with_level(auc)}: not shown to be better than guessing, which would be 0.5. That does not "
        "show that nobody can tell them apart."
    )


def _comparison(kind: str, arm: Arm, against: AgainstReference, comparisons: Comparisons, holm: float) -> str:
    auc, reference = against.auc, comparisons.reference
    if math.isnan(auc.difference) or math.isnan(holm):
        return f"{against.name} cannot be compared with {reference}: {auc.reason}."
    numbers = _difference(auc, holm, len(comparisons.against))
    if kind == Experiment.Kind.JANG:
        done = _replaced(arm) if arm.name == MIXED else _added(arm)
        verdict = "was not shown to change" if holm >= ALPHA else "raised" if auc.difference > 0 else "lowered"
        areas = f"{decimal(auc.first)} against {decimal(auc.second)} with real images alone"
        return f"{done} {verdict} the AUC: {areas}, {numbers}."
    verdict = (
        "is not shown to differ from" if holm >= ALPHA else "is better than" if auc.difference > 0 else "is worse than"
    )
    return f"{against.name} {verdict} {reference}: AUC {decimal(auc.first)} against {decimal(auc.second)}, {numbers}."


def _difference(auc: AucComparison, holm: float, many: int) -> str:
    corrected = f", corrected for {many} comparisons by Holm" if many > 1 else ""
    test = f"{p_in_words(holm)} by DeLong’s test{corrected}"
    if math.isnan(auc.low):
        return f"difference {signed(auc.difference)} ({auc.reason}; {test})"
    alone = ", of this comparison alone" if many > 1 else ""
    interval = f"{level(auc.confidence)} {signed(auc.low)} to {signed(auc.high)}{alone}"
    return f"difference {signed(auc.difference)} ({interval}; {test})"


def _replaced(arm: Arm) -> str:
    made, real = arm.synthetic[arm.positive], arm.real[arm.positive]
    percent = 100 * made / (made + real)
    share = "half" if percent == 50 else f"{percent:.3g} %"
    return f"replacing {share} of the {arm.positive} images by synthetic ones"


def _added(arm: Arm) -> str:
    counts = [f"{number:,} of {label}" for label, number in arm.synthetic.items() if number]
    return f"adding synthetic images ({listed(counts)}) to the real ones"


def _turned(found: Measured) -> str:
    """That scores point the wrong way, so that nobody compares areas below 0.5 as if more were better."""
    names = [one.name for one in found.measures if one.areas.auc.has_interval and one.areas.auc.high < GUESSING]
    if not names:
        return ""
    return (
        f"the AUC of {listed(names)} is below 0.5, so the scores point the wrong way on these images: what was learnt "
        "does not hold here. A difference between such areas says nothing about which classifier is better."
    )


def _small(found: Measured) -> list[str]:
    """How far the test set reaches, where the interval of an AUC is wide."""
    known = [one for one in found.measures if one.areas.auc.has_interval]
    if not known:
        return []
    widest = max(known, key=lambda one: _width(one.areas.auc))
    if _width(widest.areas.auc) <= WIDE:
        return []
    auc = widest.areas.auc
    text = (
        f"{widest.n_positive:,} {widest.positive} and {widest.n_negative:,} {widest.negative} images are few: an AUC "
        f"is known only roughly ({widest.name}: {level(auc.confidence)} {decimal(auc.low)} to "
        f"{decimal(auc.high)})"
    )
    halves = [] if found.comparisons is None else [one.auc.high - one.auc.low for one in found.comparisons.against]
    halves = [half / 2 for half in halves if half > 0]
    if not halves:
        return [f"{text}."]
    # a true difference of half an interval's width is found one time in two
    return [f"{text}, and differences of less than about {max(halves):.2g} are more often missed than found."]


def _width(auc: Estimate) -> float:
    return auc.high - auc.low


def _lower(share: Estimate) -> str:
    """Its title within a sentence: "sensitivity (pneumonia called pneumonia)"."""
    return share.title[:1].lower() + share.title[1:]
