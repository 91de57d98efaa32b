"""What another app needs to lay something beside the readers' answers: each image of a closed study with its record,
what it is, how many readers called it synthetic; and each reader's result with synthetic as the positive class.
"""

import uuid
from dataclasses import dataclass

from imaging.models import Image
from turing.models import Origin, ReadingSession, Response, Scale, Study, TrialTruth
from turing.results import figures
from turing.results.figures import Reader, ReaderResult
from turing.results.images import ShownImage, study_images
from turing.results.rows import AnswerRow, answer_rows, other_origin


@dataclass(frozen=True, kw_only=True)
class ReadImage:
    """One image; of a pair there are two, with the same position. Answers: those that count, one per reader."""

    image_id: uuid.UUID
    pixel_sha256: str
    patient: str  # pseudonym; "" where it is not known
    position: int  # in the order of the study
    side: int  # 0, or 1 for the right one of a pair
    origin: str
    label: str
    n_answers: int  # given in time
    n_synthetic: int  # of these, that called it synthetic
    unanimous: str  # such as "synthetic called synthetic"; see turing.results.images

    @property
    def is_synthetic(self) -> bool:
        return self.origin == Origin.SYNTHETIC

    @property
    def share_synthetic(self) -> float | None:
        """Of the readers who answered, in [0, 1]; None when nobody did."""
        return self.n_synthetic / self.n_answers if self.n_answers else None


def read_images(study: Study) -> list[ReadImage]:
    """Every image of the study once, without practice, by position. Raises StudyError unless the study is closed."""
    shown = {image.position: image for image in study_images(study)}
    truths = (
        TrialTruth.objects.filter(trial__study=study, trial__is_practice=False, repeat_of=None)
        .select_related("trial", "image", "right_image")
        .order_by("trial__position")
    )
    found = []
    for truth in truths:
        about = shown[truth.trial.position]
        found.append(_read_image(study, about, 0, truth.image, truth.origin, truth.label))
        if truth.right_image is not None:
            found.append(_read_image(study, about, 1, truth.right_image, other_origin(truth.origin), truth.right_label))
    return found


def readers_on_synthetic(study: Study) -> list[ReaderResult]:
    """Each reader's result with synthetic as the positive class, whatever the study calls positive.

    Raises StudyError unless the study is closed.
    """
    of_reader: dict[str, list[AnswerRow]] = {}
    for row in answer_rows(study):
        if row.counts:
            of_reader.setdefault(row.reader, []).append(row)
    n_expected = TrialTruth.objects.filter(trial__study=study, trial__is_practice=False, repeat_of=None).count()
    sessions = ReadingSession.objects.filter(study=study).order_by("created_at", "reader_code")
    readers = [Reader(code=one.reader_code, is_simulated=one.is_simulated, group=one.reader_group) for one in sessions]
    return [
        figures.reader_result(
            of_reader.get(reader.code, []),
            name=reader.code,
            readers=[reader],
            n_expected=n_expected,
            scale=study.scale,
            positive_class=Origin.SYNTHETIC,
            pooled=False,
        )
        for reader in readers
    ]


def _read_image(study: Study, about: ShownImage, side: int, image: Image, origin: str, label: str) -> ReadImage:
    return ReadImage(
        image_id=image.pk,
        pixel_sha256=image.pixel_sha256,
        patient=image.patient_pseudonym,
        position=about.position,
        side=side,
        origin=origin,
        label=label,
        n_answers=len(about.counted),
        n_synthetic=sum(_called_synthetic(study, row, side) for row in about.counted),
        unanimous=about.unanimous,
    )


def _called_synthetic(study: Study, row: AnswerRow, side: int) -> bool:
    if study.scale != Scale.PAIR:
        return row.answer == Response.SYNTHETIC
    was_chosen = (row.answer == Response.RIGHT) == (side == 1)  # as the one of the positive class
    return was_chosen == (study.positive_class == Origin.SYNTHETIC)
