"""Reading a study as its reader, and as nobody else: the services and the locked order of the reading page.

An answer that comes through here has no reading time: nobody knows when the image was on a screen. It is stored without
one and flagged (`turing.timing.Flag.THROUGH_API`), so that analyses of time leave it out and every table shows it. A
study that shows images for a limited time is refused: only the reading page can keep the limit.
"""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import ApiView
from api.fields import Anything, Body, Key, ListQuery, Number, OneOf, Query, Text, Whole, YesNo
from api.problems import Conflict
from api.scopes import READER
from turing.errors import StudyError
from turing.grouping import MOST_YEARS
from turing.marks import MOST_CHARACTERS
from turing.models.reading import ReadingSession
from turing.models.studies import Grade
from turing.models.studies import Response as Said
from turing.reading import selectors, services
from turing.reading.enrolment import accept_invitation
from turing.reading.errors import InvalidAnswer, InvalidDeclaration, ReadingRefused, UnknownImage

ONLY_ON_THE_PAGE = (
    "This study shows its images, or waits for answers, for a limited time. Only the reading page can keep the limit: "
    "read it there."
)
BROWSER = "API"  # in the place of a user agent


class Refusal(exceptions.APIException):
    """What the reading services refuse, with their status and code."""

    def __init__(self, refusal: ReadingRefused) -> None:
        super().__init__(str(refusal), code=refusal.code)
        self.status_code = 422 if isinstance(refusal, InvalidAnswer | InvalidDeclaration) else refusal.status


class SessionRow(serializers.Serializer):
    id = serializers.UUIDField(source="session_id")
    study_name = serializers.CharField()
    answered = serializers.IntegerField(help_text="Images, without practice.")
    total = serializers.IntegerField(
        allow_null=True, help_text="Images, without practice; null: the study does not tell."
    )
    is_started = serializers.BooleanField()
    is_open = serializers.BooleanField()
    is_finished = serializers.BooleanField()
    available_from = serializers.DateTimeField(allow_null=True, help_text="Not before; null: at once.")


class SessionFull(serializers.Serializer):
    id = serializers.UUIDField(source="session_id")
    name = serializers.CharField()
    question = serializers.CharField()
    instructions = serializers.CharField(allow_blank=True, help_text="Markdown; of the part that you are in.")
    consent = serializers.CharField(allow_blank=True, help_text="Markdown, to be agreed to; empty: not asked.")
    scale = serializers.CharField(help_text="How is answered: binary, confidence, percent or pair.")
    real_label = serializers.CharField(help_text="What the answer “real” is called here.")
    synthetic_label = serializers.CharField()
    mark_kind = serializers.CharField(allow_blank=True, help_text="point or box, in pixels of the image; empty: none.")
    asks_comment = serializers.BooleanField()
    group_by = serializers.CharField(
        allow_blank=True, help_text="To be declared at the start: years, grade, or nothing."
    )
    image_size = serializers.IntegerField(help_text="Pixels; the side of the square.")
    bit_depth = serializers.IntegerField(help_text="Bits of a grey level, 8 or 16 (little-endian).")
    is_started = serializers.BooleanField()
    is_open = serializers.BooleanField()
    is_finished = serializers.BooleanField()


class State(serializers.Serializer):
    """Where the reader is. All that is ever told of an image before it is answered."""

    state = serializers.ChoiceField(["reading", "interlude", "finished", "stopped"])
    kind = serializers.CharField(required=False, help_text="Of an interlude: break, practice-over or phase.")
    token = serializers.CharField(required=False, help_text="Of the image: it is fetched and answered with it.")
    section = serializers.CharField(required=False, help_text="practice or study")
    position = serializers.IntegerField(required=False, help_text="From 1, in the section.")
    answered = serializers.IntegerField(required=False, help_text="Of an interlude: images answered so far.")
    total = serializers.IntegerField(required=False, allow_null=True, help_text="Null: the study does not tell.")
    size = serializers.IntegerField(required=False, help_text="Pixels; the side of the square.")


class ReadingView(ApiView):
    audience = staticmethod(lambda user: bool(user.is_authenticated))
    read_scope = write_scope = READER
    minds_projects = False
    serializer_class = State
    queryset = ReadingSession.objects.all()

    def session(self, pk: UUID) -> ReadingSession:
        """One's own; everybody else's is not there, whoever asks."""
        session = selectors.find_session(pk, self.user)
        if session is None:
            raise Refusal(UnknownImage("There is no such session of yours."))
        return session

    def handle_exception(self, error: Exception) -> Any:
        return super().handle_exception(Refusal(error) if isinstance(error, ReadingRefused) else error)


def state_of(session: ReadingSession, current: Any) -> dict[str, Any]:
    if current is None:
        return {"state": "finished" if _is_finished(session) else "stopped"}
    if isinstance(current, selectors.Rest):
        return {"state": "interlude", "kind": str(current.kind), "answered": current.answered, "total": current.total}
    return {
        "state": "reading",
        "token": current.token,
        "section": str(current.section),
        "position": current.position,
        "total": current.total,
        "size": current.size,
    }


def _is_finished(session: ReadingSession) -> bool:
    return ReadingSession.objects.filter(pk=session.pk, finished_at__isnull=False).exists()


