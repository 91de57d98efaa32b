"""Results of each variant of the protocol, by hand."""

import math

import pytest

from tests.turing.builders import make_dataset, make_open_study
from tests.turing.results.readings import in_turn, read, truthful
from turing.models import Study, TrialTruth
from turing.results.selectors import study_results
from turing.services import close_study, follow_up_study, open_study
from turing.stats.accuracy import clopper_pearson
from turing.stats.roc import roc_area

pytestmark = pytest.mark.django_db


def other(origin: str) -> str:
    return "synthetic" if origin == "real" else "real"


def results_of(study):
    close_study(study=study, by=None)
    return study_results(Study.objects.get(pk=study.pk))


def counts(share):
    return share.k, share.n


class TestPracticeAndRepeats:
    def test_practice_is_no_part_of_any_figure(self):
        study = make_open_study(
            n_real=3, n_synthetic=3, real_dataset=make_dataset(n=6), n_practice=4,
            synthetic_dataset=make_dataset(origin="synthetic", n=6),
        )  # fmt: skip
        for _ in range(2):
            read(study, lambda trial, times: (other if trial.is_practice else str)(trial.truth.origin))

        results = results_of(study)

        reader = results.whole.readers[0]
        assert (counts(reader.accuracy.accuracy), reader.n_answers, reader.n_expected) == ((6, 6), 6, 6)
        assert (results.whole.n_trials, results.n_practice) == (6, 4)
        assert (results.whole.agreement[0].kappa.n_used, results.whole.agreement[0].kappa.kappa) == (6, 1)
        assert results.whole.flag_counts == {}

    def test_the_answer_given_first_counts_also_when_it_is_about_the_repeat(self):
        """Each reader is right about a picture the first time and wrong the second."""
        study = make_open_study(n_real=4, n_synthetic=4, n_repeats=4, order="per_reader", seed=3)
        repeats = set(TrialTruth.objects.exclude(repeat_of=None).values_list("trial__position", "repeat_of__position"))
        sessions = [
            read(study, lambda trial, times: (str if times == 1 else other)(trial.truth.origin)) for _ in range(3)
        ]
        orders = [session.trial_order for session in sessions]
        assert any(order.index(repeat) < order.index(first) for order in orders for repeat, first in repeats)

        results = results_of(study)

        for reader, retest in zip(results.whole.readers, results.retests, strict=True):
            assert counts(reader.accuracy.accuracy) == (8, 8)
            assert (reader.n_answers, reader.n_expected, reader.is_complete) == (8, 8, True)
            assert (counts(retest.answers.same), retest.answers.kappa) == ((0, 4), -1)
        assert (results.whole.n_trials, results.n_repeats) == (8, 4)

    def test_agreement_of_a_reader_with_himself(self):
        """Four pictures twice: real-real, real-synthetic, and two times synthetic-synthetic. Observed 3/4; shares of
        real 1/2 and 1/4, chance 1/2: kappa 1/2.
        """
        study = make_open_study(n_real=4, n_synthetic=4, n_repeats=4)
        pictures = sorted(TrialTruth.objects.exclude(repeat_of=None).values_list("repeat_of", flat=True))
        second = dict(zip(pictures, ["real", "synthetic", "synthetic", "synthetic"], strict=True))
        first = dict(zip(pictures, ["real", "real", "synthetic", "synthetic"], strict=True))

        def say(trial, times):
            return (first if times == 1 else second).get(trial.truth.repeat_of_id or trial.pk, "real")

        read(study, say)

        (retest,) = results_of(study).retests

        assert counts(retest.answers.same) == (3, 4)
        assert retest.answers.kappa == pytest.approx(0.5)
        assert (retest.ratings, retest.median_difference) == (None, None)

    def test_a_study_without_repeats_has_no_such_table(self):
        study = make_open_study()
        read(study, truthful)

        results = results_of(study)

        assert (results.retests, results.second_session, results.marks, results.phases) == ([], [], [], [])
        assert results.whole.groups == []
        assert results.whole.ratings == []


