"""How log lines look: with the request or the job that they belong to, and without what nobody may read there.

What must not be written is best not logged at all; this is the second line of defence, for the addresses, exceptions
and messages of libraries. It runs over the finished text of every line, tracebacks included.
"""

import logging
import re
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from pythonjsonlogger.json import JsonFormatter as BaseJsonFormatter

SECRET, LEFT_OUT = "[secret]", "[left out]"

_REPLACEMENTS: tuple[tuple[re.Pattern[str], str], ...] = (
    # user:password@ in an address of a database, a broker or a mail server
    (re.compile(r"(\w://)[^\s/]*:[^\s/]+@"), rf"\1{SECRET}@"),
    # the secret part of an address: invitations, stimuli, links in e-mails ...
    (
        re.compile(r"(/(?:invite|join|invitations?/accept|stimulus|reset/key|confirm-email)/)[^\s/\"'?]+"),
        rf"\1{SECRET}",
    ),
    # ... and whatever looks like one: long, of capitals, small letters and digits
    (re.compile(r"/(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{20,}"), f"/{SECRET}"),
    (re.compile(r"\?[^\s\"'<>()\[\]]*=[^\s\"'<>()\[\]]*"), f"?{LEFT_OUT}"),  # query strings
    (
        re.compile(
            r"(?i)\b([\w-]*(?:password|passwd|secret|token|api[_-]?key|authorization|cookie|sessionid)[\w-]*"
            r"[\"']?\s*[:=]\s*)(?:(?:Bearer|Basic|Token)\s+)?(?:\"[^\"]*\"|'[^']*'|[^\s,;&})\]]+)"
        ),
        rf"\1{SECRET}",
    ),
    # what PostgreSQL adds to an error: the row itself
    (re.compile(r"(Key \([^)]*\)=)\(.*?\)(?= |$|\n)"), rf"\1({LEFT_OUT})"),
    (re.compile(r"(Failing row contains )\(.*"), rf"\1({LEFT_OUT})"),
)


@dataclass(frozen=True)
class RequestContext:
    """The request that a thread works on."""

    request_id: str
    request: HttpRequest

    def fields(self) -> dict[str, Any]:
        found: dict[str, Any] = {"request_id": self.request_id}
        # Who is signed in, if that is known by now: a log line asks the database for nothing.
        user = getattr(self.request, "_cached_user", None)
        if user is not None and user.is_authenticated:
            found["user_id"] = user.pk
        return found


current_request: ContextVar[RequestContext | None] = ContextVar("current_request", default=None)
_process_fields: dict[str, Any] = {}


def describe_process(**fields: Any) -> None:
    """Add `fields` to every line that this process logs from now on, in whichever of its threads."""
    _process_fields.update(fields)


def context_fields() -> dict[str, Any]:
    """What this line belongs to: request_id and user_id, or job_id and attempt."""
    context = current_request.get()
    return {**_process_fields, **(context.fields() if context else {})}


def redact(text: str) -> str:
    """`text` without passwords, tokens, cookies, secrets in addresses, query strings and rows of the database."""
    for pattern, replacement in _REPLACEMENTS:
        text = pattern.sub(replacement, text)
    return text


class PlainFormatter(logging.Formatter):
    """One line for people, with the context in square brackets."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  of the base class
        context = " ".join(f"{name}={value}" for name, value in context_fields().items())
        return super().formatMessage(record) + (f" [{context}]" if context else "")

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class JsonFormatter(BaseJsonFormatter):
    """One JSON object per line: time, level, logger, message, the context, and what the code passed as `extra`."""

    # Django passes whole requests as `extra`; their text form has the address with its query string.
    NOT_WRITTEN = ("request", "server_time")

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            datefmt="%Y-%m-%dT%H:%M:%S%z",
            json_ensure_ascii=False,
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        for name in self.NOT_WRITTEN:
            log_data.pop(name, None)
        log_data.update(context_fields())
        return {name: redact(value) if isinstance(value, str) else value for name, value in log_data.items()}
