"""Whether a job is opening a study right now: its draft must stay as it is. The job itself: `turing.opening_job`."""

from turing.errors import StudyError
from turing.models import Study
from worker.models import Job

KIND = "turing.open_study"


def is_being_opened(study: Study) -> bool:
    jobs = Job.objects.filter(kind=KIND, parameters__study_id=str(study.pk))
    return jobs.filter(state__in=Job.ACTIVE).exists()


def require_not_being_opened(study: Study) -> None:
    """Raises StudyError; with the row of the study locked, as whoever starts such a job locks it."""
    if is_being_opened(study):
        raise StudyError(f"“{study}” is being opened right now. Wait for it to end, or cancel it on the study's page.")
