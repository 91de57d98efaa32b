"""Deleted datasets: seen nowhere, restored whole, removed for good; and what holds a dataset."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import get_resolver, reverse
from django.utils import timezone

from imaging import deleting, storage
from imaging.deleting import (
    deleted_datasets,
    dependents,
    put_away_dataset,
    remove_for_good,
    restore_dataset,
)
from imaging.making import remove_discarded
from imaging.models import Dataset, Image
from imaging.services import DatasetError, create_dataset, freeze_dataset
from tests.factories import (
    DatasetFactory,
    DatasetReportFactory,
    ExperimentFactory,
    ImageFactory,
    ScoringFactory,
    TrainingRunFactory,
)
from tests.turing.builders import make_draft
from worker.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def chests() -> Dataset:
    dataset = DatasetFactory(name="Chests to be deleted")
    ImageFactory.create_batch(3, dataset=dataset, label="marker-class")
    return dataset


def test_it_is_hidden_and_comes_back_whole(chests, investigator):
    hashes = set(chests.images.values_list("pixel_sha256", flat=True))

    put_away_dataset(dataset=chests, by=investigator)

    assert not Dataset.objects.exists()
    assert not Image.objects.exists()
    assert [(one.name, one.n_images, one.deleted_by) for one in deleted_datasets()] == [
        ("Chests to be deleted", 3, investigator)
    ]
    with pytest.raises(DatasetError, match="deleted already"):
        put_away_dataset(dataset=chests, by=investigator)
    with pytest.raises(DatasetError, match="it is deleted or still being made"):
        freeze_dataset(dataset=chests)

    restored = restore_dataset(dataset=chests)

    assert set(restored.images.values_list("pixel_sha256", flat=True)) == hashes == set(storage.stored_hashes())
    assert (restored.deleted_at, restored.deleted_by) == (None, None)


def test_its_files_stay_as_long_as_it_can_be_restored(chests):
    hashes = set(storage.stored_hashes())
    put_away_dataset(dataset=chests, by=None)

    call_command("sweep_images")

    assert set(storage.stored_hashes()) == hashes


def test_its_name_is_kept_for_it_and_the_message_says_where(chests):
    put_away_dataset(dataset=chests, by=None)

    with pytest.raises(DatasetError, match=r"was deleted and can still be restored.*Deleted datasets"):
        create_dataset(name="Chests to be deleted", origin="real", created_by=None)


def test_after_its_time_the_sweep_removes_it(chests):
    kept = DatasetFactory()
    shared = ImageFactory(dataset=kept)
    ImageFactory(dataset=chests, pixel_sha256=shared.pixel_sha256, stored=None, width=12, height=16, bit_depth=8)
    put_away_dataset(dataset=chests, by=None)
    Dataset.everything.filter(pk=chests.pk).update(deleted_at=timezone.now() - timedelta(days=30, hours=1))

    call_command("sweep_images")

    assert list(Dataset.everything.all()) == [kept]
    assert list(storage.stored_hashes()) == [shared.pixel_sha256]


@pytest.mark.parametrize("at_once", [1000, 2])
def test_removed_for_good_at_once_or_by_a_job(chests, at_once, monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr(deleting, "AT_ONCE", at_once)
    DatasetReportFactory(dataset=chests)
    put_away_dataset(dataset=chests, by=None)

    with django_capture_on_commit_callbacks(execute=True):
        remove_for_good(dataset=chests, by=None)

    assert not deleted_datasets().exists()
    if at_once == 2:
        assert Job.objects.get().kind == "imaging.remove"
        remove_discarded()
    assert not Dataset.everything.exists()
    assert list(storage.stored_hashes()) == []
    with pytest.raises(DatasetError, match="not among the deleted datasets"):
        restore_dataset(dataset=chests)


@pytest.mark.parametrize("use", ["run", "experiment", "external", "scoring", "study"])
def test_what_results_rest_on_stays_and_the_user_is_named(chests, use):
    if use == "run":
        TrainingRunFactory(dataset=chests, name="Named")
    elif use == "experiment":
        ExperimentFactory(dataset=chests, name="Named")
    elif use == "external":
        ExperimentFactory(name="Named").external.add(chests)
    elif use == "scoring":
        ScoringFactory(dataset=chests)
    else:
        make_draft(real_dataset=chests, name="Named")

    with pytest.raises(DatasetError, match="cannot be deleted: it is used by") as refusal:
        put_away_dataset(dataset=chests, by=None)

    assert use == "scoring" or "Named" in str(refusal.value)
    assert Dataset.objects.filter(pk=chests.pk).exists()


def test_datasets_made_of_it_are_named_and_hold_nothing(chests):
    DatasetFactory(name="Adults", inclusion_record={"source_id": str(chests.pk)})

    assert [(one.what, one.name, one.holds) for one in dependents(chests)] == [("dataset made of it", "Adults", False)]
    put_away_dataset(dataset=chests, by=None)


def test_the_page_asks_deletes_and_restores(chests, investigator_client):
    address = reverse("imaging:dataset_delete", args=[chests.pk])
    assert "For 30 days it can be restored" in investigator_client.get(address).text

    answer = investigator_client.post(address, follow=True)
    assert "It can be restored under “Deleted datasets”." in answer.text
    assert investigator_client.get(chests.get_absolute_url()).status_code == 404
    listed = investigator_client.get(reverse("imaging:deleted_list")).text
    assert "Chests to be deleted" in listed

    answer = investigator_client.post(reverse("imaging:deleted_list"), {"dataset": str(chests.pk)}, follow=True)
    assert "The dataset “Chests to be deleted” is back." in answer.text


def test_the_page_removes_for_good(chests, investigator_client):
    put_away_dataset(dataset=chests, by=None)

    investigator_client.post(reverse("imaging:deleted_list"), {"dataset": str(chests.pk), "remove": "yes"})

    assert not Dataset.everything.exists()


def test_the_page_names_what_holds_it(chests, investigator_client):
    TrainingRunFactory(dataset=chests, name="The run that holds it")

    page = investigator_client.get(reverse("imaging:dataset_delete", args=[chests.pk])).text

    assert "The run that holds it" in page
    assert 'class="btn btn-danger"' not in page


def test_no_page_without_arguments_names_a_deleted_dataset(chests, investigator_client):
    """Lists and forms alike: each page of the site that can be opened without choosing something first."""
    synthetic = DatasetFactory(name="Made ones to be deleted", origin="synthetic")
    ImageFactory(dataset=synthetic, label="marker-made")
    other = DatasetFactory(name="A dataset that stays")
    ImageFactory(dataset=other)
    addresses = plain_addresses() + [
        reverse(name, args=[other.pk])
        for name in ("imaging:dataset_detail", "imaging:dataset_duplicates", "imaging:dataset_include")
    ]
    markers = ("Chests to be deleted", "Made ones to be deleted", "marker-class", "marker-made")

    before = {address: names(investigator_client, address, markers) for address in addresses}
    for dataset in (chests, synthetic):
        put_away_dataset(dataset=dataset, by=None)
    after = {address: names(investigator_client, address, markers) for address in addresses}

    assert sum(before.values()) >= 5  # they are named on lists and forms while they are there
    assert {address for address, named in after.items() if named} == {reverse("imaging:deleted_list")}


def plain_addresses() -> list[str]:
    found = []
    for namespace in ("imaging", "generation", "classification", "turing", "worker"):
        resolver = get_resolver().namespace_dict[namespace][1]
        for name in {key for key in resolver.reverse_dict if isinstance(key, str)}:
            if any(not parameters for _, parameters in resolver.reverse_dict.getlist(name)[0][0]):
                found.append(reverse(f"{namespace}:{name}"))
    return sorted(found)


def names(client, address: str, markers: tuple[str, ...]) -> bool:
    answer = client.get(address)
    return answer.status_code == 200 and not answer.streaming and any(one in answer.text for one in markers)
