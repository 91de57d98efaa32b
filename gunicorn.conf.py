"""Read by gunicorn when it is started in this directory: a directory in which its processes share their counters."""

import os
import shutil
import tempfile
from typing import Any

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def on_starting(server: Any) -> None:
    """Before the first worker process: they inherit the name. The counters begin anew with each start."""
    os.environ[VARIABLE] = tempfile.mkdtemp(prefix="turing-reader-metrics-")


def child_exit(server: Any, worker: Any) -> None:
    from prometheus_client import multiprocess  # not before the variable is set: it is read at import

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ.pop(VARIABLE, ""), ignore_errors=True)
