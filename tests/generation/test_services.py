"""Starting runs and samples: what is refused, and what is queued."""

import threading
import time

import numpy as np
import pytest
from django.db import connection, transaction

from generation.gan.config import AcganConfig
from generation.models import Checkpoint, SampleRun, TrainingRun
from generation.services import (
    GenerationError,
    forget_checkpoint,
    record_checkpoint,
    start_sampling,
    start_training,
)
from imaging.models import Dataset, Image
from imaging.services import DatasetError, add_image
from tests.factories import CheckpointFactory, DatasetFactory, ImageFactory, SampleRunFactory
from worker.models import Job


class TestStartTraining:
    def test_a_run_is_queued_with_all_it_needs(self, phantoms, small_config, investigator):
        run = start_training(
            name=" First ",
            dataset=phantoms,
            config=small_config,
            created_by=investigator,
            is_demonstration=True,
            device="cpu",
        )

        run.refresh_from_db()
        assert (run.name, run.classes, run.is_demonstration) == ("First", ["lesion", "normal"], True)
        assert AcganConfig.from_dict(run.config) == small_config
        assert (run.job.kind, run.job.queue, run.job.state) == ("generation.train", "gpu", "queued")
        assert run.job.seed == small_config.seed
        assert run.job.created_by == run.created_by == investigator
        assert run.job.parameters == {
            "run_id": str(run.pk),
            "generator": "acgan",
            "config": small_config.to_dict(),
            "filters": {},
            "limits": {},
            "device": "cpu",
            "processes": 1,
        }

    def test_the_dataset_is_frozen(self, phantoms, small_config, training):
        phantoms.refresh_from_db()

        assert phantoms.frozen_at is not None
        with pytest.raises(DatasetError, match="is frozen"):
            add_image(dataset=phantoms, pixels=np.zeros((8, 8), np.uint8), label="normal")

    def test_classes_are_those_that_pass_the_filters(self, phantoms, small_config):
        for _ in range(4):
            ImageFactory(dataset=phantoms, label="fracture", split=Image.Split.TRAIN)
        Image.objects.filter(label="lesion").update(split=Image.Split.TRAIN)

        run = start_training(
            name="Filtered", dataset=phantoms, config=small_config, filters={"splits": ["train"]}, created_by=None
        )

        assert run.classes == ["fracture", "lesion"]
        assert run.filters == run.job.parameters["filters"] == {"splits": ["train"]}

    def test_too_few_images(self, phantoms, small_config):
        with pytest.raises(GenerationError) as caught:
            start_training(
                name="Few", dataset=phantoms, config=small_config, filters={"labels": ["normal"]}, created_by=None
            )

        assert str(caught.value) == (
            "5 images in “Phantoms” (label normal); a generator needs at least 8. Import more or use a wider filter."
        )
        assert_nothing_happened(phantoms)

    def test_a_class_without_images(self, phantoms, small_config):
        with pytest.raises(
            GenerationError, match=r"No image of class oedema in “Phantoms” with these filters\. Leave the class out"
        ):
            start_training(
                name="Empty",
                dataset=phantoms,
                config=small_config,
                filters={"labels": ["normal", "lesion", "oedema"]},
                created_by=None,
            )
        assert_nothing_happened(phantoms)

    def test_limits_count(self, phantoms, small_config):
        with pytest.raises(GenerationError, match=r"^6 images in “Phantoms”"):
            start_training(name="Few", dataset=phantoms, config=small_config, limits={"normal": 1}, created_by=None)
        with pytest.raises(GenerationError, match="There is a limit for class oedema, of which no image"):
            start_training(name="No", dataset=phantoms, config=small_config, limits={"oedema": 1}, created_by=None)
        with pytest.raises(ValueError, match="The limit for class normal is 0; it must be a whole number from 1"):
            start_training(
                name="No", dataset=phantoms, config=small_config, limits={"normal": 0, "lesion": 10}, created_by=None
            )
        assert_nothing_happened(phantoms)

    def test_a_name_that_is_taken(self, phantoms, small_config, training):
        with pytest.raises(GenerationError, match="There is a training run called “First” already"):
            start_training(name="First", dataset=phantoms, config=small_config, created_by=None)
        assert TrainingRun.objects.count() == 1

    def test_no_name(self, phantoms, small_config):
        with pytest.raises(GenerationError, match="needs a name of 1 to 200 characters"):
            start_training(name="  ", dataset=phantoms, config=small_config, created_by=None)

    def test_synthetic_images(self, db, small_config):
        dataset = DatasetFactory(origin=Dataset.Origin.SYNTHETIC, name="Made up")

        with pytest.raises(GenerationError, match="“Made up” is synthetic"):
            start_training(name="Copy", dataset=dataset, config=small_config, created_by=None)

    def test_unknown_filters_and_devices(self, phantoms, small_config):
        with pytest.raises(ValueError, match="Unknown filter colour"):
            start_training(name="A", dataset=phantoms, config=small_config, filters={"colour": 1}, created_by=None)
        with pytest.raises(ValueError, match="device is 'tpu'; it must be one of auto, cpu, cuda"):
            start_training(name="A", dataset=phantoms, config=small_config, created_by=None, device="tpu")
        with pytest.raises(ValueError, match="The number of GPUs is 17; it must be a whole number from 1 to 16"):
            start_training(name="A", dataset=phantoms, config=small_config, created_by=None, processes=17)
        assert_nothing_happened(phantoms)


