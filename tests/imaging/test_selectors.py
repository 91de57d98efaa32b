"""Filters select exactly the images they name; what is not known never passes."""

import pytest

from imaging.models import Dataset
from imaging.selectors import (
    dataset_counts,
    datasets_with_counts,
    describe_filters,
    filter_images,
    filter_options,
    passes_filters,
    patients_in_several_splits,
)
from tests.factories import DatasetFactory, ImageFactory

pytestmark = pytest.mark.django_db

IMAGES = {
    "a": {"label": "normal", "view_position": "PA", "sex": "F", "age_years": 30, "split": "train"},
    "b": {"label": "normal", "view_position": "AP", "sex": "M", "age_years": 18.5, "split": "test"},
    "c": {"label": "ill", "view_position": "PA", "sex": "M", "age_years": 90, "split": ""},
    "d": {"label": "ill"},  # nothing else is known
}


@pytest.fixture
def dataset() -> Dataset:
    dataset = DatasetFactory()
    for name, fields in IMAGES.items():
        ImageFactory(dataset=dataset, source_pseudonym=name, **fields)
    ImageFactory(label="normal", source_pseudonym="of another dataset", age_years=30, sex="F")
    return dataset


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, "abcd"),
        ({"labels": [], "sex": None, "age_min": None}, "abcd"),
        ({"labels": ["ill"]}, "cd"),
        ({"labels": ["ill", "normal"]}, "abcd"),
        ({"labels": ["unheard of"]}, ""),
        ({"view_positions": ["PA"]}, "ac"),
        ({"view_positions": ["PA", ""]}, "ac"),  # "" is not a view: the unknown one stays out
        ({"sex": ["M"]}, "bc"),
        ({"splits": ["train", "test"]}, "ab"),
        ({"splits": [""]}, "cd"),
        ({"age_min": 19}, "ac"),
        ({"age_max": 30}, "ab"),
        ({"age_min": 18.5, "age_max": 30}, "ab"),
        ({"age_min": 0}, "abc"),
        ({"labels": ["ill"], "sex": ["M"], "age_min": 89}, "c"),
    ],
)
def test_filter_images(dataset, filters, names):
    found = filter_images(dataset, filters).values_list("source_pseudonym", flat=True)

    assert "".join(sorted(found)) == names


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        (
            {"label": ["ill"]},
            "Unknown filter label; known: labels, view_positions, sex, splits, manufacturers, modalities, body_parts, "
            "age_min, age_max",
        ),
        ({"labels": "ill"}, "Filter labels must be a list of words, not 'ill'"),
        ({"labels": [1]}, r"Filter labels must be a list of words, not \[1\]"),
        ({"age_min": "19"}, "Filter age_min must be an age in years of at least 0, not '19'"),
        ({"age_max": -1}, "Filter age_max must be an age in years of at least 0, not -1"),
        ({"age_min": float("nan")}, "not nan"),
        ({"age_min": True}, "not True"),
        ({"age_min": 20, "age_max": 19}, "age_min 20 is above age_max 19"),
    ],
)
def test_filters_that_mean_nothing_are_refused(dataset, filters, words):
    with pytest.raises(ValueError, match=words):
        filter_images(dataset, filters)
    with pytest.raises(ValueError, match=words):
        describe_filters(filters)


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({}, "all images"),
        ({"labels": []}, "all images"),
        ({"labels": ["normal", "ill"], "age_min": 19}, "label normal or ill; age 19 years or more"),
        ({"view_positions": ["PA"], "sex": ["F"], "splits": [""]}, "view PA; sex F; split none"),
        ({"age_min": 19, "age_max": 65.5}, "age 19 to 65.5 years"),
        ({"age_max": 65}, "age 65 years or less"),
    ],
)
def test_describe_filters(filters, words):
    assert describe_filters(filters) == words


def test_dataset_counts(dataset):
    assert dataset_counts(dataset) == {"ill": 2, "normal": 2}
    assert list(dataset_counts(dataset)) == ["ill", "normal"]
    assert dataset_counts(DatasetFactory()) == {}


def test_filter_options(dataset):
    assert filter_options(dataset) == {
        "labels": ["ill", "normal"],
        "view_positions": ["AP", "PA"],
        "sex": ["F", "M"],
        "splits": ["", "test", "train"],
        "manufacturers": [],
        "modalities": [],
        "body_parts": [],
    }


@pytest.mark.parametrize("n", [1, 3])
def test_datasets_with_counts_takes_two_queries(n, django_assert_num_queries):
    for _ in range(n):
        ImageFactory.create_batch(2, dataset=ImageFactory(label="ill").dataset)
    DatasetFactory(name="empty")

    with django_assert_num_queries(2):
        datasets = datasets_with_counts()

    assert [(d.counts, d.total) for d in datasets] == [({}, 0)] + [({"ill": 1, "normal": 2}, 3)] * n


def test_patients_in_several_splits():
    dataset = DatasetFactory()
    for patient, split in [("A", "train"), ("A", "test"), ("B", "train"), ("B", "train"), ("C", "tune"), ("C", "")]:
        ImageFactory(dataset=dataset, patient_pseudonym=patient, split=split)
    ImageFactory(dataset=dataset, split="train")
    ImageFactory(dataset=dataset, split="test")  # two unknown patients are not one

    assert patients_in_several_splits(dataset) == 1


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"labels": ["ill"]},
        {"splits": [""]},
        {"sex": ["", "F"]},
        {"age_min": 30},
        {"age_max": 30.0},
        {"view_positions": ["PA"], "age_min": 1},
        {"manufacturers": ["GE"]},
    ],
)
def test_one_image_passes_as_the_database_says(dataset, filters):
    ImageFactory(dataset=dataset, manufacturer="GE", age_years=30.0)
    passing = set(filter_images(dataset, filters).values_list("pk", flat=True))

    assert {image.pk for image in dataset.images.all() if passes_filters(image, filters)} == passing
