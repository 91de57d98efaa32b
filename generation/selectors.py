"""Reads on runs, checkpoints and samples."""

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Prefetch, QuerySet

from generation.gan.registry import get_generator
from generation.models import Checkpoint, ForeignGenerator, SampleRun, TrainingRun
from generation.tool_parameters import TOOL
from imaging.making import KEPT_UNFINISHED
from imaging.models import Dataset, Image
from imaging.selectors import filter_images
from worker.models import Job, JobArtefact
from worker.setting_fields import settings_in_words

NO_SUCH_SETTING = "–"
SEEN = "images seen"  # the unit of a training job's progress


def training_counts(dataset: Dataset, filters: Mapping[str, Any]) -> dict[str, int]:
    """Images per class that a run with these filters learns from, classes in alphabetical order."""
    rows = filter_images(dataset, filters).order_by("label").values_list("label").annotate(n=Count("id"))
    return dict(rows)


def training_rows(
    dataset: Dataset, filters: Mapping[str, Any], limits: Mapping[str, int], *, seed: int
) -> list[tuple[str, str]]:
    """(pixel hash, label) of the images that a run learns from, sorted.

    `limits`: label -> most images of it. Which of them is a matter of the seed and the pixels alone: the first ones in
    the order of SHA-256("<seed>/<pixel hash>"). So the same images are drawn on every database.
    """
    rows = sorted(filter_images(dataset, filters).values_list("pixel_sha256", "label"))
    chosen = [row for row in rows if row[1] not in limits]
    for label, most in limits.items():
        of_label = [row for row in rows if row[1] == label]
        chosen += sorted(of_label, key=lambda row: hashlib.sha256(f"{seed}/{row[0]}".encode()).digest())[:most]
    return sorted(chosen)


def best_measure(run: TrainingRun, measures: Mapping[str, float]) -> float | None:
    """The value that the run's checkpoints are compared by (less is better), None when it was not measured.

    Names of measures begin with their kind and go on with what computed them: "kid_densenet121_0a1b2c3d".
    """
    values = [value for name, value in measures.items() if run.best_by and name.split("_")[0] == run.best_by]
    return values[0] if values else None


def run_counts(run: TrainingRun) -> dict[str, int]:
    """Images per class that the run learns from."""
    counts = training_counts(run.dataset, run.filters)
    return {label: min(count, run.limits.get(label, count)) for label, count in counts.items()}


def tool_jobs(checkpoints: Iterable[Checkpoint]) -> list[Job]:
    """Films, mixtures and nearest images of these checkpoints, newest first, each with `pictures` (its artefacts)."""
    wanted = [str(checkpoint.pk) for checkpoint in checkpoints]
    pictures = Prefetch("artefacts", JobArtefact.objects.filter(kind="grid"), to_attr="pictures")
    jobs = Job.objects.filter(kind=TOOL, parameters__checkpoint_id__in=wanted).order_by("-created_at")
    return list(jobs.prefetch_related(pictures)[:20])


def foreign_generators() -> QuerySet[ForeignGenerator]:
    """Generators from elsewhere, newest first, with the job of their trial drawing."""
    return ForeignGenerator.objects.select_related("job").order_by("-created_at", "id")


def list_runs() -> QuerySet[TrainingRun]:
    """All runs, newest first, with dataset, job and checkpoints."""
    runs = TrainingRun.objects.select_related("dataset", "job").prefetch_related("checkpoints")
    return runs.order_by("-created_at", "id")


def best_checkpoint(run: TrainingRun) -> tuple[Checkpoint, float] | None:
    """The checkpoint with the least value of the measure that the run is judged by, and that value."""
    measured = [(best_measure(run, checkpoint.measures), checkpoint) for checkpoint in run.checkpoints.all()]
    known = [(value, checkpoint) for value, checkpoint in measured if value is not None]
    if not known:
        return None
    value, checkpoint = min(known, key=lambda pair: (pair[0], pair[1].iteration))
    return checkpoint, value


def images_seen(run: TrainingRun) -> int:
    """Real images that the run has been shown: as its job reports it, or as its last checkpoint says."""
    last = max((checkpoint.images_seen for checkpoint in run.checkpoints.all()), default=0)
    is_training = run.job.progress_unit == SEEN  # and not yet preparing its images
    return max(last, run.job.progress_done) if is_training else last