def assert_nothing_happened(dataset: Dataset) -> None:
    dataset.refresh_from_db()
    assert dataset.frozen_at is None
    assert not TrainingRun.objects.exists()
    assert not Job.objects.exists()


class TestStartSampling:
    @pytest.fixture
    def checkpoint(self, db):
        return CheckpointFactory(run__name="Source")

    def test_a_sample_run_is_queued(self, checkpoint, investigator):
        run = start_sampling(
            checkpoint=checkpoint,
            per_class={"lesion": 5, "normal": 0},
            seed=2**62,
            dataset_name=" New ",
            created_by=investigator,
        )

        run.refresh_from_db()
        assert (run.dataset_name, run.per_class, run.seed, run.dataset) == (
            "New",
            {"lesion": 5, "normal": 0},
            2**62,
            None,
        )
        assert (run.job.kind, run.job.queue, run.job.seed) == ("generation.sample", "light", 2**62)
        assert run.job.parameters["sample_run_id"] == str(run.pk)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"per_class": {"oedema": 1}}, "“Source” knows no class oedema; its classes are lesion, normal."),
            ({"per_class": {"lesion": 0}}, "0 images in all; ask for 1 to 200,000"),
            (
                {"per_class": {"lesion": -1}},
                "The number of images of class lesion is -1; it must be a whole number from 0",
            ),
            ({"per_class": {"lesion": 200_001}}, "200,001 images in all; ask for 1 to 200,000"),
            ({"seed": -1}, f"seed is -1; it must be a whole number from 0 to {2**63 - 1}"),
            ({"dataset_name": "Taken"}, "There is a dataset called “Taken” already. Choose another name."),
            ({"dataset_name": " "}, "The dataset needs a name."),
            (
                {"dataset_name": "Waiting"},
                "A dataset called “Waiting” is being made just now, by the job “Sample “Waiting””. Choose another "
                "name, or cancel that job first.",
            ),
        ],
    )
    def test_what_cannot_be_drawn_is_refused(self, checkpoint, changes, message):
        DatasetFactory(name="Taken")
        values = {"per_class": {"lesion": 1}, "seed": 1}
        waiting = start_sampling(checkpoint=checkpoint, created_by=None, dataset_name="Waiting", **values)

        with pytest.raises(ValueError, match=r"\w") as caught:
            start_sampling(checkpoint=checkpoint, created_by=None, **{**values, "dataset_name": "New", **changes})

        assert str(caught.value) == message
        assert not Job.objects.exclude(pk__in=[checkpoint.run.job_id, waiting.job_id]).exists()


class TestForgetCheckpoint:
    def test_one_that_nobody_uses_goes(self, db):
        checkpoint = CheckpointFactory()

        assert forget_checkpoint(checkpoint=checkpoint)
        assert not Checkpoint.objects.exists()

    def test_one_that_was_sampled_stays(self, db):
        checkpoint = SampleRunFactory().checkpoint

        assert not forget_checkpoint(checkpoint=checkpoint)
        assert Checkpoint.objects.get() == checkpoint


@pytest.mark.django_db(transaction=True)
class TestCheckpointThatGoesWhileItIsSampled:
    """A better state replaces it in the training's process, while somebody submits the form."""

    def beside(self, verb) -> threading.Thread:
        """`verb` in a transaction of another thread, which ends half a second after it."""
        done = threading.Event()

        def work():
            with transaction.atomic():
                verb()
                done.set()
                time.sleep(0.5)
            connection.close()

        thread = threading.Thread(target=work)
        thread.start()
        assert done.wait(30)
        return thread

    def sample(self, checkpoint):
        return start_sampling(
            checkpoint=checkpoint, per_class={"lesion": 1}, seed=1, dataset_name="New", created_by=None
        )

    def test_the_sampling_came_first(self):
        checkpoint = CheckpointFactory()
        other = self.beside(lambda: self.sample(checkpoint))

        assert not forget_checkpoint(checkpoint=checkpoint)

        other.join()
        assert SampleRun.objects.get().checkpoint == Checkpoint.objects.get() == checkpoint

    def test_the_training_came_first(self):
        checkpoint = CheckpointFactory(images_seen=6400, run__name="Source")
        stale = Checkpoint.objects.get()
        other = self.beside(lambda: forget_checkpoint(checkpoint=checkpoint))

        with pytest.raises(GenerationError) as refusal:
            self.sample(stale)

        other.join()
        assert str(refusal.value) == (
            "The state of “Source” after 6,400 images is no longer kept: while it trains, better states replace it. "
            "Choose another one from the list, which is up to date now."
        )
        assert not Job.objects.filter(kind="generation.sample").exists()
        assert not Dataset.everything.filter(name="New").exists()


def test_a_checkpoint_is_recorded_once(training):
    first = record_checkpoint(run=training, iteration=10, file_name="checkpoints/a.pt", sha256="a" * 64)
    second = record_checkpoint(run=training, iteration=10, file_name="checkpoints/b.pt", sha256="b" * 64)

    assert first == second
    assert second.sha256 == "a" * 64
