"""Drafts: created, changed, deleted, and refused in words."""

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction

from imaging.services import add_image
from tests.turing.builders import make_dataset, make_draft, make_open_study
from turing.audit.verification import verify_audit
from turing.errors import StudyError
from turing.models import AuditEvent, Phase, Study
from turing.services import clone_study, create_invitations, delete_study, update_study
from turing.services.studies import PHASE_FIELDS, PROTOCOL_FIELDS

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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_real": 2.5}, "Number of real images 2.5 is out of range"),
        ({"real_filters": ["a"]}, "Filters of the real images: ['a'] names none"),
        ({"seed": "x"}, "Seed x is out of range"),
        ({"leak_limit": "x"}, "Limit of the leak audit x is out of range"),
        ({"scale": "stars"}, "scale: Value 'stars' is not a valid choice."),
        ({"order": "backwards"}, "order: Value 'backwards' is not a valid choice."),
        ({"mark_kind": "arrow"}, "mark_kind: Value 'arrow' is not a valid choice."),
        ({"bit_depth": 12}, "Bit depth 12 is not possible: 8 or 16."),
        ({"bit_depth": 16}, "16 bits cannot be shown: 4 of the images in"),
        ({"n_practice": -1}, "Number of practice images -1 is out of range: it must lie between 0 and 100."),
        ({"n_practice": 101}, "Number of practice images 101 is out of range"),
        ({"n_practice": 5}, "asks for 2, and for 3 more to practise, and 4 in"),
        ({"practice_feedback": True}, "Feedback is given on practice images alone"),
        ({"n_repeats": 3}, "Number of repeats 3 is out of range: it must lie between 0 and 2."),
        ({"n_repeats": 2, "scale": "pair"}, "Number of repeats 2 is out of range: it must lie between 0 and 1."),
        ({"break_every": -1}, "Images between two breaks -1 is out of range"),
        ({"exposure_limit_ms": 199}, "Exposure limit 199 ms is out of range: it must lie between 200 and 3600000."),
        ({"time_limit_ms": 3_600_001}, "Time limit 3600001 ms is out of range"),
        ({"time_limit_ms": 0}, "Time limit 0 ms is out of range"),
        ({"exposure_limit_ms": 900, "time_limit_ms": 800}, "the image would never be taken off"),
        ({"order": "blocks"}, "Block size 0 is out of range: it must lie between 2 and 4."),
        ({"order": "blocks", "block_size": 5}, "Block size 5 is out of range"),
        ({"block_size": 4}, "Block size 4 is for an order in blocks"),
        ({"scale": "pair", "n_real": 1}, "1 real and 2 synthetic images make no pairs"),
        ({"real_label": "No", "synthetic_label": " no "}, "The two answers have the same words, “No”"),
        ({"real_label": "", "synthetic_label": "x"}, "real_label: This field cannot be blank."),
        ({"real_label": "x" * 41}, "at most 40 characters"),
        ({"real_label": "Odd", "scale": "pair"}, "This scale has answers of its own (left and right)"),
        ({"real_label": "Odd", "scale": "confidence"}, "answers of its own (six steps from surely real"),
        ({"group_by": "shoes"}, "Reader groups by “shoes” are not known"),
        ({"group_by": "years"}, "Reader groups: between 2 and 6 are needed."),
        ({"equivalence_margin": 0.5}, "Equivalence margin 0.5 is out of range: it must lie between 0 and 0.5"),
        ({"equivalence_margin": 0}, "Equivalence margin 0 is out of range"),
        ({"equivalence_margin": "0.1"}, "Equivalence margin 0.1 is out of range"),
        ({"equivalence_margin": float("nan")}, "Equivalence margin nan is out of range"),
        ({"confidence_level": 0.5}, "Confidence of intervals 0.5 is out of range: it must lie between 0.5 and 1"),
        ({"confidence_level": 95}, "Confidence of intervals 95 is out of range"),
        ({"shortest_time_ms": 0}, "Shortest time 0 ms is out of range: it must lie between 1 and 86400000."),
        ({"longest_time_ms": 1.5}, "Longest time 1.5 ms is out of range"),
        ({"shortest_time_ms": 900, "longest_time_ms": 900}, "every reading time would be an outlier"),
        ({"outlier_mads": 0.4}, "Outlying further than 0.4 MADs is out of range"),
        ({"outlier_mads": True}, "Outlying further than True MADs is out of range"),
        ({"washout_days": 3}, "this study follows no other"),
        ({"later_phases": [{"n_real": 1, "n_synthetic": 1, "colour": "red"}]}, "Phase 2: colour is not known"),
        ({"later_phases": [{"n_real": 0, "n_synthetic": 1}]}, "Phase 2: Number of real images 0 is out of range"),
        ({"later_phases": [{"n_real": 9, "n_synthetic": 1}]}, "Phase 2: Not enough real images: the study asks for 9"),
        (
            {"later_phases": [{"n_real": 1, "n_synthetic": 1, "title": ""}]},
            "Phase 2: title: This field cannot be blank",
        ),
        ({"later_phases": [{"n_real": 1, "n_synthetic": 2}], "scale": "pair"}, "Phase 2: A pair shows one image of"),
        (
            {"later_phases": [{"n_real": 1, "n_synthetic": 1, "real_filters": {"colour": ["red"]}}]},
            "Phase 2: Filters of the real images: Unknown filter colour",
        ),
        (
            {"later_phases": [{"n_real": 1, "n_synthetic": 1, "real_label": "A", "synthetic_label": "a"}]},
            "Phase 2: The two answers have the same words",
        ),
        ({"later_phases": [{"n_real": 1, "n_synthetic": 1}] * 6}, "7 phases are too many: at most 6 are possible."),
    ],
)
def test_choices_that_make_no_sense_are_refused_in_words(changes, message):
    datasets = {"real_dataset": make_dataset(n=4), "synthetic_dataset": make_dataset(origin="synthetic", n=4)}

    with pytest.raises(StudyError) as error:
        make_draft(**datasets, **changes)

    assert message in str(error.value)
    assert (Study.objects.count(), Phase.objects.count(), AuditEvent.objects.count()) == (0, 0, 0)


