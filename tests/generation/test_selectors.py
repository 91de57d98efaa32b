"""What a run learns from, and which of its states is the best."""

import pytest

from generation.selectors import best_checkpoint, images_seen, training_rows
from imaging.models import Image
from tests.factories import CheckpointFactory, TrainingRunFactory
from worker.models import Job


class TestTrainingRows:
    def test_without_limits_all_in_the_order_of_their_pixels(self, phantoms):
        rows = training_rows(phantoms, {}, {}, seed=1)

        assert rows == sorted(phantoms.images.values_list("pixel_sha256", "label"))

    def test_all_of_one_class_and_some_of_the_other(self, phantoms):
        """Jang 2023: all abnormal images and 20,000 normal ones."""
        rows = training_rows(phantoms, {}, {"normal": 2}, seed=1)

        lesions = sorted(phantoms.images.filter(label="lesion").values_list("pixel_sha256", "label"))
        assert [row for row in rows if row[1] == "lesion"] == lesions
        assert len([row for row in rows if row[1] == "normal"]) == 2
        assert rows == sorted(rows)

    def test_the_seed_draws_them_whatever_the_database(self, phantoms):
        first = training_rows(phantoms, {}, {"normal": 2}, seed=1)
        for image in list(phantoms.images.order_by("-pk")):  # the same images, recorded in another order
            pk = image.pk
            image.pk = None
            image._state.adding = True
            Image.objects.filter(pk=pk).delete()
            image.save()

        assert training_rows(phantoms, {}, {"normal": 2}, seed=1) == first
        assert any(training_rows(phantoms, {}, {"normal": 2}, seed=seed) != first for seed in range(2, 10))

    def test_a_limit_above_what_there_is_changes_nothing(self, phantoms):
        assert training_rows(phantoms, {}, {"normal": 99}, seed=1) == training_rows(phantoms, {}, {}, seed=1)


@pytest.mark.django_db
class TestBestCheckpoint:
    def test_the_least_value_of_the_chosen_measure_and_of_equals_the_earlier(self):
        run = TrainingRunFactory(best_by="kid")
        for iteration, kid in ((1, 0.3), (2, 0.1), (3, 0.1)):
            CheckpointFactory(run=run, iteration=iteration, measures={"kid_a_0": kid, "fid_a_0": -kid})

        checkpoint, value = best_checkpoint(run)

        assert (checkpoint.iteration, value) == (2, 0.1)

    def test_nothing_chosen_or_nothing_measured(self):
        run = TrainingRunFactory()
        CheckpointFactory(run=run, measures={"kid_a_0": 0.1})

        assert best_checkpoint(run) is None
        assert best_checkpoint(TrainingRunFactory(best_by="kid")) is None


@pytest.mark.django_db
def test_images_are_seen_in_training_not_while_they_are_prepared():
    run = TrainingRunFactory()
    Job.objects.filter(pk=run.job_id).update(progress_done=500, progress_unit="images")
    run.job.refresh_from_db()
    assert images_seen(run) == 0

    Job.objects.filter(pk=run.job_id).update(progress_unit="images seen")
    run.job.refresh_from_db()
    assert images_seen(run) == 500
