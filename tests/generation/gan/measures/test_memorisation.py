"""Planted copies are found; what copies nothing is flagged as often as the level says."""

import numpy as np
import pytest
from scipy.stats import beta

from generation.gan.measures.memorisation import HELD_OUT, OTHER_PATIENTS, check_memorisation


def rows(n: int, seed: int, d: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


class TestPlantedCopies:
    def test_each_is_flagged_with_the_image_it_was_copied_from(self):
        training, synthetic = rows(300, 0), rows(100, 1)
        synthetic[[3, 50, 99]] = training[[7, 200, 299]]
        synthetic[40] = training[11] + 0.05  # nearly

        found = check_memorisation(training, synthetic, held_out=rows(200, 2))

        assert found.order()[:4].tolist() == [3, 50, 99, 40]
        assert found.nearest[[3, 50, 99, 40]].tolist() == [7, 200, 299, 11]
        assert found.flagged[[3, 40, 50, 99]].all()
        assert found.suspicion[3] == pytest.approx(1 / 201)
        assert found.distance[3] == 0.0

    def test_a_generator_that_only_copies(self):
        training = rows(300, 0)
        found = check_memorisation(training, training[:50] + 1e-3, held_out=rows(200, 2))
        assert found.share == 1.0
        assert found.multiple == pytest.approx(100.0)


class TestLevel:
    def test_images_of_the_same_distribution_are_flagged_as_often_as_chance_says(self):
        """2,000 in all at 5 %: expected 100; a conformal p-value is exact, so 4 binomial SD suffice (and to spare)."""
        flagged = 0
        for seed in range(20):
            found = check_memorisation(
                rows(100, 3 * seed, d=5),
                rows(100, 3 * seed + 1, d=5),
                held_out=rows(199, 3 * seed + 2, d=5),
                level=0.05,
            )
            flagged += found.n_flagged
        assert abs(flagged - 100) < 4 * np.sqrt(2000 * 0.05 * 0.95) * 1.5  # one held-out set serves 100 images

    def test_flag_suspicion_and_threshold_say_the_same(self):
        for level in (0.005, 0.01, 0.05, 0.2):
            found = check_memorisation(rows(50, 0, d=3), rows(400, 1, d=3), held_out=rows(137, 2, d=3), level=level)
            assert (found.flagged == (found.distance <= found.threshold)).all()
            assert (found.flagged == (found.suspicion <= found.level + 1e-12)).all()
            assert found.flagged.any()

    def test_with_few_held_out_images_the_level_is_the_smallest_there_is(self):
        found = check_memorisation(rows(50, 0), rows(10, 1), held_out=rows(19, 2), level=0.01)
        assert found.level == pytest.approx(0.05)
        assert found.suspicion.min() >= 0.05

    @pytest.mark.parametrize("level", [0.0, 1.0, -0.1])
    def test_an_impossible_level_is_refused(self, level):
        with pytest.raises(ValueError, match="level is"):
            check_memorisation(rows(5, 0), rows(5, 1), held_out=rows(5, 2), level=level)


class TestReference:
    def test_without_held_out_images_other_patients_take_their_place(self):
        training = rows(60, 0)
        training[1::2] = training[::2] + 1e-3  # two films of each of 30 patients
        patients = [f"P{i // 2}" for i in range(60)]

        found = check_memorisation(training, rows(10, 1), training_patients=patients)
        naive = check_memorisation(training, rows(10, 1))

        assert (found.reference, len(found.reference_distance)) == (OTHER_PATIENTS, 60)
        assert found.reference_distance.min() > 1
        assert naive.reference_distance.max() < 0.1

    def test_held_out_images_come_first(self):
        found = check_memorisation(rows(60, 0), rows(10, 1), held_out=rows(30, 2), training_patients=["a"] * 60)
        assert (found.reference, found.n_training) == (HELD_OUT, 60)

    def test_one_patient_alone_is_no_reference(self):
        with pytest.raises(ValueError, match="one patient"):
            check_memorisation(rows(6, 0), rows(5, 1), training_patients=["a"] * 6)

    def test_no_synthetic_images(self):
        with pytest.raises(ValueError, match="no synthetic"):
            check_memorisation(rows(6, 0), rows(0, 1))


def test_the_interval_is_clopper_and_pearsons():
    training, synthetic = rows(300, 0), rows(100, 1)
    synthetic[:3] = training[:3]
    found = check_memorisation(training, synthetic, held_out=rows(2000, 2), level=0.001)

    low, high = found.share_interval

    k, n = found.n_flagged, 100
    assert k >= 3
    assert low == pytest.approx(beta.ppf(0.025, k, n - k + 1))
    assert high == pytest.approx(beta.ppf(0.975, k + 1, n - k))
