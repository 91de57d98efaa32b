"""Something of everything in a project that the attackers are not in. Each name holds the word by which it is known."""

from dataclasses import dataclass, field
from uuid import uuid4

from django.core.files.base import ContentFile
from django.db.models import Model

from classification.models import Explanation, Screening
from config.accounts.models import User
from config.projects.managers import models_in_projects
from config.projects.models import Project
from config.projects.scope import projects_in_sight
from config.projects.services import create_project
from generation.models import ForeignGenerator
from imaging.models import Dataset, Upload
from imaging.regions.services import create_task
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
from tests.turing.builders import answer_next, make_draft, make_open_study, make_session
from turing.models import AnswerTable
from turing.planning_job import PlanParameters, start_planning
from turing.reports.services import start_report
from turing.reports.settings import ReportSettings
from turing.services import close_study, create_invitations
from worker.models import JobArtefact

WORD = "Zebra"


@dataclass
class World:
    project: Project
    owner: User
    reader: User
    objects: list[Model] = field(default_factory=list)

    def all_objects(self) -> list[Model]:
        """What was made, and what that made in turn: every record that lies in the project."""
        found = {(type(one), one.pk): one for one in [*self.objects, self.project]}
        with projects_in_sight(self.project.pk):
            for model in models_in_projects():
                found |= {(model, one.pk): one for one in model._default_manager.all()}
        return list(found.values())


def make_world() -> World:
    """A project with an owner who is an investigator, a reader in one of its studies, and one record of each kind."""
    owner = UserFactory(username="zebra-owner", role=User.Role.INVESTIGATOR, projects=[])
    project = create_project(name=f"{WORD} project", by=owner)
    world = World(project, owner, UserFactory(username="zebra-reader"))
    with projects_in_sight(project.pk):
        world.objects = _fill(world)
    return world


def _fill(world: World) -> list[Model]:
    owner = world.owner
    dataset = DatasetFactory(name=f"{WORD} films", description=f"{WORD} words", created_by=owner)
    image = ImageFactory(dataset=dataset, label=f"{WORD} lesion")
    ImageFactory(dataset=dataset, label="normal")
    waiting = QuarantinedImageFactory(dataset=dataset, label=f"{WORD} lesion")
    synthetic = DatasetFactory(name=f"{WORD} drawn", origin=Dataset.Origin.SYNTHETIC)
    report = DatasetReportFactory(dataset=synthetic, title=f"{WORD} measures")
    job = JobFactory(title=f"{WORD} job", created_by=owner)
    job.directory.mkdir(parents=True, exist_ok=True)
    (job.directory / "zebra.png").write_bytes(ContentFile(b"\x89PNG" + WORD.encode()).read())
    artefact = JobArtefact.objects.create(job=job, name="zebra.png", kind="file")
    run = TrainingRunFactory(name=f"{WORD} run", dataset=dataset)
    sample = SampleRunFactory(checkpoint=CheckpointFactory(run=run), dataset_name=f"{WORD} samples")
    foreign = ForeignGenerator.objects.create(
        name=f"{WORD} elsewhere", made_with=WORD, file_name="zebra.pt", sha256="0" * 64, job=JobFactory(),
        declaration={"format": "torchscript", "classes": [WORD], "latent": "normal", "class_input": "none",
                     "latent_dim": 16, "latent_shape": "vector", "value_range": "tanh", "channels": 1},
    )  # fmt: skip
    experiment = ExperimentFactory(name=f"{WORD} experiment", dataset=dataset, synthetic=synthetic)
    scoring = ScoringFactory(classifier=ClassifierFactory(experiment=experiment, arm=WORD), dataset=dataset)
    explanation = Explanation.objects.create(
        classifier=scoring.classifier,
        title=f"{WORD} maps",
        image_ids=[str(image.pk)],
        class_name=WORD,
        job=JobFactory(),
    )
    screening = Screening.objects.create(
        dataset=synthetic, looked_for=WORD, reviewer=owner, seed=1, n_images=0, job=JobFactory()
    )
    task = create_task(
        name=f"{WORD} task", dataset=dataset, region_names=[WORD], labels=["a"], annotators=[owner], created_by=owner
    )
    draft = make_draft(name=f"{WORD} draft")
    session = make_session(reader=world.reader, study=make_open_study(name=f"{WORD} study"))
    answer_next(session)
    closed = close_study(study=make_open_study(name=f"{WORD} closed"), by=owner)
    ((invitation, _),) = create_invitations(study=session.study, count=1, by=owner)
    table = AnswerTable.objects.create(
        name=f"{WORD} answers", file_name="zebra.csv", sha256="0" * 64, reading={}, n_readers=1, n_images=1,
        n_answers=1, created_by=owner,
    )  # fmt: skip
    upload = Upload.objects.create(created_by=owner, name=f"{WORD}.zip", key=str(uuid4()), size=10)
    plan = start_planning(parameters=PlanParameters(), by=owner)
    made = start_report(about=closed, settings=ReportSettings(), by=owner)
    return [dataset, image, waiting, synthetic, report, job, artefact, run, sample, foreign, experiment, scoring,
            explanation, screening, task, draft, session, closed, invitation, table, upload, plan, made]  # fmt: skip
