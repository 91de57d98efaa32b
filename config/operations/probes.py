"""/livez, /readyz and /metrics. Not in the URL map: nothing of the site stands between them and who asks."""

import hmac
from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST

from config.operations.health import ReadinessProbe
from config.operations.metrics import exposition

PROXY_HEADERS = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "Via")
REFUSED = (
    "The metrics can be read on the server itself, not through a proxy. From elsewhere: set METRICS_TOKEN and send it "
    "as “Authorization: Bearer TOKEN”.\n"
)

_readiness = ReadinessProbe()


def livez(request: HttpRequest) -> HttpResponse:
    """This process answers; nothing else is asked."""
    return _refuse_other_methods(request) or _unstored(JsonResponse({"alive": True}))


def readyz(request: HttpRequest) -> HttpResponse:
    """200 when every part works, else 503; in JSON which does not."""
    refusal = _refuse_other_methods(request)
    if refusal is not None:
        return refusal
    readiness = _readiness()
    return _unstored(JsonResponse(readiness.as_json(), status=200 if readiness.is_ready else 503))


def metrics(request: HttpRequest) -> HttpResponse:
    refusal = _refuse_other_methods(request)
    if refusal is not None:
        return refusal
    if not _may_read_metrics(request):
        return _unstored(HttpResponse(REFUSED, status=403, content_type="text/plain; charset=utf-8"))
    return _unstored(HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST))


PROBES: dict[str, Callable[[HttpRequest], HttpResponse]] = {"/livez": livez, "/readyz": readyz, "/metrics": metrics}


def _may_read_metrics(request: HttpRequest) -> bool:
    """With METRICS_TOKEN: who sends it. Without: who asks from this machine, and not for somebody elsewhere."""
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    if settings.BEHIND_PROXY or any(name in request.headers for name in PROXY_HEADERS):
        return False  # a proxy on this machine asks for the whole world
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:  # a socket file: whoever may open it, a proxy most likely
        return False


def _refuse_other_methods(request: HttpRequest) -> HttpResponse | None:
    if request.method in ("GET", "HEAD"):
        return None
    return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})


def _unstored(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response
