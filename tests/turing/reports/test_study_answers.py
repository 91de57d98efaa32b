"""A study's analysis gives the numbers of its results page, and the export read back gives the same table."""

import numpy as np
import pytest

from tests.turing.builders import make_open_study
from tests.turing.results.readings import in_turn, read, truthful
from turing.analysis import AnalysisOptions, analyse, read_csv
from turing.errors import StudyError
from turing.reports.study_answers import study_answers
from turing.results.export import export_csv
from turing.results.selectors import study_results
from turing.services import close_study
from turing.simulation import simulate_readers

pytestmark = pytest.mark.django_db
QUICK = AnalysisOptions(n_bootstrap=100, n_bootstrap_kappa=100)
GROUPS = [{"name": "novice", "from_years": 0}, {"name": "expert", "from_years": 5}]


def mostly_right(seed: int, *, share: float = 0.7):
    generator = np.random.default_rng(seed)

    def say(trial, times):
        origin = trial.truth.origin
        other = "real" if origin == "synthetic" else "synthetic"
        return {
            "value": origin if generator.random() < share else other,
            "reading_ms": int(generator.integers(800, 9000)),
            "flags": ["longer-than-server"] if generator.random() < 0.2 else [],
        }

    return say


def make_study(**changes):
    """Two groups, practice, repeats; readers answer in orders of their own, with flags at some times."""
    study = make_open_study(
        n_real=8, n_synthetic=10, n_practice=2, n_repeats=4, order="per_reader", group_by="years", groups=GROUPS,
        time_limit_ms=60_000, **changes,
    )  # fmt: skip
    for seed, group in enumerate(["expert", "novice", "novice", "expert"]):
        read(study, mostly_right(seed), reader_group=group, years_experience=seed + 0.5)
    return study


@pytest.fixture
def study():
    """With an answer that came too late, and a time that could not be measured."""
    study = make_study()
    right = mostly_right(9)
    unusual = {3: "none", 5: {"value": "real", "reading_ms": None}}
    read(study, lambda trial, times: unusual.get(trial.position) or right(trial, times), reader_group="expert")
    return close_study(study=study, by=None)


def test_accuracy_and_kappa_are_those_of_the_results_page(study):
    page = study_results(study).whole

    analysis = analyse(study_answers(study), QUICK)

    for shown, row in zip(page.readers, analysis.accuracy.readers, strict=True):
        assert (row.name, row.shares, row.n_missing) == (shown.reader, shown.accuracy, shown.n_late)
    assert [row.n_missing for row in analysis.accuracy.readers] == [0, 0, 0, 0, 1]
    assert [(row.name, row.shares) for row in analysis.accuracy.groups] == [
        (group.reader, group.accuracy) for group in page.groups
    ]
    assert analysis.accuracy.pooled.shares == page.pooled.accuracy
    kappas = {agreement.images: agreement.kappa for agreement in page.agreement}
    assert analysis.agreement.parts.keys() == kappas.keys()
    for name, kappa in kappas.items():  # another order of the images: other rounding
        fleiss = analysis.agreement.parts[name].fleiss
        assert (fleiss.n_readers, fleiss.n_used) == (kappa.n_readers, kappa.n_used)
        assert (fleiss.kappa, fleiss.low, fleiss.high) == pytest.approx((kappa.kappa, kappa.low, kappa.high), rel=1e-12)
    assert (analysis.size.n_images, analysis.size.n_real) == (page.n_trials, page.n_real) == (18, 8)
    assert analysis.size.n_flagged == sum(page.flag_counts.values()) > 0


def test_agreement_with_oneself_is_that_of_the_results_page(study):
    page = study_results(study)

    analysis = analyse(study_answers(study), QUICK)

    assert [(r.reader, r.kappa) for r in analysis.agreement.retest] == [(r.reader, r.answers) for r in page.retests]
    assert [retest.kappa.n_images for retest in analysis.agreement.retest][:4] == [4] * 4