def test_no_answer_in_time_is_counted_and_left_out():
    """R01 lets the first picture pass; R02 is right about all."""
    study = make_open_study(n_real=2, n_synthetic=2, time_limit_ms=9000)
    read(
        study,
        lambda trial, times: (
            {"value": "none", "reading_ms": 9000, "flags": ["hidden"]} if trial.position == 1 else trial.truth.origin
        ),
    )
    read(study, truthful)

    whole = results_of(study).whole

    late, quick = whole.readers
    assert (late.n_late, late.n_answers, late.is_complete) == (1, 4, True)
    assert counts(late.accuracy.accuracy) == (3, 3)
    assert (late.time.n, late.time.median) == (3, 2.0)
    assert (quick.n_late, counts(quick.accuracy.accuracy)) == (0, (4, 4))
    assert counts(whole.pooled.accuracy.accuracy) == (7, 7)
    assert (whole.agreement[0].kappa.n_images, whole.agreement[0].kappa.n_used) == (4, 3)
    assert whole.agreement_readers == ["R01", "R02"]
    assert whole.flag_counts == {}


class TestPairs:
    @pytest.mark.parametrize("positive_class", ["real", "synthetic"])
    def test_proportion_correct_and_bias_by_hand(self, positive_class):
        """Four pairs. R01 always finds the image asked for, R02 always takes the left one."""
        study = make_open_study(n_real=4, n_synthetic=4, scale="pair", positive_class=positive_class)
        read(study, lambda trial, times: "left" if trial.truth.origin == positive_class else "right")
        read(study, lambda trial, times: "left")
        on_the_left = TrialTruth.objects.filter(origin=positive_class).count()

        whole = results_of(study).whole

        finder, lefty = whole.readers
        assert counts(finder.accuracy.accuracy) == (4, 4)
        assert counts(finder.accuracy.chose_left) == (on_the_left, 4)
        assert counts(lefty.accuracy.accuracy) == (on_the_left, 4)
        assert lefty.accuracy.chose_left == clopper_pearson(4, 4)
        assert counts(whole.pooled.accuracy.accuracy) == (4 + on_the_left, 8)
        assert (whole.n_trials, whole.n_real, whole.n_synthetic) == (4, 4, 4)

    def test_agreement_is_on_the_image_that_was_chosen(self):
        """Left twice, then right, against left once: observed 3/4, shares 3/8 and 5/8, chance 17/32."""
        study = make_open_study(n_real=4, n_synthetic=4, scale="pair")
        read(study, in_turn(["left", "left", "right", "right"]))
        read(study, in_turn(["left", "right", "right", "right"]))

        (agreement,) = results_of(study).whole.agreement

        assert (agreement.images, agreement.kappa.n_used) == ("pairs", 4)
        assert agreement.kappa.kappa == pytest.approx((3 / 4 - 17 / 32) / (15 / 32))

    def test_a_habit_of_the_left_side_is_no_agreement_on_repeats(self):
        study = make_open_study(n_real=6, n_synthetic=6, scale="pair", n_repeats=3)
        read(study, lambda trial, times: "left")

        (retest,) = results_of(study).retests

        assert counts(retest.answers.same) == (3, 3)
        assert retest.answers.reason.startswith("all answers are equal")


