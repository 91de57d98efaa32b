"""Requests that start something may be sent again: with the same Idempotency-Key nothing is started twice."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from api.models import StoredResult
from api.problems import refused
from config.accounts.models import User

HEADER = "Idempotency-Key"
LONGEST_KEY = 100
KEY = re.compile(rf"[\x21-\x7e]{{1,{LONGEST_KEY}}}")
KEPT = timedelta(days=7)


def once(request: Request, verb: Callable[[], tuple[int, Any]]) -> Response:
    """Carry out `verb`, which gives a status and a body, in one transaction; with the header, once.

    A repetition gets the stored answer, also while the first request is under way: it waits for its end. What was
    refused is not stored, so it may be tried again. Raises ValidationError (422) when the key was used for another
    request.
    """
    key = request.headers.get(HEADER)
    if key is None:
        with transaction.atomic():
            status, body = verb()
        return Response(body, status=status)
    if not KEY.fullmatch(key):
        raise ValidationError({HEADER: [f"A key has 1 to {LONGEST_KEY} ASCII characters, and no blank."]})
    user: User = request.user
    digest = _sha256(request)
    stored = StoredResult.objects.filter(user=user, key=key).first()
    if stored is None:
        try:
            with transaction.atomic():
                stored = StoredResult.objects.create(user=user, key=key, request_sha256=digest)
                stored.status, body = verb()
                stored.body = json.loads(json.dumps(body, cls=JSONEncoder))
                stored.save(update_fields=["status", "body"])
                StoredResult.objects.filter(user=user, created_at__lt=timezone.now() - KEPT).delete()
            return Response(stored.body, status=stored.status)
        except IntegrityError:
            stored = StoredResult.objects.filter(user=user, key=key).first()
            if stored is None:  # the service's own constraint, not the key's
                raise
    if stored.request_sha256 != digest:
        raise refused("This key was used for another request. Send a new one with every new request.", HEADER)
    return Response(stored.body, status=stored.status, headers={"Idempotent-Replay": "true"})


def _sha256(request: Request) -> str:
    """Of a form with files: their names and sizes, which are known without reading them again."""
    files = [(name, one.name, one.size) for name, one in sorted(request.FILES.items())]
    sent = {name: value for name, value in request.data.items() if name not in request.FILES}
    text = json.dumps([request.method, request.path, sent, files], sort_keys=True, cls=JSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()
