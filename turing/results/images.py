"""The images of a closed study one by one: what each is, what every reader said of it, and where they put marks."""

import io
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from django.db.models import Q
from PIL import Image as PillowImage

from imaging.models import Image
from imaging.rendering import render_square
from imaging.storage import encode_png, load_pixels
from turing.errors import StudyError
from turing.models import Answer, ReadingSession, Scale, Study, TrialTruth
from turing.results.rows import AnswerRow, answer_rows, other_origin
from turing.scales import right_response
from turing.stats.marks_density import marks_density

N_COLOURS = 8  # of marks, see tr-mark-1 and on in the stylesheet; the ninth reader has the first again
UNANIMOUS = ("synthetic called synthetic", "synthetic called real", "real called real", "real called synthetic")
HEAT_CELLS = 128  # per side
HEAT_BANDWIDTH = 0.04  # of the image's side: how far a mark reaches
HEAT_COLOUR = (255, 120, 0)
HEAT_OPACITY = 0.75  # where marks are densest
LABEL_SPACE = 0.85  # of the width; a mark further right has its label on its left


@dataclass(frozen=True)
class Shape:
    """A mark to be drawn, in pixels of the image. A point has no width and height."""

    reader: str
    colour: int  # from 1
    x: float
    y: float
    width: float
    height: float
    is_far_right: bool

    @property
    def is_box(self) -> bool:
        return self.width > 0


@dataclass(frozen=True)
class Side:
    """One image: the only one of a trial, or the left (0) or right (1) one of a pair."""

    number: int
    origin: str
    label: str
    pixel_sha256: str
    shapes: list[Shape]


@dataclass(frozen=True)
class Said:
    """What one reader answered."""

    colour: int
    row: AnswerRow


@dataclass(frozen=True)
class Expected:
    """Share of right answers that a mixed model expects of an average reader, in [0, 1], with its interval."""

    share: float
    low: float
    high: float


@dataclass(frozen=True)
class ShownImage:
    position: int  # in the order of the study
    phase: int
    truth: str  # the right answer
    sides: list[Side]
    said: list[Said]  # by reader; a repeat after the first
    n_readers: int = 0  # of the study, with any answer that counts
    expected: Expected | None = None  # see turing.results.difficulty

    @property
    def counted(self) -> list[AnswerRow]:
        return [said.row for said in self.said if said.row.counts and said.row.is_given]

    @property
    def n_right(self) -> int:
        return sum(bool(row.is_correct) for row in self.counted)

    @property
    def unanimous(self) -> str:
        """What every reader of the study said of it, such as "synthetic called real"; "" when they differ, when one of
        them gave no answer, when there is one reader only, and for pairs.
        """
        answers = {row.answer for row in self.counted}
        if len(answers) != 1 or len(self.sides) != 1 or not 2 <= self.n_readers == len(self.counted):
            return ""
        return f"{self.sides[0].origin} called {answers.pop()}"

    @property
    def is_remarked(self) -> bool:
        return any(said.row.marks or said.row.comment for said in self.said)


def study_images(study: Study) -> list[ShownImage]:
    """Without practice; first those that fewest readers got right. Raises StudyError unless the study is closed."""
    rows = answer_rows(study)
    codes = ReadingSession.objects.filter(study=study).order_by("created_at", "reader_code")
    colours = {code: 1 + index % N_COLOURS for index, code in enumerate(codes.values_list("reader_code", flat=True))}
    about: dict[int, list[AnswerRow]] = defaultdict(list)
    for row in rows:
        about[row.picture].append(row)
    truths = (
        TrialTruth.objects.filter(trial__study=study, trial__is_practice=False, repeat_of=None)
        .select_related("trial", "image", "right_image")
        .order_by("trial__position")
    )
    n_readers = len({row.reader for row in rows if row.counts and row.is_given})
    images = [_shown(study, truth, about[truth.trial_id], colours, n_readers) for truth in truths]
    return sorted(images, key=lambda image: image.n_right / len(image.counted) if image.counted else 1.0)


