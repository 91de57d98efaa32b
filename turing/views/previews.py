"""The preview of a study: the readers' own pages, and the JSON of the reading page, for investigators; never stored."""

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.accounts.access import investigator_required
from config.accounts.rules import is_investigator
from turing import previews
from turing.errors import StudyError
from turing.models import Response, Study
from turing.previews import Preview, Step
from turing.reading.answers import check_answer
from turing.reading.course import Interlude
from turing.reading.errors import AnsweredAlready, NotCurrent, ReadingRefused, ReadsElsewhere, StudyClosed, UnknownImage
from turing.reading.forms import StartForm, parse_answer, parse_attendance, parse_json, parse_screen
from turing.reading.markdown import render_markdown
from turing.views._shared import SignedInRequest, get_study

KEY = "turing.previews"  # in the web session: study -> where its preview stands
MOST_KEPT = 3  # previews of other studies in other tabs
no_store = cache_control(no_store=True)
NOTHING_STORED = "Preview: this is what readers find. Nothing that you do here is stored."


def preview_page(view: Callable[..., HttpResponse]) -> Callable[..., Any]:
    """Pages of investigators; what keeps a study from being previewed is said on its own page."""

    @no_store
    @investigator_required
    @wraps(view)
    def guarded(request: SignedInRequest, study_id: UUID) -> HttpResponse:
        study = get_study(study_id)
        try:
            if study.status == Study.Status.CLOSED:
                raise StudyError(f"“{study}” is closed: there is nothing left to preview.")
            return view(request, study)
        except StudyError as problem:
            messages.error(request, str(problem))
            return redirect(study)

    return guarded