def test_a_phase_without_its_numbers_is_refused():
    with pytest.raises(StudyError, match=r"Phase 2: n_synthetic is missing\. A phase has title, question"):
        update_study(study=make_draft(), later_phases=[{"n_real": 1}])


EVERYTHING = {
    "scale": "percent",
    "real_label": "Normal",
    "synthetic_label": "Odd",
    "mark_kind": "box",
    "asks_comment": True,
    "n_practice": 2,
    "practice_feedback": True,
    "n_repeats": 2,
    "order": "blocks",
    "block_size": 2,
    "break_every": 3,
    "exposure_limit_ms": 200,
    "time_limit_ms": 3_600_000,
    "shows_total": False,
    "shows_score": True,
    "consent": "I agree.",
    "closing_text": "Bye.",
    "group_by": "years",
    "groups": [{"name": "A", "from_years": 0}, {"name": "B", "from_years": 5}],
    "equivalence_margin": 0.05,
    "confidence_level": 0.9,
    "shortest_time_ms": 300,
    "longest_time_ms": 120_000,
    "outlier_mads": 3.5,
}


def with_everything():
    phase = {"title": "Informed", "question": "Odd?", "instructions": "Look *closely*.", "n_real": 1, "n_synthetic": 2}
    return make_draft(**EVERYTHING, later_phases=[phase, {"n_real": 1, "n_synthetic": 1, "synthetic_label": "Fake"}])


def described(study):
    return [{field: getattr(phase, field) for field in PHASE_FIELDS} for phase in study.later_phases.order_by("number")]


def test_every_choice_is_kept():
    study = Study.objects.get(pk=with_everything().pk)

    assert {field: getattr(study, field) for field in EVERYTHING} == EVERYTHING
    first, second = study.later_phases.all()
    assert (first.number, first.title, first.question) == (2, "Informed", "Odd?")
    assert (first.instructions, first.n_real, first.n_synthetic) == ("Look *closely*.", 1, 2)
    # what a phase does not say is as in the study
    assert (second.number, second.title, second.question) == (3, "Part 3", study.question)
    assert (second.real_label, second.synthetic_label) == ("Normal", "Fake")
    assert (second.real_dataset, second.synthetic_dataset) == (study.real_dataset, study.synthetic_dataset)


