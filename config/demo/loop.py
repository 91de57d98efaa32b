"""The demonstration: the whole loop through the same services and jobs that the pages use, each step done once.

What exists is found by name and kept, so a second run starts at once and an interrupted one continues.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from rich.console import Console
from rich.table import Table

from config.accounts.models import User
from generation.gan.presets import demonstration_config
from generation.models import SampleRun, TrainingRun
from generation.services import start_sampling, start_training
from imaging.models import Dataset
from imaging.phantoms import write_phantom_dataset
from imaging.services import start_import
from turing.models import GroupBy, MarkKind, Report, Scale, Study, TrialOrder
from turing.reports.declared import default_settings
from turing.reports.services import start_report
from turing.services import close_study, create_study, enrol_reader, open_study
from turing.simulation import simulate_readers
from worker.models import Job
from worker.services import resume_job
from worker.watching import watch_job

PHANTOMS_PER_CLASS = 150
PHANTOM_SIZE = 256  # px
SEED = 2023
SAMPLES = 120  # over all classes
STUDY_IMAGES = 20  # of each kind, in the study to read
EXAMPLE_IMAGES = 50  # of each kind, in the study with simulated readers
SECOND_EXAMPLE_IMAGES = 15  # of each kind, in the one that shows what else a protocol can ask for, and one more
SECOND_EXAMPLE: dict[str, Any] = {
    "scale": Scale.CONFIDENCE,
    "n_practice": 2,
    "practice_feedback": True,
    "n_repeats": 10,
    "order": TrialOrder.PER_READER,
    "mark_kind": MarkKind.POINT,
    "asks_comment": True,
    "group_by": GroupBy.YEARS,
    "groups": [{"name": "Less experienced", "from_years": 0}, {"name": "More experienced", "from_years": 10}],
}

# used only when the audit blocks, as it may: a generator trained for minutes leaves traces that a real one must not
OVERRIDE_REASON = (
    "This is a demonstration: the generator was trained for minutes, and its images differ from the real ones in ways "
    "that need no radiologist. The audit is shown as an example of what it finds."
)


class DemoError(Exception):
    """The demonstration cannot go on; the text says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the real images come from: a folder or ZIP of the user's, or None for phantoms."""

    path: Path | None
    skip_bad: bool = False

    @property
    def name(self) -> str:
        return "phantoms" if self.path is None else self.path.name.removesuffix(self.path.suffix)


def run_demo(*, source: Source, investigator: User, reader: User, console: Console) -> tuple[Study, Study]:
    """Everything up to an open study for `reader` and a closed example study; returns both.

    Raises DemoError when the images cannot be imported or a job fails.
    """
    dataset = _import(source=source, by=investigator, console=console)
    run = _train(dataset=dataset, by=investigator, console=console)
    synthetic = _sample(run=run, by=investigator, console=console)
    study = _study(
        name=f"Demonstration study ({source.name})",
        real=dataset,
        synthetic=synthetic,
        size=STUDY_IMAGES,
        by=investigator,
    )
    if study.status == Study.Status.DRAFT:
        study = open_study(study=study, by=investigator, override_reason=OVERRIDE_REASON)
    if study.status == Study.Status.OPEN and not study.sessions.filter(reader=reader).exists():
        enrol_reader(study=study, user=reader)
    console.print(f"[green]✓[/] Study to read: {study.name}")

    example = _example(
        name=f"Example study with simulated readers ({source.name})",
        real=dataset,
        synthetic=synthetic,
        size=EXAMPLE_IMAGES,
        by=investigator,
    )
    console.print(f"[green]✓[/] Example results (answers of six simulated readers): {example.name}")
    _report(about=example, by=investigator, console=console)
    if min(dataset.images.count(), synthetic.images.count()) > SECOND_EXAMPLE_IMAGES:
        graded = _example(
            name=f"Example study with graded answers ({source.name})",
            real=dataset,
            synthetic=synthetic,
            size=SECOND_EXAMPLE_IMAGES,
            by=investigator,
            **SECOND_EXAMPLE,
        )
        console.print(f"[green]✓[/] Example results of graded answers, marks and repeats: {graded.name}")
        _report(about=graded, by=investigator, console=console)
    return study, example


