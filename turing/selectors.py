"""Reads for investigators that need no truth: lists, progress, invitations. Results stand in `turing.results`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Max, QuerySet, Sum
from django.db.models.functions import Coalesce

from turing.errors import StudyError
from turing.models import Attendance, Invitation, ReadingSession, Study


@dataclass(frozen=True)
class ReaderProgress:
    reader_code: str
    is_simulated: bool
    group: str  # empty: not declared yet, or a study without groups
    practised: int  # practice images answered
    answered: int  # without them
    total: int
    time_spent: timedelta  # with images on the screen
    last_answer_at: datetime | None
    available_from: datetime | None  # of a second session; None until the first is finished
    is_available: bool
    finished_at: datetime | None
    screen: str  # where the reader read last, as far as the page could tell; empty before the start
    page_loads: int


def studies_with_progress() -> QuerySet[Study]:
    """All studies, newest first, with `n_sessions` and `n_finished`."""
    return Study.objects.annotate(n_sessions=Count("sessions"), n_finished=Count("sessions__finished_at")).order_by(
        "-created_at", "pk"
    )


def reader_progress(study: Study) -> list[ReaderProgress]:
    sessions = (
        ReadingSession.objects.filter(study=study)
        .select_related("study")
        .annotate(
            n_answers=Count("answers"),
            spent_ms=Sum(Coalesce("answers__reading_ms", "answers__server_ms"), default=0),
            last_answer_at=Max("answers__answered_at"),
        )
        .order_by("created_at", "reader_code")
    )
    page_loads = dict(
        Attendance.objects.filter(session__study=study).order_by().values_list("session").annotate(n=Count("pk"))
    )
    attendances = _last_attendances(study)
    return [
        ReaderProgress(
            reader_code=session.reader_code,
            is_simulated=session.is_simulated,
            group=session.reader_group,
            practised=min(session.n_answers, study.n_practice),
            answered=max(session.n_answers - study.n_practice, 0),
            total=max(len(session.trial_order) - study.n_practice, 0),
            time_spent=timedelta(milliseconds=session.spent_ms),
            last_answer_at=session.last_answer_at,
            available_from=session.available_from,
            is_available=session.is_available,
            finished_at=session.finished_at,
            screen=describe_screen(attendances.get(session.pk, []), image_size=study.image_size),
            page_loads=page_loads.get(session.pk, 0),
        )
        for session in sessions
    ]


def _last_attendances(study: Study) -> dict[UUID, list[Attendance]]:
    """For each session the last page load, and the last one with a display check, where that is another."""
    by_session = Attendance.objects.filter(session__study=study).order_by().values("session")
    checked = by_session.filter(sees_dark_patch__isnull=False)
    wanted = [row["last"] for rows in (by_session, checked) for row in rows.annotate(last=Max("pk"))]
    found: dict[UUID, list[Attendance]] = {}
    for attendance in Attendance.objects.filter(pk__in=wanted).order_by("pk"):
        found.setdefault(attendance.session_id, []).append(attendance)
    return found


def describe_screen(attendances: list[Attendance], *, image_size: int) -> str:
    """For the investigator: the last of `attendances` (oldest first), and what the reader said of the test pattern."""
    if not attendances:
        return ""
    last = attendances[-1]
    parts = []
    if last.screen_width and last.screen_height:
        ratio = last.pixel_ratio or 1
        parts.append(f"{round(last.screen_width * ratio)} × {round(last.screen_height * ratio)} px")
    if last.pixel_ratio:
        parts.append(f"ratio {last.pixel_ratio:g}")
    if last.zoom_percent:
        parts.append(f"zoom {last.zoom_percent} %")
    if last.stage_side:
        parts.append(
            "1:1 fits" if last.stage_side >= image_size else f"shown at {100 * last.stage_side // image_size} %"
        )
    parts.append(browser_name(last.browser))
    for attendance in reversed(attendances):
        if attendance.sees_dark_patch is not None:
            unseen = [
                name
                for name, seen in (("5 %", attendance.sees_dark_patch), ("95 %", attendance.sees_light_patch))
                if not seen
            ]
            parts.append(f"{' and '.join(unseen)} patch not seen" if unseen else "test pattern seen")
            break
    return ", ".join(parts)


def browser_name(user_agent: str) -> str:
    """Name and main version. What is not one of the common browsers is given by its first word."""
    for token, name in (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome")):
        _, found, rest = user_agent.partition(token)
        if found:
            return f"{name} {rest.split('.')[0].split(' ')[0]}"
    if "Safari/" in user_agent:
        return f"Safari {user_agent.partition('Version/')[2].split('.')[0]}".strip()
    return user_agent.split(" ")[0] or "browser not known"


def invitations_of(study: Study) -> QuerySet[Invitation]:
    return study.invitations.select_related("accepted_by")


def find_study(name_or_id: str) -> Study:
    """By id or exact name, for the command line. Raises StudyError, listing the newest, when there is none."""
    try:
        study = Study.objects.filter(pk=UUID(name_or_id)).first()
    except ValueError:
        study = Study.objects.filter(name=name_or_id).first()
    if study is None:
        names = ", ".join(f"“{name}”" for name in Study.objects.values_list("name", flat=True)[:5])
        raise StudyError(
            f"There is no study “{name_or_id}”. " + (f"The newest are: {names}." if names else "There is none yet.")
        )
    return study
