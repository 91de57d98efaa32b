"""Synthetic images are traced back to the real ones, and the patients, that their generator has learnt from."""

import uuid

import pytest

from imaging.lineage import Lineage, trace_dataset
from tests.factories import DatasetFactory, ImageFactory, TrainingRunFactory
from tests.imaging.archives import grey

pytestmark = pytest.mark.django_db


@pytest.fixture
def real():
    dataset = DatasetFactory(origin="real")
    for number in range(4):
        ImageFactory(
            dataset=dataset,
            label="lesion",
            split="train" if number < 2 else "test",
            patient_pseudonym=f"p{number}" if number else "",
            pixels=grey(number, 8),
        )
    return dataset


def synthetic(*provenances):
    dataset = DatasetFactory(origin="synthetic")
    for number, provenance in enumerate(provenances):
        ImageFactory(dataset=dataset, provenance=provenance, pixels=grey(100 + number, 8))
    return dataset


def hashes(dataset, **conditions):
    return frozenset(dataset.images.filter(**conditions).values_list("pixel_sha256", flat=True))


def test_only_what_the_generator_was_trained_on_stands_behind_its_images(real):
    run = TrainingRunFactory(dataset=real, filters={"splits": ["train"]})

    found = trace_dataset(synthetic({"run": str(run.pk)}, {"run": str(run.pk)}))

    assert found == Lineage(images=hashes(real, split="train"), patients=frozenset({"p1"}), unknown=0)


def test_several_generators_add_up(real):
    first = TrainingRunFactory(dataset=real, filters={"splits": ["train"]})
    second = TrainingRunFactory(dataset=real, filters={"splits": ["test"]})

    found = trace_dataset(synthetic({"run": str(first.pk)}, {"run": str(second.pk)}))

    assert found == Lineage(images=hashes(real), patients=frozenset({"p1", "p2", "p3"}), unknown=0)


def test_a_limit_counts_only_the_images_that_were_drawn(real):
    run = TrainingRunFactory(dataset=real, limits={"lesion": 1})

    assert len(trace_dataset(synthetic({"run": str(run.pk)})).images) == 1


def test_images_from_elsewhere_and_of_runs_that_are_gone_are_counted_as_unknown(real):
    run = TrainingRunFactory(dataset=real)

    found = trace_dataset(
        synthetic({"run": str(run.pk)}, {"run": str(uuid.uuid4())}, {"foreign": "x", "made_with": "a program"}, {})
    )

    assert (found.images, found.unknown) == (hashes(real), 3)


def test_real_images_have_no_generator_behind_them(real):
    assert trace_dataset(real) == Lineage(images=frozenset(), patients=frozenset(), unknown=0)
