"""A training in its real process, with a real worker: cancelled in the middle it saves, and goes on from there."""

from dataclasses import replace
from pathlib import Path

import pytest

from generation.gan.checkpoint import list_checkpoints
from generation.services import continue_training, start_training
from imaging.phantoms import chest_phantom
from tests.factories import DatasetFactory, ImageFactory
from tests.worker.conftest import use_site  # noqa: F401  a fixture
from tests.worker.site import NEEDS_PROC, Site, wait_for_state, wait_until
from worker.models import Job
from worker.services import request_cancel

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True), NEEDS_PROC]


@pytest.fixture
def site(tmp_path, use_site):  # noqa: F811
    site = Site(tmp_path / "site", "--no-web")
    site.start()
    yield use_site(site)
    site.close()


def test_cancel_saves_and_the_run_goes_on(site, small_config):
    dataset = DatasetFactory()
    for seed in range(8):
        pixels = chest_phantom(seed=seed, size=64, lesion=seed % 2 == 0)
        ImageFactory(dataset=dataset, pixels=pixels, label="lesion" if seed % 2 == 0 else "normal")
    long = replace(small_config, iterations=10_000_000, checkpoint_every=10_000_000)
    run = start_training(name="Cancelled", dataset=dataset, config=long, created_by=None)
    job = run.job

    def is_training() -> bool:
        job.refresh_from_db()
        return job.progress_unit == "images seen" and job.progress_done > 0

    wait_until(is_training, 120, "it trains")
    request_cancel(job=job)
    wait_for_state(job, Job.State.CANCELLED)

    # a process that had to be killed after its time of grace would have neither: the first checkpoint is far away
    stopped_at = run.checkpoints.get()
    assert [iteration for iteration, _ in list_checkpoints(Path(job.directory, "checkpoints"))] == [
        stopped_at.iteration
    ]
    assert stopped_at.images_seen == 8 * stopped_at.iteration > 0
    texts = [line.text for line in job.log_lines.all()]
    assert f"Stopped and saved after {stopped_at.images_seen:,} images" in texts

    continue_training(run=run, length=stopped_at.iteration + 3)
    wait_for_state(job, Job.State.SUCCEEDED, 120)

    assert f"Going on after {stopped_at.images_seen:,} images" in "\n".join(line.text for line in job.log_lines.all())
    assert job.result["iterations"] == stopped_at.iteration + 3
