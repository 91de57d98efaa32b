"""Runs a screening's job: the scores, where a classifier gives the order, then the queue.

It may be started any number of times after crashes and cancels: scores and places that are kept stay as they are.
"""

from typing import Any
from uuid import UUID

import numpy as np

from classification.models import ImageScore, ScreenedImage, Screening
from classification.scoring.parameters import ScoringParameters
from classification.scoring.scoring_job import run_scoring
from classification.screening.parameters import ScreeningParameters
from worker.registry import JobContext

BLOCK = 500  # places that one transaction writes: readers who answer wait for each


def run_screening(context: JobContext, parameters: ScreeningParameters) -> dict[str, Any]:
    """Raises JobError as `run_scoring`."""
    screening = Screening.objects.select_related("scoring", "dataset").get(pk=parameters.screening_id)
    if screening.scoring is not None and not screening.scoring.results:
        run_scoring(context, ScoringParameters(scoring_id=str(screening.scoring_id), device=parameters.device))
    order = queue_order(screening)
    for start in range(screening.images.count(), len(order), BLOCK):
        context.raise_if_stopped()
        context.progress(start, len(order), "images", "Putting the images in order")
        rows = [
            ScreenedImage(screening=screening, image_id=image_id, place=start + number, score=score)
            for number, (image_id, score) in enumerate(order[start : start + BLOCK], start=1)
        ]
        with context.fenced():
            ScreenedImage.objects.bulk_create(rows)
    with context.fenced():
        Screening.objects.filter(pk=screening.pk).update(n_images=len(order))
    context.progress(len(order), len(order), "images", "The queue is ready")
    return {"screening_id": str(screening.pk), "images": len(order)}


def queue_order(screening: Screening) -> list[tuple[UUID, float | None]]:
    """Images with the probability of the class that is looked for, the highest first; equal ones by pixel hash.

    Without a scoring: a random permutation of the pixel hashes in alphabetical order, drawn by the seed.
    """
    if screening.scoring is None:
        images = list(screening.dataset.images.order_by("pixel_sha256").values_list("pk", flat=True))
        return [(images[place], None) for place in np.random.default_rng(screening.seed).permutation(len(images))]
    positive = screening.scoring.classifier.experiment.positive
    rows = ImageScore.objects.filter(scoring=screening.scoring).values_list("image_id", "score", "image__pixel_sha256")
    found = [
        (image_id, score if screening.looked_for == positive else 1 - score, sha256) for image_id, score, sha256 in rows
    ]
    found.sort(key=lambda one: (-one[1], one[2]))
    return [(image_id, score) for image_id, score, _ in found]