def compared_settings(runs: list[TrainingRun]) -> list[tuple[str, list[str]]]:
    """Settings in which `runs` differ: (label, value of each run in order; NO_SUCH_SETTING for one without it)."""
    tables = [dict(run_settings(run)) for run in runs]
    labels = dict.fromkeys(label for table in tables for label in table)
    rows = [(label, [table.get(label, NO_SUCH_SETTING) for table in tables]) for label in labels]
    return [row for row in rows if len(set(row[1])) > 1]


def run_settings(run: TrainingRun) -> list[tuple[str, str]]:
    """(label, value) of every setting, in words."""
    return settings_in_words(get_generator(run.generator).config.from_dict(run.config))


def newest_grids(runs: list[TrainingRun]) -> dict[uuid.UUID, JobArtefact]:
    """The last sample grid of each run that has one, by the id of the run's job."""
    grids = JobArtefact.objects.filter(job__in=[run.job_id for run in runs], kind="grid").order_by("job", "step")
    return {grid.job_id: grid for grid in grids.only("id", "job_id", "name", "step")}


def runs_with_samples() -> QuerySet[TrainingRun]:
    """Runs with all that a run's page shows: dataset, job, checkpoints and what was sampled from them."""
    sample_runs = SampleRun.objects.select_related("job", "job__made_dataset", "dataset")
    checkpoints = Checkpoint.objects.select_related("run").prefetch_related(Prefetch("sample_runs", sample_runs))
    runs = TrainingRun.objects.select_related("dataset", "job", "created_by")
    return runs.prefetch_related(Prefetch("checkpoints", checkpoints))


@dataclass(frozen=True)
class Kept:
    """What a sampling that was cancelled or broken off has drawn, and nobody sees."""

    sample_run: SampleRun
    images: int
    wanted: int
    until: datetime  # then it is removed


def kept_samples(sample_runs: Iterable[SampleRun]) -> list[Kept]:
    """In the order of `sample_runs` (with their job and its made_dataset). Two queries in all, or none."""
    unfinished = [
        (sample_run, sample_run.job.made_dataset.pk, sample_run.job.finished_at)
        for sample_run in sample_runs
        if sample_run.job.is_final
        and sample_run.job.finished_at is not None
        and hasattr(sample_run.job, "made_dataset")
        and sample_run.job.made_dataset.state == Dataset.State.MAKING
    ]
    if not unfinished:
        return []
    rows = Image.everything.filter(dataset__in=[pk for _, pk, _ in unfinished]).order_by().values_list("dataset")
    counts = dict(rows.annotate(n=Count("pk")))
    return [
        Kept(
            sample_run=sample_run,
            images=counts[pk],
            wanted=sum(sample_run.per_class.values()),
            until=ended_at + KEPT_UNFINISHED,
        )
        for sample_run, pk, ended_at in unfinished
        if pk in counts  # cancelled before it began: there is nothing to keep
    ]


def run_grids(run: TrainingRun) -> list[JobArtefact]:
    """Sample grids in the order of iterations."""
    return list(JobArtefact.objects.filter(job=run.job_id, kind="grid").order_by("step"))


def find_checkpoint(image: Image) -> Checkpoint:
    """The checkpoint that a synthetic image was drawn from. Raises ValueError when it is not known here."""
    sha256 = image.provenance.get("checkpoint_sha256")
    if not sha256:
        raise ValueError(f"Image {image.pk} has no generator in its provenance: it was not drawn here")
    # runs with the same settings, images and machine have the same file: prefer the one that drew this image
    checkpoints = sorted(
        Checkpoint.objects.select_related("run__job", "foreign__job").filter(sha256=sha256),
        key=lambda checkpoint: (
            str(checkpoint.run_id or checkpoint.foreign_id)
            != image.provenance.get("run", image.provenance.get("foreign"))
        ),
    )
    if not checkpoints:
        raise ValueError(f"No checkpoint with SHA-256 {sha256} is recorded here")
    return checkpoints[0]
