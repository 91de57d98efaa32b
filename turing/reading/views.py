"""Pages and JSON endpoints of readers. Nothing here may be cached, and another user's session is 404 for everybody."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from config.accounts.models import User
from turing.errors import StudyError
from turing.models.reading import ReadingSession
from turing.reading import selectors, services
from turing.reading.course import Interlude
from turing.reading.enrolment import accept_invitation, find_invitation, invitation_problem, register_reader
from turing.reading.errors import InvalidDeclaration, ReadingRefused, Unavailable, UnknownImage
from turing.reading.forms import (
    RegistrationForm,
    StartForm,
    parse_answer,
    parse_attendance,
    parse_json,
    parse_screen,
)
from turing.reading.markdown import render_markdown

AUTHENTICATION_BACKEND = "config.accounts.signed_in.AuthenticationBackend"
no_store = cache_control(no_store=True)
SessionView = Callable[..., HttpResponse]
LOCK_WAIT_S = 10  # below the time after which the page gives a request up (static/js/reading/server.js)

logger = logging.getLogger(__name__)


def own_session(view: SessionView) -> SessionView:
    """Pages: the reader's own session, or the sign-in page, or 404."""

    @no_store
    @wraps(view)
    def guarded(request: HttpRequest, session_id: UUID) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        session = selectors.find_session(session_id, request.user)
        if session is None:
            raise Http404
        return view(request, session)

    return guarded


def own_session_data(view: SessionView) -> SessionView:
    """Endpoints of the reading page: the same, with JSON in place of pages; refusals carry a code, and so does a
    database that is locked, full or gone. No request waits for a lock longer than the page waits for the request.
    """

    def find(request: HttpRequest, session_id: UUID) -> ReadingSession:
        session = selectors.find_session(session_id, cast(User, request.user))
        if session is None:
            raise UnknownImage
        return session

    return _data_view(view, find)


def claimed_session_data(view: SessionView) -> SessionView:
    """The same for endpoints whose service locks the session before anything else: it finds out whose it is by that."""

    def claim(request: HttpRequest, session_id: UUID) -> ReadingSession:
        return ReadingSession(pk=session_id, reader=cast(User, request.user))

    return _data_view(view, claim)


def _data_view(view: SessionView, session_of: Callable[[HttpRequest, UUID], ReadingSession]) -> SessionView:
    @no_store
    @wraps(view)
    def guarded(request: HttpRequest, session_id: UUID, **kwargs: Any) -> HttpResponse:
        try:
            _limit_lock_wait()
            if not request.user.is_authenticated:
                return JsonResponse({"code": "signed-out", "error": "You are signed out. Sign in again."}, status=401)
            return view(request, session_of(request, session_id), **kwargs)
        except (OperationalError, InterfaceError):
            logger.exception("The database failed a reader's request")
            return _refusal(Unavailable("The server cannot store or read anything just now."))
        except ReadingRefused as refusal:
            return _refusal(refusal)

    return guarded


@login_required
@no_store
def my_studies(request: HttpRequest) -> HttpResponse:
    sessions = selectors.sessions_of(cast(User, request.user))
    context = {
        "current": [session for session in sessions if not session.is_past],
        "past": [session for session in sessions if session.is_past],
    }
    return render(request, "turing/reading/my_studies.html", context)