class TestGradedScales:
    def test_ratings_by_hand(self):
        """Ratings of real images 1, 3, 4 and of synthetic ones 4, 5, 2. Of nine pairs 6 in the right order, 1 tie."""
        study = make_open_study(n_real=3, n_synthetic=3, scale="confidence")
        ratings = {"real": iter([1, 3, 4]), "synthetic": iter([4, 5, 2])}
        read(study, lambda trial, times: next(ratings[trial.truth.origin]))

        whole = results_of(study).whole

        (reader,) = whole.readers
        assert counts(reader.accuracy.accuracy) == (4, 6)
        assert counts(reader.accuracy.sensitivity) == (2, 3)
        assert reader.auc.auc == pytest.approx(6.5 / 9)
        assert reader.auc == roc_area([4, 5, 2], [1, 3, 4])
        (rated,) = whole.ratings
        assert (rated.real, rated.synthetic) == ((1, 0, 1, 1, 0, 0), (0, 1, 0, 1, 1, 0))
        assert rated.steps[0] == "Surely real"

    def test_the_area_does_not_depend_on_the_positive_class(self):
        study = make_open_study(scale="confidence", positive_class="synthetic")
        read(study, lambda trial, times: 5 if trial.truth.origin == "synthetic" else 2)

        (reader,) = results_of(study).whole.readers

        assert (reader.auc.auc, reader.auc.has_interval) == (1, False)

    def test_several_readers_have_a_mean_area_not_a_pooled_one(self):
        """One reader uses 1 and 2, one 5 and 6, both without a mistake in the order: pooled, the AUC would be 3/4."""
        study = make_open_study(scale="confidence")
        for low in (1, 5):
            read(study, lambda trial, times, low=low: low + (trial.truth.origin == "synthetic"))

        pooled = results_of(study).whole.pooled

        assert (pooled.auc, pooled.mean_auc) == (None, 1.0)

    def test_without_ratings_of_both_kinds_there_is_no_area(self):
        study = make_open_study(scale="confidence")
        read(study, lambda trial, times: 6 if trial.position == 1 else None)

        whole = results_of(study).whole

        assert whole.readers[0].auc.reason == "ratings of both kinds of images are needed"
        assert math.isnan(whole.pooled.mean_auc)

    def test_percent_has_five_steps_on_each_side(self):
        study = make_open_study(n_real=4, n_synthetic=4, scale="percent")
        read(study, in_turn([0, 9, 10, 49, 51, 60, 61, 100]))

        (rated,) = results_of(study).whole.ratings

        both = [real + synthetic for real, synthetic in zip(rated.real, rated.synthetic, strict=True)]
        assert both == [2, 1, 0, 0, 1, 2, 1, 0, 0, 1]
        assert (rated.steps[0], rated.steps[4], rated.steps[5], rated.steps[-1]) == (
            "0 to 9", "40 to 49", "51 to 60", "91 to 100",
        )  # fmt: skip

    def test_repeats_are_compared_by_answer_and_by_rating(self):
        """Twice 1 then 3, twice 6 then 6: the answers are all the same, the ratings are not."""
        study = make_open_study(n_real=4, n_synthetic=4, scale="confidence", n_repeats=4)
        read(study, lambda trial, times: 6 if trial.truth.origin == "synthetic" else (1 if times == 1 else 3))

        (retest,) = results_of(study).retests

        assert (counts(retest.answers.same), retest.answers.kappa) == ((4, 4), 1)
        assert counts(retest.ratings.same) == (2, 4)
        assert retest.median_difference == 1
        # squared distance: 2 on average, and 38/4 between any first and any second rating
        assert retest.ratings.kappa == pytest.approx(1 - 2 / 9.5)


def test_phases_have_figures_of_their_own():
    """R01 is wrong about everything in the first phase and right in the second; R02 stops before the second."""
    study = make_open_study(
        n_real=2, n_synthetic=2, real_dataset=make_dataset(n=8),
        synthetic_dataset=make_dataset(origin="synthetic", n=8),
        later_phases=[{"title": "Informed", "instructions": "Half are made.", "n_real": 3, "n_synthetic": 1}],
    )  # fmt: skip
    read(study, lambda trial, times: (other if trial.phase == 1 else str)(trial.truth.origin))
    read(study, lambda trial, times: trial.truth.origin if trial.phase == 1 else None)

    results = results_of(study)

    first, second = results.phases
    assert [(part.number, part.title, part.n_trials, part.n_real) for part in (first, second)] == [
        (1, "", 4, 2),
        (2, "Informed", 4, 3),
    ]
    assert [counts(reader.accuracy.accuracy) for reader in first.readers] == [(0, 4), (4, 4)]
    assert [counts(reader.accuracy.accuracy) for reader in second.readers] == [(4, 4), (0, 0)]
    assert (first.agreement_readers, second.agreement_readers) == (["R01", "R02"], ["R01"])
    assert counts(results.whole.readers[0].accuracy.accuracy) == (4, 8)
    assert (results.whole.n_trials, results.whole.agreement_readers) == (8, ["R01"])


