"""Cases about which all readers agree, and the images that were hardest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turing.analysis.answers import Answers
from turing.report.document import Row, Table, data_of
from turing.report.formatting import ci, proportion
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


def unanimous_table(answers: Answers, *, confidence: float) -> Table | None:
    """Real and synthetic images about which all readers said the same; None with fewer than two readers."""
    counts = image_counts(answers, confidence=confidence)
    several = [one for one in counts if one.right.n >= 2]
    if not several:
        return None
    rows, values = [], []
    for truth in answers.class_names:
        other = next(name for name in answers.class_names if name != truth)
        of_class = [one for one in several if one.truth == truth]
        for said, wanted in ((truth, 1.0), (other, 0.0)):
            cases = [one for one in of_class if one.right.estimate == wanted]
            share = clopper_pearson(len(cases), len(of_class), confidence=confidence)
            name = f"{truth.capitalize()}, all said {said}"
            cells = (name, f"{len(cases)} of {len(of_class)}", proportion(share), _names(cases))
            rows.append(Row(cells))
            values += [(truth, said, one.image, one.right.n) for one in cases]
    notes = Notes("Images with two answers or more; a case counts when everybody who answered it said the same.")
    if len(several) < len(counts):
        notes.add(f"{len(counts) - len(several)} images with a single answer are left out.")
    return Table(
        key="unanimous",
        title="Unanimous cases",
        columns=("Images", "Number", f"Per cent ({ci(confidence)})", "Which"),
        rows=tuple(rows),
        data=data_of(("truth", "all_said", "image", "readers"), values),
        notes=notes.texts,
        widths=(1.5, 0.8, 1.2, 3),
    )


def _names(cases: Sequence[ImageCount]) -> str:
    names = [case.image for case in cases[:MOST_NAMES]]
    more = len(cases) - len(names)
    return (", ".join(names) + (f" and {more} more" if more else "")) or "none"


def hardest_table(answers: Answers, *, confidence: float, n: int = 10) -> Table | None:
    """The images that most readers got wrong; the data hold all images."""
    counts = image_counts(answers, confidence=confidence)
    if not counts:
        return None
    rows = [Row((one.image, one.truth, f"{one.right.k} of {one.right.n}", proportion(one.right))) for one in counts[:n]]
    values = [(c.image, c.truth, c.right.k, c.right.n, c.right.estimate, c.right.low, c.right.high) for c in counts]
    columns = ("image", "truth", "readers_right", "readers", "estimate", "low", "high")
    notes = Notes("Exact intervals over readers, for this image alone. The CSV file of this table has all images.")
    return Table(
        key="difficulty",
        title=f"The {len(rows)} hardest images",
        columns=("Image", "Truth", "Readers right", f"Per cent ({ci(confidence)})"),
        rows=tuple(rows),
        data=data_of(columns, values),
        notes=notes.texts,
    )
