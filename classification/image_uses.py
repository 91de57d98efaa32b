"""For the page of an image: the experiments that use its dataset, and what this image is to them."""

from django.db.models import Q

from classification.models import Experiment
from imaging.lineage import MOST_NAMED, Use
from imaging.models import Image

ROLES = {"train": "training image", "tune": "tuning image", "test": "test image", "": "not used: in no split"}


def find_uses(image: Image) -> list[Use]:
    pk = image.dataset_id
    experiments = Experiment.objects.filter(Q(dataset=pk) | Q(synthetic=pk) | Q(external=pk)).distinct()
    return [
        Use(what="Experiment", name=one.name, address=one.get_absolute_url(), words=_role(one, image))
        for one in experiments.order_by("-created_at")[:MOST_NAMED]
    ]


def _role(experiment: Experiment, image: Image) -> str:
    if experiment.dataset_id == image.dataset_id:
        return ROLES[image.split]
    return "synthetic image" if experiment.synthetic_id == image.dataset_id else "in an external test set"