def test_groups_pool_their_readers():
    study = make_open_study(
        scale="confidence",
        group_by="years",
        groups=[
            {"name": "Less", "from_years": 0},
            {"name": "More", "from_years": 5},
            {"name": "Most", "from_years": 30},
        ],
    )
    right = {"real": 1, "synthetic": 6}
    for group, rate in (
        ("More", right.get),
        ("Less", lambda origin: 1),
        ("More", lambda origin: right[other(origin)]),
    ):
        read(study, lambda trial, times, rate=rate: rate(trial.truth.origin), reader_group=group)

    less, more, most = results_of(study).whole.groups

    assert [(group.reader, group.members) for group in (less, more, most)] == [
        ("Less", ("R02",)),
        ("More", ("R01", "R03")),
        ("Most", ()),
    ]
    assert [counts(group.accuracy.accuracy) for group in (less, more, most)] == [(2, 4), (4, 8), (0, 0)]
    assert (less.mean_auc, more.mean_auc) == (0.5, 0.5)
    assert (more.n_answers, more.n_expected) == (8, 8)


class TestSecondSession:
    def again(self, study):
        return open_study(study=follow_up_study(study=study, by=None, washout_days=0), by=None)

    def session_of(self, study, code):
        return study.sessions.get(reader_code=code)

    def test_answers_are_compared_picture_by_picture(self):
        """R01 says the same twice; R02 changes every answer; both orders differ from the first session's."""
        study = make_open_study(n_real=4, n_synthetic=4, order="per_reader")
        read(study, truthful)
        read(study, truthful)
        second = self.again(study)
        close_study(study=study, by=None)
        read(second, truthful, session=self.session_of(second, "R01"))
        read(second, lambda trial, times: other(trial.truth.origin), session=self.session_of(second, "R02"))

        results = results_of(second)

        assert [
            (retest.reader, counts(retest.answers.same), retest.answers.kappa) for retest in results.second_session
        ] == [("R01", (8, 8), 1), ("R02", (0, 8), -1)]
        assert [counts(reader.accuracy.accuracy) for reader in results.whole.readers] == [(8, 8), (0, 8)]

    def test_pairs_are_compared_by_the_image_not_the_side(self):
        study = make_open_study(n_real=8, n_synthetic=8, scale="pair")
        read(study, lambda trial, times: "left" if trial.truth.origin == "real" else "right")
        second = self.again(study)
        close_study(study=study, by=None)

        def sides(of):
            return dict(
                TrialTruth.objects.filter(trial__study=of).values_list(
                    "image__pixel_sha256", "right_image__pixel_sha256"
                )
            )

        assert sides(study) != sides(second)
        read(
            second,
            lambda trial, times: "left" if trial.truth.origin == "real" else "right",
            session=self.session_of(second, "R01"),
        )

        (retest,) = results_of(second).second_session

        assert counts(retest.answers.same) == (8, 8)

    def test_nothing_of_a_first_session_that_is_still_open(self):
        study = make_open_study()
        read(study, truthful)
        second = self.again(study)
        read(second, truthful, session=self.session_of(second, "R01"))

        assert results_of(second).second_session == []


def test_marks_and_comments_are_counted():
    study = make_open_study(mark_kind="point", asks_comment=True)
    mark = {"image": 0, "x": 3, "y": 4}
    said = iter([{"marks": [mark, mark], "comment": "edge"}, {"marks": [mark]}, {}, {}])
    read(study, lambda trial, times: {"value": "real", **next(said)})
    read(study, truthful)

    first, second = results_of(study).marks

    assert (first.reader, first.n_answers, first.n_marked, first.n_marks, first.n_comments) == ("R01", 4, 2, 3, 1)
    assert (second.n_marked, second.n_marks, second.n_comments) == (0, 0, 0)


def test_queries_do_not_grow_with_readers_or_phases(django_assert_max_num_queries):
    numbers = []
    for readers, phases in ((1, 1), (3, 3)):
        study = make_open_study(
            real_dataset=make_dataset(n=12),
            synthetic_dataset=make_dataset(origin="synthetic", n=12),
            scale="pair",
            n_repeats=2,
            n_practice=1,
            later_phases=[{"title": f"Part {number}", "n_real": 2, "n_synthetic": 2} for number in range(phases)],
        )
        for _ in range(readers):
            read(study, lambda trial, times: "left")
        close_study(study=study, by=None)
        with django_assert_max_num_queries(20) as captured:
            study_results(Study.objects.get(pk=study.pk))
        numbers.append(len(captured))

    assert numbers[0] == numbers[1]
