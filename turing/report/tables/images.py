"""Cases about which all readers agree, and the images that were hardest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turing.analysis.answers import Answers
from turing.analysis.parts import Analysis
from turing.report.document import Row, Table, data_of
from turing.report.formatting import ci, estimate, number, p_value, proportion
from turing.report.tables.notes import Notes
from turing.stats.accuracy import Proportion, clopper_pearson

MOST_NAMES = 12


@dataclass(frozen=True)
class ImageCount:
    """How many readers were right about an image, of those who answered; exact interval over readers."""

    image: str
    truth: str
    right: Proportion


def image_counts(answers: Answers, *, confidence: float) -> list[ImageCount]:
    """Of first answers that were given, hardest first; images without an answer are left out."""
    given = answers.first.select(given=True)
    n = np.bincount(given.image, minlength=len(answers.images))
    k = np.bincount(given.image, weights=given.correct, minlength=len(answers.images)).astype(int)
    truth = np.zeros(len(answers.images), int)
    truth[answers.image] = answers.truth
    limits = {
        pair: clopper_pearson(*pair, confidence=confidence) for pair in {*zip(k.tolist(), n.tolist(), strict=True)}
    }
    found = [
        ImageCount(name, answers.class_names[truth[code]], limits[int(k[code]), int(n[code])])
        for code, name in enumerate(answers.images)
        if n[code]
    ]
    return sorted(found, key=lambda one: (one.right.estimate, -one.right.n))  # stable: natural order of names


def unanimous_table(analysis: Analysis) -> Table | None:
    """Images about which all readers said the same; None for pairs and with fewer than two readers."""
    found = analysis.images.unanimous if analysis.images is not None else None
    if found is None or not found.is_defined:
        return None
    confidence = analysis.options.confidence
    names = analysis.answers.class_names
    rows, values = [], []
    for kind in found.kinds:
        share = clopper_pearson(kind.n, kind.n_complete, confidence=confidence)
        images = [str(image) for image in kind.images]
        name = f"{names[kind.truth].capitalize()}, all said {names[kind.answer]}"
        many = f"{kind.n} of {kind.n_complete}"
        by_chance = number(kind.expected, 1) if not math.isnan(kind.expected) else "not estimable"
        rows.append(Row((name, many, proportion(share), by_chance, p_value(kind.p), _names(images))))
        values += [(names[kind.truth], names[kind.answer], image, kind.expected, kind.p) for image in images]
    notes = Notes(
        f"Of the {found.n_complete} images that every one of {found.n_readers} readers answered. By chance: the number "
        "expected if each reader’s answers had fallen on images of that truth at random, and the exact probability of "
        "as many or more then."
    )
    return Table(
        key="unanimous",
        title="Unanimous cases",
        columns=("Images", "Number", f"Per cent ({ci(confidence)})", "By chance", "p", "Which"),
        rows=tuple(rows),
        data=data_of(("truth", "all_said", "image", "expected", "p"), values),
        notes=notes.texts,
        widths=(1.6, 0.9, 1.2, 0.8, 0.8, 2.6),
    )


def _names(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return (", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")) or "none"


@dataclass(frozen=True)
class RankedImage:
    """An image with what was counted, and with what the model expects of an average reader where it could be fitted."""

    counted: ImageCount
    share: float  # in [0, 1]; NaN without a model
    low: float
    high: float


def ranked_images(analysis: Analysis) -> list[RankedImage]:
    """Hardest first: by the model's shrunken effects where there are any, else by the share of right answers."""
    counts = {one.image: one for one in image_counts(analysis.answers, confidence=analysis.options.confidence)}
    difficulty = analysis.images.difficulty if analysis.images is not None else None
    if difficulty is None or not difficulty.is_defined:
        return [RankedImage(one, math.nan, math.nan, math.nan) for one in counts.values()]
    return [
        RankedImage(counts[str(one.image)], one.share, one.share_low, one.share_high)
        for one in sorted(difficulty.images, key=lambda one: (one.share, one.rank))
    ]


def hardest_table(analysis: Analysis, *, n: int = 10) -> Table | None:
    """The images that are hardest to get right; the data hold all images."""
    ranked = ranked_images(analysis)
    if not ranked:
        return None
    difficulty = analysis.images.difficulty if analysis.images is not None else None
    notes = Notes(
        "Counted: exact interval over readers, for this image alone. The CSV file of this table has all images."
    )
    reason = analysis.images_reason
    if difficulty is not None:
        reason = difficulty.reason
        for note in difficulty.notes:
            notes.add(note)
        if difficulty.is_defined:
            notes.add(
                "Expected: what the mixed model expects of an average reader, images drawn towards their mean as far "
                f"as few answers demand (shrunken). Reliability of the ranking: {number(difficulty.reliability)} (1: "
                "sure; near 0: do not read it)."
            )
    rows = [Row((*_counted(one), _expected(one, reason, notes))) for one in ranked[:n]]
    values = [
        (c.image, c.truth, c.right.k, c.right.n, c.right.estimate, c.right.low, c.right.high, r.share, r.low, r.high)
        for r in ranked
        for c in (r.counted,)
    ]
    columns = (
        *("image", "truth", "readers_right", "readers", "counted", "counted_low", "counted_high"),
        *("expected", "expected_low", "expected_high"),
    )
    confidence = ci(analysis.options.confidence)
    return Table(
        key="difficulty",
        title=f"The {len(rows)} hardest images",
        columns=("Image", "Truth", "Readers right", f"Counted, % ({confidence})", f"Expected, % ({confidence})"),
        rows=tuple(rows),
        data=data_of(columns, values),
        notes=notes.texts,
    )


def _counted(one: RankedImage) -> tuple[str, str, str, str]:
    counted = one.counted
    return (counted.image, counted.truth, f"{counted.right.k} of {counted.right.n}", proportion(counted.right))


def _expected(one: RankedImage, reason: str, notes: Notes) -> str:
    if math.isnan(one.share):
        return notes.not_estimable(reason or "the model could not be fitted")
    return estimate(100 * one.share, 100 * one.low, 100 * one.high, 1)