def test_the_export_read_back_is_the_same_table(study):
    answers = study_answers(study)

    exported = read_csv(
        export_csv(study).encode(), reference_group="novice", columns={"group": "group"}, name=study.name
    )

    assert (exported.readers, exported.images) == (answers.readers, answers.images)
    assert (exported.reader_group, exported.groups) == (answers.reader_group, ("novice", "expert"))
    for name in ("reader", "image", "truth", "answer", "seconds", "position", "is_repeat", "flagged"):
        np.testing.assert_array_equal(getattr(exported, name), getattr(answers, name), err_msg=name)
    assert exported.covariates.keys() == answers.covariates.keys()


def test_graded_answers_keep_their_ratings():
    study = make_open_study(n_real=4, n_synthetic=4, scale="confidence")
    read(study, in_turn([1, 2, 3, 4, 5, 6, 6, 1]))
    close_study(study=study, by=None)

    answers = study_answers(study)

    assert answers.rating is not None
    assert sorted(answers.rating) == [1, 1, 2, 3, 4, 5, 6, 6]
    np.testing.assert_array_equal(answers.answer, (answers.rating > 3).astype(int))


def test_pairs_are_sides():
    study = make_open_study(n_real=6, n_synthetic=6, scale="pair", positive_class="synthetic")
    for _ in range(2):
        read(study, in_turn(["left", "left", "right", "right", "left", "right"]))
    close_study(study=study, by=None)
    page = study_results(study).whole

    answers = study_answers(study)
    analysis = analyse(answers, QUICK)

    assert answers.is_pairs
    assert [row.shares for row in analysis.accuracy.readers] == [shown.accuracy for shown in page.readers]
    assert all(" | " in image for image in answers.images)


def test_simulated_readers_only_on_request_and_labelled():
    study = make_open_study(n_real=5, n_synthetic=5)
    read(study, mostly_right(1))
    for seed in (2, 3):
        read(study, mostly_right(seed), is_simulated=True)
    close_study(study=study, by=None)

    assert study_answers(study).readers == ("R01",)
    assert study_answers(study).notes == ("Left out: 20 answers of 2 simulated readers.",)
    everybody = study_answers(study, include_simulated=True)
    assert everybody.readers == ("R01", "R02 (simulated)", "R03 (simulated)")
    assert everybody.notes == ("The answers of R02, R03 were drawn by a program, not given by people.",)


def test_one_phase_of_several():
    study = make_open_study(n_real=3, n_synthetic=3, later_phases=[{"title": "Told", "n_real": 2, "n_synthetic": 1}])
    read(study, truthful)
    close_study(study=study, by=None)

    assert [len(study_answers(study, phase=phase)) for phase in (0, 1, 2)] == [9, 6, 3]
    np.testing.assert_array_equal(study_answers(study).covariates["phase"], [1.0] * 6 + [2.0] * 3)


def test_a_reader_who_stopped_and_one_who_never_began_are_said():
    study = make_study()
    read(study, in_turn(["real", "real", "real", None]), reader_group="novice")
    read(study, in_turn([None]), reader_group="novice")
    close_study(study=study, by=None)

    stopped, silent = study_answers(study).notes

    assert stopped.startswith("Did not answer all images: R05 (1 of 18). Fleiss’ kappa here uses the images that every")
    assert silent == "Invited and without any answer, so in no table: R06."


def test_refusals():
    open_study, nobody, program = make_open_study(), make_open_study(), make_open_study(is_example=True)
    simulate_readers(study=program, n_readers=1, seed=2)
    for study in (nobody, program):
        close_study(study=study, by=None)

    with pytest.raises(StudyError, match="is not closed"):
        study_answers(open_study)
    with pytest.raises(StudyError, match="Nobody answered"):
        study_answers(nobody)
    with pytest.raises(StudyError, match="simulated readers only: there is nothing to report unless they are included"):
        study_answers(program)
