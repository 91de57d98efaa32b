"""Which queue a job goes to, and how many GPUs it takes there.

Three queues: `light` (somebody waits for it), `cpu` and `gpu`. A site may send kinds to queues of its own (JOB_QUEUES);
one whose name begins with "gpu" is for workers with GPUs.
"""

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from worker.registry import JobKind, get_job_kind

QUEUE_NAME = re.compile(r"[a-z][a-z0-9-]{0,15}")


def queue_of(kind: JobKind) -> str:
    return str(settings.JOB_QUEUES.get(kind.name, kind.queue))


def gpus_of(kind: JobKind, parameters: Any) -> int:
    """Devices that a job of `kind` takes in its queue; 0 in a queue that is not for GPUs."""
    return kind.gpus(parameters) if queue_of(kind).startswith("gpu") else 0


@register()
def check_queues(**_options: Any) -> list[CheckMessage]:
    """JOB_QUEUES names kinds that there are, and queues that can be."""
    problems: list[CheckMessage] = []
    for kind, queue in settings.JOB_QUEUES.items():
        try:
            get_job_kind(kind)
        except ValueError as error:
            problems.append(Error(f"JOB_QUEUES: {error}", id="worker.E001"))
        if not QUEUE_NAME.fullmatch(queue):
            hint = "1 to 16 small letters, digits and hyphens, a letter first"
            problems.append(Error(f"JOB_QUEUES: {queue!r} cannot be the name of a queue: {hint}.", id="worker.E002"))
    return problems
