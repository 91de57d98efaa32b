"""The Celery application. Messages only wake a worker up: `worker.models.Job` is the truth.

Settings that follow from that design stand here, not in the environment: no result is stored, a message is acknowledged
before its job runs, and a worker outlives any absence of its broker.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("turing_reader")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_ignore_result=True,
    task_default_queue="light",
    task_acks_late=False,  # losing a message costs nothing, repeating one neither
    worker_prefetch_multiplier=1,
    worker_pool="threads",  # a thread only watches over the process that runs the job
    worker_concurrency=1,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_enable_remote_control=False,  # not used, and one connection less to fail
    worker_cancel_long_running_tasks_on_connection_loss=False,  # a job goes on while the broker is away
    worker_enable_prefetch_count_reduction=False,
    broker_connection_retry=True,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # for ever
    broker_connection_timeout=5,
    broker_transport_options={
        "socket_keepalive": True,
        "socket_connect_timeout": 5,
        "socket_timeout": 30,
        "health_check_interval": 10,
    },
)
app.autodiscover_tasks()
