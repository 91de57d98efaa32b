"""The figures of a report: what each shows, taken from an analysis."""

import itertools
import math

import numpy as np

from turing.analysis.answers import Answers
from turing.analysis.parts import AccuracyRow, Analysis
from turing.report.document import Figure
from turing.report.drawing.agreement import agreement_figure
from turing.report.drawing.forest import ForestRow, Limits, RatioRow, forest_figure, ratio_figure
from turing.report.drawing.images import ImagePoint, difficulty_figure
from turing.report.drawing.position import Stretch, position_figure
from turing.report.drawing.roc import RocLine, roc_figure
from turing.report.drawing.times import CLASS_COLOURS, Box, box_of, times_figure
from turing.report.formatting import SPACE, level
from turing.report.tables.accuracy import by_group, shares_of
from turing.report.tables.images import ranked_images
from turing.report.tables.notes import IMAGES, class_called, term_name
from turing.stats.accuracy import Proportion, clopper_pearson

STRETCHES = 10  # of the order of reading


def accuracy_figure(analysis: Analysis) -> Figure:
    """Forest plot: each reader, each group pooled, all pooled."""
    answers = analysis.answers
    if answers.is_pairs:
        panels: tuple[str, ...] = ("Right choices", "Left image chosen")
    else:
        positive = answers.positive_class
        panels = (
            "Accuracy",
            f"Sensitivity ({class_called(positive, is_positive=True)})",
            f"Specificity ({class_called(positive, is_positive=False)})",
        )
    rows: list[ForestRow] = []
    for name, readers, of_group in by_group(analysis):
        if analysis.accuracy.groups:
            rows.append(ForestRow(name or "no group", "heading"))
        rows += [_forest_row(row, row.name, "single") for row in readers]
        if of_group is not None:
            rows.append(_forest_row(of_group, "pooled", "pooled"))
    if analysis.accuracy.groups:
        rows.append(ForestRow("all readers", "heading"))
    rows.append(_forest_row(analysis.accuracy.pooled, "all, pooled", "pooled"))
    margin = analysis.options.margin
    band, grey = None, ""
    if margin is not None:
        band = (0.5 - margin, 0.5 + margin)
        grey = f" Grey: the equivalence margin ({100 * band[0]:g}–{100 * band[1]:g}{SPACE}%)."
        if analysis.options.margin_origin:
            grey = f"{grey[:-1]}, {analysis.options.margin_origin}."
    return forest_figure(
        key="accuracy",
        title=f"Accuracy of the readers with exact {level(analysis.options.confidence)} confidence intervals",
        panels=panels,
        rows=rows,
        reference=0.5,
        reference_name="50 per cent",
        band=band,
        notes=(f"Dashed: chance.{grey} Diamonds: pooled answers.",),
    )


def _forest_row(row: AccuracyRow, label: str, kind: str) -> ForestRow:
    return ForestRow(label, "single" if kind == "single" else "pooled", tuple(_limits(s) for s in shares_of(row)))


def _limits(share: Proportion) -> Limits:
    return Limits(share.estimate, share.low, share.high)


def odds_figure(analysis: Analysis) -> Figure | None:
    """Odds ratios of the groups on all, real and synthetic images; None without groups."""
    rows: list[RatioRow] = []
    for part in analysis.logistic.values():
        for term in part.terms:
            label = IMAGES.get(part.images, part.images)
            if len(part.terms) > 1:
                label += f",\n{term_name(analysis.answers, term)}"
            nothing = (math.nan, math.nan)
            if part.fit is None or not part.fit.estimable:
                reason = part.reason or (part.fit.reason if part.fit is not None else "")
                rows.append(RatioRow(label, math.nan, (nothing, nothing), reason))
                continue
            effect, small = part.fit[term], part.small.get(term)
            few = nothing if small is None else (_exp(small.low), _exp(small.high))
            rows.append(RatioRow(label, effect.odds_ratio, ((effect.or_low, effect.or_high), few)))
    if all(math.isnan(row.estimate) for row in rows):
        return None
    answers = analysis.answers
    levels = f"{answers.groups[1]} against {answers.groups[0]}" if len(answers.groups) == 2 else answers.group_name
    confidence = level(analysis.options.confidence)
    return ratio_figure(
        key="odds-ratios",
        title=f"Odds ratios of a right answer with {confidence} confidence intervals",
        axis=f"Odds ratio of a right answer, {answers.group_name}: {levels}",
        kinds=("Wald", "for few readers"),
        rows=rows,
    )


def _exp(value: float) -> float:
    return math.inf if value >= 700 else math.exp(value)  # NaN stays NaN


def operating_points_figure(analysis: Analysis) -> Figure | None:
    """Plain answers in ROC space; None for pairs and where a class is missing."""
    lines = []
    for row in (*analysis.accuracy.readers, analysis.accuracy.pooled):
        if row.real is None or row.synthetic is None or not (row.real.is_defined and row.synthetic.is_defined):
            continue
        name = row.name if row.kind == "reader" else "all, pooled"
        label = f"{name} ({row.group})" if row.kind == "reader" and row.group else name
        lines.append(RocLine(label, (1 - row.real.estimate,), (row.synthetic.estimate,)))
    if not lines:
        return None
    return roc_figure(key="roc", title="Readers in ROC space", lines=lines)


