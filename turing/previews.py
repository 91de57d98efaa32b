"""A study as a reader will see it, for its investigator: a few images, drawn for once, rendered as readers get them.

Where the preview stands is kept in the investigator's web session and nowhere else: it writes none of the tables of
the record and no audit event. Images that readers of an open study will meet are never drawn.
"""

import hashlib
import json
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
from django.db.models import Q

from imaging.rendering import render_square
from imaging.selectors import filter_images
from imaging.storage import load_pixels
from turing import stimuli
from turing.errors import StudyError
from turing.models import Origin, Phase, Response, Scale, Study, TrialTruth
from turing.reading.course import Interlude, Section
from turing.reading.selectors import StudyForReader

MOST_IMAGES = 6  # trials, without practice
MOST_PRACTICE = 2
BREAK_AFTER = 2  # images of the first phase
_ORIGINS = (Origin.REAL.value, Origin.SYNTHETIC.value)


@dataclass
class Step:
    """One image (or pair), or what lies between two."""

    kind: str  # "trial", or an Interlude
    phase: int
    token: str = ""
    is_practice: bool = False
    origin: str = ""  # of a pair, what the left one is
    pixels: list[str] = field(default_factory=list)  # hashes: the image, or the left and the right one

    @property
    def is_trial(self) -> bool:
        return self.kind == "trial"


