"""Datasets of an older version stay visible."""

import uuid

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from imaging.models import Dataset

pytestmark = pytest.mark.django_db(transaction=True)


def test_datasets_of_before_are_ready():
    before = [("imaging", "0003_split_record")]
    executor = MigrationExecutor(connection)
    executor.migrate(before)
    try:
        old = executor.loader.project_state(before).apps.get_model("imaging", "Dataset")
        key = old.objects.create(id=uuid.uuid4(), name="Old", origin="real").pk
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())  # of every app: what rests on it went back with it

    assert [(dataset.pk, dataset.state, dataset.made_by) for dataset in Dataset.objects.all()] == [(key, "ready", None)]
