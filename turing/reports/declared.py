"""What the protocol of a study declares about its analysis, and what a report does otherwise.

Read from the frozen document that the protocol hash is of: a study that an earlier version opened declared nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from turing.analysis import AnalysisOptions
from turing.analysis.options import CHOSEN_AFTERWARDS, DECLARED
from turing.models import Study
from turing.reports.settings import ReportSettings

USUAL = AnalysisOptions()


@dataclass(frozen=True)
class DeclaredPlan:
    """By the names of AnalysisOptions. None: not declared."""

    margin: float | None = None
    confidence: float | None = None
    min_seconds: float | None = None
    max_seconds: float | None = None
    mad_factor: float | None = None

    @property
    def options(self) -> AnalysisOptions:
        """The analysis as declared, and as usual where nothing is. No margin declared: no claim of equivalence."""
        return AnalysisOptions(
            margin=self.margin,
            confidence=USUAL.confidence if self.confidence is None else self.confidence,
            min_seconds=self.min_seconds,
            max_seconds=self.max_seconds,
            mad_factor=self.mad_factor,
        )


def declared_plan(study: Study) -> DeclaredPlan:
    """Of an opened study; a draft has frozen nothing yet."""
    frozen = study.protocol

    def seconds(name: str) -> float | None:
        milliseconds = frozen.get(name)
        return None if milliseconds is None else milliseconds / 1000

    return DeclaredPlan(
        margin=frozen.get("equivalence_margin"),
        confidence=frozen.get("confidence_level"),
        min_seconds=seconds("shortest_time_ms"),
        max_seconds=seconds("longest_time_ms"),
        mad_factor=frozen.get("outlier_mads"),
    )


def default_settings(study: Study | None = None) -> ReportSettings:
    """As the protocol declares; of an example study with its simulated readers: it has no others."""
    if study is None:
        return ReportSettings()
    return ReportSettings(analysis=declared_plan(study).options, include_simulated=study.is_example)


def with_origin(settings: ReportSettings, study: Study) -> ReportSettings:
    """The same settings, which say where their margin comes from."""
    margin = settings.analysis.margin
    origin = ""
    if margin is not None:
        origin = DECLARED if margin == declared_plan(study).margin else CHOSEN_AFTERWARDS
    return replace(settings, analysis=replace(settings.analysis, margin_origin=origin))


def plan_in_sentences(study: Study, options: AnalysisOptions) -> str:
    """What of `options` the protocol declared before the first answer, and what was chosen with the answers at hand."""
    plan = declared_plan(study)
    kept, chosen = [], []
    for name, declared, used in _settings(plan, options):
        if declared and declared == used:
            kept.append(f"{name}: {used}")
        elif declared != used:
            chosen.append(f"{name}: {used or 'none'}" + (f" (declared: {declared})" if declared else ""))
    chosen += [f"further mixed model: {formula}" for formula in options.models]
    sentences = []
    if kept:
        sentences.append(f"Declared in the protocol, before the first answer: {'; '.join(kept)}.")
    if plan.margin is None:
        claim = "no equivalence is claimed" if options.margin is None else "a claim of equivalence is exploratory"
        sentences.append(f"The protocol declared no equivalence margin: {claim}.")
    if not any((plan.min_seconds, plan.max_seconds, plan.mad_factor)):
        sentences.append("The protocol declared no rule for outlying reading times.")
    if chosen:
        sentences.append(f"{CHOSEN_AFTERWARDS[:1].upper()}{CHOSEN_AFTERWARDS[1:]}: {'; '.join(chosen)}.")
    return " ".join(sentences)


def _settings(plan: DeclaredPlan, options: AnalysisOptions) -> Iterator[tuple[str, str, str]]:
    """Name, what was declared, what is used; empty: nothing."""
    for name, words, declared, used in (
        ("equivalence margin", "50 % ± {:g} percentage points", _per_cent(plan.margin), _per_cent(options.margin)),
        # the usual confidence is no choice that anybody made after seeing the data
        ("confidence", "{:g} %", _per_cent(plan.confidence), _per_cent(_unusual(plan, options))),
        ("outlying reading times below", "{:g} s", plan.min_seconds, options.min_seconds),
        ("outlying reading times above", "{:g} s", plan.max_seconds, options.max_seconds),
        (
            "outlying reading times further from the reader’s own median than",
            "{:g} scaled MADs",
            plan.mad_factor,
            options.mad_factor,
        ),
    ):
        yield name, _in_words(words, declared), _in_words(words, used)


def _in_words(words: str, value: float | None) -> str:
    return "" if value is None else words.format(value)


def _unusual(plan: DeclaredPlan, options: AnalysisOptions) -> float | None:
    return None if plan.confidence is None and options.confidence == USUAL.confidence else options.confidence


def _per_cent(share: float | None) -> float | None:
    return None if share is None else 100 * share