@pytest.mark.parametrize(("positive_class", "question"), [("real", "Which of the two is real?"), ("synthetic", None)])
def test_a_pair_is_asked_for_one_of_the_two(positive_class, question):
    study = make_draft(scale="pair", positive_class=positive_class)

    assert study.question == (question or "Which of the two is synthetic?")


def test_phases_are_replaced_or_left_alone():
    study = with_everything()
    before = described(study)

    update_study(study=study, name="Renamed")
    assert described(study) == before
    update_study(study=study, later_phases=[{"title": "Only", "n_real": 1, "n_synthetic": 1}])

    only = study.later_phases.get()
    assert (only.number, only.title) == (2, "Only")
    update_study(study=study, later_phases=[])
    assert not study.later_phases.exists()
    assert verify_audit().is_whole


def test_a_change_of_the_study_that_a_phase_cannot_follow_is_refused():
    study = make_draft(later_phases=[{"n_real": 1, "n_synthetic": 2}])

    with pytest.raises(StudyError, match="Phase 2: A pair shows one image of each kind"):
        update_study(study=study, scale="pair")

    study.refresh_from_db()
    assert study.scale == "binary"


def test_images_of_a_later_phase_decide_the_size_too():
    small = make_dataset(size=9, n=2)

    study = make_draft(later_phases=[{"real_dataset": small, "n_real": 1, "n_synthetic": 1}])

    assert study.image_size == 9


def test_a_copy_has_everything_but_the_seed_and_the_readers(investigator):
    study = with_everything()
    create_invitations(study=study, count=1, by=investigator)

    copy = clone_study(study=study, by=investigator)

    own = {"name", "seed"}
    for field in set(PROTOCOL_FIELDS) - own:
        assert getattr(copy, field) == getattr(study, field), field
    assert described(copy) == described(study)
    assert (copy.name, copy.status, copy.created_by) == (f"{study.name} (copy)", "draft", investigator)
    assert copy.seed != study.seed
    assert copy.invitations.count() == 0
    assert study.later_phases.count() == copy.later_phases.count() == 2
    assert verify_audit().is_whole


def test_copies_are_named_apart(investigator):
    study = make_open_study(name="x" * 200, is_example=True)

    names = [clone_study(study=study, by=investigator).name for _ in range(2)]
    named = clone_study(study=study, by=investigator, name="Mine")

    assert names == ["x" * 193 + " (copy)", "x" * 191 + " (copy 2)"]
    assert (named.name, named.is_example) == ("Mine", False)  # a copy is for people


def test_datasets_on_the_wrong_side_are_refused():
    real = make_dataset(name="Ward B")

    with pytest.raises(StudyError, match=r"“Ward B” is a real dataset; the synthetic images need a synthetic one."):
        make_draft(real_dataset=real, synthetic_dataset=real)


def test_a_name_is_used_once():
    make_draft(name="First")

    with pytest.raises(StudyError, match="There is a study called “First” already"):
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
    draft, opened = with_everything(), make_open_study()

    delete_study(study=draft)
    with pytest.raises(StudyError, match="is part of the record and cannot be deleted"):
        delete_study(study=opened)

    assert list(Study.objects.all()) == [opened]
    assert not Phase.objects.exists()
    assert verify_audit().is_whole


def test_a_margin_has_the_usual_confidence_unless_another_is_declared():
    """Its two tests have an alpha, which must not be chosen afterwards."""
    assert make_draft(equivalence_margin=0.1).confidence_level == 0.95
    assert make_draft(equivalence_margin=0.1, confidence_level=0.9).confidence_level == 0.9
    assert make_draft().confidence_level is None


@pytest.mark.parametrize(
    "change",
    [
        *("equivalence_margin = 0.5", "equivalence_margin = 0.1, confidence_level = NULL", "confidence_level = 1"),
        *("shortest_time_ms = 5, longest_time_ms = 5", "outlier_mads = 0"),
    ],
)
def test_the_database_refuses_a_plan_that_makes_no_sense(change):
    make_draft()

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE turing_study SET {change}")  # noqa: S608
