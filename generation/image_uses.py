"""For the page of an image: which generators learn from it, and which one made it."""

from generation.lineage import RUN_KEY
from generation.models import TrainingRun
from imaging.lineage import MOST_NAMED, Use
from imaging.models import Image
from imaging.selectors import passes_filters


def find_uses(image: Image) -> list[Use]:
    found = []
    made_by = image.provenance.get(RUN_KEY)
    if made_by:
        run = TrainingRun.objects.filter(pk=made_by).first()
        if run is not None:
            found.append(Use(what="Made by generator", name=run.name, address=run.get_absolute_url()))
    runs = TrainingRun.objects.filter(dataset=image.dataset_id).order_by("-created_at")
    for run in runs[:MOST_NAMED]:
        learns = passes_filters(image, run.filters)
        words = "" if learns else "not from this image: its filters leave it out"
        if learns and image.label in run.limits:
            words = f"from {run.limits[image.label]:,} images of its class, drawn by chance"
        found.append(Use(what="Generator that learns", name=run.name, address=run.get_absolute_url(), words=words))
    return found
