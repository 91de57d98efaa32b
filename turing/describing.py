"""A study's protocol in words, for its page: only what is on, each fact in one sentence."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from imaging.models import Dataset
from imaging.selectors import describe_filters
from turing.models import Grade, GroupBy, MarkKind, Origin, Phase, Scale, Study, TrialOrder

Fact = tuple[str, str]  # what it is about, and what is so

_SCALES = {
    Scale.BINARY: "two buttons, one for each kind",
    Scale.CONFIDENCE: "six steps, from surely real to surely synthetic; none is selected before the reader does it",
    Scale.PERCENT: "0 to 100, how likely it is synthetic; nothing is set before the reader sets it, and 50 is refused",
    Scale.PAIR: "two images side by side, one of each kind (two-alternative forced choice); sides are drawn at random",
}
_ORDERS = {
    TrialOrder.SAME: "one random mix, the same for all readers",
    TrialOrder.PER_READER: "a random mix, drawn anew for each reader and stored",
}


@dataclass(frozen=True)
class SideWords:
    number: int
    origin: str
    dataset: Dataset
    filters: str


@dataclass(frozen=True)
class PhaseWords:
    number: int
    title: str
    question: str
    answers: str  # words of the two buttons, where they are not the usual ones
    instructions: str  # Markdown
    sides: tuple[SideWords, SideWords]


def describe_phases(study: Study) -> list[PhaseWords]:
    """The first one is the study itself."""
    later = study.later_phases.select_related("real_dataset", "synthetic_dataset").order_by("number")
    return [_phase_words(study, 1, ""), *(_phase_words(phase, phase.number, phase.title) for phase in later)]


def _phase_words(phase: Study | Phase, number: int, title: str) -> PhaseWords:
    labels = (phase.real_label, phase.synthetic_label)
    usual = (Origin.REAL.label, Origin.SYNTHETIC.label)
    return PhaseWords(
        number=number,
        title=title,
        question=phase.question,
        answers="" if labels == usual else f"“{labels[0]}” for real, “{labels[1]}” for synthetic",
        instructions=phase.instructions,
        sides=(
            SideWords(phase.n_real, "real", phase.real_dataset, describe_filters(phase.real_filters)),
            SideWords(
                phase.n_synthetic, "synthetic", phase.synthetic_dataset, describe_filters(phase.synthetic_filters)
            ),
        ),
    )


def describe_protocol(study: Study) -> list[Fact]:
    """How it is read, without its images and words: those are in `describe_phases`."""
    return [*_answers(study), *_course(study), *_limits(study), *_telling(study), *_readers(study), *_analysis(study)]


def _answers(study: Study) -> Iterator[Fact]:
    yield "Answers", f"{_SCALES[Scale(study.scale)]}; answers are final"
    if study.mark_kind:
        kind = "points" if study.mark_kind == MarkKind.POINT else "boxes"
        yield "Marks", f"readers may mark with {kind} what gave an image away"
    if study.asks_comment:
        yield "Comment", "readers may write one for each image"


def _course(study: Study) -> Iterator[Fact]:
    things = "pairs" if study.scale == Scale.PAIR else "images"
    if study.n_practice:
        feedback = "with feedback" if study.practice_feedback else "without feedback"
        yield "Practice", f"{_count(study.n_practice, things)} first, {feedback}; not part of the results"
    if study.order == TrialOrder.BLOCKS:
        yield (
            "Order",
            f"blocks of about {study.block_size} {things} with equal shares of real and synthetic; the order of "
            "blocks, and within each, is drawn anew for each reader and stored",
        )
    else:
        yield "Order", _ORDERS[TrialOrder(study.order)]
    if study.n_repeats:
        yield (
            "Repeats",
            f"{_count(study.n_repeats, things)} shown a second time, unannounced and never in a row; the first answer "
            "counts",
        )
    if study.break_every:
        yield "Breaks", f"offered after every {study.break_every} {things}"


def _limits(study: Study) -> Iterator[Fact]:
    if study.exposure_limit_ms is not None:
        yield "Exposure", f"an image is taken off the screen after {_seconds(study.exposure_limit_ms)}"
    if study.time_limit_ms is not None:
        yield "Time limit", f"{_seconds(study.time_limit_ms)} for an answer, then the next image comes"


def _telling(study: Study) -> Iterator[Fact]:
    if not study.shows_total:
        yield "Number of images", "not told to readers"
    if study.shows_score:
        yield "Score", "shown to readers who finished, once the study is closed"
    if study.consent:
        yield "Consent", "asked before anything else"


def _readers(study: Study) -> Iterator[Fact]:
    if study.group_by:
        yield (
            "Reader groups",
            f"by {'years of experience' if study.group_by == GroupBy.YEARS else 'grade'}, declared at the start: "
            + "; ".join(_group(study.group_by, group) for group in study.groups),
        )


def _group(group_by: str, group: dict[str, Any]) -> str:
    if group_by == GroupBy.YEARS:
        return f"“{group['name']}” from {group['from_years']:g} years"
    return f"“{group['name']}”: {', '.join(Grade(grade).label.lower() for grade in group['grades'])}"


def _analysis(study: Study) -> Iterator[Fact]:
    depth = "" if study.bit_depth == 8 else f", with {study.bit_depth} bits of grey"
    yield (
        "Image size",
        f"{study.image_size} × {study.image_size} pixels{depth}: every image, real or synthetic, is rendered to it "
        "in the same way",
    )
    yield (
        "Leak audit",
        f"not opened when anything but the picture tells real from synthetic with an AUC above {study.leak_limit:g}",
    )
    positive = study.positive_class
    if study.scale == Scale.PAIR:
        yield "Positive class", f"{Origin(positive).label}: readers look for the {positive} one of each pair"
    else:
        yield (
            "Positive class",
            f"{Origin(positive).label}: sensitivity is the share of {positive} images called {positive}",
        )
    yield from _plan(study)


def _plan(study: Study) -> Iterator[Fact]:
    """What the analysis declares. That no margin is declared is a fact, too: then nobody can claim equivalence."""
    margin, confidence = study.equivalence_margin, study.confidence_level
    if margin is None or confidence is None:
        yield "Equivalence margin", "none declared: the report claims no equivalence with chance"
    else:
        low, high = 100 * (0.5 - margin), 100 * (0.5 + margin)
        yield (
            "Equivalence margin",
            f"50 % ± {100 * margin:g} percentage points: readers who are shown to be right in {low:g} % to {high:g} % "
            f"count as unable to tell (two one-sided tests, each at α = {1 - confidence:.4g})",
        )
    if confidence is not None:
        yield "Confidence", f"{100 * confidence:g} % for intervals"
    if rules := describe_time_rules(
        shortest_ms=study.shortest_time_ms, longest_ms=study.longest_time_ms, mads=study.outlier_mads
    ):
        yield (
            "Outlying times",
            f"{rules}; the answers count, and models of reading time are fitted with and without these times",
        )


def describe_time_rules(*, shortest_ms: int | None, longest_ms: int | None, mads: float | None) -> str:
    """Empty without a rule."""
    rules = [
        f"below {_seconds(shortest_ms)}" if shortest_ms is not None else "",
        f"above {_seconds(longest_ms)}" if longest_ms is not None else "",
        f"further than {mads:g} scaled MADs from the reader’s own median" if mads is not None else "",
    ]
    return ", or ".join(rule for rule in rules if rule)


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:g} second{'' if milliseconds == 1000 else 's'}"


def _count(number: int, things: str) -> str:
    return f"{number} {things.removesuffix('s') if number == 1 else things}"
