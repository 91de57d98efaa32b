"""Looking at results is recorded: who saw the answers of a study, and when, is part of its history."""

from django.db import transaction

from config.accounts.models import User
from turing.audit.services import record_event
from turing.models import Study
from turing.results.export import export_csv
from turing.results.images import ShownImage, study_images
from turing.results.selectors import StudyResults, study_results


def view_results(*, study: Study, by: User | None) -> StudyResults:
    """Everything on the results page. Raises StudyError unless the study is closed."""
    results = study_results(study)  # before the transaction: on SQLite it would keep readers from answering
    _record("results.viewed", study, by)
    return results


def view_images(*, study: Study, by: User | None) -> list[ShownImage]:
    """Every image with its answers and marks. Raises StudyError unless the study is closed."""
    images = study_images(study)
    _record("results.images_viewed", study, by)
    return images


def export_answers(*, study: Study, by: User | None) -> str:
    """The tidy CSV. Raises StudyError unless the study is closed."""
    text = export_csv(study)
    _record("results.exported", study, by)
    return text


def record_scores_viewed(*, study: Study, by: User | None) -> None:
    """Somebody looks at a classifier's scores of a closed study, and with them at what readers said."""
    _record("results.scores_viewed", study, by)


def record_scores_exported(*, study: Study, by: User | None) -> None:
    _record("results.scores_exported", study, by)


@transaction.atomic
def _record(action: str, study: Study, by: User | None) -> None:
    record_event(action=action, about=study, by=by)