def reading_times_figure(analysis: Analysis) -> Figure | None:
    """Box plots by truth and correctness, and by reader; None without times."""
    given = analysis.answers.first.select(given=True)
    if not np.isfinite(given.seconds).any():
        return None
    names = given.class_names
    by_truth = [
        box_of(
            f"{name.capitalize()}, {words}",
            given.seconds[(given.truth == code) & (given.correct == right)],
            colour=CLASS_COLOURS[("real", "synthetic")[code]],
            is_dashed=right == 0,
        )
        for code, name in enumerate(names)
        for right, words in ((1.0, "right"), (0.0, "wrong"))
    ]
    by_reader: list[Box] = [
        box_of(name, given.seconds[given.reader == code]) for code, name in enumerate(given.readers)
    ]
    panels = {"By truth and answer": by_truth}
    if len(by_reader) <= 40:
        panels["By reader"] = by_reader
    return times_figure(
        key="times",
        title="Reading times",
        panels=panels,
        notes=("Boxes: quartiles and median. Whiskers: 5th and 95th percentile. Broken lines: wrong answers.",),
    )


def roc_curves_figure(analysis: Analysis) -> Figure | None:
    """Empirical curves of graded answers; None without ratings."""
    if analysis.graded is None:
        return None
    lines = [
        RocLine(one.name, tuple(one.curve.false_positive), tuple(one.curve.true_positive), one.area.auc)
        for one in analysis.graded.readers
        if one.curve.is_defined
    ]
    if not lines:
        return None
    return roc_figure(key="roc-curves", title="ROC curves of graded answers", lines=lines)


def images_figure(analysis: Analysis) -> Figure | None:
    """Images from hard to easy; None without answers."""
    ranked = ranked_images(analysis)
    if not ranked or analysis.answers.is_pairs:
        return None
    is_modelled = not any(math.isnan(one.share) for one in ranked)
    points = []
    for one in ranked:
        right = one.counted.right
        limits = (one.share, one.low, one.high) if is_modelled else (right.estimate, right.low, right.high)
        points.append(ImagePoint(one.counted.image, one.counted.truth, right.k, right.n, *limits))
    confidence = level(analysis.options.confidence)
    modelled = f"What the mixed model expects of an average reader (shrunken), with {confidence} confidence intervals."
    counted = f"Lines: exact {confidence} confidence intervals over readers."
    return difficulty_figure(
        key="difficulty",
        title="Difficulty of the images",
        points=points,
        axis="Right answers expected, per cent" if is_modelled else "Readers right, per cent",
        notes=(modelled if is_modelled else counted,),
    )


def pairwise_figure(analysis: Analysis) -> Figure | None:
    """Heat map of Cohen's kappa of each two readers; None with fewer than three, where it is one number."""
    pairwise = analysis.agreement.pairwise
    if pairwise.n_readers < 3:
        return None
    n_images = np.zeros((pairwise.n_readers, pairwise.n_readers), int)
    for one, other, kappa in pairwise.pairs:
        n_images[one, other] = n_images[other, one] = kappa.n_used
    return agreement_figure(
        key="agreement",
        title="Agreement of each two readers",
        readers=analysis.answers.readers,
        kappa=pairwise.matrix,
        n_images=n_images,
    )


def along_the_reading_figure(analysis: Analysis) -> Figure | None:
    """Right answers and times by position; None when the order is not known."""
    given = analysis.answers.first.select(given=True)
    if given.position is None or not len(given):
        return None
    stretches = _stretches(given, confidence=analysis.options.confidence)
    return position_figure(
        key="position",
        title="Along the order of reading",
        stretches=stretches,
        notes=(
            f"All readers pooled. Lines: exact {level(analysis.options.confidence)} confidence intervals; quartiles.",
        ),
    )


def _stretches(given: Answers, *, confidence: float) -> list[Stretch]:
    position = np.asarray(given.position)
    first, last = int(np.nanmin(position)), int(np.nanmax(position))
    edges = np.unique(np.linspace(first, last + 1, min(STRETCHES, last - first + 1) + 1).round().astype(int))
    found = []
    for start, end in itertools.pairwise(edges):
        part = given.rows((position >= start) & (position < end))
        share = clopper_pearson(int(part.correct.sum()), len(part), confidence=confidence)
        timed = part.seconds[np.isfinite(part.seconds)]
        q1, median, q3 = np.quantile(timed, [0.25, 0.5, 0.75]) if timed.size else (math.nan,) * 3
        limits = (share.estimate, share.low, share.high)
        times = (float(q1), float(median), float(q3))
        found.append(Stretch(int(start), int(end) - 1, len(part), *limits, timed.size, *times))
    return found
