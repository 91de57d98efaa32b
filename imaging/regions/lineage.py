"""What stands behind crops of synthetic images: all that stands behind the dataset that they were cut out of."""

from imaging.lineage import NOTHING, Lineage, trace_dataset
from imaging.models import Dataset

CROP_KEY = "cropped_from"


def trace_crops(dataset: Dataset) -> Lineage:
    """Of crops whose originals are gone, nothing is known: they count as unknown."""
    crops = dataset.images.filter(provenance__has_key=CROP_KEY)
    sources = set(crops.order_by().values_list(f"provenance__{CROP_KEY}", flat=True).distinct())
    found, traced = NOTHING, set()
    for parent in Dataset.objects.filter(region_tasks__crops__dataset=dataset).distinct():
        found |= trace_dataset(parent)
        traced |= {str(pk) for pk in parent.images.order_by().values_list("pk", flat=True)}
    lost = sources - traced
    if not lost:
        return found
    unknown = sum(pk in lost for pk in crops.order_by().values_list(f"provenance__{CROP_KEY}", flat=True))
    return found | Lineage(images=frozenset(), patients=frozenset(), unknown=unknown)
