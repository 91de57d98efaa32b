"""Datasets that a job fills: seen by nobody before they are whole, removed without a trace, one owner of a name."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from config.accounts.models import User
from imaging import storage
from imaging.forms import FilterForm
from imaging.making import (
    REMOVE,
    add_images,
    check_whole,
    claim_name,
    discard_dataset,
    publish_dataset,
    remove_discarded,
    unfinished_dataset,
)
from imaging.models import Dataset, Image
from imaging.selectors import dataset_counts, datasets_with_counts, filter_images, filter_options
from imaging.services import (
    DatasetError,
    create_dataset,
    delete_dataset,
    freeze_dataset,
    remove_unreferenced_pixels,
    sweep_pixel_files,
)
from tests.factories import DatasetFactory, ImageFactory, JobFactory, UserFactory
from tests.imaging.archives import grey
from turing.forms.sides import SideForm
from worker.models import Job

pytestmark = pytest.mark.django_db
BEING_MADE = "A dataset called “Samples” is being made just now, by the job “Drawing”. Choose another name, or cancel "


def record(number: int, label: str = "normal") -> Image:
    stored = storage.store_pixels(grey(number))
    return Image(
        pixel_sha256=stored.sha256, width=stored.width, height=stored.height, bit_depth=stored.bit_depth, label=label
    )


@pytest.fixture
def job() -> Job:
    return JobFactory(title="Drawing")


@pytest.fixture
def unfinished(job) -> Dataset:
    dataset = create_dataset(name="Samples", origin="synthetic", created_by=None, made_by=job)
    assert add_images(dataset=dataset, images=[record(1), record(2, "ill")])
    return dataset


def end(job: Job, state: str = Job.State.CANCELLED, *, days_ago: float = 0) -> None:
    Job.objects.filter(pk=job.pk).update(state=state, finished_at=timezone.now() - timedelta(days=days_ago))
    job.refresh_from_db()


class TestHidden:
    def test_from_every_read(self, unfinished):
        image = Image.everything.filter(dataset=unfinished).first()

        assert list(Dataset.objects.all()) == datasets_with_counts() == []
        assert list(Image.objects.all()) == list(unfinished.images.all()) == list(filter_images(unfinished, {})) == []
        assert dataset_counts(unfinished) == {}
        assert filter_options(unfinished)["labels"] == []
        assert "labels" not in FilterForm({}, dataset=unfinished).fields  # there is nothing to choose
        assert not Image.objects.filter(pk=image.pk).exists()
        assert unfinished.images(manager="everything").count() == 2

    def test_from_every_page(self, unfinished, client):
        client.force_login(UserFactory(role=User.Role.INVESTIGATOR))
        image = Image.everything.filter(dataset=unfinished).first()

        assert "Samples" not in client.get(reverse("imaging:dataset_list")).content.decode()
        for name, pk in [
            ("imaging:dataset_detail", unfinished.pk),
            ("imaging:dataset_delete", unfinished.pk),
            ("imaging:image_detail", image.pk),
            ("imaging:image_original", image.pk),
            ("imaging:image_thumbnail", image.pk),
            ("generation:dataset_measures", unfinished.pk),
        ]:
            assert client.get(reverse(name, args=[pk])).status_code == 404, name

    def test_from_choices_and_command_lines(self, unfinished):
        ready = DatasetFactory(name="Whole", origin="synthetic")

        form = SideForm(origin="synthetic", options={})
        assert list(form.fields["dataset"].queryset) == [ready]
        with pytest.raises(Exception, match="Samples"):
            call_command("measure_dataset", dataset="Samples")

    def test_it_cannot_be_used(self, unfinished):
        with pytest.raises(DatasetError, match="There is no dataset “Samples”, or it is deleted or still being made"):
            freeze_dataset(dataset=unfinished)
        with pytest.raises(IntegrityError), transaction.atomic():
            Dataset.everything.filter(pk=unfinished.pk).update(frozen_at=timezone.now())

    def test_its_files_are_needed(self, unfinished):
        hashes = list(Image.everything.values_list("pixel_sha256", flat=True))

        assert remove_unreferenced_pixels(hashes) == sweep_pixel_files() == 0
        assert storage.have_pixels(hashes)


class TestPublish:
    def test_whole(self, unfinished):
        check_whole(dataset=unfinished, counts={"normal": 1, "ill": 1, "other": 0})
        publish_dataset(dataset=unfinished, name="Samples")

        assert list(Dataset.objects.all()) == [unfinished]
        assert dataset_counts(unfinished) == {"ill": 1, "normal": 1}

    @pytest.mark.parametrize(
        "counts", [{"normal": 2, "ill": 1}, {"normal": 1}, {"normal": 1, "ill": 1, "x": 1}, {"normal": 2}]
    )
    def test_images_missing_or_too_many(self, unfinished, counts):
        with pytest.raises(DatasetError, match=r"“Samples” is not whole: it has 1 ill, 1 normal, wanted are"):
            check_whole(dataset=unfinished, counts=counts)

    def test_not_what_was_discarded_meanwhile(self, unfinished, job):
        end(job)
        discard_dataset(dataset=unfinished)

        with pytest.raises(DatasetError, match="“Samples” is no longer being made"):
            publish_dataset(dataset=unfinished, name="Samples")
        assert not Dataset.objects.exists()

    def test_nothing_is_added_once_it_is_shown(self, unfinished):
        publish_dataset(dataset=unfinished, name="Samples")

        with pytest.raises(DatasetError, match="is no longer being made"):
            add_images(dataset=unfinished, images=[record(3)])

    def test_a_record_without_its_file_is_not_added(self, unfinished):
        image = record(3)
        storage.delete_pixels([image.pixel_sha256])

        assert not add_images(dataset=unfinished, images=[record(4), image])
        assert Image.everything.count() == 2


class TestNames:
    def test_taken_while_its_job_waits_or_runs(self, unfinished):
        with pytest.raises(DatasetError, match=BEING_MADE):
            create_dataset(name="Samples", origin="real", created_by=None)

    def test_given_up_when_its_job_has_ended(self, unfinished, job):
        end(job)

        other = create_dataset(name="Samples", origin="real", created_by=None)

        unfinished.refresh_from_db()
        assert (other.name, unfinished.name) == ("Samples", f"unfinished {unfinished.pk}")
        assert unfinished_dataset(job) == unfinished
        with pytest.raises(DatasetError, match="There is a dataset called “Samples” already"):
            claim_name(dataset=unfinished, name="Samples")

    def test_shown_under_its_own_name_again(self, unfinished, job):
        end(job)
        delete_dataset(dataset=create_dataset(name="Samples", origin="real", created_by=None))
        unfinished.refresh_from_db()

        publish_dataset(dataset=unfinished, name="Samples")

        assert [dataset.name for dataset in Dataset.objects.all()] == ["Samples"]


class TestRemoval:
    def test_not_while_its_job_is_at_it(self, unfinished, job):
        with pytest.raises(DatasetError, match=r"“Samples” is being made just now\. Cancel the job “Drawing” first\."):
            discard_dataset(dataset=unfinished)

    def test_rows_and_the_files_that_nobody_else_has(self, unfinished, job, monkeypatch):
        monkeypatch.setattr("imaging.making.ROWS_AT_ONCE", 1)
        shared = ImageFactory(pixels=grey(1))
        end(job)

        discard_dataset(dataset=unfinished)
        assert unfinished_dataset(job) is None
        assert remove_discarded() == 2

        assert list(Image.everything.all()) == [shared]
        assert list(storage.stored_hashes()) == [shared.pixel_sha256]
        assert not Dataset.everything.filter(name__contains=unfinished.pk).exists()

    def test_killed_in_the_middle_it_goes_on(self, unfinished, job, monkeypatch):
        class Killed(BaseException):
            pass

        def kill(hashes):
            remove_unreferenced_pixels(hashes)
            raise Killed

        end(job)
        discard_dataset(dataset=unfinished)
        with monkeypatch.context() as patch:
            patch.setattr("imaging.making.remove_unreferenced_pixels", kill)
            with pytest.raises(Killed):
                remove_discarded()
        assert Image.everything.count() == 2

        assert remove_discarded() == 2

        assert not Dataset.everything.exists()
        assert not list(storage.stored_hashes())

    @pytest.mark.parametrize(
        ("state", "days", "left"), [("cancelled", 8, 0), ("failed", 8, 0), ("cancelled", 6, 2), ("queued", 8, 2)]
    )
    def test_swept_after_a_week(self, unfinished, job, state, days, left):
        end(job, state, days_ago=days)

        call_command("sweep_images")

        assert Image.everything.count() == len(list(storage.stored_hashes())) == left

    def test_as_a_job(self):
        from imaging.making import start_removal

        assert start_removal(created_by=None).kind == REMOVE
