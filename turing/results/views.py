"""The results page and the export: investigators only, closed studies only, superusers included."""

from typing import Any, cast
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.text import slugify
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from config.accounts.access import investigator_required
from config.accounts.models import User
from turing import rules
from turing.models import Scale, Study
from turing.results.difficulty import rank_by_difficulty
from turing.results.images import UNANIMOUS, marks_heat_png, stimulus_png
from turing.results.links import study_links
from turing.results.rows import other_origin
from turing.results.services import export_answers, view_images, view_results
from turing.scales import RANGES
from turing.selectors import reader_progress

IMAGES_PER_PAGE = 12


@require_GET
@investigator_required
@cache_control(no_store=True)
def results(request: HttpRequest, study_id: UUID) -> HttpResponse:
    """Before closing: a page that says why there is nothing to see, with the progress of readers (403)."""
    study = _get_study(study_id)
    if not rules.can_view_results(request.user, study):
        return _not_yet(request, study)
    context = {
        **_words(study),
        "results": view_results(study=study, by=cast(User, request.user)),
        "followed_by": study.followed_by.order_by("created_at"),
        "study_links": study_links(),
    }
    return render(request, "turing/results/results.html", context)


@require_GET
@investigator_required
@cache_control(no_store=True)
def images(request: HttpRequest, study_id: UUID) -> HttpResponse:
    """Every image with what readers said and marked.

    `?show=remarks`: those with a mark or a comment; `?show=` one of UNANIMOUS: those that all readers called alike.
    `?order=expected`: by difficulty as the mixed model sees it, instead of by the share of right answers.
    `?marks=heat`: where marks lie close together, instead of each mark.
    """
    study = _get_study(study_id)
    if not rules.can_view_results(request.user, study):
        return _not_yet(request, study)
    shown = view_images(study=study, by=cast(User, request.user))
    ranking = rank_by_difficulty(shown) if request.GET.get("order") == "expected" else None
    if ranking is not None:
        shown = list(ranking.images)
    remarked = [image for image in shown if image.is_remarked]
    kinds = {kind: [image for image in shown if image.unanimous == kind] for kind in UNANIMOUS}
    show = request.GET.get("show", "")
    chosen = remarked if show == "remarks" else kinds.get(show, shown)
    page = Paginator(chosen, IMAGES_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        **_words(study),
        "page_obj": page,
        "ranking": ranking,
        "n_images": len(shown),
        "n_remarked": len(remarked),
        "show": show if show in kinds or show == "remarks" else "",
        "kinds": [(kind, len(found)) for kind, found in kinds.items()],
        "is_heat": bool(study.mark_kind) and request.GET.get("marks") == "heat",
        "radius": study.image_size / 40,
        "font_size": study.image_size / 28,
    }
    return render(request, "turing/results/images.html", context)


@require_GET
@investigator_required
@cache_control(private=True, max_age=3600)
def image_png(request: HttpRequest, study_id: UUID, position: int, side: int) -> HttpResponse:
    study = get_object_or_404(Study, pk=study_id)
    if not rules.can_view_results(request.user, study):
        raise PermissionDenied("Images of a study can be seen once it is closed.")
    try:
        data = stimulus_png(study, position=position, side=side)
    except (LookupError, FileNotFoundError) as error:
        raise Http404(str(error)) from None
    return HttpResponse(data, content_type="image/png")


@require_GET
@investigator_required
@cache_control(private=True, max_age=3600)
def image_heat_png(request: HttpRequest, study_id: UUID, position: int, side: int) -> HttpResponse:
    """Where marks lie close together, to be laid over the image."""
    study = get_object_or_404(Study, pk=study_id)
    if not rules.can_view_results(request.user, study):
        raise PermissionDenied("Marks of a study can be seen once it is closed.")
    try:
        data = marks_heat_png(study, position=position, side=side)
    except LookupError as error:
        raise Http404(str(error)) from None
    return HttpResponse(data, content_type="image/png")


@require_GET
@investigator_required
@cache_control(no_store=True)
def answers_csv(request: HttpRequest, study_id: UUID) -> HttpResponse:
    study = get_object_or_404(Study, pk=study_id)
    if not rules.can_view_results(request.user, study):
        raise PermissionDenied("Answers can be exported once the study is closed.")
    name = f"{slugify(study.name) or 'study'}-answers.csv"
    return HttpResponse(
        export_answers(study=study, by=cast(User, request.user)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _get_study(study_id: UUID) -> Study:
    return get_object_or_404(
        Study.objects.select_related("real_dataset", "synthetic_dataset", "leak_report", "follows"), pk=study_id
    )


def _not_yet(request: HttpRequest, study: Study) -> HttpResponse:
    context = {"study": study, "readers": reader_progress(study)}
    return render(request, "turing/results/not_yet.html", context, status=403)


def _words(study: Study) -> dict[str, Any]:
    """What the pages of results need to know of the protocol."""
    return {
        "study": study,
        "positive": study.positive_class,
        "negative": other_origin(study.positive_class),
        "is_pair": study.scale == Scale.PAIR,
        "is_graded": study.scale in RANGES,
    }
