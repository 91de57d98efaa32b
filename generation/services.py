"""Verbs on generators: start a training run, record its checkpoints, start sampling, show what was sampled."""

import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from config.accounts.models import User
from generation.gan.registry import GeneratorConfig, get_generator
from generation.gan.sampling_options import DEFAULT_OPTIONS, EXACT, SamplingOptions
from generation.models import Checkpoint, SampleRun, TrainingRun
from generation.parameters import MEASURES, SAMPLE, TRAIN, SampleParameters, TrainParameters, check_limits
from generation.selectors import training_counts
from generation.tool_parameters import TOOL, TOOLS, ToolParameters
from imaging.making import claim_name, discard_dataset, publish_dataset, start_removal, unfinished_dataset
from imaging.models import Dataset
from imaging.selectors import clean_filters, describe_filters
from imaging.services import DatasetError, checked_dataset_name, create_dataset, freeze_dataset
from worker.models import Job
from worker.services import enqueue_job, rerun_job

MIN_IMAGES = 8


class GenerationError(ValueError):
    """A request that cannot be carried out; its text says why and what to do."""


@transaction.atomic
def start_training(
    *,
    name: str,
    dataset: Dataset,
    config: GeneratorConfig,
    filters: dict[str, Any] | None = None,
    created_by: User | None,
    is_demonstration: bool = False,
    generator: str = "acgan",
    device: str = "auto",
    limits: dict[str, int] | None = None,
    keep_best: int = 3,
    best_by: str = "",
    processes: int = 1,
) -> TrainingRun:
    """Freeze `dataset` and queue the training of `generator` on those of its images that pass `filters`.

    The classes are the labels of these images, in alphabetical order; one class "all" when the settings say that the
    generator is not `conditional`. `limits` (label -> number) takes no more than so many images of a label, drawn by
    the seed. Checkpoints are measured by `best_by` ("kid", "fid", or "" for not at all), and the `keep_best` best
    stay. `processes`: GPUs to train on together; with device "cpu", processes that share it. Raises GenerationError
    when the name is taken, the dataset is synthetic, or too few images are left; ValueError for settings or filters
    that are not valid.
    """
    name = name.strip()
    if not 1 <= len(name) <= 200:
        raise GenerationError("The run needs a name of 1 to 200 characters.")
    if TrainingRun.objects.filter(name=name).exists():
        raise GenerationError(_taken(name))
    if dataset.origin != Dataset.Origin.REAL:
        raise GenerationError(f"“{dataset.name}” is synthetic. A generator learns from real images; choose such a set.")
    filters = clean_filters(filters or {})
    counts = training_counts(dataset, filters)
    limits = dict(limits or {})
    check_limits(limits)
    if best_by not in ("", *MEASURES):
        raise ValueError(f"best_by is {best_by!r}; it must be one of {', '.join(MEASURES)}, or empty")
    if not 0 <= keep_best <= 20:
        raise ValueError(f"keep_best is {keep_best}; it must be a whole number from 0 to 20")
    unknown = sorted(set(limits) - set(counts))
    if unknown:
        raise GenerationError(f"There is a limit for class {', '.join(unknown)}, of which no image is trained on.")
    missing = sorted(set(filters.get("labels", [])) - set(counts))
    if missing:
        raise GenerationError(
            f"No image of class {', '.join(missing)} in “{dataset.name}” with these filters. Leave the class out."
        )
    total = sum(min(count, limits.get(label, count)) for label, count in counts.items())
    if total < MIN_IMAGES:
        raise GenerationError(
            f"{total} images in “{dataset.name}” ({describe_filters(filters)}); a generator needs at least "
            f"{MIN_IMAGES}. Import more or use a wider filter."
        )
    freeze_dataset(dataset=dataset)
    run_id = uuid.uuid4()
    settings = config.to_dict()
    job = enqueue_job(
        kind=TRAIN,
        parameters=TrainParameters(
            run_id=str(run_id),
            generator=generator,
            config=settings,
            filters=filters,
            limits=limits,
            device=device,
            processes=processes,
        ),
        title=f"Train “{name}”",
        created_by=created_by,
        seed=settings["seed"],
    )
    try:
        with transaction.atomic():
            return TrainingRun.objects.create(
                id=run_id,
                name=name,
                generator=get_generator(generator).name,
                dataset=dataset,
                classes=sorted(counts) if settings.get("conditional", True) else ["all"],
                config=settings,
                filters=filters,
                limits=limits,
                keep_best=keep_best,
                best_by=best_by,
                is_demonstration=is_demonstration,
                job=job,
                created_by=created_by,
            )
    except IntegrityError as error:  # somebody else took it since the check above
        raise GenerationError(_taken(name)) from error


