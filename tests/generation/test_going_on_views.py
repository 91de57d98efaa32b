"""The pages that go on from a run: longer training, and samples."""

from datetime import timedelta

import pytest
from django.urls import reverse

from generation.models import SampleRun, TrainingRun
from generation.services import start_sampling
from imaging.models import Dataset
from tests.factories import CheckpointFactory, DatasetFactory, ImageFactory
from tests.generation.conftest import run_job
from tests.generation.pages import sample_data
from worker.models import Job
from worker.services import request_cancel, resume_job


class TestContinue:
    @pytest.fixture
    def ended(self, training) -> TrainingRun:
        Job.objects.filter(pk=training.job_id).update(state=Job.State.SUCCEEDED, progress_done=320)
        training.job.refresh_from_db()
        return training

    def test_a_run_that_has_ended_goes_on_for_longer(self, investigator_client, ended):
        page = investigator_client.get(ended.get_absolute_url())
        assert page.context["continue_form"]["length"].value() == 40

        response = investigator_client.post(reverse("generation:run_continue", args=[ended.pk]), {"length": 60})

        ended.refresh_from_db()
        assert response["Location"] == ended.get_absolute_url()
        assert ended.config["iterations"] == ended.job.parameters["config"]["iterations"] == 60
        assert ended.job.state == Job.State.QUEUED

    @pytest.mark.parametrize(
        ("length", "message"),
        [
            (40, "“First” has been trained for that long already. Write more than 40 iterations."),
            (0, "Write a whole number from 1 to 10,000,000."),
        ],
    )
    def test_what_makes_no_sense_is_said_at_the_field(self, investigator_client, ended, length, message):
        response = investigator_client.post(reverse("generation:run_continue", args=[ended.pk]), {"length": length})

        assert response.context["continue_form"].errors == {"length": [message]}
        ended.job.refresh_from_db()
        assert ended.job.state == Job.State.SUCCEEDED

    def test_a_cancelled_run_goes_on_to_the_same_end(self, investigator_client, ended):
        Job.objects.filter(pk=ended.job_id).update(state=Job.State.CANCELLED)

        investigator_client.post(reverse("generation:run_continue", args=[ended.pk]), {"length": 40})

        ended.job.refresh_from_db()
        assert ended.job.state == Job.State.QUEUED

    def test_a_running_one_is_left_alone(self, investigator_client, training):
        page = investigator_client.get(training.get_absolute_url())
        response = investigator_client.post(reverse("generation:run_continue", args=[training.pk]), {"length": 60})

        training.refresh_from_db()
        assert page.context["continue_form"] is None
        assert training.config["iterations"] == 40
        assert "is queued: wait until it has ended" in response.content.decode()


