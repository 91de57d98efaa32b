"""The dataset browser: filters, the image before and the one after, and where an image was used."""

import pytest
from django.urls import reverse

from imaging.lineage import uses_of
from imaging.models import Dataset, Image
from imaging.selectors import describe_filters, neighbours
from tests.factories import DatasetFactory, ExperimentFactory, ImageFactory, TrainingRunFactory
from tests.turing.builders import make_draft
from turing.services import close_study, open_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def chests() -> Dataset:
    dataset = DatasetFactory(name="Chests")
    for place in range(6):
        ImageFactory(
            dataset=dataset,
            label="ill" if place % 2 else "normal",
            manufacturer="GE" if place < 4 else "Philips",
            modality="DX" if place < 5 else "CR",
            body_part="CHEST" if place else "HAND",
        )
    return dataset


def images(dataset) -> list[Image]:
    return list(dataset.images.order_by("created_at", "id"))


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"manufacturers": "Philips"}, 2),
        ({"modalities": "CR"}, 1),
        ({"body_parts": "CHEST"}, 5),
        ({"manufacturers": "GE", "labels": "ill"}, 2),
    ],
)
def test_filters_of_the_page(chests, investigator_client, filters, count):
    page = investigator_client.get(chests.get_absolute_url(), filters)

    assert page.context["page_obj"].paginator.count == count


def test_filters_in_words():
    filters = {"manufacturers": ["GE"], "modalities": ["DX"], "body_parts": ["CHEST"]}
    assert describe_filters(filters) == "manufacturer GE; modality DX; body part CHEST"


def test_neighbours_are_those_that_pass(chests):
    rows = images(chests)
    ill = [one for one in rows if one.label == "ill"]

    found = neighbours(ill[1], {"labels": ["ill"]})

    assert (found.previous, found.next, found.place, found.total) == (ill[0], ill[2], 2, 3)
    assert neighbours(ill[1], {"labels": ["normal"]}) is None
    ends = neighbours(rows[0], {}), neighbours(rows[-1], {})
    assert [(one.previous is None, one.next is None) for one in ends] == [(True, False), (False, True)]


def test_images_of_one_moment_have_neighbours_too(chests):
    Image.objects.update(created_at=chests.created_at)
    rows = images(chests)

    walked, here = [], rows[0]
    while here is not None:
        walked.append(here)
        here = neighbours(here, {}).next

    assert walked == rows


def test_the_links_keep_the_filters(chests, investigator_client):
    rows = [one for one in images(chests) if one.label == "ill"]
    grid = investigator_client.get(chests.get_absolute_url(), {"labels": "ill", "page": "1"}).text
    assert f"{reverse('imaging:image_detail', args=[rows[1].pk])}?labels=ill" in grid

    page = investigator_client.get(reverse("imaging:image_detail", args=[rows[1].pk]), {"labels": "ill"}).text

    assert "Image 2 of 3: label ill" in page
    for other in (rows[0], rows[2]):
        assert f"{reverse('imaging:image_detail', args=[other.pk])}?labels=ill" in page


def uses(image) -> list[tuple[str, str, str]]:
    return [(one.what, one.name, one.words) for one in uses_of(image)]


def test_an_image_that_nothing_uses(chests, investigator_client):
    image = images(chests)[0]

    assert uses(image) == []
    page = investigator_client.get(reverse("imaging:image_detail", args=[image.pk])).text
    assert "No generator, experiment or study uses its dataset" in page


def test_generators_and_experiments_that_use_it(chests):
    ill, normal = images(chests)[1], images(chests)[0]
    Image.objects.filter(pk=normal.pk).update(split="test")
    normal.refresh_from_db()
    TrainingRunFactory(dataset=chests, name="Run", filters={"labels": ["ill"]}, limits={"ill": 2})
    ExperimentFactory(dataset=chests, name="Does it help?")

    assert uses(ill) == [
        ("Generator that learns", "Run", "from 2 images of its class, drawn by chance"),
        ("Experiment", "Does it help?", "not used: in no split"),
    ]
    assert uses(normal) == [
        ("Generator that learns", "Run", "not from this image: its filters leave it out"),
        ("Experiment", "Does it help?", "test image"),
    ]


def test_a_synthetic_image_names_its_generator():
    run = TrainingRunFactory(name="Run")
    image = ImageFactory(dataset=DatasetFactory(origin="synthetic"), provenance={"run": str(run.pk)})

    assert uses(image) == [("Made by generator", "Run", "")]


def test_the_same_picture_elsewhere(chests):
    original = images(chests)[0]
    other = ImageFactory(dataset=DatasetFactory(name="Other"), pixels=None, stored=None, label="x",
                         pixel_sha256=original.pixel_sha256, width=1, height=1, bit_depth=8)  # fmt: skip

    assert uses(original) == [("Same picture in", "Other", "there called x")]
    assert uses(other) == [("Same picture in", "Chests", "there called normal")]


def test_a_study_says_which_images_it_showed_once_it_is_closed():
    study = make_draft(name="Reading")

    def words() -> list[str]:
        return sorted(use[2] for image in study.real_dataset.images.all() for use in uses(image))

    draft = words()
    open_study(study=study, by=None)
    opened = words()
    close_study(study=study, by=None)

    assert set(draft) == set(opened) == {"may be shown: not said before the study is closed"}
    assert words() == ["not shown", "shown", "shown"]


@pytest.mark.parametrize("n", [1, 40])
def test_the_image_page_takes_constant_queries(n, investigator_client, django_assert_num_queries):
    dataset = DatasetFactory()
    ImageFactory.create_batch(n + 1, dataset=dataset, age_years=40)
    TrainingRunFactory.create_batch(min(n, 5), dataset=dataset)
    ExperimentFactory.create_batch(min(n, 5), dataset=dataset)
    address = reverse("imaging:image_detail", args=[images(dataset)[0].pk])

    with django_assert_num_queries(16):
        investigator_client.get(address)