def _taken(name: str) -> str:
    return f"There is a training run called “{name}” already. Choose another name."


@transaction.atomic
def record_checkpoint(
    *,
    run: TrainingRun,
    iteration: int,
    file_name: str,
    sha256: str,
    images_seen: int = 0,
    measures: dict[str, float] | None = None,
    is_milestone: bool = True,
) -> Checkpoint:
    """Make a checkpoint file known, so that samples can be drawn from it. Recording it again changes nothing."""
    checkpoint, _ = Checkpoint.objects.get_or_create(
        run=run,
        iteration=iteration,
        defaults={
            "file_name": file_name,
            "sha256": sha256,
            "images_seen": images_seen,
            "measures": measures or {},
            "is_milestone": is_milestone,
        },
    )
    return checkpoint


def forget_checkpoint(*, checkpoint: Checkpoint) -> bool:
    """Remove the record of a checkpoint that is neither a milestone nor in use. False when something was made of it.

    Waits for a sample run that is being started from it: seen too late, it would point at nothing.
    """
    try:
        with transaction.atomic():
            Checkpoint.anywhere.select_for_update().filter(pk=checkpoint.pk).first()
            checkpoint.delete()
    except ProtectedError:
        return False
    return True


@transaction.atomic
def continue_training(*, run: TrainingRun, length: float) -> TrainingRun:
    """Queue a run that has ended again, from its last checkpoint, until `length` (iterations, or thousands of images).

    Raises GenerationError when it has not ended or would have nothing to do; ValueError for a length out of range.
    """
    name = run.length_setting
    config = get_generator(run.generator).config.from_dict({**run.config, name: length})
    settings = config.to_dict()
    if run.job.state == Job.State.SUCCEEDED and settings[name] <= run.config[name]:
        raise GenerationError(f"“{run.name}” has been trained for that long already. Write more than {run.length}.")
    parameters = TrainParameters(**{**run.job.parameters, "config": settings})
    try:
        rerun_job(job=run.job, parameters=parameters)
    except ValueError as error:
        raise GenerationError(str(error)) from error
    run.config = settings
    run.save(update_fields=["config"])
    return run


@transaction.atomic
def start_sampling(
    *,
    checkpoint: Checkpoint,
    per_class: dict[str, int],
    seed: int,
    dataset_name: str,
    created_by: User | None,
    options: SamplingOptions = DEFAULT_OPTIONS,
) -> SampleRun:
    """Queue the drawing of `per_class` images (class name -> number) into a new synthetic dataset.

    Nobody else gets its name from now on, unless this job is cancelled. Raises GenerationError for an unknown class or
    a checkpoint that is no longer kept, ValueError for a number, seed or name that cannot be used.
    """
    unknown = sorted(set(per_class) - set(checkpoint.classes))
    if unknown:
        raise GenerationError(
            f"“{checkpoint.origin}” knows no class {', '.join(unknown)}; "
            f"its classes are {', '.join(checkpoint.classes)}."
        )
    dataset_name = checked_dataset_name(dataset_name)
    _hold_checkpoint(checkpoint)
    run_id = uuid.uuid4()
    job = enqueue_job(
        kind=SAMPLE,
        parameters=SampleParameters(
            sample_run_id=str(run_id),
            per_class=per_class,
            seed=seed,
            dataset_name=dataset_name,
            precision=options.precision,
            device=options.device,
            truncation=options.truncation,
        ),
        title=f"Sample “{dataset_name}”",
        created_by=created_by,
        seed=seed,
    )
    sample_run = SampleRun.objects.create(
        id=run_id,
        checkpoint=checkpoint,
        per_class=per_class,
        seed=seed,
        precision=options.precision,
        truncation=options.truncation,
        dataset_name=dataset_name,
        job=job,
        created_by=created_by,
    )
    try:
        with transaction.atomic():
            begin_samples(sample_run=sample_run)  # from now on nobody else gets the name
    except IntegrityError as error:  # another request was faster since the check above
        raise DatasetError(f"A dataset called “{dataset_name}” is being made just now. Choose another name.") from error
    return sample_run


