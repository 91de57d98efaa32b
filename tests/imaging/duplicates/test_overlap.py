"""What forms say before anything is trained."""

import pytest

from imaging.duplicates import overlap
from imaging.duplicates.asking import find_before_generator, find_before_study, find_before_training
from imaging.duplicates.overlap import find_overlap, patients_of, split_overlap
from imaging.duplicates.services import start_search
from imaging.models import Dataset
from tests.factories import DatasetFactory, ImageFactory, TrainingRunFactory
from tests.imaging.duplicates.conftest import brighter, look_at, smooth

pytestmark = pytest.mark.django_db


@pytest.fixture
def leaking():
    """A test image that is a copy of a training image, said to be of another patient; and a follow-up, said to be."""
    dataset = DatasetFactory(name="Leaking")
    for seed in range(4):
        ImageFactory(dataset=dataset, pixels=smooth(seed), split="train", patient_pseudonym=f"P{seed}")
    ImageFactory(dataset=dataset, pixels=brighter(smooth(0)), split="test", patient_pseudonym="Q")
    ImageFactory(dataset=dataset, pixels=brighter(smooth(1)), split="test", patient_pseudonym="P1")
    ImageFactory(dataset=dataset, pixels=smooth(9), split="test", patient_pseudonym="R")
    return dataset


def test_copies_of_different_patients_in_train_and_test(leaking):
    look_at(leaking)

    found = split_overlap(leaking)

    first = leaking.images.get(patient_pseudonym="P0").pixel_sha256
    second = leaking.images.get(patient_pseudonym="Q").pixel_sha256
    assert found.near == ((first, second),)
    assert found.in_words("the training images", "The test set") == [
        "The test set has 1 image that looks like a copy of one in the training images, though it is not said to be of "
        f"the same patient: {second[:12]} like {first[:12]}."
    ]


def test_without_hashes_it_says_for_how_many_it_does_not_know(leaking):
    found = split_overlap(leaking)

    assert (found.unknown, bool(found)) == (7, False)


def test_exact_copies_are_found_without_hashes():
    found = find_overlap({"a" * 64: "P1", "b" * 64: ""}, {"b" * 64: "P2"})

    assert found.exact == ("b" * 64,)
    assert found.in_words("the training set", "The test set") == [
        "The test set shares 1 image with the training set, the same pixel for pixel: bbbbbbbbbbbb."
    ]


def test_too_many_to_compare_while_somebody_waits(leaking, monkeypatch):
    look_at(leaking)
    monkeypatch.setattr(overlap, "MOST_AT_ONCE", 11)

    assert split_overlap(leaking).too_many


def test_of_too_many_images_the_last_search_is_asked(leaking, monkeypatch, run_search):
    monkeypatch.setattr(overlap, "MOST_AT_ONCE", 11)

    [unsearched] = find_before_training(leaking)
    run_search(start_search(dataset=leaking, created_by=None))
    [searched] = find_before_training(leaking)

    assert "too many to be compared while you wait. Search for duplicates" in unsearched.sentences[0]
    assert "2 of them have a test image on one side" in searched.sentences[0]
    leaking.images.filter(patient_pseudonym__in=["Q", "P1"], split="test").delete()
    run_search(start_search(dataset=leaking, created_by=None))
    monkeypatch.setattr(overlap, "MOST_AT_ONCE", 3)
    assert find_before_training(leaking) == []


def test_before_a_classifier_is_trained_its_test_sets_are_looked_at(leaking):
    external = DatasetFactory(name="Elsewhere")
    ImageFactory(dataset=external, pixels=smooth(2))
    look_at(leaking, external)

    own, other = find_before_training(leaking, [external])

    assert own.dataset == other.dataset == leaking
    assert other.sentences[0].startswith(
        "The external test set “Elsewhere” shares 1 image with the training and tuning"
    )


def test_phantoms_are_all_alike_and_are_not_looked_at(leaking):
    look_at(leaking)
    Dataset.objects.update(is_phantom=True)
    leaking.refresh_from_db()

    assert find_before_training(leaking) == []
    assert find_before_generator(leaking, {"splits": ["train"]}) == []


def test_before_a_generator_is_trained_the_test_images_that_are_left_out_are_looked_at(leaking):
    look_at(leaking)

    assert find_before_generator(leaking, {"splits": ["train"]})[0].sentences[0].startswith("The test set has 1 image")
    assert find_before_generator(leaking, {}) == []  # it learns from all of them: there is no test set


def test_before_a_study_the_images_that_the_generator_has_learnt_from(leaking):
    run = TrainingRunFactory(dataset=leaking, filters={"splits": ["train"]})
    synthetic = DatasetFactory(name="Made", origin=Dataset.Origin.SYNTHETIC)
    ImageFactory(dataset=synthetic, provenance={"run": str(run.pk)})
    look_at(leaking)

    [sentence] = find_before_study(leaking, {"splits": ["test"]}, synthetic)

    # of the two copies, and of no patient: the generator does not know patients
    assert sentence.startswith("“Leaking” has 2 images that look like a copy of one in the images that the generator")
    assert patients_of(leaking.images.filter(split="test")).keys() == {
        one.pixel_sha256 for one in leaking.images.filter(split="test")
    }
