"""Which real images a generator had seen when it made a synthetic dataset.

`imaging` does not know generators: whoever makes synthetic images registers how theirs are traced back. Who trains a
classifier asks here, so that no test image reaches it through a generator.
"""

from collections.abc import Callable
from dataclasses import dataclass

from imaging.models import Dataset


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
