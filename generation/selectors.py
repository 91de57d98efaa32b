"""Reads on runs, checkpoints and samples."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Count, Prefetch, QuerySet

from generation.models import Checkpoint, ForeignGenerator, SampleRun, TrainingRun
from generation.tool_parameters import TOOL
from imaging.models import Dataset, Image
from imaging.selectors import filter_images
from worker.models import Job, JobArtefact


def training_counts(dataset: Dataset, filters: Mapping[str, Any]) -> dict[str, int]:
    """Images per class that a run with these filters learns from, classes in alphabetical order."""
    rows = filter_images(dataset, filters).order_by("label").values_list("label").annotate(n=Count("id"))
    return dict(rows)


def balancing_counts(real: Mapping[str, int]) -> dict[str, int]:
    """Synthetic images of each class that make it as large as the largest: the class balancing of Kong et al. 2022."""
    most = max(real.values(), default=0)
    return {name: most - count for name, count in real.items()}


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
    """All runs, newest first, with dataset and job."""
    runs = TrainingRun.objects.select_related("dataset", "job").annotate(n_checkpoints=Count("checkpoints"))
    return runs.order_by("-created_at", "id")


def newest_grids(runs: list[TrainingRun]) -> dict[uuid.UUID, JobArtefact]:
    """The last sample grid of each run that has one, by the id of the run's job."""
    grids = JobArtefact.objects.filter(job__in=[run.job_id for run in runs], kind="grid").order_by("job", "step")
    return {grid.job_id: grid for grid in grids.only("id", "job_id", "name", "step")}


def runs_with_samples() -> QuerySet[TrainingRun]:
    """Runs with all that a run's page shows: dataset, job, checkpoints and what was sampled from them."""
    sample_runs = SampleRun.objects.select_related("job", "dataset")
    checkpoints = Checkpoint.objects.select_related("run").prefetch_related(Prefetch("sample_runs", sample_runs))
    runs = TrainingRun.objects.select_related("dataset", "job", "created_by")
    return runs.prefetch_related(Prefetch("checkpoints", checkpoints))


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