@dataclass
class Preview:
    signature: str  # of the study when it began: a draft that was changed since is previewed anew
    steps: list[Step]
    at: int = 0  # index of the step that is shown
    session_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    attendance: str = ""
    is_screen_checked: bool = False

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Preview":
        return cls(**{**document, "steps": [Step(**step) for step in document["steps"]]})

    def to_document(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def current(self) -> Step | None:
        return self.steps[self.at] if self.at < len(self.steps) else None

    @property
    def ahead(self) -> Step | None:
        """The image that may be fetched ahead: nothing lies between it and the current one."""
        following = self.steps[self.at + 1 : self.at + 2]
        return following[0] if following and following[0].is_trial and self.current and self.current.is_trial else None

    @property
    def trials(self) -> list[Step]:
        return [step for step in self.steps if step.is_trial]

    @property
    def answered(self) -> int:
        """Practice included."""
        return sum(step.is_trial for step in self.steps[: self.at])

    def place_of(self, step: Step) -> tuple[Section, int, int]:
        """Section, position in it from 1, and how many it has."""
        section = [trial for trial in self.trials if trial.is_practice == step.is_practice]
        name = Section.PRACTICE if step.is_practice else Section.STUDY
        return name, 1 + next(index for index, trial in enumerate(section) if trial is step), len(section)

    @property
    def rest(self) -> tuple[int, int]:
        """At an interlude: how many images of the section that follows are answered, and how many it has."""
        following = next(step for step in self.steps[self.at :] if step.is_trial)
        _, position, total = self.place_of(following)
        return position - 1, total


def begin_preview(study: Study) -> Preview:
    """Raises StudyError when the study is closed, or no image is left that its readers do not meet."""
    if study.status == Study.Status.CLOSED:
        raise StudyError(f"“{study}” is closed: there is nothing left to preview.")
    phases = phases_of(study)
    generator = np.random.default_rng(secrets.randbits(64))
    drawer = _Drawer(study, generator)
    practice = list(drawer.draw(phases[0], 1, min(study.n_practice, MOST_PRACTICE), is_practice=True))
    share = max(MOST_IMAGES // len(phases), 1)
    drawn = [list(drawer.draw(phase, number, share)) for number, phase in enumerate(phases[:MOST_IMAGES], start=1)]
    drawn = [trials for trials in drawn if trials]
    if not drawn:
        raise StudyError(
            "There is no image left for a preview: all that match are in this study, or in another session of it, and "
            "what readers judge is shown to nobody else."
        )
    steps = list(practice)
    for index, trials in enumerate(drawn):
        if index:
            steps.append(Step(Interlude.PHASE.value, trials[0].phase))
        elif practice:
            steps.append(Step(Interlude.PRACTICE_OVER.value, trials[0].phase))
        steps += trials
        if index == 0 and study.break_every and len(trials) > BREAK_AFTER:
            steps.insert(len(steps) - len(trials) + BREAK_AFTER, Step(Interlude.BREAK.value, trials[0].phase))
    return Preview(signature=signature_of(study), steps=steps)


class _Drawer:
    """Takes each image once, real and synthetic in turn from a random start."""

    def __init__(self, study: Study, generator: np.random.Generator) -> None:
        self._is_pair = study.scale == Scale.PAIR
        self._generator = generator
        self._taken = _met_by_readers(study)

    def draw(self, phase: Study | Phase, number: int, n: int, *, is_practice: bool = False) -> Iterator[Step]:
        origins = [_ORIGINS[index % 2] for index in range(n)]
        for origin in self._generator.permutation(origins):
            other = _ORIGINS[1 - _ORIGINS.index(origin)]
            wanted = (str(origin), other) if self._is_pair else (str(origin),)
            pixels = [self._take(phase, side) for side in wanted]
            if all(pixels):
                yield Step(
                    "trial",
                    number,
                    token=secrets.token_urlsafe(24),
                    is_practice=is_practice,
                    origin=str(origin),
                    pixels=[sha256 for sha256 in pixels if sha256],
                )

    def _take(self, phase: Study | Phase, origin: str) -> str | None:
        dataset, filters = getattr(phase, f"{origin}_dataset"), getattr(phase, f"{origin}_filters")
        hashes = set(filter_images(dataset, filters).values_list("pixel_sha256", flat=True)) - self._taken
        if not hashes:
            return None
        chosen = sorted(hashes)[int(self._generator.integers(len(hashes)))]
        self._taken.add(chosen)
        return chosen


def _met_by_readers(study: Study) -> set[str]:
    """Pixels that are in the study, or in another session of it."""
    related = Q(trial__study=study) | Q(trial__study__follows=study)
    if study.follows_id is not None:
        related |= Q(trial__study=study.follows_id) | Q(trial__study__follows=study.follows_id)
    rows = TrialTruth.objects.filter(related).values_list("image__pixel_sha256", "right_image__pixel_sha256")
    return {sha256 for row in rows for sha256 in row if sha256}


def phases_of(study: Study) -> list[Study | Phase]:
    return [study, *study.later_phases.select_related("real_dataset", "synthetic_dataset").order_by("number")]


def signature_of(study: Study) -> str:
    """Of all that the steps of a preview, and the check of its answers, depend on."""
    told = [study.status, study.scale, study.n_practice, study.practice_feedback, study.break_every, study.mark_kind]
    told += [study.image_size, study.bit_depth, study.exposure_limit_ms, study.time_limit_ms, study.asks_comment]
    for phase in phases_of(study):
        for side in _ORIGINS:
            told += [str(getattr(phase, f"{side}_dataset_id")), getattr(phase, f"{side}_filters")]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def pixels_of(study: Study, step: Step) -> bytes:
    """What a reader would receive: rendered now, by the one function for it."""
    return b"".join(
        stimuli.encode_stimulus(render_square(load_pixels(sha256), study.image_size, bit_depth=study.bit_depth))
        for sha256 in step.pixels
    )


def right_answer(study: Study, step: Step) -> str:
    if study.scale != Scale.PAIR:
        return step.origin
    return (Response.LEFT if step.origin == study.positive_class else Response.RIGHT).value


def study_as_reader(study: Study, preview: Preview | None = None) -> StudyForReader:
    """As its reader sees it before the start, with the numbers of the study; or in `preview`, with those of that."""
    phases = phases_of(study)
    number = 1
    if preview is not None:
        step = preview.current or preview.steps[-1]
        number = step.phase
    words = phases[number - 1]
    n_test = sum(phase.n_real if study.scale == Scale.PAIR else phase.n_real + phase.n_synthetic for phase in phases)
    n_practice = study.n_practice
    if preview is not None:
        n_practice = sum(trial.is_practice for trial in preview.trials)
    return StudyForReader(
        session_id=uuid.UUID(preview.session_id) if preview else uuid.UUID(int=0),
        name=study.name,
        question=words.question,
        instructions=words.instructions,
        real_label=words.real_label,
        synthetic_label=words.synthetic_label,
        scale=study.scale,
        mark_kind=study.mark_kind,
        asks_comment=study.asks_comment,
        exposure_limit_ms=study.exposure_limit_ms,
        time_limit_ms=study.time_limit_ms,
        shows_total=study.shows_total,
        n_images=len(preview.trials) if preview else n_test + study.n_repeats + study.n_practice,
        answered=preview.answered if preview else 0,
        n_practice=n_practice,
        practice_feedback=study.practice_feedback,
        break_every=study.break_every,
        phase=number,
        n_phases=len(phases),
        consent=study.consent,
        closing_text=study.closing_text,
        group_by=study.group_by,
        is_open=True,
        is_started=preview is not None,
        image_size=study.image_size,
        bit_depth=study.bit_depth,
        needs_display_check=preview is None or not preview.is_screen_checked,
        available_from=None,
        is_available=True,
        time_spent=timedelta(),
        n_correct=None,
        n_scored=None,
    )
