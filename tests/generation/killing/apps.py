"""See `tests.generation.test_sample_faults`."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created

REQUEST = "TURING_TEST_KILL_FILE"  # names a file: while it is there, the sixth INSERT of images is the last one
INSERTS = 6  # not in the first transaction: one of 64 rows has 2 on SQLite and 1 on PostgreSQL


class KillingConfig(AppConfig):
    name = "tests.generation.killing"
    label = "killing"

    def ready(self) -> None:
        connection_created.connect(_watch, dispatch_uid="killing")


def _watch(connection: Any, **kwargs: Any) -> None:
    inserts = 0

    def kill_after_rows(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal inserts
        result = execute(sql, params, many, context)
        request = Path(os.environ[REQUEST])
        if sql.startswith('INSERT INTO "imaging_image"'):
            inserts += 1
            if inserts >= INSERTS and request.exists():
                request.unlink()
                os.kill(os.getpid(), signal.SIGKILL)  # its rows are written, its transaction has not ended
        return result

    connection.execute_wrappers.append(kill_after_rows)
