"""Kong's and Jang's experiments on small images: what each is trained on, and how a stopped one goes on."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from classification.cnn.arms import ExperimentData
from classification.cnn.backbones import BackboneWeights, create_backbone
from classification.cnn.config import ClassifierConfig, JangSettings, SweepSettings
from classification.cnn.data import HygieneError
from classification.cnn.experiments import (
    LARGER,
    MIXED,
    REAL,
    draw_pool,
    jang_rows,
    kong_rows,
    largest_multiple,
    run_jang,
    run_kong,
    synthetic_needed,
)
from classification.cnn.measures.auc import delong_area
from classification.cnn.sweep import SweepPoint
from tests.classification.cnn.conftest import make_images

SWEEP = SweepSettings(window=2, largest_k=4, seeds=2)


@pytest.fixture
def config(tiny_kind) -> ClassifierConfig:
    """`tiny` is no choice of a form, so it is put past the check that forms rely on."""
    made = ClassifierConfig(
        input_side=32, epochs=4, learning_rate=0.01, augmentation_slots=2, extraction_batch=8, seed=10
    )
    object.__setattr__(made, "backbone", tiny_kind)
    return made


@pytest.fixture
def data() -> ExperimentData:
    """10 normal and 6 with a disc; a pool of 40 of each."""
    train = make_images(20, seed=1)
    train = train.choose(np.r_[np.flatnonzero(train.labels == 0), np.flatnonzero(train.labels == 1)[:6]])
    return ExperimentData(
        train=train,
        tune=make_images(14, seed=2, contrast=20),
        tests={"internal": make_images(16, seed=3, contrast=20), "elsewhere": make_images(10, seed=4, side=24)},
        synthetic=make_images(80, seed=5, synthetic=True, patients=False),
        positive="disc",
    )


def kong(data, tiny, config, tmp_path, **changes):
    arguments = {"sweep": SWEEP, "folder": tmp_path / "features", "work": tmp_path / "work", "writer": "one", **changes}
    return run_kong(data, backbone=tiny, config=config, **arguments)


class TestKongsImages:
    def test_how_many_synthetic_images_each_experiment_has(self, data):
        assert data.train.counts() == {"normal": 10, "disc": 6}
        assert synthetic_needed(data.train, None) == {"normal": 0, "disc": 0}
        assert synthetic_needed(data.train, 0) == {"normal": 0, "disc": 4}
        assert synthetic_needed(data.train, 3) == {"normal": 30, "disc": 34}
        assert largest_multiple(data.train, data.synthetic) == 3

    def test_rows_are_all_real_ones_and_synthetic_ones_of_the_right_class(self, data):
        pool = [draw_pool(data.synthetic, seed=seed) for seed in (0, 1)]
        rows = kong_rows(data, pool, k=2)
        labels = np.concatenate([data.train.labels, data.synthetic.labels])[rows]

        assert rows.shape == (2, 16 + 44)
        assert np.array_equal(rows[:, :16], [np.arange(16)] * 2)
        assert [np.bincount(one).tolist() for one in labels] == [[30, 30], [30, 30]]
        assert len(np.unique(rows[0])) == 60
        assert not np.array_equal(rows[0], rows[1])

    def test_images_of_a_smaller_k_are_among_those_of_a_larger_one(self, data):
        pool = [draw_pool(data.synthetic, seed=0)]
        sets = [set(kong_rows(data, pool, k=k)[0].tolist()) for k in (None, 0, 1, 2, 3)]
        assert all(small < large for small, large in pairwise(sets))

    def test_repetitions_share_as_many_images_as_the_largest_k_needs(self, data):
        most = {"normal": 20, "disc": 24}
        one, other = (draw_pool(data.synthetic, seed=seed, first_seed=10, most=most) for seed in (10, 11))
        for index, count in enumerate(most.values()):
            assert len(one[index]) == count
            assert sorted(one[index]) == sorted(other[index])
            assert one[index].tolist() != other[index].tolist()
            assert set(data.synthetic.labels[one[index]]) == {index}


class TestKong:
    def test_four_experiments_on_all_sets(self, tmp_path, tiny, config, data):
        curves, said = [], []
        outcome = kong(data, tiny, config, tmp_path, curve=curves.append, progress=lambda *step: said.append(step))
        best = outcome.sweep.best_k

        assert [arm.name for arm in outcome.arms] == ["OD", "GCB", "GCB+CDA", "GCB+OMGDA"]
        assert [arm.synthetic for arm in outcome.arms] == [
            {"normal": 0, "disc": 0}, {"normal": 0, "disc": 4}, {"normal": 0, "disc": 4},
            {"normal": 10 * best, "disc": 4 + 10 * best},
        ]  # fmt: skip
        assert [arm.augmented for arm in outcome.arms] == [False, False, True, False]
        assert [[one.seed for one in arm.trained] for arm in outcome.arms] == [[10, 11]] * 4
        for arm in outcome.arms:
            assert {name: len(scores) for name, scores in arm.trained[1].scores.items()} == {
                "tuning": 14, "internal": 16, "elsewhere": 10,
            }  # fmt: skip
            predictions = arm.predictions("internal", repetition=1)
            assert (predictions.positive, predictions.n_positive) == ("disc", 8)
            assert predictions.patients == data.tests["internal"].patients
        assert [curve.last_k for curve in curves] == list(range(1, outcome.sweep.last_k + 1))
        assert {what for what, _, _ in said} >= {
            "Looking for the best K",
            "Training OD",
            "Features of the internal set",
        }
        heads = {arm.trained[0].head.weights.tobytes() for arm in outcome.arms}
        assert len(heads) == 4

    def test_the_point_of_the_best_k_is_what_its_experiment_measures(self, tmp_path, tiny, config, data):
        outcome = kong(data, tiny, config, tmp_path)
        best = {point.seed: point for point in outcome.sweep.points if point.k == outcome.sweep.best_k}
        for repetition, seed in enumerate(outcome.seeds):
            for name in ("tuning", "internal", "elsewhere"):
                auc = delong_area(outcome.arms[3].predictions(name, repetition=repetition)).auc
                assert best[seed].measured[name]["auc"] == auc

    def test_a_stopped_run_goes_on_to_the_same_result(self, tmp_path, tiny, config, data):
        whole = kong(data, tiny, config, tmp_path / "whole")
        saved, asked = [], []

        def abort():
            asked.append(0)
            return bool(saved) and len(asked) % 7 == 0

        assert kong(data, tiny, config, tmp_path / "cut", save=saved.append, abort=abort) is None
        points = [SweepPoint.from_dict(json.loads(json.dumps(one.to_dict()))) for one in saved[-1]]
        again = kong(data, tiny, config, tmp_path / "cut", points=points)

        assert again.sweep == whole.sweep
        for one, other in zip(again.arms, whole.arms, strict=True):
            assert torch.equal(*(torch.from_numpy(arm.trained[0].head.weights) for arm in (one, other)))

    def test_with_the_whole_network_trained_too(self, tmp_path, tiny, config, data):
        config = replace(ClassifierConfig(), fine_tune=True, input_side=32, epochs=1, extraction_batch=8)
        object.__setattr__(config, "backbone", "tiny")
        outcome = kong(data, tiny, config, tmp_path, sweep=SweepSettings(window=1, largest_k=1, seeds=1))

        assert all(arm.trained[0].fine_tuned for arm in outcome.arms)
        assert len({arm.trained[0].backbone.weights_sha256 for arm in outcome.arms} | {tiny.weights_sha256}) == 5
        assert sorted(path.name for path in (tmp_path / "work").glob("K=*")) == []

    def test_too_small_a_pool_is_named(self, tmp_path, tiny, config, data):
        pool = data.synthetic.choose(np.arange(10))
        with pytest.raises(ValueError, match=r"10 of normal \(there are 5\) and 14 of disc \(there are 5\)"):
            kong(replace_data(data, synthetic=pool), tiny, config, tmp_path)


class TestJang:
    def test_sizes_are_equal_and_half_of_the_positive_are_replaced(self, data):
        rows = jang_rows(data, JangSettings(per_class=6, larger_by=5), seed=0)
        labels = np.concatenate([data.train.labels, data.synthetic.labels])
        counts = {name: np.bincount(labels[own]).tolist() for name, own in rows.items()}
        made = {name: np.bincount(labels[own[own >= 16]], minlength=2).tolist() for name, own in rows.items()}

        assert counts == {REAL: [6, 6], MIXED: [6, 6], LARGER: [11, 11]}
        assert made == {REAL: [0, 0], MIXED: [0, 3], LARGER: [5, 5]}
        assert set(rows[MIXED][rows[MIXED] < 16]) < set(rows[REAL])

    def test_a_classifiers_score_chooses_the_surest(self, data):
        scores = np.random.default_rng(0).random(80)
        rows = jang_rows(data, JangSettings(per_class=6, selection="score"), seed=0, abnormal_scores=scores)
        chosen = rows[MIXED][rows[MIXED] >= 16] - 16
        discs = np.flatnonzero(data.synthetic.labels == 1)

        assert set(chosen) == set(discs[np.argsort(-scores[discs])[:3]])
        with pytest.raises(ValueError, match="not one score for each"):
            jang_rows(data, JangSettings(per_class=6, selection="score"), seed=0)

    def test_runs(self, tmp_path, tiny, config, data):
        outcome = run_jang(
            data, backbone=tiny, config=config, jang=JangSettings(per_class=6, seeds=2), folder=tmp_path / "features",
            work=tmp_path / "work", writer="one",
        )  # fmt: skip
        assert [arm.name for arm in outcome.arms] == [REAL, MIXED]
        assert outcome.arms[1].real == {"normal": 6, "disc": 3}
        assert outcome.arms[1].synthetic == {"normal": 0, "disc": 3}
        assert len(outcome.arms[1].predictions("elsewhere")) == 10

    def test_too_few_images_are_named(self, data):
        with pytest.raises(ValueError, match="per_class is 8, but there are 6 real training images of class disc"):
            jang_rows(data, JangSettings(per_class=8), seed=0)
        with pytest.raises(ValueError, match="50 synthetic images of class disc are needed; there are 40"):
            jang_rows(data, JangSettings(per_class=6, larger_by=50), seed=0)


class TestHygiene:
    def test_a_generator_that_saw_the_test_is_refused_before_anything_is_trained(self, data):
        pool = replace(data.synthetic, trained_on=(frozenset({data.tests["elsewhere"].names[2]}),) * 80)
        with pytest.raises(HygieneError, match="of the elsewhere set"):
            replace_data(data, synthetic=pool)

    def test_a_pool_of_real_images_is_refused(self, data):
        with pytest.raises(ValueError, match="20 of the synthetic images are real ones"):
            replace_data(data, synthetic=make_images(20, seed=7))


def test_signal_that_only_synthetic_images_carry_is_learned(tmp_path, tiny_kind, config, data):
    """Labels of the real images are wrong, the pool's are right: OD must be misled, and GCB+OMGDA must not."""
    backbone = create_backbone(tiny_kind, weights=BackboneWeights(seed=3), input_side=32)
    config = replace(ClassifierConfig(), input_side=32, epochs=30, learning_rate=0.02, extraction_batch=8)
    object.__setattr__(config, "backbone", tiny_kind)
    outcome = kong(
        replace_data(data, train=replace(data.train, labels=1 - data.train.labels)), backbone, config, tmp_path,
        sweep=SweepSettings(window=3, largest_k=3, seeds=2),
    )  # fmt: skip
    areas = [delong_area(arm.predictions("elsewhere")).auc for arm in (outcome.arms[0], outcome.arms[3])]
    assert areas[0] < 0.3
    assert areas[1] > 0.8


def replace_data(data: ExperimentData, **changes) -> ExperimentData:
    names = ("train", "tune", "tests", "synthetic", "positive")
    return ExperimentData(**{name: changes.get(name, getattr(data, name)) for name in names})
