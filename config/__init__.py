"""Project package: settings, URLs, accounts, and the commands that run the whole site."""

from worker.celery import app as celery_app

__all__ = ["celery_app"]
