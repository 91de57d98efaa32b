"""Runs a measuring job: features of every image, all measures, and the report with its files.

May be run again after a crash or a cancel: features are kept by extractor and picture, for this job and any later one.
"""

import shutil
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings as site
from numpy.typing import NDArray

from generation.gan.measures.config import MeasureSettings
from generation.gan.measures.extractors import Extractor, find_weights, load_extractor
from generation.gan.measures.features import BATCH_SIZE, FeatureCache, extract_missing
from generation.gan.measures.memorisation import Memorisation
from generation.gan.measures.ms_ssim import draw_pairs, pair_likeness
from generation.gan.measures.small_pictures import check_small_pictures, small_pictures
from generation.gan.measures.whole import describe_memorisation, measure_features
from generation.gan.training import choose_device, device_name
from generation.measuring.image_sets import ImageSet, MeasuredSets, find_sets, load_square
from generation.measuring.parameters import MEASURE, MeasureParameters
from generation.measuring.summary import summary
from generation.measuring.writing import write_report_files
from imaging.models import DatasetReport
from imaging.reports import record_report, remove_report_files, report_folder
from imaging.selectors import describe_filters
from worker.compute.weights import WeightsError
from worker.models import Job
from worker.registry import JobContext, JobError
from worker.weight_files import weights_folder

WORK = "features"  # in the job's folder: gathered features, removed at the end


def features_folder() -> Path:
    return Path(site.MEDIA_ROOT) / "features"


def run_measuring(context: JobContext, parameters: MeasureParameters) -> dict[str, Any]:
    """Raises JobError, saying what to do, when something is missing or too small."""
    report_id = uuid.UUID(context.job_id)
    if DatasetReport.objects.filter(pk=report_id).exists():  # killed between the last transaction and the verdict
        return {"report_id": str(report_id)}
    settings = MeasureSettings.from_dict(parameters.settings)
    try:
        device = choose_device(parameters.device)
        extractor = load_extractor(find_weights(weights_folder()), device=device)
    except (ValueError, WeightsError) as error:
        raise JobError(str(error)) from error
    context.device(device_name(device))
    sets = find_sets(parameters)
    _say_what(context, sets, extractor)
    work = context.directory / WORK
    work.mkdir(parents=True, exist_ok=True)
    features = _extract(context, sets, extractor, work)
    try:
        values, check = measure_features(
            features["training"],
            features["synthetic"],
            held_out=features.get("held_out"),
            patients=sets.training.patients,
            settings=settings,
            progress=lambda done, total, what: _step(context, done, total, what),
        )
        values["ms_ssim"] = _likeness(context, sets, settings)
        small = _check_small(context, sets, settings)
        values["memorisation_pictures"] = describe_memorisation(small)
    except ValueError as error:
        raise JobError(str(error)) from error
    values["extractor"] = {
        "name": extractor.name,
        "title": extractor.title,
        "weights_sha256": extractor.weights_sha256,
        "is_random": extractor.is_random,
        "n_features": extractor.n_features,
        "input_side": extractor.input_side,
    }
    values["images"] = _describe(sets)
    values["summary"] = summary(values)
    names = _put_in_place(context, report_id, sets, values, check, small)
    shutil.rmtree(work, ignore_errors=True)
    return {"report_id": str(report_id), "files": len(names), "flagged": values["memorisation"]["n_flagged"]}


def _say_what(context: JobContext, sets: MeasuredSets, extractor: Extractor) -> None:
    held_out = f", {len(sets.held_out)} held-out" if sets.held_out is not None else ""
    context.log(
        f"{len(sets.synthetic)} synthetic, {len(sets.training)} training{held_out} images at {sets.side} px; "
        f"{extractor.title}, weights {extractor.weights_sha256[:12]}"
    )
    if extractor.is_random:
        context.log(
            "There is no file of weights: the features are those of a network with random weights. See the manual, "
            "“Weights of the extractor”.",
            level="warning",
        )
    if sets.n_left_out:
        context.log(
            f"{sets.n_left_out} held-out images are of patients who were trained on, or are training images: left out",
            level="warning",
        )


def _extract(
    context: JobContext, sets: MeasuredSets, extractor: Extractor, work: Path
) -> dict[str, NDArray[np.float32]]:
    cache = FeatureCache(features_folder(), extractor=extractor, side=sets.side, writer=context.job_id)
    groups: dict[str, ImageSet] = {"synthetic": sets.synthetic, "training": sets.training}
    if sets.held_out is not None and len(sets.held_out):
        groups["held_out"] = sets.held_out
    hashes = [sha256 for group in groups.values() for sha256 in group.hashes]
    counts = extract_missing(hashes, lambda sha256: load_square(sha256, sets.side), extractor=extractor, cache=cache)
    for done in counts:
        context.progress(done, len(hashes), "images", "Computing features")
        context.raise_if_stopped()
    return {name: cache.gather(group.hashes, work / f"{name}.npy") for name, group in groups.items()}


