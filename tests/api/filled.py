"""A site with something of everything, for tests that walk over the whole API."""

from dataclasses import dataclass

from django.utils import timezone

from config.accounts.models import User
from imaging.models import Dataset, Upload
from imaging.resumable import begin_upload
from tests.factories import (
    CheckpointFactory,
    ClassifierFactory,
    DatasetReportFactory,
    ExperimentFactory,
    JobFactory,
    SampleRunFactory,
    ScoringFactory,
    TrainingRunFactory,
    UserFactory,
)
from tests.turing.builders import make_dataset, make_draft, make_open_study, make_session, read_all
from turing.models import Report, Study
from turing.services import close_study, create_invitations
from worker.models import Job, JobArtefact, JobLogLine, JobMetric


@dataclass(frozen=True, kw_only=True)
class Filled:
    """`keys`: ids by what stands in an address before them, or by the name of a member that names such a thing."""

    administrator: User
    investigator: User
    reader: User
    keys: dict[str, list[str]]
    names: dict[str, list[str]]  # of text members in addresses


def fill_site() -> Filled:
    """With a draft, an open and a closed study, and jobs that wait."""
    administrator = UserFactory(role=User.Role.ADMINISTRATOR, is_superuser=True)
    investigator, reader = UserFactory(role=User.Role.INVESTIGATOR), UserFactory()
    real = make_dataset(n=8, labels=["lesion", "normal"], name="Ward")
    synthetic = make_dataset(origin="synthetic", n=8, labels=["lesion", "normal"], name="Made")
    run = TrainingRunFactory(dataset=real)
    checkpoint = CheckpointFactory(run=run)
    sample = SampleRunFactory(checkpoint=checkpoint, dataset=synthetic)
    experiment = ExperimentFactory(dataset=real, synthetic=synthetic)
    classifier = ClassifierFactory(experiment=experiment)
    scoring = ScoringFactory(classifier=classifier, dataset=real)
    measure = DatasetReportFactory(dataset=synthetic)
    job = JobFactory(state=Job.State.FAILED, error="No room", finished_at=timezone.now())
    JobLogLine.objects.create(job=job, attempt=1, at=timezone.now(), text="A line")
    JobMetric.objects.create(job=job, step=3, values={"loss": 0.5})
    JobArtefact.objects.create(job=job, name="gone.txt", kind="file")
    draft, reading = make_draft(), make_open_study(n_real=3, n_synthetic=3)
    session = make_session(study=reading, reader=reader)
    closed = make_open_study()
    read_all(make_session(study=closed), ["real", "synthetic", "real", "real"])
    close_study(study=closed, by=investigator)
    report = Report.objects.create(study=closed, title="A report", created_by=investigator)
    ((invitation, _),) = create_invitations(study=reading, count=1, by=investigator, note="for Dr Marker")
    upload: Upload = begin_upload(user=administrator, name="scans.zip", key="a key", size=0)
    studies = [str(one.pk) for one in (draft, reading, closed)]
    datasets = [str(real.pk), str(synthetic.pk)]
    assert Study.objects.count() == 3
    assert Dataset.objects.count() == 8
    keys = {
        "datasets": datasets, "images": [str(real.images.first().pk)], "jobs": [str(job.pk), str(run.job_id)],
        "uploads": [str(upload.pk)], "training-runs": [str(run.pk)], "samples": [str(sample.pk)],
        "measures": [str(measure.pk)], "experiments": [str(experiment.pk)], "scorings": [str(scoring.pk)],
        "studies": studies, "reports": [str(report.pk)], "invitations": [str(invitation.pk)],
        "reading": [str(session.pk)], "region-tasks": [str(real.pk)],
        "dataset": datasets, "real_dataset": [str(real.pk)], "synthetic_dataset": [str(synthetic.pk)],
        "synthetic": [str(synthetic.pk)], "training": [str(real.pk)], "held_out": [str(real.pk)],
        "external": [str(real.pk)], "checkpoint": [str(checkpoint.pk)], "classifier": [str(classifier.pk)],
        "chooser": [str(classifier.pk)], "study": studies, "upload": [str(upload.pk)],
    }  # fmt: skip
    names = {"real_dataset_name": ["Ward"], "synthetic_dataset_name": ["Made"]}
    return Filled(administrator=administrator, investigator=investigator, reader=reader, keys=keys, names=names)
