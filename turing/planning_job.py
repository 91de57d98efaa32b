"""Planning a study as a job: thousands of simulated studies are too long for a request.

The plan is a file of the job (`plan.json`), with a table (`plan.csv`) and a picture (`plan.svg`) made from it. A size
that is done is kept, so that a job which is taken over or resumed goes on with the next one.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from config.accounts.models import User
from turing.planning_figure import draw_plan
from turing.planning_output import plan_from_json, to_csv, to_json
from turing.stats.planning import Assumptions, Plan, check_sizes, plan_study
from worker.models import Job
from worker.registry import JobContext
from worker.services import enqueue_job

KIND = "plan_study"
PLAN_FILE = "plan.json"
MOST_SIZES = 40
MOST_STUDIES = 10_000


@dataclass(frozen=True, kw_only=True)
class PlanParameters:
    """Sizes, number of simulated studies per size, seed, and the assumptions as in `Assumptions`."""

    readers: list[int] = field(default_factory=lambda: [4, 6, 8, 12])
    images: list[int] = field(default_factory=lambda: [100, 200, 400])
    n_studies: int = 500
    seed: int = 1
    assumptions: dict[str, float | None] = field(default_factory=lambda: asdict(Assumptions()))

    def __post_init__(self) -> None:
        check_sizes(self.readers, self.images, self.n_studies, self.seed)
        if len(self.readers) * len(self.images) > MOST_SIZES:
            n_sizes = len(self.readers) * len(self.images)
            raise ValueError(f"{n_sizes} combinations of readers and images: at most {MOST_SIZES} at once")
        if self.n_studies > MOST_STUDIES:
            raise ValueError(f"n_studies = {self.n_studies}: at most {MOST_STUDIES:,}")
        try:
            Assumptions(**self.assumptions)  # type: ignore[arg-type]
        except TypeError as error:
            raise ValueError(f"assumptions: {error}") from error

    @property
    def checked_assumptions(self) -> Assumptions:
        return Assumptions(**self.assumptions)  # type: ignore[arg-type]


def start_planning(*, parameters: PlanParameters, by: User) -> Job:
    """Queue a plan."""
    readers, images = (", ".join(map(str, sizes)) for sizes in (parameters.readers, parameters.images))
    title = f"Plan: {readers} readers, {images} images"
    return enqueue_job(kind=KIND, parameters=parameters, title=title, created_by=by, seed=parameters.seed)


def run_planning(context: JobContext, parameters: PlanParameters) -> dict[str, Any]:
    """Simulates size after size. May be run again after a crash: sizes that are done are not done again."""
    path = context.directory / PLAN_FILE
    plan = plan_from_json(json.loads(path.read_text())) if path.exists() else _nothing_yet(parameters)
    sizes = [(readers, images) for images in parameters.images for readers in parameters.readers]
    done = {(design.n_readers, design.n_images) for design in plan.designs}
    total = len(sizes) * parameters.n_studies
    for place, (readers, images) in enumerate(sizes):
        if (readers, images) in done:
            continue
        before = place * parameters.n_studies

        def progress(
            studies: int, _: int, before: int = before, size: str = f"{readers} readers, {images} images"
        ) -> None:
            context.progress(before + studies, total, "simulated studies", size)

        found = plan_study(
            plan.assumptions, readers=[readers], images=[images], n_studies=parameters.n_studies, seed=parameters.seed,
            progress=progress, abort=context.should_stop,
        )  # fmt: skip
        context.raise_if_stopped()
        designs = (*plan.designs, *found.designs)
        plan = Plan(plan.assumptions, plan.seed, designs, len(designs) == len(sizes))
        _write(path, json.dumps(to_json(plan), indent=1))
    _write(context.directory / "plan.csv", to_csv(plan))
    _write(context.directory / "plan.svg", draw_plan(plan).decode())
    for name in (PLAN_FILE, "plan.csv", "plan.svg"):
        context.artefact(context.directory / name, kind="file")
    return {"sizes": len(plan.designs), "simulated_studies": total}


def read_plan(job: Job) -> Plan | None:
    """What a planning job has found so far; None before its first size, or when its files are gone."""
    path = job.directory / PLAN_FILE
    return plan_from_json(json.loads(path.read_text())) if path.is_file() else None


def _nothing_yet(parameters: PlanParameters) -> Plan:
    return Plan(parameters.checked_assumptions, parameters.seed, (), False)


def _write(path: Path, text: str) -> None:
    """All of it or nothing: a page may read at any moment."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
