"""Simulated readers: only for example studies, seeded, labelled, plausible."""

import numpy as np
import pytest

from tests.turing.builders import make_dataset, make_draft, make_open_study
from turing.audit.verification import verify_audit
from turing.errors import StudyError
from turing.marks import clean_marks
from turing.models import Answer, Study
from turing.results.selectors import study_results
from turing.services import close_study, follow_up_study, open_study
from turing.simulation import simulate_readers

pytestmark = pytest.mark.django_db


def answers(study):
    return list(
        Answer.objects.filter(session__study=study)
        .order_by("session__reader_code", "trial__position")
        .values_list("session__reader_code", "trial__position", "value", "reading_ms", "server_ms", "flags")
    )


def test_every_reader_answers_every_image_and_is_labelled():
    study = make_open_study(n_real=3, n_synthetic=4, is_example=True)

    sessions = simulate_readers(study=study, n_readers=6, seed=1)

    assert [session.reader_code for session in sessions] == ["R01", "R02", "R03", "R04", "R05", "R06"]
    for session in study.sessions.all():
        assert (session.is_simulated, session.reader, session.answers.count()) == (True, None, 7)
        assert session.finished_at is not None


def test_a_seed_gives_the_same_answers():
    draft = make_draft(n_real=6, n_synthetic=6)
    studies = [
        make_open_study(
            n_real=6,
            n_synthetic=6,
            real_dataset=draft.real_dataset,
            synthetic_dataset=draft.synthetic_dataset,
            is_example=True,
        )
        for _ in range(3)
    ]
    for study, seed in zip(studies, (4, 4, 5), strict=True):
        simulate_readers(study=study, n_readers=2, seed=seed)

    assert answers(studies[0]) == answers(studies[1])
    assert answers(studies[0]) != answers(studies[2])


def test_answers_look_like_those_of_readers_who_see_a_little():
    study = make_open_study(n_real=40, n_synthetic=40, is_example=True)
    simulate_readers(study=study, n_readers=6, seed=3)
    close_study(study=study, by=None)

    results = study_results(study).whole

    assert 0.52 < results.pooled.accuracy.accuracy.estimate < 0.75
    assert len({result.accuracy.accuracy.k for result in results.readers}) > 1
    assert 3 < results.pooled.time.median < 20
    assert results.flag_counts == {}
    assert 0 < results.agreement[0].kappa.kappa < 0.5


def test_only_for_open_example_studies_without_readers():
    example = make_open_study(is_example=True)
    simulate_readers(study=example, n_readers=1, seed=1)

    for study, message in (
        (make_open_study(), "is not an example study"),
        (example, "has readers already"),
        (make_draft(is_example=True), "readers can join an open study only"),
    ):
        with pytest.raises(StudyError, match=message):
            simulate_readers(study=study, n_readers=1, seed=1)
    with pytest.raises(StudyError, match="at least 1 is needed"):
        simulate_readers(study=make_open_study(is_example=True), n_readers=0, seed=1)


def big_study(**changes):
    return make_open_study(
        n_real=30,
        n_synthetic=30,
        real_dataset=make_dataset(n=50),
        synthetic_dataset=make_dataset(origin="synthetic", n=50),
        is_example=True,
        **changes,
    )


def closed_results(study):
    close_study(study=study, by=None)
    return study_results(Study.objects.get(pk=study.pk))


@pytest.mark.parametrize("scale", ["binary", "confidence", "percent", "pair"])
def test_readers_see_a_little_on_every_scale(scale):
    study = big_study(scale=scale, n_practice=4)
    simulate_readers(study=study, n_readers=6, seed=11)

    results = closed_results(study)

    assert 0.52 < results.whole.pooled.accuracy.accuracy.estimate < 0.85
    assert all(reader.is_complete for reader in results.whole.readers)
    assert Answer.objects.filter(trial__is_practice=True).count() == 6 * 4
    assert (results.whole.pooled.mean_auc is not None) == (scale in ("confidence", "percent"))
    if scale == "confidence":
        used = set(Answer.objects.values_list("rating", flat=True))
        assert used == {1, 2, 3, 4, 5, 6}
        assert 0.55 < results.whole.pooled.mean_auc < 0.9
    if scale == "percent":
        ratings = set(Answer.objects.values_list("rating", flat=True))
        assert len(ratings) > 30
        assert 50 not in ratings
        assert 0 <= min(ratings) <= max(ratings) <= 100


def test_answers_follow_the_order_of_each_session():
    study = big_study(order="per_reader", n_repeats=6)
    for session in simulate_readers(study=study, n_readers=2, seed=1):
        given = session.answers.order_by("position").values_list("position", "trial__position")
        assert list(given) == list(enumerate(session.trial_order, start=1))


def test_a_reader_agrees_more_with_himself_than_with_others():
    study = big_study(n_repeats=20, scale="confidence")
    simulate_readers(study=study, n_readers=10, seed=2)

    results = closed_results(study)

    own = np.mean([retest.answers.kappa for retest in results.retests])
    assert own > results.whole.agreement[0].kappa.kappa + 0.15
    assert own < 0.95


@pytest.mark.parametrize("scale", ["binary", "pair"])
def test_the_second_session_has_the_same_readers_and_new_noise(scale):
    study = big_study(scale=scale)
    simulate_readers(study=study, n_readers=4, seed=5)
    second = open_study(study=follow_up_study(study=study, by=None, washout_days=0), by=None)
    close_study(study=study, by=None)
    simulate_readers(study=second, seed=5)

    results = closed_results(second)

    assert [reader.reader for reader in results.whole.readers] == ["R01", "R02", "R03", "R04"]
    shares = [retest.answers.same.estimate for retest in results.second_session]
    assert 0.6 < np.mean(shares) < 0.95
    with pytest.raises(StudyError, match="has readers already"):
        simulate_readers(study=second, seed=5)


def test_declared_experience_decides_the_group():
    study = big_study(
        group_by="years", groups=[{"name": "Less", "from_years": 0}, {"name": "More", "from_years": 12}], consent="Ok?"
    )
    sessions = simulate_readers(study=study, n_readers=12, seed=4)

    assert {session.reader_group for session in sessions} == {"Less", "More"}
    for session in sessions:
        assert (session.reader_group == "More") == (session.years_experience >= 12)
        assert session.consented_at is not None


def test_marks_comments_and_time_limits_are_those_that_a_reader_could_give():
    study = big_study(scale="pair", mark_kind="box", asks_comment=True, time_limit_ms=15_000)
    simulate_readers(study=study, n_readers=4, seed=6)

    answers = Answer.objects.all()
    late = [answer for answer in answers if answer.value == "none"]
    assert 0 < len(late) < len(answers) / 2
    assert {answer.reading_ms for answer in late} == {15_000}
    assert max(answer.reading_ms for answer in answers) == 15_000
    assert not any(answer.marks or answer.comment for answer in late)
    assert any(answer.comment for answer in answers)
    marked = [answer for answer in answers if answer.marks]
    assert {mark["image"] for answer in marked for mark in answer.marks} == {0, 1}
    for answer in marked:
        assert clean_marks(answer.marks, kind="box", size=study.image_size, n_images=2) == answer.marks


def test_what_was_simulated_is_in_the_audit_chain():
    study = big_study(scale="confidence", n_repeats=4, mark_kind="point")
    simulate_readers(study=study, n_readers=2, seed=7)
    close_study(study=study, by=None)

    assert verify_audit().problems == ()
