"""The Celery application. Messages only wake a worker up: `worker.models.Job` is the truth."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("turing_reader")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
