"""What holds for every answer of the site, whatever a view does or forgets."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed

PAGES = ("GET", "HEAD", "POST", "OPTIONS")
API = (*PAGES, "PUT", "PATCH", "DELETE")
API_ROOT = "/api/"

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class ResponseMiddleware:
    """Refuses methods that no page has (a function view would take TRACE or DELETE for GET), and lets no browser and no
    proxy keep an answer whose view does not say otherwise: the next person at a reading room's screen pages back.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        allowed = API if request.path_info.startswith(API_ROOT) else PAGES
        response = self.get_response(request) if request.method in allowed else HttpResponseNotAllowed(allowed)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response