class SessionList(ReadingView):
    query = ListQuery
    serializer_class = SessionRow

    @extend_schema(summary="Your reading sessions, newest first", responses=SessionRow(many=True))
    def get(self, request: Request) -> Response:
        return self.paged(selectors.sessions_of(self.user), SessionRow)


class JoinBody(Body):
    secret = Text(max_length=200, help_text="The end of the link of your invitation.")


class Joined(serializers.Serializer):
    id = serializers.UUIDField(help_text="Of your session.")


class Join(ReadingView):
    serializer_class = Joined

    @extend_schema(summary="Accept an invitation", request=JoinBody, responses={201: Joined})
    def post(self, request: Request) -> Response:
        try:
            session = accept_invitation(user=self.user, **self.sent(JoinBody))
        except StudyError as error:
            raise Conflict(str(error)) from error
        return Response({"id": str(session.pk)}, status=201)


class SessionDetail(ReadingView):
    serializer_class = SessionFull

    @extend_schema(summary="What the study asks", responses=SessionFull)
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(SessionFull(selectors.study_for_reader(self.session(pk))).data)


class StartBody(Body):
    consents = YesNo(required=False, help_text="You have read the consent and agree to take part.")
    years_experience = Number(required=False, min_value=0, max_value=MOST_YEARS, help_text="Years in radiology.")
    grade = OneOf(Grade.choices, required=False)


class Start(ReadingView):
    @extend_schema(
        summary="Start",
        description="You have read the instructions. Of a later part too; starting again changes nothing.",
        request=StartBody,
        responses=State,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        session, sent = self.session(pk), self.sent(StartBody)
        if session.instructions_read_at is None:
            session = services.start_reading(session=session, **sent)
        services.start_phase(session=session)
        return self.attended(session)

    def attended(self, session: ReadingSession) -> Response:
        """From now on this program reads: a page that is open elsewhere is told so."""
        attendance = services.attend(session=session, screen=services.Screen(browser=BROWSER))
        session = self.session(session.pk)
        services.end_interlude(session=session, attendance=attendance.token)
        return Response({**state_of(session, selectors.current_of(session))})


class Continue(Start):
    @extend_schema(
        summary="Go on",
        description="After a break, after the practice, or after you have read on a page.",
        request=Body,
        responses=State,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        self.sent(Body)
        return self.attended(self.session(pk))


class CurrentImage(ReadingView):
    query = Query

    @extend_schema(summary="Where you are", responses=State)
    def get(self, request: Request, pk: UUID) -> Response:
        session = self.session(pk)
        services.require_readable(session=session)
        return Response(state_of(session, selectors.current_of(session)))


def attendance_of(session: ReadingSession) -> str:
    """Of the API, when it was the last to attend: then it may go on. Empty, which is refused, when a page was."""
    newest = session.attendances.order_by("-pk").first()
    return newest.token if newest is not None and newest.browser == BROWSER else ""


class Stimulus(ReadingView):
    @extend_schema(
        summary="Pixels of the current image",
        description="Grey levels row by row, without a header: image_size² values of bit_depth. Of a pair the left "
        "image, then the right one. The server's clock starts with this.",
        responses={(200, "application/octet-stream"): bytes},
        operation_id="reading_stimulus_retrieve",
    )
    def get(self, request: Request, pk: UUID, token: str) -> HttpResponse:
        session = self.session(pk)
        pixels = services.serve_stimulus(session=session, token=token, attendance=attendance_of(session))
        return HttpResponse(
            pixels,
            content_type="application/octet-stream",
            headers={"Content-Disposition": 'inline; filename="image"'},
        )


class AnswerBody(Body):
    token = Text(max_length=64, help_text="Of the current image.")
    idempotency_key = Key(help_text="A UUID, new with every answer: sent again, it gets the stored result.")
    value = OneOf([*Said.values], required=False, help_text="Or `rating`, on a graded scale.")
    rating = Whole(required=False, min_value=0, max_value=100, help_text="confidence: 1 to 6; percent: 0 to 100.")
    marks = serializers.ListField(child=Anything(), required=False, max_length=200, help_text="In pixels of the image.")
    comment = Text(required=False, allow_blank=True, max_length=MOST_CHARACTERS)


class Feedback(serializers.Serializer):
    answer = serializers.CharField(help_text="The right answer of a practice image.")
    correct = serializers.BooleanField()


class StoredAnswer(serializers.Serializer):
    stored = serializers.IntegerField(help_text="Position in your order, from 1, practice included.")
    next = State()
    feedback = Feedback(required=False, help_text="Of a practice image, when the study tells what it was.")


class Answer(ReadingView):
    serializer_class = StoredAnswer

    @extend_schema(
        summary="Answer the current image",
        description="Final. No time can be sent: answers of the API have none, and are flagged so in every table.",
        request=AnswerBody,
        responses=StoredAnswer,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        received_at = timezone.now()
        session, sent = self.session(pk), self.sent(AnswerBody)
        if session.study.exposure_limit_ms is not None or session.study.time_limit_ms is not None:
            raise Conflict(ONLY_ON_THE_PAGE)
        stored = services.record_answer(
            session=session,
            received_at=received_at,
            reading_ms=None,
            through_api=True,
            attendance=attendance_of(session),
            **sent,
        )
        told: dict[str, Any] = {"stored": stored.position, "next": state_of(session, stored.next)}
        if stored.feedback is not None:
            told["feedback"] = {"answer": stored.feedback, "correct": stored.value == stored.feedback}
        return Response(told)
