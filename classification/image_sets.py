"""Brings the images of an experiment to its job: rendered, labelled, with patients and what generators have seen."""

from pathlib import Path

import numpy as np

from classification.cnn.data import LabelledImages
from classification.models import Experiment
from classification.selectors import ImageRow, image_rows, test_rows
from imaging.lineage import trace_dataset
from imaging.models import Dataset
from imaging.rendered_files import RenderingError, render_to_file
from worker.registry import JobContext, JobError

NAME_DIGITS = 12  # of a pixel hash: how messages name an image


def collect_images(context: JobContext, experiment: Experiment, *, side: int) -> dict[str, LabelledImages]:
    """Images by role, `side` px: "train", "tune", "test", "synthetic" where there are some, and "external: <name>".

    The pixels lie in files of the job's directory, mapped, and are there again after a resume. Raises JobError when an
    image cannot be read.
    """
    dataset = experiment.dataset
    rows = {
        "train": image_rows(dataset, split="train", limits=experiment.limits, seed=experiment.config["seed"]),
        "tune": image_rows(dataset, split="tune"),
        "test": image_rows(dataset, split="test"),
    }
    if experiment.synthetic is not None:
        rows["synthetic"] = image_rows(experiment.synthetic)
    rows |= {f"external: {other.name}": test_rows(other) for other in experiment.external.order_by("name")}
    return {
        role: _labelled(
            context,
            experiment,
            found,
            side=side,
            path=context.directory / "images" / f"{number}.npy",
            role=role,
            synthetic=experiment.synthetic if role == "synthetic" else None,
        )
        for number, (role, found) in enumerate(rows.items())
    }


def _labelled(
    context: JobContext,
    experiment: Experiment,
    rows: list[ImageRow],
    *,
    side: int,
    path: Path,
    role: str,
    synthetic: Dataset | None,
) -> LabelledImages:
    def step(done: int, total: int) -> None:
        context.raise_if_stopped()
        context.progress(done, total, "images", f"Preparing the images: {role}")

    try:
        pixels = render_to_file(path, [row.sha256 for row in rows], size=side, step=step)
    except RenderingError as error:
        raise JobError(str(error)) from error
    names = tuple(row.sha256[:NAME_DIGITS] for row in rows)
    known = any(row.patient for row in rows)
    return LabelledImages(
        pixels=pixels,
        labels=np.array([experiment.classes.index(row.label) for row in rows], dtype=np.int64),
        classes=tuple(experiment.classes),
        patients=tuple(row.patient or f"image {row.sha256[:NAME_DIGITS]}" for row in rows) if known else None,
        names=names,
        synthetic=np.full(len(rows), synthetic is not None),
        trained_on=_trained_on(synthetic, len(rows)) if synthetic is not None else None,
    )


def _trained_on(synthetic: Dataset, count: int) -> tuple[frozenset[str], ...] | None:
    """What stands behind all images of the set, names of images and pseudonyms; None when not known of all."""
    lineage = trace_dataset(synthetic)
    if lineage.unknown:
        return None
    seen = frozenset(sha256[:NAME_DIGITS] for sha256 in lineage.images) | lineage.patients
    return (seen,) * count
