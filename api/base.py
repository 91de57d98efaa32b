"""What every view of the API shares."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest
from django.shortcuts import get_object_or_404
from rest_framework import generics
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import Query
from api.permissions import scope_for
from api.scope import projects_for, visible
from config.accounts.models import User
from config.accounts.rules import is_investigator
from config.projects.scope import projects_in_sight


class ApiView(generics.GenericAPIView):
    """For investigators unless `audience` says otherwise. A token needs the scope of what it does."""

    audience: ClassVar[Any] = staticmethod(is_investigator)  # a predicate on the user
    audience_words = "Only investigators can use this."
    read_scope = ""
    write_scope = ""
    query: type[Query] = Query
    queryset: Any = None  # for the schema alone: rows come from `rows` and `find`
    minds_projects = True  # what a reader sees belongs to the reader, in whatever project the study is
    sight: ExitStack
    asked: dict[str, Any]  # what stands after the question mark, checked

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with ExitStack() as self.sight:
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.minds_projects:
            self.sight.enter_context(projects_in_sight(*projects_for(request, kwargs)))
        if request.method in SAFE_METHODS:
            found = self.query(data=request.query_params, context={"request": request})
            found.is_valid(raise_exception=True)
            self.asked = dict(found.validated_data)

    def scope_of(self, method: str) -> str:
        return scope_for(self, method)

    @property
    def user(self) -> User:
        user: User = self.request.user
        return user

    def finalize_response(self, request: HttpRequest, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.setdefault("Cache-Control", "private, no-store")
        return answer

    def sent(self, body: type[Any], **context: Any) -> dict[str, Any]:
        """The body, checked."""
        found = body(data=self.request.data, context={"request": self.request, **context})
        found.is_valid(raise_exception=True)
        return dict(found.validated_data)

    def rows(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those that the user may see."""
        return visible(queryset, self.request.user)

    def find(self, queryset: QuerySet[Any], pk: Any) -> Any:
        """The row that the user may see, or 404."""
        return get_object_or_404(visible(queryset, self.request.user), pk=pk)

    def paged(self, rows: Any, serializer: type[Any], prepare: Callable[[list[Any]], Any] = list) -> Response:
        """A page of `rows`. `prepare`: adds what belongs to all rows of a page with one query."""
        page = self.paginate_queryset(rows)
        data = serializer(prepare(page), many=True, context={"request": self.request}).data
        answer: Response = self.get_paginated_response(data)
        return answer


def file_response(path: Any, *, content_type: str, name: str) -> FileResponse:
    """The file to be taken along. Raises Http404 where it is not there."""
    try:
        return FileResponse(path.open("rb"), as_attachment=True, filename=name, content_type=content_type)
    except FileNotFoundError:
        raise Http404("This file is no longer there.") from None
