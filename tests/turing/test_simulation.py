"""Simulated readers: only for example studies, seeded, labelled, plausible."""

import pytest

from tests.turing.builders import make_draft, make_open_study
from turing.errors import StudyError
from turing.models import Answer
from turing.results.selectors import study_results
from turing.services import close_study
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
