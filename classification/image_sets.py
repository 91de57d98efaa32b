"""Brings the images of an experiment to its job: rendered, labelled, with patients and what generators have seen."""

from pathlib import Path

import numpy as np

from classification.cnn.data import LabelledImages
from classification.models import Experiment
from classification.selectors import (
    REAL,
    SYNTHETIC,
    ImageRow,
    image_rows,
    origin_rows,
    seen_before,
    test_rows,
)
from imaging.lineage import Lineage, trace_dataset
from imaging.rendered_files import RenderingError, render_to_file
from worker.registry import JobContext, JobError

NAME_DIGITS = 12  # of a pixel hash: how messages name an image


def collect_images(context: JobContext, experiment: Experiment, *, side: int) -> dict[str, LabelledImages]:
    """Images by role, `side` px: "train", "tune", "test", "synthetic" where there are some, and "external: <name>".

    Those of a machine reader are real and synthetic in each of the first three, which are its classes. The pixels lie
    in files of the job's directory, mapped, and are there again after a resume. Raises JobError when an image cannot be
    read.
    """
    seen = _trained_on(experiment)
    return {
        role: _labelled(
            context,
            experiment,
            rows,
            side=side,
            path=context.directory / "images" / f"{number}.npy",
            role=role,
            seen=seen,
        )
        for number, (role, rows) in enumerate(_rows(experiment).items())
    }


def names_seen_before(experiment: Experiment) -> frozenset[str]:
    """Names of images and pseudonyms of patients that the classifier it begins with, or one that chooses, has seen."""
    return _names(seen_before(experiment))


def _rows(experiment: Experiment) -> dict[str, list[ImageRow]]:
    if experiment.kind == Experiment.Kind.ORIGIN:
        return origin_rows(experiment)
    dataset = experiment.dataset
    rows = {
        "train": image_rows(dataset, split="train", limits=experiment.limits, seed=experiment.config["seed"]),
        "tune": image_rows(dataset, split="tune"),
        "test": image_rows(dataset, split="test"),
    }
    if experiment.synthetic is not None:
        rows["synthetic"] = image_rows(experiment.synthetic)
    return rows | {f"external: {other.name}": test_rows(other) for other in experiment.external.order_by("name")}


def _labelled(
    context: JobContext,
    experiment: Experiment,
    rows: list[ImageRow],
    *,
    side: int,
    path: Path,
    role: str,
    seen: frozenset[str] | None,
) -> LabelledImages:
    def step(done: int, total: int) -> None:
        context.raise_if_stopped()
        context.progress(done, total, "images", f"Preparing the images: {role}")

    try:
        pixels = render_to_file(path, [row.sha256 for row in rows], size=side, step=step)
    except RenderingError as error:
        raise JobError(str(error)) from error
    tells_origin = experiment.kind == Experiment.Kind.ORIGIN
    labels = [(SYNTHETIC if row.synthetic else REAL) if tells_origin else row.label for row in rows]
    known = any(row.patient for row in rows)
    return LabelledImages(
        pixels=pixels,
        labels=np.array([experiment.classes.index(label) for label in labels], dtype=np.int64),
        classes=tuple(experiment.classes),
        patients=tuple(row.patient or f"image {_name(row.sha256)}" for row in rows) if known else None,
        names=tuple(_name(row.sha256) for row in rows),
        synthetic=np.array([row.synthetic for row in rows], dtype=bool),
        trained_on=None if seen is None else tuple(seen if row.synthetic else frozenset() for row in rows),
    )


def _trained_on(experiment: Experiment) -> frozenset[str] | None:
    """What stands behind the synthetic images, names of images and pseudonyms; None when not known of all."""
    if experiment.synthetic is None:
        return frozenset()
    lineage = trace_dataset(experiment.synthetic)
    return None if lineage.unknown else _names(lineage)


def _names(lineage: Lineage) -> frozenset[str]:
    return frozenset(_name(sha256) for sha256 in lineage.images) | lineage.patients


def _name(sha256: str) -> str:
    return sha256[:NAME_DIGITS]
