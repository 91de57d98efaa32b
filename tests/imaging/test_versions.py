"""Versions of datasets: numbers, what changed between two, and the page."""

import pytest
from django.urls import reverse

from imaging.services import DatasetError
from imaging.versions import compare_datasets, declare_version, undo_version, version_chain
from tests.factories import DatasetFactory, ImageFactory
from tests.imaging.archives import grey

pytestmark = pytest.mark.django_db


@pytest.fixture
def two():
    """Of images 0 to 4, the second version lost 0, has 5 besides, calls 1 otherwise and tests on 2."""
    first, second = DatasetFactory(name="First"), DatasetFactory(name="Second")
    for seed in range(5):
        ImageFactory(dataset=first, pixels=grey(seed), label="normal", split="train")
    for seed in range(1, 6):
        ImageFactory(
            dataset=second,
            pixels=grey(seed),
            label="ill" if seed == 1 else "normal",
            split="test" if seed == 2 else "train",
        )
    return first, second


def test_what_changed(two):
    found = compare_datasets(*two)

    assert found.in_words() == "1 added, 1 removed, 1 of another class, 1 in another split; 2 as they were"
    assert list(found.relabelled.values()) == [("normal", "ill")]
    assert list(found.resplit.values()) == [("train", "test")]
    assert set(found.added) == set(two[1].images.values_list("pixel_sha256", flat=True)) - set(
        two[0].images.values_list("pixel_sha256", flat=True)
    )


def test_numbers_go_on_and_have_one_root(two):
    first, second = two
    third = DatasetFactory(name="Third")

    declare_version(dataset=second, of=first)
    declare_version(dataset=third, of=second)

    assert [(one.name, one.version_number) for one in version_chain(second)] == [
        ("First", 1),
        ("Second", 2),
        ("Third", 3),
    ]
    assert third.version_of == first
    undo_version(dataset=second)
    assert declare_version(dataset=DatasetFactory(), of=first).version_number == 4
    assert version_chain(second) == []


def test_what_is_refused(two):
    first, second = two
    declare_version(dataset=second, of=first)

    with pytest.raises(DatasetError, match="no version of itself"):
        declare_version(dataset=first, of=second)
    with pytest.raises(DatasetError, match="“Second” is version 2 of another dataset already"):
        declare_version(dataset=second, of=DatasetFactory())
    with pytest.raises(DatasetError, match="“First” has later versions itself"):
        declare_version(dataset=first, of=DatasetFactory())
    with pytest.raises(DatasetError, match="versions are of one kind"):
        declare_version(dataset=DatasetFactory(origin="synthetic"), of=first)


def test_the_page_compares_and_declares(two, investigator_client):
    first, second = two
    address = reverse("imaging:dataset_versions", args=[second.pk])

    compared = investigator_client.get(address, {"other": str(first.pk)}).text
    assert "1 added, 1 removed, 1 of another class, 1 in another split; 2 as they were." in compared
    assert "normal → ill" in compared
    answer = investigator_client.post(address, {"other": str(first.pk), "declare": "yes"}, follow=True)

    assert "“Second” is version 2 of “First”." in answer.text
    assert "(this one)" in answer.text
    second.refresh_from_db()
    assert second.version_number == 2
    page = investigator_client.get(second.get_absolute_url()).text
    assert reverse("imaging:dataset_versions", args=[second.pk]) in page
    assert "is a dataset of its own again" in investigator_client.post(address, {"undo": "yes"}, follow=True).text


def test_the_only_dataset_has_nothing_to_be_compared_with(investigator_client):
    page = investigator_client.get(reverse("imaging:dataset_versions", args=[DatasetFactory().pk])).text

    assert "There is no other dataset of this kind" in page
