"""Reads on explanations and classifiers, and the images that one may choose to look at."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from classification.explanation_models import Explanation
from classification.models import Classifier, Experiment
from imaging.models import Dataset, Image


@dataclass(frozen=True, kw_only=True)
class ShownImage:
    """One image of an explanation that has ended, with the addresses of its files."""

    number: int
    truth: str  # its label; of a machine reader: "real" or "synthetic"
    score: float  # probability of the positive class, in [0, 1]
    cropped: str  # what the square is of, where the image is none
    reason: str  # why there is no heat
    name: str  # by its pixels
    picture: str  # address
    heat: str
    page: str  # address of the image's page; "" when the image was deleted


def list_classifiers() -> QuerySet[Classifier]:
    return Classifier.objects.select_related("experiment__dataset", "experiment__job")


def list_explanations() -> QuerySet[Explanation]:
    return Explanation.objects.select_related("classifier__experiment__dataset", "job", "created_by")


def draw_images(dataset: Dataset, *, split: str, label: str, count: int, seed: int) -> list[Image]:
    """At most `count` images of a split and a class ("" for all), drawn by the seed, sorted by class.

    Those that come first in the order of SHA-256("<seed>/<pixel hash>"): the same on every database.
    """
    images = dataset.images.order_by("pixel_sha256")
    if split:
        images = images.filter(split=split)
    if label:
        images = images.filter(label=label)
    hashes = images.values_list("pixel_sha256", flat=True)
    chosen = sorted(hashes, key=lambda sha256: hashlib.sha256(f"{seed}/{sha256}".encode()).digest())[:count]
    return list(dataset.images.filter(pixel_sha256__in=chosen).order_by("label", "pixel_sha256"))


def shown_images(explanation: Explanation) -> list[ShownImage]:
    """In the order that was asked for; [] until the job has ended."""
    is_machine_reader = explanation.classifier.experiment.kind == Experiment.Kind.ORIGIN
    truth = "origin" if is_machine_reader else "label"
    addresses = artefact_addresses(explanation)
    there = {str(pk) for pk in Image.objects.filter(pk__in=explanation.image_ids).values_list("pk", flat=True)}
    return [
        ShownImage(
            number=number,
            truth=one[truth],
            score=one["score"],
            cropped=_cropped(one["width"], one["height"]),
            reason=one["reason"],
            name=f"I{one['sha256'][:12]}",
            picture=addresses.get(one["picture"], ""),
            heat=addresses.get(one["heat"], ""),
            page=reverse("imaging:image_detail", args=[one["image"]]) if one["image"] in there else "",
        )
        for number, one in enumerate(explanation.results.get("images", []), start=1)
    ]


def _cropped(width: int, height: int) -> str:
    side = min(width, height)
    return "" if width == height else f"The middle {side:,} × {side:,} of {width:,} × {height:,} pixels"


def artefact_addresses(explanation: Explanation) -> dict[str, str]:
    """File of the job -> its address."""
    files = explanation.job.artefacts.values_list("pk", "name")
    return {name: reverse("worker:job_artefact", args=[explanation.job_id, pk]) for pk, name in files}


def images_of(explanation: Explanation) -> list[Image]:
    """Those that are still there, in the order that was asked for."""
    there: dict[str, Image] = {str(image.pk): image for image in Image.objects.filter(pk__in=explanation.image_ids)}
    return [there[pk] for pk in explanation.image_ids if pk in there]


def explanation_in_words(pk: str) -> tuple[Sequence[tuple[str, Any]], str]:
    """What was asked for, for the job's page, and the address of the explanation's own page.

    Raises ValueError when there is none.
    """
    explanation = list_explanations().filter(pk=pk).first()
    if explanation is None:
        raise ValueError(f"There is no explanation {pk}")
    facts = [
        ("Classifier", str(explanation.classifier)),
        ("Class", explanation.class_name),
        ("Method", explanation.get_method_display()),
        ("Layer", explanation.layer or "the last one that can say where"),
        ("Images", f"{len(explanation.image_ids):,}"),
    ]
    return facts, explanation.get_absolute_url()