def stimulus_png(study: Study, *, position: int, side: int) -> bytes:
    """An image as readers saw it, in 8 bits. `side`: 0, or 1 for the right one of a pair.

    Raises StudyError unless the study is closed, LookupError when there is no such image, OSError or ValueError when
    its pixels are missing or damaged.
    """
    if study.status != Study.Status.CLOSED:
        raise StudyError(f"“{study}” is not closed: its images are shown once it is.")
    truth = (
        TrialTruth.objects.filter(trial__study=study, trial__position=position)
        .select_related("image", "right_image")
        .first()
    )
    found: Image | None = None
    if truth is not None:
        found = (truth.image, truth.right_image)[side] if side in (0, 1) else None
    if found is None:
        raise LookupError(f"There is no image {position}, side {side}, in “{study}”.")
    return encode_png(np.asarray(render_square(load_pixels(found), study.image_size)))


def marks_heat_png(study: Study, *, position: int, side: int) -> bytes:
    """Density of the marks of all readers on an image, as a picture that lets the image shine through.

    Boxes count with their centres; a repeat with its picture. Raises StudyError unless the study is closed, LookupError
    when nobody marked this image, or there is none.
    """
    marks = [mark for mark in _marks_on(study, position) if int(mark["image"]) == side]
    if not marks:
        raise LookupError(f"Nobody marked image {position}, side {side}, of “{study}”.")
    size = study.image_size
    across, down = (
        np.clip([(mark[corner] + mark.get(extent, 0) / 2) / size for mark in marks], 0, 1)
        for corner, extent in (("x", "width"), ("y", "height"))
    )
    density = marks_density(across, down, size=min(size, HEAT_CELLS), bandwidth=HEAT_BANDWIDTH).density
    share = density / density.max()
    pixels = np.empty((*share.shape, 4), dtype=np.uint8)
    pixels[..., :3] = HEAT_COLOUR
    pixels[..., 3] = np.round(HEAT_OPACITY * 255 * share)
    buffer = io.BytesIO()
    PillowImage.fromarray(pixels, "RGBA").resize((size, size), PillowImage.Resampling.BILINEAR).save(buffer, "PNG")
    return buffer.getvalue()


def _marks_on(study: Study, position: int) -> list[dict[str, float]]:
    """Of all readers on a picture that counts, its hidden repeat included: one query, about this picture alone."""
    if study.status != Study.Status.CLOSED:
        raise StudyError(f"“{study}” is not closed: its marks are shown once it is.")
    picture = Q(trial__position=position, trial__is_practice=False, trial__truth__repeat_of=None)
    answers = Answer.objects.filter(
        picture | Q(trial__truth__repeat_of__position=position), session__study=study
    ).order_by("session__created_at", "session__reader_code", "position")
    return [mark for marks in answers.values_list("marks", flat=True) for mark in marks]


def _shown(
    study: Study, truth: TrialTruth, rows: list[AnswerRow], colours: dict[str, int], n_readers: int
) -> ShownImage:
    shapes: dict[int, list[Shape]] = {0: [], 1: []}
    for row in rows:
        for mark in row.marks:
            shapes[int(mark["image"])].append(_shape(row.reader, colours[row.reader], mark, study.image_size))
    sides = [Side(0, truth.origin, truth.label, truth.image.pixel_sha256, shapes[0])]
    if study.scale == Scale.PAIR and truth.right_image is not None:
        sides.append(Side(1, other_origin(truth.origin), truth.right_label, truth.right_image.pixel_sha256, shapes[1]))
    return ShownImage(
        position=truth.trial.position,
        phase=truth.trial.phase,
        truth=str(right_response(study.scale, origin=truth.origin, positive_class=study.positive_class)),
        sides=sides,
        said=[Said(colours[row.reader], row) for row in rows],
        n_readers=n_readers,
    )


def _shape(reader: str, colour: int, mark: dict[str, float], size: int) -> Shape:
    width, height = mark.get("width", 0), mark.get("height", 0)
    return Shape(
        reader=reader,
        colour=colour,
        x=mark["x"],
        y=mark["y"],
        width=width,
        height=height,
        is_far_right=mark["x"] + width > LABEL_SPACE * size,
    )
