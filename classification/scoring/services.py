"""Verbs on scorings: start one, keep scores as they are computed, keep what came of it."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from classification.models import Classifier, ImageScore, Scoring
from classification.scoring.parameters import SCORING, ScoringParameters
from classification.services import ClassificationError
from config.accounts.models import User
from imaging.models import Dataset
from imaging.services import freeze_dataset
from turing.models import Study
from worker.models import Job
from worker.services import enqueue_job


@transaction.atomic
def start_scoring(
    *,
    classifier: Classifier,
    study: Study | None = None,
    dataset: Dataset | None = None,
    device: str = "auto",
    created_by: User | None,
    job: Job | None = None,
) -> Scoring:
    """Queue the scores of a closed study's images, or of a dataset's, which is frozen.

    With `job`, that one computes them, with something else of its own.

    Raises ClassificationError when the study is not closed, the dataset has no images, or the same scores are being
    computed; ValueError for both or neither of the two.
    """
    if (study is None) == (dataset is None):
        raise ValueError("A scoring is of a study or of a dataset: give one of the two")
    if study is not None:
        study = Study.objects.get(pk=study.pk)  # as it is now
        if study.status != Study.Status.CLOSED:
            raise ClassificationError(not_closed(study))
    if dataset is not None:
        if not dataset.images.exists():
            raise ClassificationError(f"“{dataset.name}” has no images. Add some first.")
        freeze_dataset(dataset=dataset)
    under_way = Scoring.objects.filter(
        classifier=classifier, study=study, dataset=dataset, job__state__in=[*UNDER_WAY]
    )  # fmt: skip
    if under_way.exists():
        raise ClassificationError("These scores are being computed already: see the list below.")
    scoring_id = uuid.uuid4()
    if job is None:
        job = enqueue_job(
            kind=SCORING,
            parameters=ScoringParameters(scoring_id=str(scoring_id), device=device),
            title=f"Scores of “{study or dataset}”",
            created_by=created_by,
        )
    return Scoring.objects.create(
        id=scoring_id, classifier=classifier, study=study, dataset=dataset, job=job, created_by=created_by
    )


UNDER_WAY = (Job.State.QUEUED, Job.State.RUNNING, Job.State.CANCELLING)


def not_closed(study: Study) -> str:
    """Why there are no scores yet, for the page as well."""
    return (
        f"“{study}” is not closed. A score can tell which images are synthetic, so that images of a study are scored "
        "once all readers have finished: close the study first."
    )


@transaction.atomic
def record_scores(
    *, scoring: Scoring, scores: Mapping[uuid.UUID, float], learnt: frozenset[uuid.UUID] = frozenset()
) -> int:
    """Keep the scores of some images (id -> score in [0, 1]); those that are kept already stay as they are.

    `learnt`: those of them that the classifier learnt from. Returns how many are new. Raises ValueError for a score
    that is out of range.
    """
    for image_id, score in scores.items():
        if not 0 <= score <= 1:
            raise ValueError(f"The score of image {image_id} is {score}; it must lie in [0, 1]")
    known = set(scoring.scores.filter(image__in=list(scores)).values_list("image_id", flat=True))
    rows = [
        ImageScore(scoring=scoring, image_id=image_id, score=score, was_learnt=image_id in learnt)
        for image_id, score in scores.items()
        if image_id not in known
    ]
    ImageScore.objects.bulk_create(rows)
    return len(rows)


@transaction.atomic
def record_scoring_results(*, scoring: Scoring, results: dict[str, Any]) -> None:
    """Keep what came of a scoring, once: a second result of the same job changes nothing."""
    if Scoring.objects.filter(pk=scoring.pk, results={}).update(results=results):
        scoring.results = results
