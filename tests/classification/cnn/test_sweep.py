"""The stopping rule with Kong's numbers, ties, gaps; mean over seeds; stop and go on; metrics by hand."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classification.cnn.config import METRICS, SweepSettings
from classification.cnn.measures.predictions import Predictions
from classification.cnn.sweep import SweepPoint, find_best, point_metrics, run_sweep, sweep_curve


def rising_to(best: int):
    """A curve that rises to `best` and falls after it."""
    return lambda k: 0.9 - 0.01 * abs(k - best)


def sweep(value_at, *, seeds=(0,), settings=None, **more):
    asked = []

    def train_at(k):
        asked.append(k)
        return [{"tuning": {"auc": value_at(k) if len(seeds) == 1 else value_at(k, seed)}} for seed in seeds]

    settings = settings or SweepSettings(seeds=len(seeds))
    return run_sweep(train_at, settings=settings, seeds=seeds, **more), asked


class TestStoppingRule:
    def test_kongs_optimum_at_14_stops_at_26(self):
        """Kong 2022: w = 12, the AUC was best at K = 14 and the search ended at 26."""
        outcome, asked = sweep(rising_to(14))

        assert (outcome.best_k, outcome.last_k, outcome.stopped_by_window) == (14, 26, True)
        assert asked == list(range(1, 27))
        assert outcome.words == "Best K = 14 by AUC on the tuning set; it stopped at K = 26, 12 after the best."

    def test_of_equal_values_the_smallest_k_wins(self):
        outcome, _ = sweep(lambda k: 0.8 if k in (3, 9, 14) else 0.7)
        assert (outcome.best_k, outcome.last_k) == (3, 15)

    def test_a_curve_that_keeps_rising_ends_at_the_largest_k(self):
        outcome, _ = sweep(lambda k: k / 100, settings=SweepSettings(largest_k=20, seeds=1))
        assert (outcome.best_k, outcome.last_k, outcome.stopped_by_window) == (20, 20, False)
        assert "a larger K may be better still" in outcome.words

    def test_or_where_the_synthetic_images_end(self):
        outcome, _ = sweep(lambda k: k / 100, most_k=4)
        assert (outcome.last_k, outcome.stopped_by_window) == (4, False)
        with pytest.raises(ValueError, match="not enough synthetic images for K = 1"):
            sweep(lambda k: 0.5, most_k=0)

    def test_missing_values_never_win(self):
        assert find_best([math.nan, 0.5, math.nan], window=1) == (2, True)
        with pytest.raises(ValueError, match="tuning set needs images of both classes"):
            find_best([math.nan], window=3)

    @given(values=st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=30, max_size=30), window=st.integers(1, 8))
    def test_is_the_rule_as_it_is_written(self, values, window):
        outcome, _ = sweep(lambda k: values[k - 1], settings=SweepSettings(window=window, seeds=1, largest_k=30))
        stops = [k for k in range(1, 31) if k - (values[:k].index(max(values[:k])) + 1) >= window]
        expected = stops[0] if stops else 30

        assert outcome.last_k == expected
        assert outcome.stopped_by_window is bool(stops)
        assert outcome.best_k == values[:expected].index(max(values[:expected])) + 1


class TestSeeds:
    def test_the_mean_decides_and_a_lucky_k_shows(self):
        def value_at(k, seed):
            return 0.98 if (k, seed) == (2, 1) else rising_to(5)(k)

        outcome, _ = sweep(value_at, seeds=(0, 1, 2, 3), settings=SweepSettings(window=6, seeds=4))
        curve = outcome.curve("tuning", "auc")

        assert outcome.best_k == 5
        assert outcome.best_k_by_seed == {0: 5, 1: 2, 2: 5, 3: 5}
        assert curve.sd[1] == pytest.approx(np.std([0.87, 0.98, 0.87, 0.87], ddof=1))
        assert curve.sd[4] == pytest.approx(0)
        assert "Single repetitions would have chosen K from 2 to 5" in outcome.words

    def test_one_seed_has_no_sd(self):
        outcome, _ = sweep(rising_to(2))
        assert all(math.isnan(sd) for sd in outcome.curve("tuning", "auc").sd)


class TestGoingOn:
    def test_what_was_done_is_not_trained_again(self):
        saved, asked = [], []
        value_at = rising_to(4)

        def stops_at_7(k):
            asked.append(k)
            return None if k == 7 else [{"tuning": {"auc": value_at(k)}}]

        settings = SweepSettings(seeds=1)
        assert run_sweep(stops_at_7, settings=settings, seeds=[0], save=saved.append) is None
        stored = json.loads(json.dumps([point.to_dict() for point in saved[-1]], allow_nan=False))
        points = [SweepPoint.from_dict(one) for one in stored]
        again, asked_again = sweep(value_at, points=points)

        assert asked_again == list(range(7, 17))
        assert again == sweep(value_at)[0]

    def test_progress_says_where_it_will_stop_if_nothing_better_comes(self):
        said = []
        sweep(rising_to(3), progress=lambda k, end, outcome: said.append((k, end, outcome.best_k)))
        assert said[:5] == [(1, 13, 1), (2, 14, 2), (3, 15, 3), (4, 15, 3), (5, 15, 3)]
        assert said[-1] == (15, 15, 3)

    def test_missing_values_survive_being_stored(self):
        point = SweepPoint(k=2, seed=3, measured={"tuning": {"auc": math.nan, "f1": 0.25}})
        again = SweepPoint.from_dict(json.loads(json.dumps(point.to_dict(), allow_nan=False)))
        assert math.isnan(again.measured["tuning"]["auc"])
        assert (again.k, again.seed, again.measured["tuning"]["f1"]) == (2, 3, 0.25)
        assert math.isnan(sweep_curve([again], "tuning", "auc").mean[0])


class TestMetrics:
    def test_by_hand(self):
        """Four positives with scores 0.9, 0.8, 0.4, 0.6 and three negatives with 0.7, 0.3, 0.1; threshold 0.5."""
        found = point_metrics(
            Predictions(
                scores=np.array([0.9, 0.8, 0.4, 0.6, 0.7, 0.3, 0.1]),
                is_positive=np.array([1, 1, 1, 1, 0, 0, 0], dtype=bool),
                positive="disc",
                negative="normal",
            ),
            threshold=0.5,
        )
        assert set(found) == set(METRICS)
        assert found == pytest.approx(
            {
                "auc": 10 / 12, "accuracy": 5 / 7, "balanced_accuracy": (3 / 4 + 2 / 3) / 2, "sensitivity": 3 / 4,
                "specificity": 2 / 3, "ppv": 3 / 4, "npv": 2 / 3, "f1": 6 / 8,
            }
        )  # fmt: skip

    def test_without_one_class_what_needs_it_is_missing(self):
        found = point_metrics(
            Predictions(scores=np.array([0.9, 0.2]), is_positive=np.ones(2, bool), positive="disc", negative="normal"),
            threshold=0.5,
        )
        assert math.isnan(found["auc"])
        assert math.isnan(found["specificity"])
        assert found["sensitivity"] == 0.5
