"""What form an answer has, and how long lists are cut into pages. Apart: DRF's views read this while they load."""

from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.pagination import PageNumberPagination

MOST_PER_PAGE = 500


class AlwaysJson(BaseContentNegotiation):
    """Answers are JSON, or the file that was asked for, whatever an Accept header wishes."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        wanted = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == wanted), None)

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class Pages(PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = MOST_PER_PAGE