def _hold_checkpoint(checkpoint: Checkpoint) -> None:
    """Until the end of the transaction nobody removes it. GenerationError when somebody has: a better one came."""
    if not Checkpoint.anywhere.select_for_update().filter(pk=checkpoint.pk).exists():
        raise GenerationError(
            f"The state of “{checkpoint.origin}” after {checkpoint.images_seen:,} images is no longer kept: while it "
            "trains, better states replace it. Choose another one from the list, which is up to date now."
        )


@transaction.atomic
def begin_samples(*, sample_run: SampleRun) -> Dataset:
    """The dataset that a sample run is drawn into, which nobody sees yet: a new one, or what was kept of an earlier
    attempt, under its name again. Raises DatasetError when somebody else has the name.
    """
    dataset = unfinished_dataset(sample_run.job)
    if dataset is not None:
        claim_name(dataset=dataset, name=sample_run.dataset_name)
        return dataset
    run, foreign = sample_run.checkpoint.run, sample_run.checkpoint.foreign
    return create_dataset(
        name=sample_run.dataset_name,
        origin=Dataset.Origin.SYNTHETIC,
        description=_description(sample_run),
        licence=foreign.licence if foreign else "",
        citation=foreign.citation if foreign else "",
        created_by=sample_run.created_by,
        is_phantom=run is not None and run.dataset.is_phantom,
        made_by=sample_run.job,
    )


@transaction.atomic
def publish_samples(*, sample_run: SampleRun, dataset: Dataset) -> None:
    """Show the dataset of a sample run, which is whole. Raises DatasetError when the name was taken."""
    publish_dataset(dataset=dataset, name=sample_run.dataset_name)
    sample_run.dataset = dataset
    sample_run.save(update_fields=["dataset"])


@transaction.atomic
def discard_samples(*, sample_run: SampleRun) -> None:
    """Let go of what a sample run that was cancelled or broken off has drawn; a job removes it.

    Raises DatasetError while it is being drawn.
    """
    dataset = unfinished_dataset(sample_run.job)
    if dataset is not None:
        discard_dataset(dataset=dataset)
        start_removal(created_by=None)


def _description(sample_run: SampleRun) -> str:
    checkpoint = sample_run.checkpoint
    how = f"with seed {sample_run.seed}"
    if sample_run.truncation != 1:
        how += f", truncation {sample_run.truncation:g}"
    if sample_run.precision != EXACT:
        how += f", in {sample_run.precision} precision"
    if checkpoint.run is not None:
        run = checkpoint.run
        return f"Drawn from “{run.name}” (trained on “{run.dataset.name}”) at iteration {checkpoint.iteration:,} {how}."
    foreign = checkpoint.foreign
    made_with = foreign.made_with if foreign else ""
    return f"Drawn from “{foreign}”, a generator from elsewhere (made with {made_with}), {how}."


@transaction.atomic
def start_tool(*, checkpoint: Checkpoint, parameters: ToolParameters, created_by: User | None) -> Job:
    """Queue a film, a mixture of styles or a nearest image; its files are those of the job."""
    return enqueue_job(
        kind=TOOL,
        parameters=parameters,
        title=f"{TOOLS[parameters.tool]}: “{checkpoint.origin}”",
        created_by=created_by,
        seed=parameters.seed,
    )
