"""Pages of duplicates, and what forms say before a training is started."""

import pytest
from django.urls import reverse

from classification.cnn.config import PRESETS
from classification.models import Experiment
from classification.selectors import DESIGNS
from imaging.duplicates.services import start_search
from tests.classification.test_views import sent_by_browser
from tests.factories import DatasetFactory, ImageFactory
from tests.imaging.duplicates.conftest import brighter, look_at, smooth
from worker.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def chests():
    dataset = DatasetFactory(name="Chests")
    for seed in range(30):
        label = "normal" if seed % 2 else "pneumonia"
        split = ("train", "train", "tune", "test")[seed // 2 % 4]
        ImageFactory(dataset=dataset, pixels=smooth(seed), label=label, split=split, patient_pseudonym=f"P{seed}")
    ImageFactory(dataset=dataset, pixels=brighter(smooth(0)), label="normal", split="test", patient_pseudonym="Q")
    return dataset


def test_from_the_form_to_the_pairs(chests, investigator_client, run_search):
    address = reverse("imaging:dataset_duplicates", args=[chests.pk])
    assert "Nothing has been searched yet." in investigator_client.get(address).text

    answer = investigator_client.post(address, {"limit": "48"})
    assert answer.status_code == 302
    report = run_search(Job.objects.get(kind="imaging.duplicates"))

    assert reverse("imaging:duplicates_report", args=[report.pk]) in investigator_client.get(address).text
    page = investigator_client.get(reverse("imaging:duplicates_report", args=[report.pk])).text
    assert "Test with training" in page
    assert "Different patients" in page
    assert "Different classes" in page
    none = investigator_client.get(reverse("imaging:duplicates_report", args=[report.pk]), {"show": "exact"}).text
    assert "No such pairs" in none
    table = investigator_client.get(reverse("imaging:duplicates_file", args=[report.pk]))
    assert b"".join(table.streaming_content).decode().count("\n") == 2


def test_a_wrong_limit_is_said_at_its_field(chests, investigator_client):
    answer = investigator_client.post(reverse("imaging:dataset_duplicates", args=[chests.pk]), {"limit": "300"})

    assert answer.context["form"].errors == {"limit": ["Ensure this value is less than or equal to 64."]}
    assert not Job.objects.exists()


@pytest.mark.parametrize("pages", ["report", "dataset"])
def test_readers_see_nothing(chests, client, reader, run_search, pages):
    report = run_search(start_search(dataset=chests, created_by=None))
    client.force_login(reader)
    names = {
        "report": [("imaging:duplicates_report", report.pk), ("imaging:duplicates_file", report.pk)],
        "dataset": [("imaging:dataset_duplicates", chests.pk)],
    }[pages]

    assert [client.get(reverse(name, args=[pk])).status_code for name, pk in names] == [403] * len(names)


def test_the_split_page_says_it(chests, investigator_client):
    look_at(chests)

    page = investigator_client.get(reverse("imaging:dataset_split", args=[chests.pk])).text

    assert "The test set has 1 image that looks like a copy of one in the training and tuning images" in page


def test_an_experiment_is_not_started_before_the_tick(chests, investigator_client):
    look_at(chests)
    address = reverse("classification:experiment_new") + f"?kind=single&dataset={chests.pk}&preset=quick-look"
    assert (
        "looks like a copy of one in the training and tuning images of “Chests”"
        in investigator_client.get(address).text
    )
    data = {"name": "One", "positive": "pneumonia", "device": "auto", "begin_with": "none"}
    data |= sent_by_browser(PRESETS["quick-look"].make(5), "set")
    data |= sent_by_browser(DESIGNS[Experiment.Kind.SINGLE](), "design")

    halted = investigator_client.post(address, data)
    assert "Nothing was started" in halted.text
    assert not Job.objects.exists()

    assert investigator_client.post(address, data | {"copies_known": "yes"}).status_code == 302
    assert Job.objects.get().title == "Experiment “One”"


def test_the_number_of_queries_does_not_grow_with_the_pairs(
    chests, investigator_client, run_search, django_assert_num_queries
):
    few = run_search(start_search(dataset=chests, created_by=None))
    for seed in (1, 2, 3, 8, 9, 10, 11):
        ImageFactory(dataset=chests, pixels=brighter(smooth(seed)), split="test")
    many = run_search(start_search(dataset=chests, created_by=None))
    assert (few.values["counts"]["pairs"], many.values["counts"]["pairs"]) == (1, 8)

    for report in (few, many):
        with django_assert_num_queries(5):
            investigator_client.get(reverse("imaging:duplicates_report", args=[report.pk]))
