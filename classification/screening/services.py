"""Verbs on screenings: start, decide, take back, stop, check the rest, make the dataset without the excluded images."""

import uuid
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from classification.models import Classifier, Scoring, ScreenedImage, Screening
from classification.scoring.services import start_scoring
from classification.screening import selectors
from classification.screening.parameters import SCREENING, ScreeningParameters
from classification.services import ClassificationError
from config.accounts.models import User
from imaging.including import copy_images
from imaging.models import Dataset
from imaging.services import freeze_dataset
from worker.compute.settings import MAX_SEED
from worker.services import enqueue_job

MOST_CHECKED = 2000  # images of a check sample
Decision = ScreenedImage.Decision


@transaction.atomic
def start_screening(
    *,
    dataset: Dataset,
    classifier: Classifier | None = None,
    looked_for: str = "",
    reviewer: User,
    shows_score: bool = False,
    stop_after: int = 50,
    seed: int = 0,
    device: str = "auto",
    created_by: User | None,
) -> Screening:
    """Queue the scores, where a classifier ranks, and the order of the images. The dataset is frozen.

    Scores that this classifier gave these images before are used again. `looked_for`: one of
    `selectors.sought_classes`; the positive class when it is empty. Raises ClassificationError for a dataset without
    images, a class that the scores say nothing of, a reviewer who may not see images, or scores under way.
    """
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed is {seed}; it must be a whole number from 0 to {MAX_SEED}")
    if stop_after < 0:
        raise ValueError(f"stop_after is {stop_after}; it must be 0 (never) or more")
    if not dataset.images.exists():
        raise ClassificationError(f"“{dataset.name}” has no images. Add some first.")
    if not reviewer.is_investigator:
        raise ClassificationError(f"{reviewer.username} may not see datasets. Choose an investigator.")
    freeze_dataset(dataset=dataset)
    screening_id = uuid.uuid4()
    job = enqueue_job(
        kind=SCREENING,
        parameters=ScreeningParameters(screening_id=str(screening_id), device=device),
        title=f"Screening of “{dataset}”",
        created_by=created_by,
    )
    scoring = None
    if classifier is not None:
        classes = selectors.sought_classes(classifier)
        looked_for = looked_for or classes[0]
        if looked_for not in classes:
            raise ClassificationError(
                f"The scores of this classifier say nothing of “{looked_for}”. Choose {' or '.join(classes)}."
            )
        scoring = Scoring.objects.filter(classifier=classifier, dataset=dataset).exclude(results={}).first()
        if scoring is None:
            scoring = start_scoring(
                classifier=classifier, dataset=dataset, device=device, created_by=created_by, job=job
            )
    return Screening.objects.create(
        id=screening_id,
        dataset=dataset,
        scoring=scoring,
        classifier_sha256=classifier.sha256 if classifier is not None else "",
        looked_for=looked_for if classifier is not None else "",
        reviewer=reviewer,
        shows_score=shows_score and classifier is not None,
        stop_after=stop_after,
        seed=seed,
        job=job,
        created_by=created_by,
    )


@transaction.atomic
def decide(*, screening: Screening, image: ScreenedImage, decision: str, reason: str = "", by: User) -> None:
    """Keep an image, or exclude it for a reason; a decision may be changed until the reviewer stops.

    Raises ClassificationError for anybody but the reviewer, a decision that does not exist, and an image that is not
    its turn yet or no longer.
    """
    screening = _locked(screening, by)
    if decision not in Decision.values:
        raise ClassificationError("Keep the image or exclude it.")
    if (decision == Decision.EXCLUDE) != bool(reason) or (reason and reason not in ScreenedImage.Reason.values):
        raise ClassificationError("Say why the image is excluded: choose one of the reasons.")
    queue = selectors.queue_of(screening)
    row = screening.images.filter(pk=image.pk).first()
    place = None if row is None else getattr(row, queue.field)
    stopped = screening.stopped_at is not None and not queue.is_check
    if row is None or place is None or place > queue.n_decided + 1 or stopped:
        raise ClassificationError("This image is not to be decided now. The queue goes on where it was left.")
    row.decision, row.reason, row.decided_by, row.decided_at = decision, reason, by, timezone.now()
    row.save(update_fields=["decision", "reason", "decided_by", "decided_at"])


@transaction.atomic
def take_back(*, screening: Screening, by: User) -> None:
    """The last image that was decided is to be decided again. Raises ClassificationError when there is none."""
    screening = _locked(screening, by)
    queue = selectors.queue_of(screening)
    row = selectors.image_at(screening, queue, queue.n_decided)
    if row is None or (screening.stopped_at is not None and not queue.is_check):
        raise ClassificationError("There is no decision to take back.")
    row.decision, row.reason, row.decided_by, row.decided_at = "", "", None, None
    row.save(update_fields=["decision", "reason", "decided_by", "decided_at"])
    if not queue.is_check and screening.went_on_at > queue.n_decided - 1:
        screening.went_on_at = queue.n_decided - 1
        screening.save(update_fields=["went_on_at"])


