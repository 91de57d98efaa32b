"""The command: what it refuses, what it queues."""

import pytest
from django.core.management import CommandError, call_command

from imaging.models import Dataset
from tests.factories import DatasetFactory, ImageFactory, TrainingRunFactory
from worker.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def real() -> Dataset:
    dataset = DatasetFactory(name="Real ones")
    ImageFactory.create_batch(21, dataset=dataset, split="train")
    ImageFactory.create_batch(2, dataset=dataset, split="test")
    return dataset


@pytest.fixture
def made(real) -> Dataset:
    dataset = DatasetFactory(name="Made ones", origin=Dataset.Origin.SYNTHETIC)
    ImageFactory.create_batch(10, dataset=dataset)
    return dataset


def test_queues_with_splits_and_settings(made, real, capsys):
    call_command(
        "measure_dataset", "--dataset", "Made ones", "--training", "Real ones", "--split", "train", "--held-out",
        "Real ones", "--held-out-split", "test", "--suspicion", "0.05", "--pairs-per-class", "7",
    )  # fmt: skip

    job = Job.objects.get()
    assert capsys.readouterr().out == f"Queued the measurement of “Made ones” as job {job.pk}\n"
    assert job.parameters["training_filters"] == {"splits": ["train"]}
    assert job.parameters["held_out_filters"] == {"splits": ["test"]}
    assert (job.parameters["settings"]["suspicion"], job.parameters["settings"]["pairs_per_class"]) == (0.05, 7)


def test_knows_what_the_generator_was_trained_on(made, real):
    run = TrainingRunFactory(dataset=real, filters={"splits": ["train"]})
    made.images.update(provenance={"run": str(run.pk)})

    call_command("measure_dataset", "--dataset", "Made ones")

    assert Job.objects.get(kind="generation.measure").parameters["training_id"] == str(real.pk)
    assert Job.objects.get(kind="generation.measure").parameters["training_filters"] == {"splits": ["train"]}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--dataset", "Nothing"], "no dataset called “Nothing”"),
        (["--dataset", "Made ones"], "was not drawn from a generator here: name its --training images"),
        (["--dataset", "Real ones", "--training", "Real ones"], "measured are synthetic images"),
        (["--dataset", "Made ones", "--training", "Real ones", "--suspicion", "2"], "suspicion is 2.0; it must be"),
    ],
)
def test_refuses_in_words(made, real, options, text):
    with pytest.raises(CommandError, match=text):
        call_command("measure_dataset", *options)
    assert not Job.objects.exists()