@require_http_methods(["GET", "POST"])
@own_session
def instructions(request: HttpRequest, session: ReadingSession) -> HttpResponse:
    """Consent, what the reader declares, and the words of the study, before the first image."""
    form = StartForm(session.study, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            services.start_reading(session=session, **form.cleaned_data)
        except InvalidDeclaration as refusal:
            form.add_error(None, str(refusal))
        except ReadingRefused:
            return _no_reading(request, session)
        else:
            return redirect("turing:read", session.pk)
    study = selectors.study_for_reader(session)
    if not study.is_started and not (study.is_open and study.is_available):
        return _no_reading(request, session)
    context = {
        "study": study,
        "form": form,
        "consent": render_markdown(study.consent),
        "instructions": render_markdown(study.instructions),
    }
    return render(request, "turing/reading/instructions.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@own_session
def phase(request: HttpRequest, session: ReadingSession) -> HttpResponse:
    """The words of a later phase, before its first image."""
    study = selectors.study_for_reader(session)
    here = selectors.current_of(session)
    if not isinstance(here, selectors.Rest) or here.kind != Interlude.PHASE:
        return redirect("turing:read", session.pk)
    if not study.is_open:
        return _no_reading(request, session)
    if request.method == "POST":
        try:
            services.start_phase(session=session)
        except ReadingRefused:
            return _no_reading(request, session)
        return redirect("turing:read", session.pk)
    context = {"study": study, "instructions": render_markdown(study.instructions)}
    return render(request, "turing/reading/phase.html", context)


@require_http_methods(["GET"])
@own_session
def read(request: HttpRequest, session: ReadingSession) -> HttpResponse:
    """The reading page. What it shows it asks from `current`, so that a reload and a second tab are nothing special."""
    study = selectors.study_for_reader(session)
    if study.is_finished:
        return redirect("turing:read_done", session.pk)
    if not study.is_open:
        return _no_reading(request, session)
    if not study.is_started:
        return redirect("turing:read_instructions", session.pk)
    here = selectors.current_of(session)
    if isinstance(here, selectors.Rest) and here.kind == Interlude.PHASE and session.phase_read < study.phase:
        return redirect("turing:read_phase", session.pk)
    urls = {
        name: reverse(f"turing:read_{name}", args=[session.pk]) for name in ("attend", "current", "answer", "continue")
    }
    urls["leave"] = reverse("turing:my_studies")
    return render(request, "turing/reading/read.html", {"study": study, "urls": urls, "is_preview": False})


@require_http_methods(["GET"])
@own_session
def done(request: HttpRequest, session: ReadingSession) -> HttpResponse:
    study = selectors.study_for_reader(session)
    if not study.is_finished:
        return redirect("turing:read", session.pk)
    context = {"study": study, "closing_text": render_markdown(study.closing_text)}
    return render(request, "turing/reading/done.html", context)


@require_http_methods(["GET"])
@own_session_data
def current(request: HttpRequest, session: ReadingSession) -> HttpResponse:
    services.require_readable(session=session)
    presentation = selectors.current_presentation(session)
    if presentation is None or presentation.became_current_at is None:
        services.resume_reading(session=session)
    return JsonResponse(_state(session, selectors.current_of(session)))


@require_POST
@own_session_data
def attend(request: HttpRequest, session: ReadingSession) -> HttpResponse:
    """A page that has loaded: from now on this one reads, and it is told where."""
    screen = parse_screen(request.body, browser=request.headers.get("User-Agent", ""))
    attendance = services.attend(session=session, screen=screen)
    return JsonResponse({"attendance": attendance.token, "current": _state(session, selectors.current_of(session))})


@require_POST
@own_session_data
def go_on(request: HttpRequest, session: ReadingSession) -> HttpResponse:
    """The reader goes on after a break, or after the practice."""
    services.end_interlude(session=session, attendance=parse_attendance(parse_json(request.body)))
    return JsonResponse({"current": _state(session, selectors.current_of(session))})


@require_http_methods(["GET"])
@claimed_session_data
def stimulus(request: HttpRequest, session: ReadingSession, token: str) -> HttpResponse:
    """Raw grey bytes. Every response of a study has the same headers and the same length."""
    pixels = services.serve_stimulus(session=session, token=token, attendance=request.headers.get("X-Attendance", ""))
    return HttpResponse(
        pixels,
        content_type="application/octet-stream",
        headers={"Content-Length": str(len(pixels)), "Content-Disposition": 'inline; filename="image"'},
    )


@require_POST
@claimed_session_data
def answer(request: HttpRequest, session: ReadingSession) -> HttpResponse:
    received_at = timezone.now()
    stored = services.record_answer(session=session, received_at=received_at, **parse_answer(request.body))
    state = {"state": "stopped", "url": reverse("turing:my_studies")} if stored.is_stopped else None
    told: dict[str, Any] = {"stored": stored.position, "next": state or _state(session, stored.next)}
    if stored.feedback is not None:
        told["feedback"] = {"answer": stored.feedback, "correct": stored.value == stored.feedback}
    return JsonResponse(told)


@sensitive_variables("secret")
@sensitive_post_parameters("password", "password_again")
@require_http_methods(["GET", "POST"])
@no_store
def invite(request: HttpRequest, secret: str) -> HttpResponse:
    """Opening the link changes nothing (mail programs open links too); the reader accepts or registers by POST."""
    invitation = find_invitation(secret)
    problem = invitation_problem(invitation, request.user)
    if invitation is None or problem:
        status = 404 if invitation is None else 410
        return render(request, "turing/reading/invite_problem.html", {"problem": problem}, status=status)
    context = {"study_name": invitation.study.name, "here": request.path}
    try:
        if request.user.is_authenticated:
            if request.method == "POST":
                return redirect("turing:read", accept_invitation(secret=secret, user=request.user).pk)
            return render(request, "turing/reading/invite_accept.html", context)
        form = RegistrationForm(request.POST or None)
        if form.is_valid():
            session = _register(request, form, secret)
            if session is not None:
                return redirect("turing:read", session.pk)
    except StudyError as error:
        return render(request, "turing/reading/invite_problem.html", {"problem": str(error)}, status=410)
    return render(request, "turing/reading/invite_register.html", {**context, "form": form})


@sensitive_variables("secret")
def _register(request: HttpRequest, form: RegistrationForm, secret: str) -> ReadingSession | None:
    """The new reader's session, signed in; None with the errors in the form."""
    data = form.cleaned_data
    try:
        session = register_reader(
            secret=secret, username=data["username"], password=data["password"], email=data["email"]
        )
    except ValidationError as error:
        for field, problems in getattr(error, "error_dict", {"password": error.error_list}).items():
            form.add_error(field if field in form.fields else None, problems)
        return None
    login(request, session.reader, backend=AUTHENTICATION_BACKEND)
    messages.success(request, f"Welcome, {data['username']}. Your account has been made.")
    return session


def _state(session: ReadingSession, current: selectors.Current | selectors.Rest | None) -> dict[str, Any]:
    """All that a reading page is ever told about an image: the allow-list of rule 2."""
    if current is None:
        return {"state": "finished", "url": reverse("turing:read_done", args=[session.pk])}
    if isinstance(current, selectors.Rest):
        page = "turing:read_phase" if current.kind == Interlude.PHASE else "turing:read"
        return {
            "state": "interlude",
            "kind": current.kind,
            "url": reverse(page, args=[session.pk]),
            "answered": current.answered,
            "total": current.total,
        }
    return {
        "state": "reading",
        **_image(session, current.token),
        "section": current.section,
        "position": current.position,
        "total": current.total,
        "size": current.size,
        "ahead": None if current.ahead is None else _image(session, current.ahead),
    }


def _image(session: ReadingSession, token: str) -> dict[str, str]:
    return {"token": token, "stimulus": reverse("turing:read_stimulus", args=[session.pk, token])}


def _refusal(refusal: ReadingRefused) -> JsonResponse:
    return JsonResponse({"code": refusal.code, "error": str(refusal)}, status=refusal.status)


def _limit_lock_wait() -> None:
    """Only on SQLite, where whoever writes stops everybody else: jobs wait longer there. (PostgreSQL: see settings.)"""
    if connection.vendor == "sqlite":
        connection.longest_wait_s = LOCK_WAIT_S  # type: ignore[attr-defined]  # of config.sqlite
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {1000 * LOCK_WAIT_S}")


def _no_reading(request: HttpRequest, session: ReadingSession) -> HttpResponse:
    """The study is closed, or its second session has not come yet."""
    study = selectors.study_for_reader(session)
    page = "not_yet" if study.is_open and not study.is_available else "closed"
    return render(request, f"turing/reading/{page}.html", {"study": study}, status=403)