class TestSampling:
    def test_the_form_starts_a_sample_run(self, investigator_client, investigator, run):
        CheckpointFactory(run=run, iteration=10)
        checkpoint = CheckpointFactory(run=run, iteration=20)

        response = investigator_client.post(reverse("generation:run_sample", args=[run.pk]), sample_data(checkpoint))

        sample_run = SampleRun.objects.get()
        assert response["Location"] == f"{run.get_absolute_url()}#samples"
        assert (sample_run.checkpoint, sample_run.seed, sample_run.created_by) == (checkpoint, 9, investigator)
        assert sample_run.per_class == {"lesion": 4, "normal": 0}

    def test_the_last_checkpoint_and_a_free_name_are_offered(self, investigator_client, run):
        DatasetFactory(name="Chest run, samples")
        CheckpointFactory(run=run, iteration=10)
        last = CheckpointFactory(run=run, iteration=20)

        form = investigator_client.get(run.get_absolute_url()).context["form"]

        assert form["checkpoint"].value() == last.pk
        assert form["dataset_name"].value() == "Chest run, samples 2"

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"class_0": 0}, "Ask for 1 to 200,000 images in all."),
            ({"class_0": 199_999, "class_1": 2}, "Ask for 1 to 200,000 images in all."),
            ({"seed": -1}, "Ensure this value is greater than or equal to 0."),
            ({"dataset_name": "Real ones"}, "There is a dataset called “Real ones” already. Choose another name."),
        ],
    )
    def test_mistakes_are_shown_on_the_run_page(self, investigator_client, run, changes, message):
        checkpoint = CheckpointFactory(run=run)
        address = reverse("generation:run_sample", args=[run.pk])

        response = investigator_client.post(address, sample_data(checkpoint, **changes))

        assert response.status_code == 200
        assert message in response.content.decode()
        assert not SampleRun.objects.exists()

    def test_a_checkpoint_that_has_gone_meanwhile_is_refused_in_words(self, investigator_client, run):
        left, gone = CheckpointFactory(run=run, iteration=10), CheckpointFactory(run=run, iteration=20)
        data = sample_data(gone)
        gone.delete()

        response = investigator_client.post(reverse("generation:run_sample", args=[run.pk]), data)

        assert response.context["form"].errors["checkpoint"] == [
            "This state is no longer kept: while the generator trains, better states replace it. Choose another one; "
            "the list is up to date now."
        ]
        assert list(response.context["form"].fields["checkpoint"].queryset) == [left]
        assert not SampleRun.objects.exists()

    @pytest.fixture
    def cancelled(self, run) -> SampleRun:
        """With one image drawn of four."""
        sample_run = start_sampling(
            checkpoint=CheckpointFactory(run=run),
            per_class={"lesion": 4},
            seed=1,
            dataset_name="Half",
            created_by=None,
        )
        ImageFactory(dataset=Dataset.everything.get(name="Half"))
        request_cancel(job=sample_run.job)
        return sample_run

    def test_what_a_cancelled_one_keeps_is_said(self, investigator_client, run, cancelled):
        page = investigator_client.get(run.get_absolute_url())

        (kept,) = page.context["kept_samples"]
        assert (kept.sample_run, kept.images, kept.wanted) == (cancelled, 1, 4)
        assert kept.until - cancelled.job.finished_at == timedelta(days=7)
        text = " ".join(page.content.decode().split())
        assert "<strong>Half</strong> was not finished: 1 of 4 images are drawn. They are kept, seen by nobody," in text
        assert not page.context["sample_runs"][0].dataset

    def test_and_can_be_discarded(self, investigator_client, run, cancelled):
        address = reverse("generation:sample_discard", args=[cancelled.pk])

        assert investigator_client.get(address).status_code == 405
        response = investigator_client.post(address, follow=True)

        assert "What was drawn of “Half” is being removed." in response.content.decode()
        assert not response.context["kept_samples"]
        assert Job.objects.get(kind="imaging.remove").state == Job.State.QUEUED
        run_job(Job.objects.get(kind="imaging.remove"))
        assert not Dataset.everything.filter(origin="synthetic").exists()

    def test_not_by_others(self, client, reader, cancelled):
        client.force_login(reader)
        assert client.post(reverse("generation:sample_discard", args=[cancelled.pk])).status_code == 403
        assert Dataset.everything.filter(name="Half").exists()

    def test_not_while_it_is_drawn(self, investigator_client, run, cancelled):
        resume_job(job=cancelled.job)

        page = investigator_client.post(reverse("generation:sample_discard", args=[cancelled.pk]), follow=True)

        assert "“Half” is being made just now. Cancel the job “Sample “Half”” first." in page.content.decode()
        assert Dataset.everything.filter(name="Half").exists()

    def test_a_checkpoint_of_another_run_is_refused(self, investigator_client, run):
        CheckpointFactory(run=run)
        foreign = CheckpointFactory()

        response = investigator_client.post(reverse("generation:run_sample", args=[run.pk]), sample_data(foreign))

        assert response.context["form"].errors["checkpoint"]
        assert not SampleRun.objects.exists()
