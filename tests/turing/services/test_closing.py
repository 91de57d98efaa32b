"""A score is for readers who finished, of studies that show one, and counts what the results count."""

import pytest

from tests.turing.builders import make_open_study, make_session
from tests.turing.services.reading import read_by_truth
from turing.audit.verification import verify_audit
from turing.services import close_study

pytestmark = pytest.mark.django_db


def score(study, session):
    close_study(study=study, by=None)
    session.refresh_from_db()
    return session.n_correct, session.n_scored


@pytest.mark.parametrize("positive_class", ["real", "synthetic"])
@pytest.mark.parametrize("scale", ["binary", "confidence", "percent", "pair"])
def test_right_answers_are_counted_on_every_scale(scale, positive_class):
    study = make_open_study(scale=scale, n_real=3, n_synthetic=3, shows_score=True, positive_class=positive_class)
    session = make_session(study=study)
    n = study.trials.count()
    read_by_truth(session, [True] * (n - 1) + [False])

    assert score(study, session) == (n - 1, n)
    assert verify_audit().is_whole


def test_practice_and_second_showings_do_not_count():
    """Every first showing is answered right, everything else wrong."""
    study = make_open_study(n_real=4, n_synthetic=4, n_practice=2, n_repeats=4, order="per_reader", shows_score=True)
    session = make_session(study=study)
    trials = {trial.position: trial for trial in study.trials.select_related("truth")}
    right, met, repeats_met_first = [], set(), 0
    for position in session.trial_order:
        trial = trials[position]
        picture = trial.truth.repeat_of_id or trial.pk
        right.append(not trial.is_practice and picture not in met)
        repeats_met_first += right[-1] and trial.truth.repeat_of_id is not None
        met.add(picture)
    assert repeats_met_first
    read_by_truth(session, right)

    assert score(study, session) == (8, 8)


def test_no_score_unless_the_study_shows_one():
    study = make_open_study()
    session = make_session(study=study)
    read_by_truth(session, [True] * 4)

    assert score(study, session) == (None, None)


def test_no_score_for_a_reader_who_did_not_finish():
    study = make_open_study(shows_score=True)
    session = make_session(study=study)
    read_by_truth(session, [True] * 3)

    assert score(study, session) == (None, None)


def test_an_image_without_an_answer_in_time_is_not_scored():
    study = make_open_study(shows_score=True, time_limit_ms=200)
    session = make_session(study=study)
    read_by_truth(session, [True, None, True, False])

    assert score(study, session) == (2, 3)
