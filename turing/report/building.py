"""The report of an analysis as a `Document`: which sections there are and what each of them holds."""

import math
from collections.abc import Iterable

from turing.analysis.parts import Analysis, ChanceRow
from turing.report import pictures
from turing.report.checklists import checklist_tables
from turing.report.document import Block, Document, Listing, Paragraph, Section
from turing.report.facts import StudyFacts
from turing.report.formatting import estimate, p_clause, plural, proportion, ratio, ratio_interval
from turing.report.methods import exclusions, methods_paragraphs
from turing.report.references import references
from turing.report.tables.accuracy import accuracy_table
from turing.report.tables.agreement import agreement_table, retest_table
from turing.report.tables.chance import chance_table
from turing.report.tables.graded import averages_table, graded_table
from turing.report.tables.graded_comparisons import area_comparisons_table, steps_table
from turing.report.tables.images import hardest_table, unanimous_table
from turing.report.tables.models import covariates_table, linear_table, linear_without_outliers_table, logistic_table
from turing.report.tables.notes import IMAGES, in_words, sentence, term_name
from turing.report.tables.times import times_table, trend_table

NO_FACTS = StudyFacts()


def build_document(analysis: Analysis, facts: StudyFacts = NO_FACTS) -> Document:
    """Tables 1 to 4 in the order of Jang et al. 2023, then what goes beyond; methods, checklists, references."""
    sections = [
        _section("summary", "Summary", [Listing(tuple(_summary(analysis, facts)))]),
        _section(
            "methods",
            "Methods",
            [
                *(Paragraph(text) for text in methods_paragraphs(analysis, facts)),
                Paragraph("Exclusions and doubtful data:"),
                Listing(exclusions(analysis, facts)),
                *([Listing(tuple(f"{name}: {text}" for name, text in facts.further.items()))] if facts.further else []),
            ],
        ),
        _section("accuracy", "Accuracy", [accuracy_table(analysis), pictures.accuracy_figure(analysis)]),
        _section(
            "agreement",
            "Agreement",
            [agreement_table(analysis), retest_table(analysis), pictures.pairwise_figure(analysis)],
        ),
        _section("right-answers", "Right answers", [logistic_table(analysis), pictures.odds_figure(analysis)]),
        _section(
            "reading-time",
            "Reading time",
            [
                linear_table(analysis),
                linear_without_outliers_table(analysis),
                times_table(analysis),
                pictures.reading_times_figure(analysis),
            ],
        ),
        _section("chance", "Chance or not", [chance_table(analysis), pictures.operating_points_figure(analysis)]),
        _section(
            "graded-answers",
            "Graded answers",
            [
                graded_table(analysis),
                averages_table(analysis),
                pictures.roc_curves_figure(analysis),
                area_comparisons_table(analysis),
                steps_table(analysis),
            ],
        ),
        _section(
            "course",
            "Learning, fatigue and other covariates",
            [trend_table(analysis), covariates_table(analysis), pictures.along_the_reading_figure(analysis)],
        ),
        _section(
            "images",
            "Images",
            [
                unanimous_table(analysis),
                hardest_table(analysis),
                pictures.images_figure(analysis),
            ],
        ),
        _section("remarks", "What to keep in mind", _remarks(analysis)),
        _section("checklists", "Checklists", checklist_tables(analysis, facts)),
        _section("references", "References", [Listing(references(analysis), is_numbered=True)]),
    ]
    title = facts.title or analysis.answers.source or "Answers of a reader study"
    return Document(
        title=f"Report of the reader study “{title}”" if facts.title else f"Report on the answers in “{title}”",
        subtitle=_subtitle(analysis, facts),
        sections=tuple(section for section in sections if section is not None),
    )


def _section(key: str, title: str, blocks: Iterable[Block | None]) -> Section | None:
    present = tuple(block for block in blocks if block is not None)
    return Section(key, title, present) if present else None


