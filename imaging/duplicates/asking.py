"""What a form says before anything is trained on some images and tested on others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imaging.duplicates.overlap import Overlap, find_overlap, patients_of
from imaging.lineage import trace_dataset
from imaging.models import Dataset, Image
from imaging.selectors import filter_images

KNOWN = "copies_known"  # the name of the tick with which a form is sent again
HALT = (
    "Nothing was started: images that are learnt from and images that are tested on look like copies of each other. "
    "Look at them first; then split anew, leave them out, or tick that you know of them."
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Test images that training images look like; the page of duplicates of `dataset` shows such pairs."""

    dataset: Dataset
    sentences: tuple[str, ...]


def find_before_training(dataset: Dataset, external: Sequence[Dataset] = ()) -> list[Finding]:
    """For a classifier that learns from the training and tuning images of `dataset`: what its own test images, and the
    test sets `external`, share with these. Of an external set that is split its test images count, else all. Nothing
    for phantoms: their bodies are all alike.
    """
    if dataset.is_phantom:
        return []
    learnt = patients_of(dataset.images.filter(split__in=[Image.Split.TRAIN, Image.Split.TUNE]))
    findings = []
    for tested in (dataset, *external):
        images = tested.images.filter(split=Image.Split.TEST)
        if tested != dataset and not images.exists():
            images = tested.images.all()
        overlap = find_overlap(learnt, patients_of(images))
        name = "The test set" if tested == dataset else f"The external test set “{tested.name}”"
        findings.append(
            _finding(tested, overlap, learnt=f"the training and tuning images of “{dataset.name}”", name=name)
        )
    return [one for one in findings if one.sentences]


def find_before_generator(dataset: Dataset, filters: Mapping[str, Any]) -> list[Finding]:
    """For a generator that learns from the images of `dataset` that pass `filters`: what the test images that are left
    out share with these. Raises ValueError as `filter_images`.
    """
    if dataset.is_phantom:
        return []
    learnt = patients_of(filter_images(dataset, filters))
    tests = patients_of(dataset.images.filter(split=Image.Split.TEST))
    left_out = {sha256: patient for sha256, patient in tests.items() if sha256 not in learnt}
    found = _finding(
        dataset, find_overlap(learnt, left_out), learnt="the images that it learns from", name="The test set"
    )
    return [found] if found.sentences else []


def find_before_study(real: Dataset, filters: Mapping[str, Any], synthetic: Dataset) -> list[str]:
    """For a study: which of the real images that it may show the generator of the synthetic ones has learnt from.

    Raises ValueError as `filter_images`.
    """
    if real.is_phantom:
        return []
    patients: dict[str, str] = dict.fromkeys(trace_dataset(synthetic).images, "")
    overlap = find_overlap(patients, patients_of(filter_images(real, filters)))
    return overlap.in_words(f"the images that the generator of “{synthetic.name}” has learnt from", f"“{real.name}”")


def _finding(dataset: Dataset, overlap: Overlap, *, learnt: str, name: str) -> Finding:
    return Finding(dataset=dataset, sentences=tuple(overlap.in_words(learnt, name)))
