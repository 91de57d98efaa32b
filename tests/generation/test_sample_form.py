"""The form on a run's page: numbers of each class, balancing, precision, and truncation where the network has one."""

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from generation.forms import SampleForm
from generation.gan.stylegan2_config import StyleGan2Config
from generation.models import SampleRun, TrainingRun
from tests.factories import CheckpointFactory, DatasetFactory, ImageFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def checkpoint():
    dataset = DatasetFactory()
    for label, count in {"lesion": 2, "normal": 5}.items():
        ImageFactory.create_batch(count, dataset=dataset, label=label)
    return CheckpointFactory(run__dataset=dataset, run__classes=["lesion", "normal"])


def data(checkpoint, **values) -> dict[str, str]:
    base = {"dataset_name": "Drawn", "checkpoint": str(checkpoint.pk), "seed": "3", "class_0": "4", "class_1": "0"}
    return {**base, **values}


class TestBalancing:
    def test_the_button_fills_in_the_numbers_and_starts_nothing(self, checkpoint, investigator_client):
        address = reverse("generation:run_sample", args=[checkpoint.run_id])

        page = investigator_client.post(address, data(checkpoint, balance="1", dataset_name="My name"))

        form = page.context["form"]
        assert [form["class_0"].value(), form["class_1"].value()] == [3, 0]
        assert form["dataset_name"].value() == "My name"
        words = " ".join(page.content.decode().split())
        assert "(2 lesion, 5 normal), is as large as the largest. That is 3 lesion, 0 normal," in words
        assert not SampleRun.objects.exists()

    @pytest.mark.parametrize("counts", [{"lesion": 3, "normal": 3}, {"lesion": 3}, {}])
    def test_no_button_when_there_is_nothing_to_balance(self, checkpoint, counts):
        form = SampleForm(run=checkpoint.run, checkpoints=[checkpoint], real_counts=counts)

        assert form.balancing == {}
        assert form.balanced()["class_0"].value() == 100  # as it was

    def test_a_generator_without_classes_has_none_to_balance(self, checkpoint, investigator_client):
        TrainingRun.objects.update(classes=["all"])

        page = investigator_client.get(checkpoint.run.get_absolute_url()).content.decode()

        assert "Draw images" in page
        assert "Balance the classes" not in page
        with pytest.raises(CommandError, match="was trained without classes"):
            call_command("sample_generator", f"--run={checkpoint.run.name}", "--name=Drawn", "--balance")

    def test_the_command_draws_the_same_numbers(self, checkpoint):
        call_command("sample_generator", f"--run={checkpoint.run.name}", "--name=Drawn", "--balance")

        assert SampleRun.objects.get().per_class == {"lesion": 3, "normal": 0}


class TestOptions:
    def test_exact_unless_chosen_otherwise(self, checkpoint, investigator_client):
        address = reverse("generation:run_sample", args=[checkpoint.run_id])

        investigator_client.post(address, data(checkpoint))
        investigator_client.post(address, data(checkpoint, dataset_name="Quick", precision="float32"))

        assert list(SampleRun.objects.order_by("created_at").values_list("precision", "truncation")) == [
            ("exact", 1.0),
            ("float32", 1.0),
        ]
        assert SampleRun.objects.get(precision="float32").job.parameters["precision"] == "float32"

    def test_truncation_is_asked_for_only_where_the_network_has_one(self, checkpoint):
        assert "truncation" not in SampleForm(run=checkpoint.run, checkpoints=[checkpoint]).fields

        checkpoint.run.generator, checkpoint.run.config = "stylegan2", StyleGan2Config().to_dict()
        form = SampleForm(data(checkpoint, truncation="0.7"), run=checkpoint.run, checkpoints=[checkpoint])

        assert form.is_valid(), form.errors
        assert form.options.truncation == 0.7
        assert not SampleForm(
            data(checkpoint, truncation="-1"), run=checkpoint.run, checkpoints=[checkpoint]
        ).is_valid()
