"""Datasets of an older version stay visible."""

import uuid

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from imaging.models import Dataset

pytestmark = pytest.mark.django_db(transaction=True)


def test_datasets_of_before_are_ready():
    before, after = [("imaging", "0003_split_record")], [("imaging", "0004_dataset_state")]
    executor = MigrationExecutor(connection)
    executor.migrate(before)
    try:
        old = executor.loader.project_state(before).apps.get_model("imaging", "Dataset")
        key = old.objects.create(id=uuid.uuid4(), name="Old", origin="real").pk
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(after)

    assert [(dataset.pk, dataset.state, dataset.made_by) for dataset in Dataset.objects.all()] == [(key, "ready", None)]
