"""Results computed by hand."""

import pytest

from tests.turing.builders import make_draft, make_open_study, make_session, read_all, truths
from turing.errors import StudyError
from turing.models import Study
from turing.results.rows import answer_rows
from turing.results.selectors import study_results
from turing.services import close_study, open_study

pytestmark = pytest.mark.django_db


def other(origin: str) -> str:
    return "synthetic" if origin == "real" else "real"


@pytest.fixture
def study():
    """3 real, 2 synthetic images. R01 is always right; R02 calls everything real; R03 stops after two, both wrong."""
    study = make_open_study(n_real=3, n_synthetic=2)
    truth = truths(study)
    read_all(make_session(study=study), truth, reading_ms=2000)
    read_all(make_session(study=study), ["real"] * 5, reading_ms=1000)
    read_all(make_session(study=study), [other(origin) for origin in truth[:2]], reading_ms=None)
    return close_study(study=study, by=None)


def test_shares_of_right_answers_per_reader(study):
    results = study_results(study).whole

    shares = {
        result.reader: [
            (share.k, share.n)
            for share in (result.accuracy.accuracy, result.accuracy.sensitivity, result.accuracy.specificity)
        ]
        for result in results.readers
    }
    real_in_first_two = truths(study)[:2].count("real")
    assert shares == {
        "R01": [(5, 5), (3, 3), (2, 2)],
        "R02": [(3, 5), (3, 3), (0, 2)],
        "R03": [(0, 2), (0, real_in_first_two), (0, 2 - real_in_first_two)],
    }
    assert (results.pooled.accuracy.accuracy.k, results.pooled.accuracy.accuracy.n) == (8, 12)
    assert (results.n_trials, results.n_real, results.n_synthetic) == (5, 3, 2)


def test_the_positive_class_of_the_protocol_decides():
    draft = make_draft(n_real=3, n_synthetic=2, positive_class="synthetic")
    study = open_study(study=draft, by=None)
    read_all(make_session(study=study), ["real"] * 5)
    close_study(study=study, by=None)

    (result,) = study_results(Study.objects.get()).whole.readers

    assert (result.accuracy.positive_class, result.accuracy.sensitivity.estimate) == ("synthetic", 0)
    assert result.accuracy.specificity.estimate == 1


def test_incomplete_readers_are_shown_and_left_out_of_kappa(study):
    results = study_results(study).whole

    assert [(reader.n_answers, reader.n_expected, reader.is_complete) for reader in results.readers] == [
        (5, 5, True),
        (5, 5, True),
        (2, 5, False),
    ]
    assert (results.agreement_readers, results.left_out_of_agreement) == (["R01", "R02"], ["R03"])
    assert (results.pooled.n_answers, results.pooled.n_expected) == (12, 15)


def test_kappa_by_hand(study):
    """R01 and R02 agree on the 3 real images and differ on the 2 synthetic ones.

    All: observed 3/5; shares 8/10 and 2/10, chance .68; kappa = (.6 - .68) / .32 = -.25. Real: all answers equal.
    Synthetic: observed 0, shares 1/2, chance 1/2; kappa = -1.
    """
    all_images, real, synthetic = study_results(study).whole.agreement

    assert all_images.kappa.kappa == pytest.approx(-0.25)
    assert (real.images, real.kappa.is_defined) == ("real", False)
    assert real.kappa.reason == "all answers are equal, so chance agreement is 1 and kappa is 0/0"
    assert (synthetic.kappa.kappa, synthetic.kappa.n_used) == (-1, 2)


def test_times_and_flags_are_counted(study):
    results = study_results(study).whole

    assert [reader.time.median for reader in results.readers[:2]] == [2.0, 1.0]
    assert (results.readers[2].time.n_missing, results.readers[2].time.n_flagged) == (2, 2)
    # the tests answer within milliseconds: a reading time of seconds is longer than the server saw
    assert results.flag_counts == {"longer-than-server": 10, "missing": 2}


def test_rows_carry_what_an_analysis_needs(study):
    row = answer_rows(study)[0]

    truth = study.trials.select_related("truth__image").get(position=1).truth
    assert (row.reader, row.position, row.truth, row.answer) == ("R01", 1, truth.origin, truth.origin)
    assert (row.pixel_sha256, row.label, row.is_correct) == (truth.image.pixel_sha256, "normal", True)


@pytest.mark.parametrize("read", [answer_rows, study_results])
def test_nothing_before_closing(read):
    for study in (make_draft(), make_open_study()):
        with pytest.raises(StudyError, match="is not closed: its answers are shown once it is"):
            read(study)


def test_a_study_that_nobody_read():
    study = close_study(study=make_open_study(), by=None)

    results = study_results(study).whole

    assert results.readers == []
    assert results.pooled.accuracy.accuracy.is_defined is False
    assert [row.kappa.reason for row in results.agreement] == ["agreement needs at least two readers"] * 3


def test_the_record_is_checked_against_its_hashes(study):
    assert study_results(study).record_problems == []

    image = study.trials.select_related("truth__image").first().truth.image
    image.pixel_sha256 = "f" * 64
    image.save()
    study.protocol["seed"] += 1  # in memory: the database would refuse

    assert [problem.split(" ")[:3] for problem in study_results(study).record_problems] == [
        ["The", "stored", "protocol"],
        ["The", "images,", "their"],
    ]


def test_queries_do_not_grow_with_readers(django_assert_max_num_queries):
    counts = []
    for readers in (1, 3):
        study = make_open_study()
        for _ in range(readers):
            read_all(make_session(study=study), ["real"] * 4)
        close_study(study=study, by=None)
        with django_assert_max_num_queries(20) as captured:
            study_results(Study.objects.get(pk=study.pk))
        counts.append(len(captured))

    assert counts[0] == counts[1]
