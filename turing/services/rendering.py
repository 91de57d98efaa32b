"""Makes the files that readers will see, and measures them for the leak audit. Nothing enters the database yet."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from imaging.rendering import render_square
from imaging.storage import load_pixels
from turing import stimuli
from turing.blinding.features import PixelMeasurement, measure_pixels
from turing.errors import StudyError
from turing.services.planning import Plan, PlannedTrial

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]  # steps done, steps in all


@dataclass(frozen=True)
class RenderedImage:
    """One file, and what its pixels measure; not measured where that does not enter the audit."""

    file: str
    sha256: str
    measured: PixelMeasurement | None


def render_plan(
    plan: Plan, *, saved: list[str], progress: Callable[[], None] = lambda: None
) -> dict[int, tuple[RenderedImage, ...]]:
    """By position, the image of each trial, or the left and the right one of a pair. Every trial has files of its own.

    `saved`: the name of each file is put there as soon as there is one. `progress`: called after each trial.

    Raises StudyError when two images look exactly the same once rendered.
    """
    shown: dict[str, str] = {}  # stimulus hash -> pixel hash
    rendered = {}
    for trial in plan.trials:
        rendered[trial.drawn.position] = tuple(_render(trial, plan, shown, saved))
        progress()
    return rendered


def _render(trial: PlannedTrial, plan: Plan, shown: dict[str, str], saved: list[str]) -> Iterator[RenderedImage]:
    for side, (sha256, _) in enumerate(trial.sources):
        pixels = render_square(load_pixels(sha256), plan.image_size, bit_depth=plan.bit_depth)
        content = stimuli.encode_stimulus(pixels)
        digest = stimuli.stimulus_sha256(content)
        other = shown.setdefault(digest, sha256)
        if other != sha256:
            raise StudyError(
                f"Images {other[:12]} and {sha256[:12]} look exactly the same at {plan.image_size} px. Remove one of "
                "them from its dataset, or choose another seed or image size."
            )
        saved.append(stimuli.save_stimulus(content))
        measured = measure_pixels(pixels, side=side) if trial.counts else None
        yield RenderedImage(file=saved[-1], sha256=digest, measured=measured)


@contextmanager
def files_removed_on_failure(saved: list[str] | None = None) -> Iterator[list[str]]:
    """Collects names of saved stimuli (in `saved`), and deletes them when the block fails."""
    saved = [] if saved is None else saved
    try:
        yield saved
    except BaseException:
        remove_files(saved)
        raise


def remove_files(names: list[str]) -> None:
    for name in names:
        try:
            stimuli.delete_stimulus(name)
        except OSError:  # what brought us here matters more
            logger.exception("Stimulus file %s could not be removed", name)
