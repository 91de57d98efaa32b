"""What holds for every answer of the site, whatever a view does or forgets."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBadRequest, HttpResponseBase, HttpResponseNotAllowed

PAGES = ("GET", "HEAD", "POST", "OPTIONS")
API = (*PAGES, "PUT", "PATCH", "DELETE")
API_ROOT = "/api/"

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class ResponseMiddleware:
    """Refuses methods that no page has (a function view would take TRACE or DELETE for GET) and what no address has.

    Lets no browser and no proxy keep an answer whose view does not say otherwise: the next person at a reading room's
    screen pages back.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_page = not request.path_info.startswith(API_ROOT)
        allowed = PAGES if is_page else API
        response: HttpResponseBase
        if request.method not in allowed:
            response = HttpResponseNotAllowed(allowed)
        elif is_page and "%00" in request.META.get("QUERY_STRING", ""):  # no database takes it; the API says so itself
            response = HttpResponseBadRequest("The address has a character in it that cannot be: %00.")
        else:
            response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response
