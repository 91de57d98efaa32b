"""A project with one of everything, all of it bearing the project's mark, so that a leak of any of it is seen."""

import uuid
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from classification.models import Explanation, Screening
from config.accounts.models import User
from config.projects.models import Membership, Project
from config.projects.scope import projects_in_sight
from config.projects.services import add_member, create_project
from generation.gan.foreign_settings import Declaration
from generation.models import Checkpoint, ForeignGenerator
from imaging.duplicates.parameters import SEARCH
from imaging.models import Upload
from tests.factories import (
    CheckpointFactory,
    ClassifierFactory,
    DatasetFactory,
    DatasetReportFactory,
    ExperimentFactory,
    ImageFactory,
    JobFactory,
    QuarantinedImageFactory,
    SampleRunFactory,
    ScoringFactory,
    TrainingRunFactory,
    UserFactory,
)
from tests.generation.measuring.test_views import make_values
from tests.imaging.regions.builders import make_task
from tests.turing.builders import make_dataset, make_draft, make_open_study
from turing.models import AnswerTable
from turing.planning_job import PlanParameters, start_planning
from turing.reports.services import start_report
from turing.reports.settings import ReportSettings
from turing.services import close_study, create_invitations
from worker.models import JobArtefact


@dataclass(frozen=True, kw_only=True)
class Population:
    mark: str  # in the name of everything
    project: Project
    investigator: User
    annotator: User
    records: dict[str, Any]  # what the addresses name, by kind


def populate(mark: str) -> Population:
    project = create_project(name=f"{mark} project", by=None)
    investigator = UserFactory(role=User.Role.INVESTIGATOR, projects=[])
    annotator = UserFactory(role=User.Role.ANNOTATOR, projects=[])
    add_member(project=project, user=investigator, role=Membership.Role.OWNER, by=None)
    add_member(project=project, user=annotator, by=None)
    with projects_in_sight(project.pk):
        records = _records(mark, investigator, annotator)
    records["project"] = project
    return Population(mark=mark, project=project, investigator=investigator, annotator=annotator, records=records)


def _records(mark: str, investigator: User, annotator: User) -> dict[str, Any]:
    seed = sum(mark.encode())
    generator = np.random.default_rng(seed)

    def pixels() -> np.ndarray:
        return generator.integers(0, 256, (16, 16)).astype(np.uint8)

    dataset = DatasetFactory(name=f"{mark} dataset", description=f"{mark} description", created_by=investigator)
    image = ImageFactory(dataset=dataset, label=f"{mark}-label", pixels=pixels())
    deleted = DatasetFactory(name=f"{mark} deleted", state="deleted", deleted_at=dataset.created_at)
    quarantined = QuarantinedImageFactory(dataset=dataset, label=f"{mark}-label", pixels=pixels())
    synthetic = DatasetFactory(name=f"{mark} synthetic", origin="synthetic")
    job = JobFactory(title=f"{mark} job", created_by=investigator)
    artefact = JobArtefact.objects.create(job=job, name=f"{mark}.txt", kind="file")
    run = TrainingRunFactory(name=f"{mark} run", dataset=dataset, job=JobFactory(title=f"{mark} training"))
    checkpoint: Checkpoint = CheckpointFactory(run=run)
    sample_run = SampleRunFactory(checkpoint=checkpoint, dataset_name=f"{mark} samples")
    foreign = ForeignGenerator.objects.create(
        name=f"{mark} foreign", made_with=mark, file_name=f"{mark}.pt", sha256=f"{seed:064x}",
        job=JobFactory(title=f"Try {mark}"),
        declaration=asdict(Declaration(format="torchscript", classes=("a",))),
    )  # fmt: skip
    values = make_values(synthetic, dataset) | {"summary": [f"{mark} measured"]}
    report = DatasetReportFactory(dataset=synthetic, title=f"{mark} measures", values=values)
    found = {"summary": [f"{mark} twice"], "counts": {"pairs": 0}, "kept": 0}
    found["datasets"] = [{"id": str(dataset.pk), "name": dataset.name}]
    duplicates = DatasetReportFactory(dataset=dataset, kind=SEARCH, title=f"{mark} duplicates", values=found)
    experiment = ExperimentFactory(name=f"{mark} experiment", dataset=dataset, synthetic=synthetic)
    classifier = ClassifierFactory(experiment=experiment, arm=f"{mark} arm")
    scoring = ScoringFactory(classifier=classifier, dataset=dataset)
    explanation = Explanation.objects.create(
        title=f"{mark} maps", classifier=classifier, image_ids=[str(image.pk)], class_name="x", job=JobFactory()
    )
    screening = Screening.objects.create(dataset=dataset, reviewer=investigator, job=JobFactory(title=mark))
    task = make_task(dataset, investigator, annotator, name=f"{mark} task")
    real, made = (
        make_dataset(origin=origin, n=4, seed=seed, name=f"{mark} {origin} stimuli") for origin in ("real", "synthetic")
    )
    sides = {"real_dataset": real, "synthetic_dataset": made}
    draft = make_draft(name=f"{mark} draft", **sides)
    study = make_open_study(name=f"{mark} study", **sides)
    closed = close_study(study=make_open_study(name=f"{mark} closed study", **sides), by=None)
    ((invitation, _),) = create_invitations(study=study, count=1, by=investigator)
    study_report = start_report(about=closed, settings=ReportSettings(), by=investigator)
    plan = start_planning(parameters=PlanParameters(), by=investigator)
    table = AnswerTable.objects.create(
        name=f"{mark} table", file_name=f"{mark}.csv", sha256="0" * 64, n_readers=1, n_images=1, n_answers=1,
        created_by=investigator,
    )  # fmt: skip
    upload = Upload.objects.create(created_by=investigator, name=f"{mark}.zip", key=str(uuid.uuid4()), size=10)
    import_job = JobFactory(
        kind="imaging.import", title=f"Import “{mark} import”", parameters={"dataset_name": f"{mark} import"}
    )
    return {
        "dataset": dataset, "image": image, "deleted": deleted, "quarantined": quarantined, "synthetic": synthetic,
        "job": job, "artefact": artefact, "run": run, "checkpoint": checkpoint, "sample_run": sample_run,
        "foreign": foreign, "measures": report, "duplicates": duplicates, "experiment": experiment,
        "classifier": classifier, "scoring": scoring, "explanation": explanation, "screening": screening, "task": task,
        "draft": draft, "study": study, "closed": closed, "invitation": invitation, "report": study_report,
        "plan": plan, "table": table, "upload": upload, "import": import_job, "user": investigator,
    }  # fmt: skip
