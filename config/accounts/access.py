"""Guards for views. Not signed in: to the sign-in page. Signed in without the right: 403."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from config.accounts.rules import is_administrator, is_investigator, works_in_projects

View = Callable[..., HttpResponseBase]


def investigator_required(view: View) -> View:
    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not is_investigator(request.user):
            raise PermissionDenied("Only investigators can open this page.")
        return view(request, *args, **kwargs)

    return guarded


def annotator_required(view: View) -> View:
    """For annotators and investigators; what an annotator may see there is the view's matter."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not works_in_projects(request.user):
            raise PermissionDenied("Only annotators and investigators can open this page.")
        return view(request, *args, **kwargs)

    return guarded


def administrator_required(view: View) -> View:
    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not is_administrator(request.user):
            raise PermissionDenied("Only administrators can open this page.")
        return view(request, *args, **kwargs)

    return guarded
