"""The outermost layer of every request: probes and metrics, the request's id, its line in the log, its time."""

import logging
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.signals import request_finished
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase

from config.logs import RequestContext, current_request
from config.operations.metrics import count_request, route_of
from config.operations.probes import PROBES

logger = logging.getLogger("config.operations.requests")

PROXY_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
# The bytes of an image arrive with the same headers for every image, so nothing can be told by them.
WITHOUT_ID = frozenset({"turing:read_stimulus", "turing:preview_stimulus"})


class ObservedRequests:
    """Comes first: probes must not depend on the session, on TLS or on the name under which the site is reached."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        probe = PROBES.get(request.path_info)
        if probe is not None:
            return probe(request)
        request_id = _id_of(request)
        # Until the next request, or the end of this one: Django logs what it answered after all middleware.
        current_request.set(RequestContext(request_id=request_id, request=request))
        started = time.perf_counter()
        response = self.get_response(request)
        seconds = time.perf_counter() - started
        count_request(request, response, seconds)
        route = route_of(request)
        logger.info(
            "%s %s: %d",
            request.method,
            route,
            response.status_code,
            extra={
                "method": request.method,
                "route": route,
                "status": response.status_code,
                "milliseconds": round(1000 * seconds, 1),
            },
        )
        if route not in WITHOUT_ID:
            response["X-Request-Id"] = request_id
        return response


@receiver(request_finished)
def _forget_request(**_kwargs: Any) -> None:
    current_request.set(None)


def _id_of(request: HttpRequest) -> str:
    """The proxy's, where one is trusted; else a random one, from which nobody can tell how many there were."""
    given = request.headers.get("X-Request-Id", "") if settings.BEHIND_PROXY else ""
    return given if PROXY_ID.fullmatch(given) else secrets.token_hex(16)