@transaction.atomic
def go_on(*, screening: Screening, by: User) -> None:
    """Asked whether to stop: no. Also after having stopped, as long as no check sample is drawn."""
    screening = _locked(screening, by)
    queue = selectors.queue_of(screening)
    if queue.is_check:
        raise ClassificationError("A check sample has been drawn: the queue does not go on any more.")
    screening.went_on_at, screening.stopped_at = queue.n_decided, None
    screening.save(update_fields=["went_on_at", "stopped_at"])


@transaction.atomic
def stop(*, screening: Screening, by: User) -> None:
    """Leave the rest of the queue: its images count as kept, without having been looked at."""
    screening = _locked(screening, by)
    queue = selectors.queue_of(screening)
    if queue.is_check or not queue.n_decided:
        raise ClassificationError("Nothing has been decided yet. Look at some images first.")
    if screening.stopped_at is None:
        screening.stopped_at = timezone.now()
        screening.save(update_fields=["stopped_at"])


@transaction.atomic
def draw_check_sample(*, screening: Screening, size: int, by: User) -> None:
    """Draw `size` images at random, by the screening's seed, from those that nobody looked at.

    Raises ClassificationError before the reviewer has stopped, a second time, and for a size that there are not.
    """
    screening = _locked(screening, by)
    if screening.stopped_at is None or selectors.queue_of(screening).is_check:
        raise ClassificationError("A check sample is drawn once, after you stopped before the end of the queue.")
    rest = list(screening.images.filter(decision="").order_by("place"))
    most = min(len(rest), MOST_CHECKED)
    if not 1 <= size <= most:
        raise ClassificationError(f"{size} images cannot be drawn: from 1 to {most} can.")
    generator = np.random.default_rng([screening.seed, 1])  # not the draws of the random order
    for check_place, drawn in enumerate(generator.choice(len(rest), size=size, replace=False), start=1):
        rest[drawn].check_place = check_place
    ScreenedImage.objects.bulk_update([one for one in rest if one.check_place], ["check_place"], batch_size=500)


@transaction.atomic
def make_screened_dataset(*, screening: Screening, name: str, by: User) -> Dataset:
    """A new dataset without the excluded images; the screening ends with it, and is a step of its flow chart.

    Raises ClassificationError when images wait to be decided or nothing was excluded; DatasetError for the name.
    """
    screening = _locked(screening, by)
    queue = selectors.queue_of(screening)
    if not selectors.is_looked_through(screening, queue):
        raise ClassificationError("Images wait to be decided. Decide them, or stop before the end of the queue.")
    because = selectors.excluded_by_reason(screening)
    if not because:
        raise ClassificationError("No image was excluded: the dataset can be used as it is.")
    dataset = screening.dataset
    excluded = screening.images.filter(decision=Decision.EXCLUDE).values("image")
    images = list(dataset.images.exclude(pk__in=excluded).order_by("pixel_sha256"))
    n = sum(count for _, count in because)
    step = {
        "name": "screening",
        "title": "Screening",
        "words": "",
        "excluded": n,
        "missing": 0,
        "left": len(images),
        "excluded_words": f"{n:,} excluded after screening: {reasons_in_words(because)}",
        "left_words": f"{len(images):,} images after screening",
    }
    record = {
        "source": dataset.name,
        "source_id": str(dataset.pk),
        "total": screening.n_images,
        "rules": {},
        "steps": [step],
        "screening": make_record(screening, queue, by),
        "before": dataset.inclusion_record,
    }
    made = copy_images(dataset=dataset, images=images, record=record, name=name, created_by=by)
    screening.result, screening.finished_at = made, timezone.now()
    screening.save(update_fields=["result", "finished_at"])
    return made


def make_record(screening: Screening, queue: selectors.Queue, by: User) -> dict[str, Any]:
    """JSON-able: who decided, in which order, on how many images."""
    checked = selectors.check_of(screening, queue)
    return {
        "id": str(screening.pk),
        "order": "score" if screening.scoring_id else "random",
        "classifier": str(screening.scoring.classifier_id) if screening.scoring else "",
        "classifier_sha256": screening.classifier_sha256,
        "looked_for": screening.looked_for,
        "seed": screening.seed,
        "confirmed_by": by.username,
        "looked_at": screening.images.exclude(decision="").count(),
        "checked": checked.share.n if checked is not None else 0,
        "excluded_of_checked": checked.share.k if checked is not None else 0,
    }


def reasons_in_words(because: list[tuple[str, int]]) -> str:
    """ "12 device, 3 wire"."""
    return ", ".join(f"{count:,} {reason}" for reason, count in because)


def _locked(screening: Screening, by: User) -> Screening:
    """As it is now, held until the end of the transaction."""
    found = Screening.objects.select_for_update(of=("self",)).get(pk=screening.pk)
    if found.reviewer_id != by.pk:
        raise ClassificationError(f"{found.reviewer or 'Somebody else'} decides in this screening, not you.")
    if found.finished_at is not None:
        raise ClassificationError("This screening has ended; its dataset is made.")
    if not found.is_ready:
        raise ClassificationError("The queue is not ready yet. Wait until its job has ended.")
    return found