def _import(*, source: Source, by: User, console: Console) -> Dataset:
    name = "Demonstration phantoms" if source.path is None else source.name
    dataset = Dataset.objects.filter(name=name).first()
    if dataset is not None:
        console.print(f"[green]✓[/] Real images: dataset “{dataset}” is there")
        return dataset
    folder = source.path
    if folder is None:
        folder = Path(settings.DATA_DIR) / "demo" / "phantoms"
        shutil.rmtree(folder, ignore_errors=True)  # of an interrupted run
        with console.status("Drawing phantoms ..."):
            write_phantom_dataset(folder, per_class=PHANTOMS_PER_CLASS, size=PHANTOM_SIZE, seed=SEED)
    job = start_import(
        source=folder,
        dataset_name=name,
        skip_bad=source.skip_bad,
        licence="Apache-2.0 (drawn by Turing Reader)" if source.path is None else "",
        description="Procedural chest phantoms: no person was imaged." if source.path is None else "",
        is_phantom=source.path is None,
        created_by=by,
    )
    job = _finish(job, console)
    if source.path is None:
        shutil.rmtree(folder, ignore_errors=True)
    return Dataset.objects.get(pk=job.result["dataset_id"])


def _train(*, dataset: Dataset, by: User, console: Console) -> TrainingRun:
    name = f"Demonstration ACGAN ({dataset.name})"
    run = TrainingRun.objects.filter(name=name).select_related("job").first()
    if run is None:
        run = start_training(
            name=name,
            dataset=dataset,
            config=demonstration_config(),
            filters={},
            created_by=by,
            is_demonstration=True,
        )
    _finish(run.job, console)
    return run


def _sample(*, run: TrainingRun, by: User, console: Console) -> Dataset:
    checkpoint = run.checkpoints.order_by("iteration").last()
    if checkpoint is None:
        raise DemoError(f"Training run “{run}” has no checkpoint. See its log on the Generators page.")
    name = f"Synthetic images of {run.name}"
    sampled = SampleRun.objects.filter(dataset_name=name).select_related("job").first()
    if sampled is None:
        share = -(-SAMPLES // len(run.classes))
        sampled = start_sampling(
            checkpoint=checkpoint,
            per_class=dict.fromkeys(run.classes, share),
            seed=SEED,
            dataset_name=name,
            created_by=by,
        )
    _finish(sampled.job, console)
    sampled.refresh_from_db()
    if sampled.dataset is None:
        raise DemoError(f"The dataset “{name}” was deleted. Sample again on the page of the run “{run}”.")
    return sampled.dataset


def _example(*, by: User, **draft: Any) -> Study:
    """A closed study with the answers of six simulated readers."""
    study = _study(by=by, is_example=True, **draft)
    if study.status == Study.Status.DRAFT:
        study = open_study(study=study, by=by, override_reason=OVERRIDE_REASON)
    if study.status == Study.Status.OPEN:
        if not study.sessions.exists():
            simulate_readers(study=study, n_readers=6, seed=SEED)
        study = close_study(study=study, by=by)
    return study


def _report(*, about: Study, by: User, console: Console) -> None:
    """Tables, figures and text of a study, made once."""
    report = Report.objects.filter(study=about, other_study=None, other_table=None).order_by("created_at").first()
    if report is None:
        report = start_report(about=about, settings=default_settings(about), by=by)
    if report.job is not None:
        _finish(report.job, console)


def _study(
    *, name: str, real: Dataset, synthetic: Dataset, size: int, by: User, is_example: bool = False, **choices: Any
) -> Study:
    study = Study.objects.filter(name=name).first()
    if study is not None:
        return study
    size = min(size, real.images.count(), synthetic.images.count())
    return create_study(
        name=name,
        real_dataset=real,
        synthetic_dataset=synthetic,
        n_real=size,
        n_synthetic=size,
        created_by=by,
        is_example=is_example,
        equivalence_margin=0.1,  # 40 % to 60 %
        **choices,
    )


def _finish(job: Job, console: Console) -> Job:
    """Follow a job to its end in the terminal; a stopped one is resumed. Raises DemoError when it fails."""
    job.refresh_from_db()
    if job.state in (Job.State.FAILED, Job.State.CANCELLED):
        resume_job(job=job)
    if job.state != Job.State.SUCCEEDED:
        job = watch_job(job.pk, console=console)
    if job.state != Job.State.SUCCEEDED:
        _print_problems(job, console)
        raise DemoError(f"{job.title}: {job.get_state_display().lower()}. {job.error or job.message}")
    console.print(f"[green]✓[/] {job.title}")
    return job


def _print_problems(job: Job, console: Console) -> None:
    problems = job.result.get("problems") or []
    if not problems:
        return
    table = Table("File", "Problem", "What to do", title="Files that cannot be imported")
    for problem in problems[:20]:
        table.add_row(problem["file"], problem["reason"], problem["fix"])
    console.print(table)
    if len(problems) > 20:
        console.print(f"... and {len(problems) - 20} more")
    console.print("To go on without them: make demo DATA=... SKIP_BAD=1")
