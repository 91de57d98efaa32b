"""Crops of the final regions become a dataset: a job, of which nobody sees anything before it is whole.

A crop keeps patient, age, sex, view and split of its image, so that images of a patient stay in one split. Killed or
started anew it begins from scratch: regions may have been adjudicated in between.
"""

import uuid
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from django.db import IntegrityError, transaction

from config.accounts.models import User
from imaging import storage
from imaging.making import (
    add_images,
    check_whole,
    discard_abandoned,
    discard_dataset,
    publish_dataset,
    remove_discarded,
    unfinished_dataset,
)
from imaging.models import Dataset, Image, RegionCrops, RegionTask
from imaging.regions.drawn import RegionError
from imaging.regions.final import RULES, FinalRegion, final_regions
from imaging.regions.parameters import KIND, CropParameters
from imaging.rendering import resize_bilinear
from imaging.services import DatasetError, checked_dataset_name, create_dataset
from worker.registry import JobContext, JobDescription, JobError
from worker.services import enqueue_job

DEFAULT_SIDE = 56  # px: Kong 2022
SMALLEST_SIDE, LARGEST_SIDE = 8, 4096  # px
DEFAULT_LIMIT = 0.7
BILINEAR = "Pillow BILINEAR, with an antialiasing filter where it reduces"
UNCHANGED = "none"
IMAGES_AT_ONCE = 50  # whose crops are one transaction
LISTED = 200  # regions left out that the job's result names
CARRIED = (
    "split", "patient_pseudonym", "source_pseudonym", "age_years", "sex", "view_position", "manufacturer", "modality",
    "body_part", "follow_up",
)  # fmt: skip


@transaction.atomic
def start_crops(
    *,
    task: RegionTask,
    dataset_name: str,
    rule: str,
    iou_limit: float = DEFAULT_LIMIT,
    side: int | None = DEFAULT_SIDE,
    created_by: User | None,
) -> RegionCrops:
    """Queue a dataset of the final regions of a closed task.

    `rule`, `iou_limit`: of `final_regions`; `side`: px of the square crops, None to keep the size of each region.
    Raises RegionError while the task is open, or when no region is left; DatasetError for a name that cannot be used.
    """
    task = RegionTask.objects.select_for_update(of=("self",)).get(pk=task.pk)
    if task.is_open:
        raise RegionError("Close the task first: crops are made of regions that do not change any more.")
    if side is not None and not SMALLEST_SIDE <= side <= LARGEST_SIDE:
        raise RegionError(f"The side is {side} px; it must be from {SMALLEST_SIDE} to {LARGEST_SIDE} px.")
    name = checked_dataset_name(dataset_name)
    kept, _ = final_regions(task, rule=rule, limit=iou_limit)
    if not kept:
        raise RegionError("By this rule no region is left to crop.")
    pk = uuid.uuid4()
    job = enqueue_job(
        kind=KIND,
        parameters=CropParameters(crops_id=str(pk)),
        title=f"Crop regions into “{name}”",
        created_by=created_by,
    )
    crops = RegionCrops.objects.create(
        pk=pk,
        task=task,
        dataset_name=name,
        rule=rule,
        iou_limit=iou_limit,
        side=side,
        job=job,
        created_by=created_by,
    )
    try:
        with transaction.atomic():
            _begin(crops)  # from now on nobody else gets the name
    except IntegrityError as error:
        raise DatasetError(f"A dataset called “{name}” is being made just now. Choose another name.") from error
    return crops


def describe_crops(job_id: str, parameters: CropParameters) -> JobDescription:
    crops = RegionCrops.objects.select_related("task").filter(pk=parameters.crops_id).first()
    if crops is None:
        return JobDescription(facts=[], page_title="", page_address="")
    return JobDescription(
        facts=[
            ("Task", crops.task.name),
            ("Regions", RULES[crops.rule]),
            ("Overlap wanted", f"{crops.iou_limit:g}"),
            ("Size", "that of each region" if crops.side is None else f"{crops.side} × {crops.side} px"),
        ],
        page_title=crops.task.name,
        page_address=crops.task.get_absolute_url(),
    )


def run_cropping(context: JobContext, parameters: CropParameters) -> dict[str, Any]:
    """Cut out, resize and store all crops, then show the dataset. Raises JobError in words; nothing is left then."""
    crops = RegionCrops.objects.select_related("task__dataset", "job", "created_by").get(pk=parameters.crops_id)
    if crops.dataset is not None:  # killed between the last transaction and the verdict
        return {"dataset_id": str(crops.dataset.pk), "images": crops.dataset.images.count()}
    discard_abandoned()
    _take_back(context, crops)  # of an earlier attempt
    try:
        with context.fenced():
            dataset = _begin(crops)
        kept, left = final_regions(crops.task, rule=crops.rule, limit=crops.iou_limit)
        counts, repeats = _crop_all(context, crops, dataset, kept)
        check_whole(dataset=dataset, counts=counts)
        context.raise_if_stopped()
        with context.fenced():
            publish_dataset(dataset=dataset, name=crops.dataset_name)
            crops.dataset = dataset
            crops.save(update_fields=["dataset"])
    except ValueError as error:  # DatasetError and RegionError are too
        _take_back(context, crops)
        raise JobError(str(error)) from error
    except BaseException:
        _take_back(context, crops)
        raise
    context.log(f"Stored {sum(counts.values()):,} crops as “{dataset.name}”; {len(left):,} regions were left out")
    return {
        "dataset_id": str(dataset.pk),
        "images": sum(counts.values()),
        "left_out": dict(sorted(Counter(one.why for one in left).items())),
        "left_out_regions": [{"image": str(one.image), "region": one.name, "why": one.why} for one in left[:LISTED]],
        "repeats_left_out": repeats,
    }


