"""Reads on screenings: where the reviewer is, what was decided, and lists for pages."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from classification.models import Classifier, Experiment, ScreenedImage, Screening
from classification.scoring.selectors import negative_of
from classification.screening.measuring import CheckSample, Ranking, measure_check, measure_ranking
from imaging.models import Dataset

Decision = ScreenedImage.Decision


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The queue, or the check sample once it is drawn: places are decided from first to last, without gaps."""

    is_check: bool
    total: int
    n_decided: int

    @property
    def left(self) -> int:
        return self.total - self.n_decided

    @property
    def field(self) -> str:
        """That counts the places, from 1."""
        return "check_place" if self.is_check else "place"


def list_screenings(dataset: Dataset) -> QuerySet[Screening]:
    """Newest first, each with `n_decided` and `n_excluded`."""
    found = dataset.screenings.select_related("scoring__classifier__experiment", "reviewer", "job", "dataset", "result")
    return found.annotate(
        n_decided=Count("images", filter=~Q(images__decision="")),
        n_excluded=Count("images", filter=Q(images__decision=Decision.EXCLUDE)),
    )


def sought_classes(classifier: Classifier) -> list[str]:
    """The classes whose probability a score of this classifier gives: of two both, else the positive one alone."""
    experiment: Experiment = classifier.experiment
    if len(experiment.classes) != 2:
        return [experiment.positive]
    return [experiment.positive, negative_of(experiment)]


def queue_of(screening: Screening) -> Queue:
    checked = screening.images.filter(check_place__isnull=False)
    counts = checked.aggregate(total=Count("pk"), decided=Count("pk", filter=~Q(decision="")))
    if counts["total"]:
        return Queue(is_check=True, total=counts["total"], n_decided=counts["decided"])
    decided = screening.images.exclude(decision="").count()
    return Queue(is_check=False, total=screening.n_images, n_decided=decided)


def image_at(screening: Screening, queue: Queue, place: int) -> ScreenedImage | None:
    """The image in a place of the queue (from 1); None where there is none."""
    return screening.images.select_related("image").filter(**{queue.field: place}).first()


def kept_in_a_row(screening: Screening, queue: Queue) -> int:
    """How many images before the one that comes next were kept, since the last that was not."""
    excluded = screening.images.filter(check_place=None, decision=Decision.EXCLUDE)
    last = excluded.order_by("-place").values_list("place", flat=True).first() or 0
    return queue.n_decided - last


def asks_to_stop(screening: Screening, queue: Queue) -> bool:
    """Whether so many images in a row were kept that the rest may be left. Never in random order: there a run of kept
    images says nothing about those that come.
    """
    if queue.is_check or screening.scoring_id is None or not screening.stop_after or screening.stopped_at is not None:
        return False
    since = min(kept_in_a_row(screening, queue), queue.n_decided - screening.went_on_at)
    return bool(queue.left) and since >= screening.stop_after


def is_looked_through(screening: Screening, queue: Queue) -> bool:
    """Whether nothing is waiting to be decided: the whole queue was, or the reviewer stopped and checked."""
    if not screening.is_ready:
        return False
    return not queue.left or (screening.stopped_at is not None and not queue.is_check)


def excluded_by_reason(screening: Screening) -> list[tuple[str, int]]:
    """Reasons in the order of the buttons, those that occurred."""
    rows = screening.images.filter(decision=Decision.EXCLUDE).values_list("reason", flat=True)
    counts = Counter(rows)
    return [(reason, counts[reason]) for reason in ScreenedImage.Reason.values if counts[reason]]


def ranking_of(screening: Screening) -> Ranking | None:
    """How well the order brought the excluded ones first; None without a classifier, or before anything is decided."""
    if screening.scoring_id is None:
        return None
    rows = screening.images.filter(check_place=None).exclude(decision="").order_by("place")
    decided = list(rows.values_list("score", "decision"))
    if not decided:
        return None
    return measure_ranking(
        scores=[score or 0.0 for score, _ in decided],
        excluded=[decision == Decision.EXCLUDE for _, decision in decided],
    )


def check_of(screening: Screening, queue: Queue) -> CheckSample | None:
    """What the check sample says of the images nobody looked at; None until all of it is decided."""
    if not queue.is_check or queue.left:
        return None
    sample = screening.images.filter(check_place__isnull=False)
    return measure_check(
        excluded=sample.filter(decision=Decision.EXCLUDE).count(),
        sampled=queue.total,
        rest=queue.total + screening.images.filter(decision="").count(),
    )


def screening_in_words(screening_id: str) -> tuple[list[tuple[str, str]], str]:
    """What was asked for, for the page of the job, and where the queue is."""
    screening = Screening.objects.select_related("dataset", "scoring__classifier__experiment", "reviewer").get(
        pk=screening_id
    )
    order = "random"
    if screening.scoring is not None:
        order = f"score of {screening.looked_for} by {screening.scoring.classifier}"
    facts = [("Dataset", str(screening.dataset)), ("Order", order)]
    if screening.reviewer is not None:
        facts.append(("Confirmed by", screening.reviewer.username))
    return facts, screening.get_absolute_url()
