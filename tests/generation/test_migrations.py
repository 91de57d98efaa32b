"""Runs of older versions, which counted in iterations, after the migration that counts in images."""

from importlib import import_module

import pytest
from django.apps import apps

from generation.gan.config import AcganConfig
from tests.factories import CheckpointFactory, JobFactory, TrainingRunFactory
from worker.models import JobArtefact, JobMetric

pytestmark = pytest.mark.django_db
BATCH = 16


def test_what_was_counted_in_iterations_is_counted_in_images():
    config = AcganConfig(iterations=40, batch_size=BATCH).to_dict()
    job = JobFactory(progress_done=20, progress_total=40, progress_best=30, progress_unit="iterations")
    run = TrainingRunFactory(config=config, job=job)
    checkpoints = [CheckpointFactory(run=run, iteration=iteration, images_seen=0) for iteration in (10, 20)]
    # 1 x 16 is a step that is there already: in another order the rows would collide
    for step in (1, BATCH, 20):
        JobMetric.objects.create(job=job, step=step, values={"loss": step})
    JobArtefact.objects.create(job=job, name="grid.png", kind="grid", step=20)
    JobArtefact.objects.create(job=job, name="file.txt", kind="file")
    other = JobFactory(progress_done=5, progress_total=9, progress_unit="images")
    JobMetric.objects.create(job=other, step=3, values={})

    import_module("generation.migrations.0004_checkpoint_images_and_measures").count_in_images(apps, None)

    for checkpoint in checkpoints:
        checkpoint.refresh_from_db()
    job.refresh_from_db()
    other.refresh_from_db()
    assert [checkpoint.images_seen for checkpoint in checkpoints] == [10 * BATCH, 20 * BATCH]
    assert list(job.metrics.values_list("step", "values__loss")) == [(BATCH, 1), (BATCH**2, BATCH), (20 * BATCH, 20)]
    assert dict(job.artefacts.values_list("name", "step")) == {"grid.png": 20 * BATCH, "file.txt": None}
    assert (job.progress_done, job.progress_total, job.progress_best) == (20 * BATCH, 40 * BATCH, 30 * BATCH)
    assert job.progress_unit == "images seen"
    assert (other.progress_done, other.progress_total, other.progress_unit) == (5, 9, "images")
    assert list(other.metrics.values_list("step", flat=True)) == [3]
