"""Which real images a generator had seen when it made a synthetic dataset; and where an image was used.

`imaging` does not know generators: whoever makes synthetic images registers how theirs are traced back. Who trains a
classifier asks here, so that no test image reaches it through a generator.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse

from imaging.models import Dataset, Image

MOST_NAMED = 20  # uses of a kind on the page of an image


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """What stands behind synthetic images."""

    images: frozenset[str]  # pixel hashes of the real images
    patients: frozenset[str]  # pseudonyms, of those whose patient is known
    unknown: int  # synthetic images of which nobody here knows what they were learnt from

    def __or__(self, other: "Lineage") -> "Lineage":
        return Lineage(
            images=self.images | other.images,
            patients=self.patients | other.patients,
            unknown=self.unknown + other.unknown,
        )


NOTHING = Lineage(images=frozenset(), patients=frozenset(), unknown=0)
Tracer = Callable[[Dataset], Lineage]  # of those images of a dataset that carry its key

_TRACERS: list[tuple[str, Tracer]] = []


def register_tracer(provenance_key: str, tracer: Tracer) -> None:
    """`tracer` is asked for every dataset with images whose provenance has `provenance_key`. Again: changes nothing."""
    if (provenance_key, tracer) not in _TRACERS:
        _TRACERS.append((provenance_key, tracer))


def trace_dataset(dataset: Dataset) -> Lineage:
    """The real images and patients behind the images of `dataset`; nothing for a real one."""
    if dataset.origin == Dataset.Origin.REAL:
        return NOTHING
    found, untraced = NOTHING, dataset.images.all()
    for key, tracer in _TRACERS:
        if dataset.images.filter(provenance__has_key=key).exists():
            found |= tracer(dataset)
            untraced = untraced.exclude(provenance__has_key=key)
    return found | Lineage(images=frozenset(), patients=frozenset(), unknown=untraced.count())


@dataclass(frozen=True, kw_only=True)
class Use:
    """Something that has learnt from, tested on, shown or derived images of a dataset, with the address of its page."""

    what: str  # "Generator", "Experiment", "Study", "Crop", ...
    name: str
    address: str
    words: str = ""  # how this very image was used, where that is known


UseFinder = Callable[[Image], list[Use]]

_USE_FINDERS: list[UseFinder] = []


def register_use_finder(finder: UseFinder) -> None:
    """`finder` is asked for every image whose page is shown, and takes a constant number of queries. Again: changes
    nothing. It may say nothing of single images of a study that is not closed.
    """
    if finder not in _USE_FINDERS:
        _USE_FINDERS.append(finder)


def uses_of(image: Image) -> list[Use]:
    """Where an image comes from and where it went: datasets first, then whatever registered."""
    return [*_in_datasets(image), *(use for finder in _USE_FINDERS for use in finder(image))]


def _in_datasets(image: Image) -> list[Use]:
    """The same pixels elsewhere: inclusion and versions share them."""
    found = []
    same = Image.objects.filter(pixel_sha256=image.pixel_sha256).exclude(pk=image.pk).select_related("dataset")
    for other in same.order_by("dataset__name")[:MOST_NAMED]:
        address = reverse("imaging:image_detail", args=[other.pk])
        label = "" if other.label == image.label else f"there called {other.label}"
        found.append(Use(what="Same picture in", name=other.dataset.name, address=address, words=label))
    return found
