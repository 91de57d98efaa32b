"""Refusals as RFC 9457 problem documents: what was wrong, where, and what to do.

400 is a request that is not of the form that the schema describes, 422 one that is and still cannot be carried out (a
name that is taken, a dataset that is not there), 409 one that comes at the wrong moment (a study that is closed).
"""

import logging
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

CONTENT_TYPE = "application/problem+json"
# codes of errors about values that have the right form
OF_CONTENT = frozenset(
    {"refused", "does_not_exist", "blank", "null_characters_not_allowed", "surrogate_characters_not_allowed"}
)
TITLES = {
    400: "The request is not of the form that is described",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not there",
    405: "This address does not do that",
    409: "Not possible now",
    413: "Too large",
    415: "Content type not understood",
    422: "Cannot be carried out",
    429: "Too many requests",
    503: "Not available just now",
}

logger = logging.getLogger(__name__)


class Conflict(exceptions.APIException):
    """What is asked for is not possible in the present state. Its text says why and what to do."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too-large"


def refused(message: Any, field: str = "") -> exceptions.ValidationError:
    """A value of the right form that cannot be used, or several: a refusal with status 422."""
    return exceptions.ValidationError({field: [str(message)]} if field else [str(message)], code="refused")


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None: a fault of ours, which the site reports."""
    if isinstance(error, Http404):
        error = exceptions.NotFound("There is nothing at this address, or nothing that you may see.")
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied(str(error) or "You may not do this.")
    elif isinstance(error, RequestDataTooBig):
        error = TooLarge("The body is too large. Files go to /api/v1/uploads/.")
    elif isinstance(error, OperationalError | InterfaceError):
        logger.exception("The database failed a request of the API")
        return _response(503, "unavailable", "The server cannot store or read anything just now. Try again.", [])
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    errors = list(_errors(error.detail, "")) if isinstance(error, exceptions.ValidationError) else []
    if errors:
        is_content = all(one["code"] in OF_CONTENT for one in errors)
        code, number = ("refused", 422) if is_content else ("invalid", 400)
        detail = " ".join(f"{one['field']}: {one['message']}" if one["field"] else one["message"] for one in errors[:5])
    else:
        code, number, detail = error.get_codes(), error.status_code, str(error.detail)
    response = _response(number, str(code), detail, errors)
    if getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = error.auth_header
    if getattr(error, "wait", None):
        response["Retry-After"] = str(int(error.wait) + 1)
    return response


def _response(number: int, code: str, detail: str, errors: list[dict[str, str]]) -> Response:
    body = {
        "type": f"urn:turing-reader:problem:{code.replace('_', '-')}",
        "title": TITLES.get(number, "Refused"),
        "status": number,
        "detail": detail,
        "errors": [{"field": one["field"], "message": one["message"]} for one in errors],
    }
    return Response(body, status=number, content_type=CONTENT_TYPE)


def _errors(detail: Any, field: str) -> Iterator[dict[str, str]]:
    """Each with the path of its field, joined by dots."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            name = "" if name == "non_field_errors" else str(name)
            yield from _errors(inner, f"{field}.{name}".strip("."))
    elif isinstance(detail, list):
        for place, inner in enumerate(detail):
            is_text = isinstance(inner, exceptions.ErrorDetail)
            yield from _errors(inner, field if is_text else f"{field}.{place}".strip("."))
    else:
        yield {"field": field, "message": str(detail), "code": getattr(detail, "code", "") or ""}
