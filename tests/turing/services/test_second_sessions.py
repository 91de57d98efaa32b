"""A second session shows the same images to the same people, later, and to nobody else."""

from datetime import timedelta

import pytest

from config.accounts.models import User
from tests.turing.builders import make_dataset, make_draft, make_open_study, make_session
from tests.turing.services.reading import read_by_truth
from turing.audit.verification import verify_audit
from turing.errors import StudyError
from turing.models import Study
from turing.reading.errors import NotAvailableYet
from turing.reading.services import start_reading
from turing.services import (
    clone_study,
    close_study,
    create_invitations,
    delete_study,
    enrol_reader,
    follow_up_study,
    open_study,
    update_study,
)

pytestmark = pytest.mark.django_db

LATER = {"n_real": 2, "n_synthetic": 2}


def pictures(study):
    """Of each phase: the images of its tests, those of a pair together."""
    found: dict[int, set] = {}
    for trial in study.trials.filter(is_practice=False, truth__repeat_of=None).select_related("truth"):
        both = {trial.truth.image_id, trial.truth.right_image_id} - {None}
        found.setdefault(trial.phase, set()).add(frozenset(both))
    return found


def followed(first, **changes):
    second = follow_up_study(study=first, by=None, washout_days=14)
    return open_study(study=update_study(study=second, **changes) if changes else second, by=None)


@pytest.mark.parametrize("scale", ["binary", "pair"])
def test_the_same_images_in_another_order(scale):
    first = make_open_study(scale=scale, n_real=6, n_synthetic=6, n_repeats=3, later_phases=[LATER])

    second = followed(first)

    assert (second.follows, second.washout_days, second.n_repeats) == (first, 14, 0)
    assert second.name == f"{first.name} (second session)"
    assert pictures(second) == pictures(first)
    assert second.seed != first.seed
    orders = [list(study.trials.values_list("truth__image", flat=True)) for study in (first, second)]
    assert orders[0] != orders[1]
    assert second.trials.count() == first.trials.count() - 3
    assert second.protocol["follows"] == {
        "study": str(first.pk),
        "protocol_sha256": first.protocol_sha256,
        "manifest_sha256": first.manifest_sha256,
    }
    assert verify_audit().is_whole


def test_practice_is_drawn_from_what_was_not_shown():
    first = make_open_study(
        real_dataset=make_dataset(n=9), synthetic_dataset=make_dataset(origin="synthetic", n=9), n_practice=4
    )

    second = followed(first)

    practice = set(second.trials.filter(is_practice=True).values_list("truth__image", flat=True))
    assert len(practice) == 4
    assert not practice & set(first.trials.values_list("truth__image", flat=True))


def test_without_images_left_there_is_no_practice_and_none_can_be_asked_for():
    first = make_open_study(
        real_dataset=make_dataset(n=3), synthetic_dataset=make_dataset(origin="synthetic", n=3), n_practice=2
    )

    second = follow_up_study(study=first, by=None, washout_days=1)

    assert second.n_practice == 0
    with pytest.raises(StudyError, match="has shown so many of the images that 2 are not left to practise on"):
        update_study(study=second, n_practice=2)


def test_repeats_can_be_asked_for():
    second = followed(make_open_study(n_real=4, n_synthetic=4), n_repeats=2, order="per_reader")

    assert second.trials.count() == 10


def test_the_readers_of_the_first_take_part_once_the_washout_is_over():
    first = make_open_study()
    done, going, gone, promoted = (make_session(study=first) for _ in range(4))
    read_by_truth(done, [True] * 4)
    read_by_truth(going, [True])
    done.refresh_from_db()
    gone.reader.delete()
    User.objects.filter(pk=promoted.reader_id).update(role=User.Role.INVESTIGATOR)

    second = followed(first)

    sessions = {session.reader_code: session for session in second.sessions.all()}
    assert {code: session.reader for code, session in sessions.items()} == {
        done.reader_code: done.reader,
        going.reader_code: going.reader,
    }
    assert sessions[done.reader_code].available_from == done.finished_at + timedelta(days=14)
    assert sessions[going.reader_code].available_from is None
    assert sorted(sessions[done.reader_code].trial_order) == [1, 2, 3, 4]
    with pytest.raises(NotAvailableYet):
        start_reading(session=sessions[done.reader_code])
    # the washout of who was not done begins with the last answer
    read_by_truth(going, [True] * 3)
    going.refresh_from_db()
    assert second.sessions.get(reader=going.reader).available_from == going.finished_at + timedelta(days=14)
    assert verify_audit().is_whole


def test_who_can_finish_the_first_no_more_takes_no_part():
    first = make_open_study()
    done, late = make_session(study=first), make_session(study=first)
    read_by_truth(done, [True] * 4)
    read_by_truth(late, [True] * 2)
    close_study(study=first, by=None)

    second = followed(first)

    assert list(second.sessions.values_list("reader_code", flat=True)) == [done.reader_code]


def test_nobody_else_can_come(investigator, reader):
    second = followed(make_open_study())

    with pytest.raises(StudyError, match="is a second session: the readers of the first take part, and nobody else"):
        create_invitations(study=second, count=1, by=investigator)
    with pytest.raises(StudyError, match="and nobody else"):
        enrol_reader(study=second, user=reader)


def test_simulated_readers_are_not_taken_along():
    """They are drawn anew by the simulation."""
    second = followed(make_open_study(is_example=True))

    assert second.is_example
    assert second.sessions.count() == 0


def test_a_third_session_can_follow_the_second():
    first = make_open_study()
    session = make_session(study=first)
    read_by_truth(session, [True] * 4)

    third = followed(followed(first))

    assert pictures(third) == pictures(first)
    assert third.sessions.get().reader == session.reader
    assert third.sessions.get().available_from is None


def test_a_draft_is_followed_by_nothing():
    with pytest.raises(StudyError, match="is a draft: a second session shows the images of a study that"):
        follow_up_study(study=make_draft(), by=None, washout_days=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_real": 1}, "its phases, datasets, filters and numbers cannot be changed"),
        ({"real_filters": {"labels": ["normal"]}}, "its phases, datasets, filters and numbers cannot be changed"),
        ({"later_phases": []}, "its phases, datasets, filters and numbers cannot be changed"),
        ({"later_phases": [{**LATER, "n_real": 1}]}, "its phases, datasets, filters and numbers cannot be changed"),
        ({"scale": "pair"}, "shows pairs if"),
        ({"washout_days": -1}, "Washout -1 days is out of range: it must lie between 0 and 3650"),
        ({"follows": None}, "this study follows no other"),
    ],
)
def test_it_stays_a_second_session(changes, message):
    second = follow_up_study(study=make_open_study(later_phases=[LATER]), by=None, washout_days=1)

    with pytest.raises(StudyError, match=message):
        update_study(study=second, **changes)


def test_its_words_and_its_scale_can_be_others():
    second = follow_up_study(study=make_open_study(later_phases=[LATER]), by=None, washout_days=1)

    update_study(study=second, scale="confidence", later_phases=[{**LATER, "question": "And now?"}], washout_days=0)

    assert open_study(study=second, by=None).protocol["phases"][1]["question"] == "And now?"


def test_a_copy_of_a_second_session_follows_nothing():
    copy = clone_study(study=followed(make_open_study()), by=None)

    assert (copy.follows, copy.washout_days) == (None, 0)


def test_a_second_session_that_was_not_opened_can_be_deleted():
    first = make_open_study()
    delete_study(study=follow_up_study(study=first, by=None, washout_days=1))

    assert list(Study.objects.all()) == [first]
    assert verify_audit().is_whole
