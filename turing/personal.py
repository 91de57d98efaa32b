"""What studies hold about a reader: for the reader's own export, for erasure and for retention.

Answers and declarations belong to the study, under the reader's code; erasure leaves them, and the audit chain, whole.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from config.accounts.models import User
from config.accounts.personal import PersonalData
from config.projects.scope import all_projects_in_sight
from turing.audit.services import record_event
from turing.models import Answer, Attendance, Invitation, ReadingSession, Study

DECLARED = ("consented_at", "years_experience", "grade", "created_at", "finished_at")
ANSWERED = ("value", "rating", "marks", "comment", "reading_ms", "hidden_ms", "paused_ms", "answered_at")
SCREENS = ("started_at", "browser", "screen_width", "screen_height", "pixel_ratio", "zoom_percent")


def collect(user: User) -> dict[str, Any]:
    """Answers, code and group of a study that is still open come when it is closed: readers do not see them before."""
    with all_projects_in_sight():
        sessions = ReadingSession.objects.filter(reader=user).select_related("study").order_by("created_at")
        return {"studies.json": [_session(session) for session in sessions]}


def _session(session: ReadingSession) -> dict[str, Any]:
    answers = Answer.objects.filter(session=session).order_by("answered_at", "pk")
    is_closed = session.study.status == Study.Status.CLOSED
    return {
        "study": session.study.name,
        **({"your_code": session.reader_code, "reader_group": session.reader_group} if is_closed else {}),
        **{name: getattr(session, name) for name in DECLARED},
        "screens": list(Attendance.objects.filter(session=session).order_by("pk").values(*SCREENS)),
        "number_of_answers": answers.count(),
        "answers": list(answers.values(*ANSWERED)) if is_closed else "when the study is closed",
    }


def erase(user: User) -> None:
    """Notes of invitations may name a person; that they are gone is recorded, so that the chain stays right."""
    with all_projects_in_sight():
        _erase_notes(Invitation.objects.filter(accepted_by=user))


def forget(before: datetime) -> int:
    """Notes of invitations that nobody accepted and that expired before this time."""
    with all_projects_in_sight():
        return _erase_notes(Invitation.objects.filter(accepted_at=None, expires_at__lt=before))


def _erase_notes(invitations: "QuerySet[Invitation]") -> int:
    noted = list(invitations.select_for_update(of=("self",)).exclude(note=""))
    for invitation in noted:
        invitation.note = ""
        invitation.save(update_fields=["note"])
        record_event(action="invitation.note-erased", about=invitation, by=None, written=[invitation])
    return len(noted)


def done_with(before: datetime) -> Iterable[int]:
    """Readers who took part, and whose studies were all closed before this time, with no second session planned."""
    with all_projects_in_sight():
        sessions = ReadingSession.objects.filter(reader__isnull=False)
        finished = Study.objects.filter(status=Study.Status.CLOSED, closed_at__lt=before)
        followed = Study.objects.filter(follows__isnull=False).exclude(pk__in=finished.values("pk"))
        needed = sessions.exclude(study__in=finished.values("pk")) | sessions.filter(
            study__in=followed.values("follows")
        )
        still = set(needed.values_list("reader", flat=True))
        return set(sessions.values_list("reader", flat=True)) - still


PERSONAL_DATA = PersonalData(name="studies", collect=collect, erase=erase, forget=forget, done_with=done_with)