def preview_data(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Endpoints of the reading page: refusals are JSON with a code."""

    @no_store
    @wraps(view)
    def guarded(request: SignedInRequest, study_id: UUID, **kwargs: Any) -> HttpResponse:
        try:
            if not request.user.is_authenticated:
                return JsonResponse({"code": "signed-out", "error": "You are signed out. Sign in again."}, status=401)
            if not is_investigator(request.user):
                return JsonResponse({"code": "forbidden", "error": "Previews are for investigators."}, status=403)
            return view(request, get_study(study_id), **kwargs)
        except ReadingRefused as refusal:
            return JsonResponse({"code": refusal.code, "error": str(refusal)}, status=refusal.status)
        except StudyError as problem:
            return JsonResponse({"code": StudyClosed.code, "error": str(problem)}, status=StudyClosed.status)

    return guarded


@require_http_methods(["GET", "POST"])
@preview_page
def preview_instructions(request: SignedInRequest, study: Study) -> HttpResponse:
    """Consent, declaration and instructions as a reader finds them. What is filled in is checked, then forgotten."""
    form = StartForm(study, request.POST if request.method == "POST" else None)
    if form.is_valid():
        _keep(request, study, previews.begin_preview(study))
        return redirect("turing:preview", study.pk)
    messages.info(request, NOTHING_STORED)
    context = {
        "study": previews.study_as_reader(study),
        "form": form,
        "consent": render_markdown(study.consent),
        "instructions": render_markdown(study.instructions),
        "is_preview": True,
        "urls": _urls(study),
    }
    return render(request, "turing/reading/instructions.html", context, status=422 if form.errors else 200)


@require_GET
@preview_page
def preview(request: SignedInRequest, study: Study) -> HttpResponse:
    """The reading page itself. A preview that has ended, or whose draft was changed, begins anew."""
    here = _find(request, study)
    if here is None or here.current is None:
        here = previews.begin_preview(study)
        _keep(request, study, here)
    if here.current is not None and here.current.kind == Interlude.PHASE:
        return redirect("turing:preview_phase", study.pk)
    context = {"study": previews.study_as_reader(study, here), "urls": _urls(study), "is_preview": True}
    return render(request, "turing/reading/read.html", context)


@require_http_methods(["GET", "POST"])
@preview_page
def preview_phase(request: SignedInRequest, study: Study) -> HttpResponse:
    here = _find(request, study)
    if here is None or here.current is None or here.current.kind != Interlude.PHASE:
        return redirect("turing:preview", study.pk)
    if request.method == "POST":
        here.at += 1
        _keep(request, study, here)
        return redirect("turing:preview", study.pk)
    messages.info(request, NOTHING_STORED)
    shown = previews.study_as_reader(study, here)
    context = {
        "study": shown,
        "instructions": render_markdown(shown.instructions),
        "is_preview": True,
        "urls": _urls(study),
    }
    return render(request, "turing/reading/phase.html", context)


@require_GET
@preview_page
def preview_done(request: SignedInRequest, study: Study) -> HttpResponse:
    here = _find(request, study)
    if here is None or here.current is not None:
        return redirect("turing:preview", study.pk)
    shown = previews.study_as_reader(study, here)
    context = {
        "study": shown,
        "closing_text": render_markdown(study.closing_text),
        "is_preview": True,
        "urls": _urls(study),
    }
    return render(request, "turing/reading/done.html", context)


@require_POST
@preview_data
def preview_attend(request: SignedInRequest, study: Study) -> HttpResponse:
    here = _find(request, study) or previews.begin_preview(study)
    here.attendance = secrets.token_urlsafe(24)
    here.is_screen_checked |= parse_screen(request.body, browser="").sees_dark_patch is not None
    _keep(request, study, here)
    return JsonResponse({"attendance": here.attendance, "current": _state(study, here)})


@require_GET
@preview_data
def preview_current(request: SignedInRequest, study: Study) -> HttpResponse:
    return JsonResponse(_state(study, _require(request, study)))


@require_POST
@preview_data
def preview_continue(request: SignedInRequest, study: Study) -> HttpResponse:
    here = _require(request, study)
    _require_newest(here, parse_attendance(parse_json(request.body)))
    if here.current is not None and here.current.kind in (Interlude.BREAK, Interlude.PRACTICE_OVER):
        here.at += 1
        _keep(request, study, here)
    return JsonResponse({"current": _state(study, here)})


@require_POST
@preview_data
def preview_answer(request: SignedInRequest, study: Study) -> HttpResponse:
    """Checked as a real one, except for the clock; then forgotten."""
    here = _require(request, study)
    sent = parse_answer(request.body)
    _require_newest(here, sent["attendance"])
    index = next((index for index, step in enumerate(here.steps) if step.token == sent["token"] and step.token), None)
    if index is None or index > here.at + 1 or (index == here.at + 1 and here.ahead is None):
        raise UnknownImage
    if index > here.at:
        raise NotCurrent("This image is not the current one yet.")
    if index < here.at:
        raise AnsweredAlready("This image is answered already.")
    step = here.steps[index]
    given = check_answer(
        study, value=sent["value"], rating=sent["rating"], marks=sent["marks"], comment=sent["comment"]
    )
    here.at += 1
    _keep(request, study, here)
    state = {"state": "stopped", "url": study.get_absolute_url()} if sent["stop"] else _state(study, here)
    told: dict[str, Any] = {"stored": here.answered, "next": state}
    if step.is_practice and study.practice_feedback:
        right = previews.right_answer(study, step)
        told["feedback"] = {"answer": right, "correct": given.value == right and given.value != Response.NONE}
    return JsonResponse(told)


@require_GET
@preview_data
def preview_stimulus(request: SignedInRequest, study: Study, token: str) -> HttpResponse:
    """The current image, or the one ahead; any other is not there, as for a reader."""
    here = _require(request, study)
    step = next((step for step in (here.current, here.ahead) if step and step.token == token), None)
    if step is None or not step.is_trial:
        raise UnknownImage
    pixels = previews.pixels_of(study, step)
    return HttpResponse(
        pixels,
        content_type="application/octet-stream",
        headers={"Content-Length": str(len(pixels)), "Content-Disposition": 'inline; filename="image"'},
    )


def _urls(study: Study) -> dict[str, str]:
    names = ("attend", "current", "answer", "continue")
    urls = {name: reverse(f"turing:preview_{name}", args=[study.pk]) for name in names}
    return {**urls, "leave": study.get_absolute_url()}


def _state(study: Study, here: Preview) -> dict[str, Any]:
    """In the words of `turing.reading.views`."""
    step = here.current
    if step is None:
        return {"state": "finished", "url": reverse("turing:preview_done", args=[study.pk])}
    if not step.is_trial:
        page = "turing:preview_phase" if step.kind == Interlude.PHASE else "turing:preview"
        answered, total = here.rest
        return {
            "state": "interlude",
            "kind": step.kind,
            "url": reverse(page, args=[study.pk]),
            "answered": answered,
            "total": total if study.shows_total else None,
        }
    section, position, total = here.place_of(step)
    return {
        "state": "reading",
        **_image(study, step),
        "section": section,
        "position": position,
        "total": total if study.shows_total else None,
        "size": study.image_size,
        "ahead": None if here.ahead is None else _image(study, here.ahead),
    }


def _image(study: Study, step: Step) -> dict[str, str]:
    return {"token": step.token, "stimulus": reverse("turing:preview_stimulus", args=[study.pk, step.token])}


def _require_newest(here: Preview, attendance: str) -> None:
    if here.attendance and attendance != here.attendance:
        raise ReadsElsewhere("You have opened this preview in another tab: it goes on there.")


def _find(request: HttpRequest, study: Study) -> Preview | None:
    document = request.session.get(KEY, {}).get(str(study.pk))
    if document is None:
        return None
    preview = Preview.from_document(document)
    return preview if preview.signature == previews.signature_of(study) else None


def _require(request: HttpRequest, study: Study) -> Preview:
    preview = _find(request, study)
    if preview is None:
        raise UnknownImage("The study was changed, or its preview was given up. Reload the page: it begins anew.")
    return preview


def _keep(request: HttpRequest, study: Study, preview: Preview) -> None:
    kept = {key: value for key, value in request.session.get(KEY, {}).items() if key != str(study.pk)}
    newest = list(kept.items())[-(MOST_KEPT - 1) :]
    request.session[KEY] = {**dict(newest), str(study.pk): preview.to_document()}
