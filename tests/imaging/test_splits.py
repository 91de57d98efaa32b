"""Splitting a dataset: service, page and command, on records in the database."""

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from imaging.models import Dataset, Image
from imaging.selectors import SplitCount, patients_in_several_splits, split_counts
from imaging.services import DatasetError, freeze_dataset, split_dataset
from tests.factories import DatasetFactory, ImageFactory
from tests.imaging.archives import grey

pytestmark = pytest.mark.django_db

KONG = {"train": 0.7, "tune": 0.1, "test": 0.2}


@pytest.fixture
def dataset() -> Dataset:
    """20 patients with two images each, 10 of each class."""
    dataset = DatasetFactory(name="Sinuses", origin="real")
    for number in range(40):
        ImageFactory(
            dataset=dataset,
            label="normal" if number < 20 else "sinusitis",
            patient_pseudonym=f"p{number // 2}",
            pixels=grey(number, 8),
        )
    return dataset


def of_split(dataset: Dataset) -> dict[str, int]:
    return {split: sum(one.images for one in classes) for split, classes in split_counts(dataset).items()}


def test_classes_get_their_shares_and_patients_stay_together(dataset):
    split_dataset(dataset=dataset, shares=KONG, seed=3)

    assert split_counts(dataset) == {
        "train": [SplitCount(label=label, images=14, patients=7) for label in ("normal", "sinusitis")],
        "tune": [SplitCount(label=label, images=2, patients=1) for label in ("normal", "sinusitis")],
        "test": [SplitCount(label=label, images=4, patients=2) for label in ("normal", "sinusitis")],
    }
    assert patients_in_several_splits(dataset) == 0
    assert Dataset.objects.get().split_record == {"shares": KONG, "seed": 3, "keep_test": False}


def test_kept_test_images_stay_and_the_others_are_shared_out(dataset):
    tested = dataset.images.filter(patient_pseudonym__in=["p0", "p19"])
    tested.update(split="test")
    before = set(tested.values_list("pk", flat=True))

    split_dataset(dataset=dataset, shares={"train": 0.75, "tune": 0.25, "test": 0.0}, seed=0, keep_test=True)

    assert set(dataset.images.filter(split="test").values_list("pk", flat=True)) == before
    assert of_split(dataset) == {"train": 28, "tune": 8, "test": 4}


def test_a_patient_on_both_sides_of_a_kept_test_set_is_refused(dataset):
    image = dataset.images.filter(patient_pseudonym="p0").first()
    Image.objects.filter(pk=image.pk).update(split="test")

    with pytest.raises(DatasetError, match="1 patient has images inside and outside the test set"):
        split_dataset(dataset=dataset, shares={"train": 1.0}, seed=0, keep_test=True)


def test_without_test_images_there_is_nothing_to_keep(dataset):
    with pytest.raises(DatasetError, match="has no test images to keep"):
        split_dataset(dataset=dataset, shares={"train": 1.0}, seed=0, keep_test=True)


def test_a_frozen_dataset_keeps_its_splits(dataset):
    split_dataset(dataset=dataset, shares=KONG, seed=0)
    before = dict(dataset.images.values_list("pk", "split"))
    freeze_dataset(dataset=dataset)

    with pytest.raises(DatasetError, match="is frozen"):
        split_dataset(dataset=dataset, shares=KONG, seed=1)

    assert dict(dataset.images.values_list("pk", "split")) == before


def test_the_page_previews_and_splits(dataset, investigator_client):
    page = reverse("imaging:dataset_split", args=[dataset.pk])
    answers = {"train": "70", "tune": "10", "test": "20", "seed": "3"}

    preview = investigator_client.post(page, {**answers, "preview": "yes"})
    assert preview.context["planned"] == [
        ("train", [("normal", 14), ("sinusitis", 14)]),
        ("tune", [("normal", 2), ("sinusitis", 2)]),
        ("test", [("normal", 4), ("sinusitis", 4)]),
    ]
    assert of_split(dataset) == {"": 40}

    done = investigator_client.post(page, answers, follow=True)
    assert done.redirect_chain == [(dataset.get_absolute_url(), 302)]
    assert "Split here with seed 3." in done.content.decode()
    assert of_split(dataset) == {"train": 28, "tune": 4, "test": 8}


def test_shares_that_do_not_add_up_are_refused_in_words(dataset, investigator_client):
    answer = investigator_client.post(
        reverse("imaging:dataset_split", args=[dataset.pk]), {"train": "70", "tune": "10", "test": "10", "seed": "0"}
    )

    assert answer.context["form"].non_field_errors() == ["The shares add up to 90 %; they must add up to 100 %."]
    assert of_split(dataset) == {"": 40}


def test_a_frozen_dataset_has_no_form(dataset, investigator_client):
    freeze_dataset(dataset=dataset)

    page = investigator_client.get(reverse("imaging:dataset_split", args=[dataset.pk])).content.decode()

    assert "its splits stay as they are" in page
    assert 'name="seed"' not in page


def test_readers_do_not_see_it(dataset, client, reader):
    client.force_login(reader)

    assert client.get(reverse("imaging:dataset_split", args=[dataset.pk])).status_code == 403
    assert client.post(reverse("imaging:dataset_split", args=[dataset.pk])).status_code == 403


def test_the_command(dataset, capsys):
    call_command("split_dataset", "Sinuses", "--seed", "3")

    assert capsys.readouterr().out.splitlines() == [
        "train: normal 14 images, 7 patients",
        "train: sinusitis 14 images, 7 patients",
        "tune: normal 2 images, 1 patients",
        "tune: sinusitis 2 images, 1 patients",
        "test: normal 4 images, 2 patients",
        "test: sinusitis 4 images, 2 patients",
    ]


def test_the_command_names_what_there_is(dataset):
    with pytest.raises(CommandError, match=r"There is no dataset “Chests”\. There are: “Sinuses”"):
        call_command("split_dataset", "Chests")


def test_freezing_from_the_page_keeps_the_splits(dataset, client, investigator):
    client.force_login(investigator)
    split_dataset(dataset=dataset, shares=KONG, seed=3)
    address = reverse("imaging:dataset_freeze", args=[dataset.pk])
    assert address in client.get(reverse("imaging:dataset_split", args=[dataset.pk])).content.decode()
    assert client.get(address).status_code == 405

    page = client.post(address, follow=True).content.decode()

    assert "“Sinuses” is frozen: its images, classes and splits stay as they are." in page
    assert address not in client.get(reverse("imaging:dataset_split", args=[dataset.pk])).content.decode()
    dataset.refresh_from_db()
    with pytest.raises(DatasetError, match="is frozen since"):
        split_dataset(dataset=dataset, shares=KONG, seed=4)


def test_a_reader_freezes_nothing(dataset, client, reader):
    client.force_login(reader)

    assert client.post(reverse("imaging:dataset_freeze", args=[dataset.pk])).status_code in (403, 404)
    assert Dataset.objects.get().frozen_at is None
