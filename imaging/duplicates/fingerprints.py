"""Keeps the perceptual hash of each distinct picture: computed once, and there for every dataset that has the picture.

Rows are named by the hash of the pixels, not by an image: copies in another dataset or version share it, whoever makes
them. It goes when the pixels go (`imaging.services.remove_unreferenced_pixels`).
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from imaging.duplicates.hashing import perceptual_hash
from imaging.models import Fingerprint, Image
from imaging.storage import load_pixels

BATCH = 100  # pictures computed and written at a time: what a cancel loses
NAMES = 30_000  # in one query: SQLite takes 32,766 parameters


@dataclass(frozen=True, kw_only=True)
class Computed:
    added: int
    unreadable: int  # pixel files that are missing or damaged


def missing_fingerprints(dataset_ids: Iterable[uuid.UUID]) -> list[str]:
    """Pixel hashes of the datasets' images that have no perceptual hash yet, sorted."""
    known = Fingerprint.objects.filter(pixel_sha256=OuterRef("pixel_sha256"))
    images = Image.objects.filter(~Exists(known), dataset__in=list(dataset_ids)).order_by("pixel_sha256")
    return list(images.values_list("pixel_sha256", flat=True).distinct())


def compute_fingerprints(hashes: Sequence[str], *, step: Callable[[int, int], None]) -> Computed:
    """Compute and keep them, some at a time; `step(done, total)` is called after each picture and may raise.

    What was kept before it raised stays: the next call goes on from there.
    """
    added = unreadable = 0
    for begin in range(0, len(hashes), BATCH):
        rows = []
        for place, sha256 in enumerate(hashes[begin : begin + BATCH], start=begin + 1):
            try:
                rows.append(Fingerprint(pixel_sha256=sha256, bits=perceptual_hash(load_pixels(sha256))))
            except (OSError, ValueError):
                unreadable += 1
            step(place, len(hashes))
        Fingerprint.objects.bulk_create(rows, ignore_conflicts=True)  # another job may have been first
        added += len(rows)
    return Computed(added=added, unreadable=unreadable)


def load_fingerprints(hashes: Sequence[str]) -> dict[str, bytes]:
    """Pixel hash -> perceptual hash, of those that are known."""
    found: dict[str, bytes] = {}
    names = sorted(set(hashes))
    for begin in range(0, len(names), NAMES):
        rows = Fingerprint.objects.filter(pixel_sha256__in=names[begin : begin + NAMES])
        found.update((sha256, bytes(bits)) for sha256, bits in rows.values_list("pixel_sha256", "bits"))
    return found


def dataset_fingerprints(dataset_id: uuid.UUID) -> dict[str, bytes]:
    """The same for all images of a dataset, in one query."""
    images = Image.objects.filter(dataset=dataset_id).order_by().values("pixel_sha256")
    rows = Fingerprint.objects.filter(pixel_sha256__in=images).values_list("pixel_sha256", "bits")
    return {sha256: bytes(bits) for sha256, bits in rows.iterator(chunk_size=2000)}
