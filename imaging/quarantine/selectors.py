"""Reads on the quarantine: how many wait, which comes next, who else has the same pixels."""

from django.db.models import Q

from imaging.models import Dataset, Image
from imaging.quarantine.models import QuarantinedImage


def next_waiting(*, dataset: Dataset, after: QuarantinedImage | None = None) -> QuarantinedImage | None:
    """The picture after `after` in the order of the list, from the start again at its end; None when nothing waits."""
    waiting = dataset.quarantined.all()
    if after is not None:
        waiting = waiting.exclude(pk=after.pk)
        later = Q(created_at__gt=after.created_at) | Q(created_at=after.created_at, pk__gt=after.pk)
        if (found := waiting.filter(later).first()) is not None:
            return found
    return waiting.first()


def other_holders(waiting: QuarantinedImage) -> int:
    """How many other records have these very pixels: they keep them on the disk, whatever is decided here."""
    same = {"pixel_sha256": waiting.pixel_sha256}
    images = Image.anywhere.exclude(dataset__state=Dataset.State.REMOVING).filter(**same)
    return images.count() + QuarantinedImage.anywhere.filter(**same).exclude(pk=waiting.pk).count()
