"""Is the site ready for requests? Four questions, each answered in bounded time, whatever hangs.

The answers are for a load balancer and may be read by anybody: they name the part and what is wrong with it in fixed
words, never an address, an account or a number from the data. Details are in the log.
"""

import logging
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from config.operations.bounded import Bounded, NoAnswerError
from worker.disk_space import SHORT_OF_ROOM, short_of_room
from worker.wakeup import ask_broker

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 3.0  # for each part; all are asked at the same time
KEPT_SECONDS = 1.0  # an answer: however often somebody asks, each part is asked once a second
STORAGE_KEPT_SECONDS = 10.0  # a file is written and removed for it
WARNED_EVERY_SECONDS = 60.0


class NotReadyError(Exception):
    """A part cannot be used; the text says what is wrong, in words that anybody may read."""


@dataclass(frozen=True)
class Readiness:
    """What is wrong with each part; "" when it works."""

    problems: dict[str, str]

    @property
    def is_ready(self) -> bool:
        return not any(self.problems.values())

    def as_json(self) -> dict[str, Any]:
        checks = {
            name: {"ok": False, "problem": problem} if problem else {"ok": True}
            for name, problem in self.problems.items()
        }
        return {"ready": self.is_ready, "checks": checks}


class ReadinessProbe:
    """Asks all parts at once. One for each process: it remembers what hangs."""

    def __init__(self) -> None:
        self._parts = {
            "database": self._bounded(check_database),
            "broker": self._bounded(check_broker),
            "storage": self._bounded(check_storage, keeps=STORAGE_KEPT_SECONDS),
            "disk": self._bounded(check_disk),
        }
        self._warned_at: dict[str, float] = {}

    def __call__(self) -> Readiness:
        for part in self._parts.values():
            part.begin()
        return Readiness(problems={name: self._problem(name, part) for name, part in self._parts.items()})

    def _bounded(self, check: Callable[[], None], keeps: float = KEPT_SECONDS) -> Bounded[None]:
        return Bounded(check, seconds=PATIENCE_SECONDS, keeps=keeps)

    def _problem(self, name: str, part: Bounded[None]) -> str:
        try:
            part()
        except NoAnswerError:
            problem, detail = f"did not answer within {PATIENCE_SECONDS:g} s", ""
        except NotReadyError as error:
            problem, detail = str(error), ""
        except Exception as error:  # every driver has its own; none of their texts may leave the server
            problem, detail = "cannot be reached", f": {error!r}"
        else:
            self._warned_at.pop(name, None)
            return ""
        now = time.monotonic()
        if now - self._warned_at.get(name, -WARNED_EVERY_SECONDS) >= WARNED_EVERY_SECONDS:
            self._warned_at[name] = now
            logger.warning("Not ready: %s %s%s", name, problem, detail)
        return problem


def check_database() -> None:
    """Raises NotReadyError when the tables are not those of this version, and the driver's errors."""
    try:
        applied = MigrationRecorder(connection).applied_migrations()
    finally:
        connection.close()
    if not _latest_migrations() <= set(applied):
        raise NotReadyError("is not migrated to this version: run manage.py migrate")


@lru_cache(maxsize=1)
def _latest_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def check_broker() -> None:
    ask_broker()


def check_storage() -> None:
    """Write a small file where images are stored, and remove it."""
    name = f".probe-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        stored = default_storage.save(name, ContentFile(b"probe"))
        default_storage.delete(stored)
    except OSError as error:
        with suppress(OSError):
            default_storage.delete(name)
        logger.warning("Files cannot be stored: %r", error)
        raise NotReadyError("files cannot be written") from error


def check_disk() -> None:
    """Raises NotReadyError below MIN_FREE_GB."""
    for folder in {Path(settings.DATA_DIR), Path(settings.MEDIA_ROOT)}:
        if short_of_room(folder):
            raise NotReadyError(SHORT_OF_ROOM)