def crop_pixels(pixels: np.ndarray, region: FinalRegion, side: int | None) -> np.ndarray:
    """The region cut out of `pixels` (uint8 or uint16, shape (H, W)), of the same type; resized to a square of `side`
    px by `resize_bilinear`, which changes its proportions unless it is square, or as it is without `side`.
    """
    box = region.rectangle
    box.check_inside(pixels.shape[1], pixels.shape[0])
    cut = pixels[box.y : box.y + box.height, box.x : box.x + box.width]
    return cut.copy() if side is None else resize_bilinear(cut, side, side)


def cropped_spacing(image: Image, region: FinalRegion, side: int | None) -> float | None:
    """mm per pixel of the crop; None where it is not known, or would differ between columns and rows."""
    if image.pixel_spacing_mm is None or side is None:
        return image.pixel_spacing_mm
    box = region.rectangle
    return image.pixel_spacing_mm * box.width / side if box.width == box.height else None


def make_record(image: Image, region: FinalRegion, crops: RegionCrops, pixels: np.ndarray) -> Image:
    """The unsaved record of a crop, with where it comes from."""
    described = storage.describe_pixels(pixels)
    box = region.rectangle
    provenance: dict[str, Any] = {
        "region": region.name,
        "cropped_from": str(image.pk),
        "cropped_from_sha256": image.pixel_sha256,
        "x": box.x,
        "y": box.y,
        "width": box.width,
        "height": box.height,
        "resized_by": UNCHANGED if crops.side is None or (box.width == box.height == crops.side) else BILINEAR,
        "region_task": crops.task.name,
        "region_task_id": str(crops.task_id),
        "drawn_by": ", ".join(region.by),
        "decided_by": region.how,
    }
    if image.pixel_spacing_mm is not None:
        provenance["pixel_spacing_mm_of_original"] = image.pixel_spacing_mm
    return Image(
        pixel_sha256=described.sha256,
        width=described.width,
        height=described.height,
        bit_depth=described.bit_depth,
        label=region.label,
        pixel_spacing_mm=cropped_spacing(image, region, crops.side),
        provenance=provenance,
        **{field: getattr(image, field) for field in CARRIED},
    )


@dataclass
class _Made:
    record: Image
    pixels: np.ndarray


def _crop_all(
    context: JobContext, crops: RegionCrops, dataset: Dataset, kept: list[FinalRegion]
) -> tuple[dict[str, int], int]:
    """Images of each label, and how many crops were left out because another has the same pixels."""
    by_image = [(pk, list(regions)) for pk, regions in groupby(kept, key=lambda one: one.image)]
    counts: Counter[str] = Counter()
    seen: set[str] = set()
    repeats = done = 0
    for start in range(0, len(by_image), IMAGES_AT_ONCE):
        chunk = by_image[start : start + IMAGES_AT_ONCE]
        images = Image.objects.in_bulk([pk for pk, _ in chunk])
        made: list[_Made] = []
        for pk, regions in chunk:
            context.raise_if_stopped()
            pixels = _load(images[pk])
            for region in regions:
                cut = crop_pixels(pixels, region, crops.side)
                record = make_record(images[pk], region, crops, cut)
                if record.pixel_sha256 in seen:
                    repeats += 1
                    context.log(
                        f"{region.name} of image {pk}: equal to another crop, pixel for pixel; left out",
                        level="warning",
                    )
                    continue
                seen.add(record.pixel_sha256)
                counts[region.label] += 1
                made.append(_Made(record, cut))
            done += len(regions)
        _store(context, dataset, made)
        context.progress(done, len(kept), "regions", "Cropping")
    return dict(counts), repeats


def _load(image: Image) -> np.ndarray:
    try:
        return storage.load_pixels(image)
    except FileNotFoundError:
        raise JobError(f"The pixels of image {image.pk} are missing. Restore them from a backup.") from None


def _store(context: JobContext, dataset: Dataset, made: list[_Made]) -> None:
    for _ in range(3):
        batch = storage.PixelBatch()
        for one in made:
            batch.add(one.pixels)
        batch.flush()
        with context.fenced():
            is_added = add_images(dataset=dataset, images=[one.record for one in made])
        if is_added:
            return
    raise JobError("Stored images disappear from the disk again and again. Check the storage, then start it anew.")


def _begin(crops: RegionCrops) -> Dataset:
    parent = crops.task.dataset
    size = "each as large as its region" if crops.side is None else f"{crops.side} × {crops.side} px"
    dataset = create_dataset(
        name=crops.dataset_name,
        origin=parent.origin,
        description=f"Regions of “{parent.name}”, drawn in the task “{crops.task.name}”, {size}. {RULES[crops.rule]}.",
        licence=parent.licence,
        citation=parent.citation,
        is_phantom=parent.is_phantom,
        created_by=crops.created_by,
        made_by=crops.job,
    )
    dataset.split_record = parent.split_record
    dataset.save(update_fields=["split_record"])
    return dataset


def _take_back(context: JobContext, crops: RegionCrops) -> None:
    with context.fenced():  # not what another process, which has taken the job over, is making
        dataset = unfinished_dataset(crops.job)
        if dataset is not None:
            discard_dataset(dataset=dataset, by_its_job=True)
    remove_discarded()
