"""Which states of a run stay: milestones, the best by the chosen measure, the newest."""

from pathlib import Path

import pytest

from generation import training_measure
from generation.gan.checkpoint import CheckpointData, list_checkpoints
from generation.gan.measures import stoppable
from generation.gan.measures.during_training import TrainingMeasure
from generation.services import start_training
from generation.training_keeper import CheckpointKeeper
from tests.factories import SampleRunFactory
from tests.generation.conftest import run_job
from worker.execution.context import RunningJob
from worker.lifecycle import claim_job
from worker.models import Job

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "kid_densenet121_0a1b2c3d"


def state(iteration: int, kid: float | None = None) -> CheckpointData:
    return CheckpointData(
        generator="acgan",
        config={},
        classes=["lesion", "normal"],
        iteration=iteration,
        images_drawn=10 * iteration,
        images_seen=10 * iteration,
        data_sha256="",
        networks={"generator": {}},
        optimisers={},
        random_states={},
        device="cpu",
        threads=1,
        torch_version="",
        measures={} if kid is None else {NAME: kid},
    )


@pytest.fixture
def keeper(phantoms, small_config) -> CheckpointKeeper:
    """Of a run of 1,000 images: milestones at 100, 250, 500, 750, 1000."""
    run = start_training(
        name="Kept", dataset=phantoms, config=small_config, created_by=None, best_by="kid", keep_best=2
    )
    lease = claim_job(job_id=run.job_id, worker_name="test")
    run.job.directory.mkdir(parents=True)
    keeper = CheckpointKeeper(RunningJob(lease=lease, directory=run.job.directory), run)
    keeper.go_on(total_images=1000, resume=None)
    return keeper


def files(keeper: CheckpointKeeper) -> list[int]:
    return [iteration for iteration, _ in list_checkpoints(keeper.directory)]


def recorded(keeper: CheckpointKeeper) -> list[int]:
    return list(keeper.run.checkpoints.values_list("iteration", flat=True))


def test_the_first_state_after_each_share_of_the_run_is_a_milestone(keeper):
    for iteration in range(7, 101, 6):  # 70, 130, 190 ... images
        keeper.save(state(iteration))
    keeper.save(state(100))

    assert recorded(keeper) == [13, 25, 55, 79, 100]
    assert files(keeper) == [13, 25, 55, 79, 100]


def test_the_best_stay_and_the_rest_goes(keeper):
    for iteration, kid in ((1, 0.5), (2, 0.3), (3, 0.4), (4, 0.9), (5, 0.2), (6, 0.8)):
        keeper.save(state(iteration, kid))

    assert recorded(keeper) == [2, 5]
    assert files(keeper) == [2, 5, 6]  # and the newest, to go on from
    assert keeper.run.checkpoints.get(iteration=5).measures == {NAME: 0.2}


def test_what_was_sampled_from_stays_though_it_is_not_the_best_any_more(keeper):
    keeper.save(state(1, 0.5))
    SampleRunFactory(checkpoint=keeper.run.checkpoints.get())

    for iteration, kid in ((2, 0.3), (3, 0.4)):
        keeper.save(state(iteration, kid))

    assert recorded(keeper) == [1, 2, 3]
    assert files(keeper) == [1, 2, 3]


def test_the_state_of_a_stopped_run_is_kept_until_it_has_gone_on(keeper):
    keeper.save(state(3))
    keeper.record_newest()
    assert recorded(keeper) == [3]

    again = CheckpointKeeper(keeper.context, keeper.run)
    again.go_on(total_images=1000, resume=again.newest())
    again.save(state(4))

    assert recorded(again) == []
    assert files(again) == [4]


def test_a_milestone_that_was_written_but_not_recorded_is_recorded_when_the_run_goes_on(keeper, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(CheckpointKeeper, "_settle", lambda *_: None)  # killed in between
        keeper.save(state(25))

    again = CheckpointKeeper(keeper.context, keeper.run)
    again.go_on(total_images=1000, resume=again.newest())

    assert recorded(again) == [25]


class TestMeasuredRun:
    @pytest.fixture(autouse=True)
    def few_images(self, monkeypatch):
        monkeypatch.setattr(stoppable, "N_IMAGES", 8)

    def test_every_checkpoint_has_its_value_and_the_curve_as_well(self, phantoms, small_config):
        run = start_training(
            name="Measured", dataset=phantoms, config=small_config, created_by=None, best_by="kid", keep_best=1
        )

        run_job(run.job)

        assert run.job.state == Job.State.SUCCEEDED, run.job.error
        measured = [checkpoint for checkpoint in run.checkpoints.all() if checkpoint.measures]
        assert {checkpoint.iteration for checkpoint in measured} == {10, 20, 30, 40}
        (name,) = measured[0].measures
        assert name.startswith("kid_")
        assert run.job.metrics.get(step=320).values[name] == pytest.approx(measured[-1].measures[name])

    def test_a_cancel_leaves_the_measurement_and_saves(self, phantoms, small_config, monkeypatch):
        run = start_training(name="Left", dataset=phantoms, config=small_config, created_by=None, best_by="fid")
        compute = TrainingMeasure._generated

        def cancelled(self, network):
            stopping[0].stop("Cancelled")
            return compute(self, network)

        stopping: list[RunningJob] = []
        make = training_measure.make_measure
        monkeypatch.setattr(
            training_measure,
            "make_measure",
            lambda context, run, **given: (stopping.append(context), make(context, run, **given))[1],
        )
        monkeypatch.setattr(TrainingMeasure, "_generated", cancelled)

        run_job(run.job)

        saved = Path(run.job.directory, "checkpoints", "checkpoint-00000010.pt")
        assert saved.exists()
        assert run.checkpoints.get(iteration=10).measures == {}
