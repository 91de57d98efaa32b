"""The readers of a second session: those of the first, under the same code, once the washout is over."""

from datetime import timedelta

from turing.models import Study
from turing.reading.enrolment import enrol_reader


def enrol_readers_again(study: Study) -> None:
    """Inside the transaction that opens `study`. Nothing to do when it follows none, or one with simulated readers.

    Who can finish the first session no more takes no part in the second. Who has not finished it yet begins the washout
    when that is done (see turing.reading.recording); so those sessions are locked first.
    """
    first = study.follows
    if first is None or study.is_example:
        return
    is_closed = Study.objects.filter(pk=first.pk, status=Study.Status.CLOSED).exists()
    sessions = (
        first.sessions.select_for_update(of=("self",)).select_related("reader").order_by("created_at", "reader_code")
    )
    for session in sessions:
        # an account may be gone by now, or be that of an investigator
        if session.reader is None or session.reader.is_investigator:
            continue
        if is_closed and session.finished_at is None:
            continue
        washed_out = session.finished_at and session.finished_at + timedelta(days=study.washout_days)
        enrol_reader(
            study=study, user=session.reader, reader_code=session.reader_code, available_from=washed_out
        )  # fmt: skip
