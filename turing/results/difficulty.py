"""The images of a closed study ranked by what a mixed model expects of an average reader: few answers weigh little.

The same model as in the report. Where the plain share of right answers makes an image that two readers missed the
hardest of all, the model draws it towards the others as far as so few answers demand.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from turing.analysis import AnalysisOptions, make_answers
from turing.analysis.answers import CLASSES, SIDES
from turing.analysis.describing import describe_images
from turing.results.images import Expected, ShownImage


@dataclass(frozen=True)
class Ranking:
    """Hardest first, each with its `expected`; images that nobody answered last. As given, with a reason, where the
    model is not estimable.
    """

    images: Sequence[ShownImage]
    reliability: float  # in [0, 1]; near 0: do not read it
    notes: Sequence[str] = ()
    reason: str = ""


def rank_by_difficulty(images: Sequence[ShownImage]) -> Ranking:
    """`images`: all of one study; the answers that count are used."""
    said = [(image, row) for image in images for row in image.counted]
    if not said:
        return Ranking(images, 0.0, reason="there is no answer")
    is_pairs = len(images[0].sides) > 1
    code = {name: place for place, name in enumerate(SIDES if is_pairs else CLASSES)}
    answers = make_answers(
        reader=[row.reader for _, row in said],
        image=[str(image.position) for image, _ in said],
        truth=[code[row.truth] for _, row in said],
        answer=[code[row.answer] for _, row in said],
        is_pairs=is_pairs,
    )
    found, reason = describe_images(answers, AnalysisOptions())
    if found is None or not found.difficulty.is_defined:
        return Ranking(images, 0.0, reason=reason if found is None else found.difficulty.reason)
    difficulty = found.difficulty
    by_position = {image.position: image for image in images}
    ranked = [
        replace(by_position[int(str(one.image))], expected=Expected(one.share, one.share_low, one.share_high))
        for one in sorted(difficulty.images, key=lambda one: (one.share, one.rank))
    ]
    known = {image.position for image in ranked}
    return Ranking(
        images=[*ranked, *(image for image in images if image.position not in known)],
        reliability=difficulty.reliability,
        notes=difficulty.notes,
    )
