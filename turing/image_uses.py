"""For the page of an image: the studies that take images from its dataset.

Whether this very image was shown is said of closed studies alone: an open one stays blind.
"""

import uuid

from django.db.models import Q, QuerySet

from imaging.lineage import MOST_NAMED, Use
from imaging.models import Dataset, Image
from turing.models import Study, TrialTruth


def find_uses(image: Image) -> list[Use]:
    studies = list(_studies_of(image.dataset_id).order_by("-created_at")[:MOST_NAMED])
    closed = [study.pk for study in studies if study.status == Study.Status.CLOSED]
    truths = TrialTruth.objects.filter(Q(image=image) | Q(right_image=image), trial__study__in=closed)
    shown = set(truths.order_by().values_list("trial__study", flat=True))
    return [
        Use(what="Study", name=study.name, address=study.get_absolute_url(), words=_words(study, study.pk in shown))
        for study in studies
    ]


def warn_of_open_studies(dataset: Dataset) -> list[str]:
    """Before a dataset is exported: who has its images could tell a reader what they are."""
    names = _studies_of(dataset.pk).filter(status=Study.Status.OPEN).order_by("name").values_list("name", flat=True)
    return [
        f"The study “{name}” is open and shows images of this dataset: keep the archive away from its readers."
        for name in names[:MOST_NAMED]
    ]


def _studies_of(dataset_id: uuid.UUID) -> QuerySet[Study]:
    wanted = Q(real_dataset=dataset_id) | Q(synthetic_dataset=dataset_id)
    wanted |= Q(later_phases__real_dataset=dataset_id) | Q(later_phases__synthetic_dataset=dataset_id)
    return Study.objects.filter(wanted).distinct()


def _words(study: Study, was_shown: bool) -> str:
    if study.status == Study.Status.CLOSED:
        return "shown" if was_shown else "not shown"
    return "may be shown: not said before the study is closed"