def _step(context: JobContext, done: int, total: int, what: str) -> None:
    context.raise_if_stopped()
    context.progress(done, total, "measures", what)


def _likeness(context: JobContext, sets: MeasuredSets, settings: MeasureSettings) -> list[dict[str, Any]]:
    """MS-SSIM of random pairs per class, synthetic and real."""
    rows = []
    for label in sorted(set(sets.synthetic.labels)):
        row: dict[str, Any] = {"label": label}
        for side, group in (("synthetic", sets.synthetic), ("real", sets.training)):
            n = group.labels.count(label)
            if n < 2:
                continue  # the other side has this class alone
            pairs = draw_pairs(group.labels, label=label, pairs=settings.pairs_per_class, seed=settings.seed)
            pictures = []
            for column in (0, 1):
                context.raise_if_stopped()
                pictures.append(np.stack([load_square(group.hashes[i], sets.side) for i in pairs[:, column]]))
            found = pair_likeness(pictures[0], pictures[1], label=label, n_images=n)
            row[side] = {
                "mean": found.mean, "sd": found.sd, "low": found.low, "high": found.high, "n_pairs": found.n_pairs,
                "n_images": n,
            }  # fmt: skip
            row["variant"] = str(found.variant)
        rows.append(row)
    return rows


def _check_small(context: JobContext, sets: MeasuredSets, settings: MeasureSettings) -> Memorisation:
    """The memorisation check without a network; pictures are read once, in batches."""
    groups = {"synthetic": sets.synthetic, "training": sets.training}
    if sets.held_out is not None and len(sets.held_out):
        groups["held_out"] = sets.held_out
    total, done = sum(len(group) for group in groups.values()), 0
    small: dict[str, NDArray[np.float32]] = {}
    for name, group in groups.items():
        parts = []
        for start in range(0, len(group), BATCH_SIZE):
            context.raise_if_stopped()
            batch = group.hashes[start : start + BATCH_SIZE]
            parts.append(small_pictures(np.stack([load_square(sha256, sets.side) for sha256 in batch])))
            done += len(batch)
            context.progress(done, total, "images", "Comparing small pictures")
        small[name] = np.concatenate(parts)
    patients = [name or f"\x00{position}" for position, name in enumerate(sets.training.patients)]
    return check_small_pictures(
        small["training"],
        small["synthetic"],
        held_out=small.get("held_out"),
        training_patients=patients,
        level=settings.suspicion,
    )


def _describe(sets: MeasuredSets) -> dict[str, Any]:
    def named(group: ImageSet) -> dict[str, Any]:
        return {
            "id": str(group.dataset.pk),
            "name": group.dataset.name,
            "filters": describe_filters(group.filters),
            "n": len(group),
        }

    return {
        "synthetic": named(sets.synthetic),
        "training": named(sets.training),
        "held_out": named(sets.held_out) if sets.held_out is not None else None,
        "held_out_left_out": sets.n_left_out,
        "pixel_copies": sets.n_copies,
        "side": sets.side,
    }


def _put_in_place(
    context: JobContext,
    report_id: uuid.UUID,
    sets: MeasuredSets,
    values: dict[str, Any],
    check: Memorisation,
    small: Memorisation,
) -> list[str]:
    """The report's folder, then its record."""
    made = context.directory / "report"
    shutil.rmtree(made, ignore_errors=True)
    names = write_report_files(made, sets=sets, values=values, check=check, small=small)
    target = report_folder(report_id)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.rmtree(target, ignore_errors=True)
    shutil.move(made, target)
    job = Job.objects.select_related("created_by").get(pk=context.job_id)
    try:
        with context.fenced():
            record_report(
                pk=report_id,
                dataset=sets.synthetic.dataset,
                kind=MEASURE,
                title=f"Measures of “{sets.synthetic.dataset.name}” against “{sets.training.dataset.name}”",
                values=values,
                files=names,
                created_by=job.created_by,
            )
    except BaseException:
        remove_report_files([report_id])
        raise
    context.artefact(_copy_for_page(context, target), kind="grid", step=0)
    return names


def _copy_for_page(context: JobContext, folder: Path) -> Path:
    path = context.directory / "nearest.png"
    shutil.copyfile(folder / "nearest.png", path)
    return path
