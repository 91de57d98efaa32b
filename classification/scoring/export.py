"""The scores of a scoring as a file: one row per image, ready for R, pandas or a spreadsheet."""

import csv
import io
from collections.abc import Iterator

from classification.models import Scoring
from classification.scoring.selectors import NAME_DIGITS, scored_study_images
from turing.results.export import defuse

STUDY_COLUMNS = (
    "image",
    "position",
    "truth",
    "label",
    "score_of",
    "score",
    "learnt_from",
    "answers",
    "called_synthetic",
    "share_synthetic",
)
DATASET_COLUMNS = ("image", "split", "label", "score_of", "score", "learnt_from")


def export_scores(scoring: Scoring) -> str:
    """The whole file. `image` is "I" and the first 12 digits of the pixel hash, as in the export of the answers.

    `score_of` is the class whose probability the score is; `learnt_from` is 1 for images that the classifier learnt
    from, or whose patient it knows; `share_synthetic` is empty where no reader answered. Raises StudyError for a study
    that is not closed.
    """
    buffer = io.StringIO()
    rows = _study_rows(scoring) if scoring.study is not None else _dataset_rows(scoring)
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue()


def _study_rows(scoring: Scoring) -> Iterator[list[str]]:
    positive = defuse(scoring.classifier.experiment.positive)
    yield list(STUDY_COLUMNS)
    for read, image in scored_study_images(scoring):
        yield [
            _name(read.pixel_sha256),
            str(read.position),
            read.origin,
            defuse(read.label),
            positive,
            repr(image.score),
            str(int(image.was_learnt)),
            str(read.n_answers),
            str(read.n_synthetic),
            "" if read.share_synthetic is None else f"{read.share_synthetic:.6g}",
        ]


def _dataset_rows(scoring: Scoring) -> Iterator[list[str]]:
    positive = defuse(scoring.classifier.experiment.positive)
    yield list(DATASET_COLUMNS)
    rows = scoring.scores.order_by("image__pixel_sha256", "image_id").values_list(
        "image__pixel_sha256", "image__split", "image__label", "score", "was_learnt"
    )
    for sha256, split, label, score, learnt in rows:
        yield [_name(sha256), split, defuse(label), positive, repr(score), str(int(learnt))]


def _name(sha256: str) -> str:
    return f"I{sha256[:NAME_DIGITS]}"
