"""Runs a sampling job: draws every image, then stores files and records in one go, so that a crash leaves no half set.

The same request gives the same images, whatever happened to an earlier attempt.
"""

from typing import Any

import numpy as np

from generation.gan.checkpoint import CheckpointError
from generation.gan.grids import grid_png
from generation.gan.sampling import LoadedGenerator, image_provenance, load_generator, sample_class
from generation.models import SampleRun
from generation.parameters import SampleParameters
from generation.services import GenerationError, store_samples
from imaging import storage
from imaging.models import Dataset, Image
from imaging.services import remove_unreferenced_pixels
from worker.registry import JobContext, JobError

Drawn = tuple[Image, np.ndarray]


def run_sampling(context: JobContext, parameters: SampleParameters) -> dict[str, Any]:
    """Draw the images of a sample run into its dataset. Raises JobError when the generator repeats itself too much."""
    sample_run = SampleRun.objects.select_related("checkpoint__run__job", "checkpoint__run__dataset", "created_by").get(
        pk=parameters.sample_run_id
    )
    if sample_run.dataset is not None:  # killed between the last transaction and the verdict
        return _result(sample_run.dataset, sample_run.dataset.images.count(), {})
    checkpoint = sample_run.checkpoint
    try:
        generator = load_generator(checkpoint.path, sha256=checkpoint.sha256)
    except CheckpointError as error:
        raise JobError(str(error)) from error
    context.device("CPU, double precision")
    images, repeats = _draw(context, generator, str(checkpoint.run_id), parameters)
    for name, count in repeats.items():
        context.log(
            f"{name}: {count} images equal to an earlier one, pixel for pixel, were left out and replaced by the next",
            level="warning",
        )
    dataset = _store(context, sample_run, images)
    _show(context, generator, [image for image in images if image[0].label in parameters.per_class])
    context.log(f"Stored {len(images)} images as “{dataset.name}”")
    return _result(dataset, len(images), repeats)


def _result(dataset: Dataset, count: int, repeats: dict[str, int]) -> dict[str, Any]:
    return {"dataset_id": str(dataset.pk), "images": count, "repeats_left_out": repeats}


def _draw(
    context: JobContext, generator: LoadedGenerator, run_id: str, parameters: SampleParameters
) -> tuple[list[Drawn], dict[str, int]]:
    """All images, none twice, and how many repeats were left out per class."""
    total = sum(parameters.per_class.values())
    seen: set[str] = set()
    drawn: list[Drawn] = []
    repeats: dict[str, int] = {}
    for class_index, name in enumerate(generator.classes):
        wanted, found = parameters.per_class.get(name, 0), 0
        if wanted == 0:
            continue
        for index, pixels in sample_class(generator, seed=parameters.seed, class_index=class_index):
            context.raise_if_stopped()
            if index >= most_tried(wanted):
                raise JobError(
                    f"The generator has collapsed: {index} images of class {name} held only {found} different ones, "
                    f"{wanted} were asked for. Sample an earlier checkpoint, or train again with another seed."
                )
            stored = storage.describe_pixels(pixels)
            if stored.sha256 in seen:
                repeats[name] = repeats.get(name, 0) + 1
                continue
            seen.add(stored.sha256)
            provenance = image_provenance(generator, seed=parameters.seed, class_index=class_index, index=index)
            image = Image(
                pixel_sha256=stored.sha256,
                width=stored.width,
                height=stored.height,
                bit_depth=stored.bit_depth,
                label=name,
                provenance={**provenance, "run": run_id},
            )
            drawn.append((image, pixels))
            found += 1
            context.progress(len(drawn), 2 * total, "images", "Drawing")
            if found == wanted:
                break
    return drawn, repeats


def most_tried(wanted: int) -> int:
    """How many indices of a class may be tried for `wanted` different images before it counts as collapsed."""
    return 3 * wanted + 64


def _store(context: JobContext, sample_run: SampleRun, images: list[Drawn]) -> Dataset:
    """Files first, then all records in one short transaction. What is stored of a run that fails is removed."""
    try:
        for _ in range(3):
            for done, (image, pixels) in enumerate(images, start=1):
                context.raise_if_stopped()
                if not storage.has_pixels(image.pixel_sha256):
                    storage.store_pixels(pixels)
                context.progress(len(images) + done, 2 * len(images), "images", "Storing")
            with context.fenced():
                dataset = store_samples(sample_run=sample_run, images=[image for image, _ in images])
            if dataset is not None:
                return dataset
    except GenerationError as error:
        raise JobError(str(error)) from error
    finally:
        if SampleRun.objects.filter(pk=sample_run.pk, dataset=None).exists():
            remove_unreferenced_pixels(image.pixel_sha256 for image, _ in images)
    raise JobError("Stored images disappear from the disk again and again. Check the storage, then sample again.")


def _show(context: JobContext, generator: LoadedGenerator, images: list[Drawn], columns: int = 8) -> None:
    """The first images of each class as a picture on the job's page."""
    side = generator.config.image_size
    names = [name for name in generator.classes if any(image.label == name for image, _ in images)]
    rows = np.full((len(names), columns, side, side), 255, dtype=np.uint8)
    for row, name in enumerate(names):
        for column, pixels in enumerate([pixels for image, pixels in images if image.label == name][:columns]):
            rows[row, column] = pixels
    path = context.directory / "samples.png"
    path.write_bytes(grid_png(rows))
    context.artefact(path, kind="grid", step=0)
