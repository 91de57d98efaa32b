"""Drafts: created, changed, deleted, and refused in words."""

import numpy as np
import pytest

from imaging.services import add_image
from tests.turing.builders import make_dataset, make_draft, make_open_study
from turing.errors import StudyError
from turing.models import Study
from turing.services import delete_study, update_study

pytestmark = pytest.mark.django_db


def test_a_draft_has_what_was_asked_for(investigator):
    real, synthetic = make_dataset(n=4, labels=["a", "b"]), make_dataset(origin="synthetic", n=3)

    study = make_draft(
        name="Reader study",
        real_dataset=real,
        synthetic_dataset=synthetic,
        n_real=2,
        n_synthetic=3,
        created_by=investigator,
        real_filters={"labels": ["a"], "sex": []},
        positive_class="synthetic",
        seed=11,
        image_size=12,
    )

    study.refresh_from_db()
    assert study.status == Study.Status.DRAFT
    assert (study.n_real, study.n_synthetic, study.seed, study.image_size) == (2, 3, 11, 12)
    assert study.real_filters == {"labels": ["a"]}  # filters that filter nothing are not kept
    assert (study.positive_class, study.created_by) == ("synthetic", investigator)
    assert study.trials.count() == 0


def test_without_a_seed_one_is_drawn():
    seeds = {make_draft(seed=None).seed for _ in range(3)}

    assert len(seeds) == 3


def test_without_a_size_it_is_the_smallest_side_of_either_set():
    real, synthetic = make_dataset(size=32), make_dataset(origin="synthetic", size=20)

    assert make_draft(real_dataset=real, synthetic_dataset=synthetic).image_size == 20


def test_images_that_the_filters_leave_out_do_not_decide_the_size():
    real, synthetic = make_dataset(size=32), make_dataset(origin="synthetic", size=20)
    add_image(dataset=synthetic, pixels=np.zeros((9, 40), np.uint8), label="tiny")

    all_images = make_draft(real_dataset=real, synthetic_dataset=synthetic)
    filtered = make_draft(real_dataset=real, synthetic_dataset=synthetic, synthetic_filters={"labels": ["normal"]})

    assert (all_images.image_size, filtered.image_size) == (9, 20)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_real": 4, "real_filters": {"labels": ["a"]}}, "Not enough real images: the study asks for 4 and 2 in"),
        ({"n_synthetic": 9}, "Not enough synthetic images: the study asks for 9 and 4 in"),
        ({"n_real": 0}, "Number of real images 0 is out of range: at least 1 is needed."),
        ({"seed": -1}, "Seed -1 is out of range"),
        ({"image_size": 4}, "Image size 4 px is out of range: it must lie between 8 and 2048."),
        ({"real_filters": {"colour": ["red"]}}, "Filters of the real images: Unknown filter colour"),
        ({"positive_class": "maybe"}, "positive_class: Value 'maybe' is not a valid choice."),
        ({"question": ""}, "question: This field cannot be blank."),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(changes, message):
    datasets = {
        "real_dataset": make_dataset(n=4, labels=["a", "b"]),
        "synthetic_dataset": make_dataset(origin="synthetic", n=4),
    }

    with pytest.raises(StudyError) as error:
        make_draft(**datasets, **changes)

    assert message in str(error.value)
    assert Study.objects.count() == 0


def test_datasets_on_the_wrong_side_are_refused():
    real = make_dataset(name="Ward B")

    with pytest.raises(StudyError, match=r"“Ward B” is a real dataset; the synthetic images need a synthetic one."):
        make_draft(real_dataset=real, synthetic_dataset=real)


def test_a_name_is_used_once():
    make_draft(name="First")

    with pytest.raises(StudyError, match=r"name: Study with this Name already exists."):
        make_draft(name="First")


def test_a_draft_can_be_changed():
    study = make_draft(seed=5, image_size=12)

    changed = update_study(study=study, n_real=1, name="Renamed", image_size=None)

    assert (changed.n_real, changed.name, changed.seed, changed.image_size) == (1, "Renamed", 5, 16)


def test_an_opened_study_cannot_be_changed():
    study = make_open_study()

    with pytest.raises(StudyError, match="has been opened: its protocol is frozen"):
        update_study(study=study, n_real=1)


def test_a_change_that_cannot_be_drawn_leaves_the_draft_alone():
    study = make_draft(n_real=2)

    with pytest.raises(StudyError, match="Not enough real images"):
        update_study(study=study, n_real=50)

    study.refresh_from_db()
    assert study.n_real == 2


def test_only_a_draft_can_be_deleted():
    draft, opened = make_draft(), make_open_study()

    delete_study(study=draft)
    with pytest.raises(StudyError, match="is part of the record and cannot be deleted"):
        delete_study(study=opened)

    assert list(Study.objects.all()) == [opened]
