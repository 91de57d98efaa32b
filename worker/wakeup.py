"""Tells the workers of a queue that there may be something to do.

A message carries no job: it may be lost, late or doubled without harm. So sending never waits long and never fails a
request; the sweeper of any free worker sends again.
"""

import logging

from django.db import transaction

from worker.celery import app

logger = logging.getLogger(__name__)

TASK_NAME = "worker.tasks.run_next_job"

_FAIL_FAST = {
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    "socket_connect_timeout": 1,
    "socket_timeout": 2,
}


def wake_workers_on_commit(*, queue: str) -> None:
    transaction.on_commit(lambda: wake_workers(queue=queue), robust=True)


def wake_workers(*, queue: str) -> bool:
    """Send one message to `queue`. False, and a line in the log, when the broker cannot be reached within 2 s."""
    try:
        # A connection of its own: the pooled one would retry for minutes.
        with app.connection_for_write(connect_timeout=1, transport_options=_FAIL_FAST) as connection:
            app.send_task(
                TASK_NAME, kwargs={"queue": queue}, queue=queue, connection=connection, retry=False, ignore_result=True
            )
    except Exception as error:  # every transport has its own errors; none of them may reach a user
        logger.warning("Could not wake the %s workers (%s); a free worker will look by itself", queue, error)
        return False
    return True


def ask_broker() -> None:
    """Raises an error of the transport's unless the broker answers, within about 2 s."""
    with app.connection_for_write(connect_timeout=1, transport_options=_FAIL_FAST) as connection:
        connection.default_channel.client.ping()  # type: ignore[attr-defined]  # of the Redis transport