def _subtitle(analysis: Analysis, facts: StudyFacts) -> str:
    size = analysis.size
    what = "pair of images" if analysis.answers.is_pairs else "image"
    images = plural(size.n_images, what, "pairs of images" if analysis.answers.is_pairs else "")
    text = f"{plural(size.n_readers, 'reader')}, {images}, {plural(size.n_answers, 'answer')}"
    return f"{text}. Simulated readers: no people answered." if facts.has_simulated_readers else text


def _summary(analysis: Analysis, facts: StudyFacts) -> Iterable[str]:
    """What was found, in a sentence each."""
    if facts.has_simulated_readers:
        yield "Some or all of these readers are simulated; the numbers say nothing about people."
    pooled = analysis.accuracy.pooled
    if pooled.accuracy.is_defined:
        mean = pooled.mean_accuracy
        text = f"Of all answers {proportion(pooled.accuracy)} per cent were right"
        if mean is not None and not math.isnan(mean.low):
            text += f"; mean of readers {estimate(100 * mean.mean, 100 * mean.low, 100 * mean.high, 1)} per cent"
        yield f"{text}."
        if pooled.real is not None and pooled.synthetic is not None:
            yield (
                f"Real images were called real in {proportion(pooled.real)} per cent, synthetic images synthetic in "
                f"{proportion(pooled.synthetic)} per cent of answers."
            )
    yield _chance_sentence(analysis.chance.overall, analysis)
    yield from _agreement_sentence(analysis)
    yield from _odds_sentences(analysis)
    linear = analysis.linear.get("all")
    if linear is not None and linear.crossed is not None and linear.crossed.estimable:
        effect = linear.crossed["correct"]
        times = estimate(math.exp(effect.estimate), math.exp(effect.low), math.exp(effect.high))
        yield f"Time of right answers relative to wrong ones (seconds + 1): {times}, {p_clause(effect.p)}."


def _chance_sentence(row: ChanceRow, analysis: Analysis) -> str:
    if row.verdict:
        margin, origin = analysis.chance.margin, analysis.chance.margin_origin
        words = "no margin declared" if margin is None else f"margin {100 * margin:g} points"
        if margin is not None and origin:
            words += f", {origin}"
        verdict = sentence(row.verdict)
        return f"All readers against chance (50 per cent; {words}): {verdict[:1].lower()}{verdict[1:]}"
    return f"All readers against chance: not estimable. {sentence(row.equivalence.reason)}"


def _agreement_sentence(analysis: Analysis) -> Iterable[str]:
    part = analysis.agreement.parts.get("all")
    if part is None:
        return
    fleiss = part.fleiss
    if fleiss.is_defined:
        yield f"Agreement between readers: Fleiss’ κ {estimate(fleiss.kappa, fleiss.low, fleiss.high)}."
    else:
        yield f"Agreement between readers is not estimable: {sentence(fleiss.reason)}"


def _odds_sentences(analysis: Analysis) -> Iterable[str]:
    for part in analysis.logistic.values():
        images = IMAGES.get(part.images, part.images)
        if not part.terms:
            continue
        if part.fit is None or not part.fit.estimable:
            reason = part.reason or (part.fit.reason if part.fit is not None else "")
            words = sentence(in_words(analysis.answers, reason))
            yield f"{images}: the odds ratio of the groups is not estimable. {words}"
            continue
        for term in part.terms:
            effect, small = part.fit[term], part.small.get(term)
            name = term_name(analysis.answers, term)
            text = f"{images}, {name}: odds ratio of a right answer {ratio(effect.odds_ratio)}"
            if small is not None and not math.isnan(small.low):
                yield f"{text} ({ratio_interval(small.or_low, small.or_high)} for few readers), {p_clause(small.p)}."
            else:
                yield f"{text} ({ratio_interval(effect.or_low, effect.or_high)}, Wald), {p_clause(effect.p)}."


def _remarks(analysis: Analysis) -> list[Block]:
    texts = [sentence(in_words(analysis.answers, text)) for text in (*analysis.problems, *analysis.notes)]
    return [Listing(tuple(dict.fromkeys(texts)))] if texts else []
