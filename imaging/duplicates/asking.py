"""What a form says before anything is trained on some images and tested on others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imaging.duplicates.overlap import Overlap, find_overlap, overlap_of, patients_of, split_overlap
from imaging.duplicates.parameters import SEARCH
from imaging.lineage import trace_dataset
from imaging.models import Dataset, DatasetReport, Image
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
    learnt = dataset.images.filter(split__in=[Image.Split.TRAIN, Image.Split.TUNE])
    where = f"the training and tuning images of “{dataset.name}”"
    findings = [_finding(dataset, dataset, split_overlap(dataset), learnt=where, name="The test set")]
    for tested in external:
        images = tested.images.filter(split=Image.Split.TEST)
        images = images if images.exists() else tested.images.all()
        name = f"The external test set “{tested.name}”"
        findings.append(_finding(dataset, tested, overlap_of(learnt, images), learnt=where, name=name))
    return [one for one in findings if one.sentences]


def find_before_generator(dataset: Dataset, filters: Mapping[str, Any]) -> list[Finding]:
    """For a generator that learns from the images of `dataset` that pass `filters`: what the test images that are left
    out share with these. Raises ValueError as `filter_images`.
    """
    if dataset.is_phantom:
        return []
    learnt = filter_images(dataset, filters)
    left_out = dataset.images.filter(split=Image.Split.TEST).exclude(pk__in=learnt.order_by().values("pk"))
    found = _finding(
        dataset, dataset, overlap_of(learnt, left_out), learnt="the images that it learns from", name="The test set"
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


def _finding(dataset: Dataset, tested: Dataset, overlap: Overlap, *, learnt: str, name: str) -> Finding:
    """Of too many images to be compared now, what the last search for duplicates of these two datasets says."""
    words = overlap.in_words(learnt, name)
    if overlap.too_many:
        report = _last_search(dataset, tested)
        if report is None:
            words.append(
                f"{name} and {learnt} are too many to be compared while you wait. Search for duplicates first."
            )
        elif report.values["counts"].get("test_train"):
            words.append(f"{report.title}, on {report.created_at:%Y-%m-%d}: {' '.join(report.values['summary'])}")
    return Finding(dataset=dataset, sentences=tuple(words))


def _last_search(dataset: Dataset, tested: Dataset) -> DatasetReport | None:
    for report in DatasetReport.objects.filter(dataset=dataset, kind=SEARCH).order_by("-created_at")[:20]:
        if str(tested.pk) in {one["id"] for one in report.values["datasets"]}:
            return report
    return None
