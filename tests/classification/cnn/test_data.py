"""What images may be used together: each rule with data that breaks it, and names in the message."""

from dataclasses import replace

import numpy as np
import pytest

from classification.cnn.data import HygieneError, check_hygiene
from imaging import storage
from tests.classification.cnn.conftest import make_images


@pytest.fixture
def sets():
    return {"train": make_images(8, seed=1), "tune": make_images(4, seed=2), "test": make_images(6, seed=3)}


def check(sets, **changes):
    used = {**sets, **changes}
    tests = {"internal": used.pop("test")}
    return check_hygiene(tests=tests, **used)


class TestLabelledImages:
    def test_hashes_are_those_of_the_stored_pictures(self):
        images = make_images(3)
        assert images.hashes == tuple(storage.pixel_sha256(pixels) for pixels in images.pixels)

    def test_chosen_images_keep_what_is_known_of_them(self):
        images = make_images(6, synthetic=True)
        chosen = images.choose(np.array([4, 1]))

        assert np.array_equal(chosen.pixels, images.pixels[[4, 1]])
        assert chosen.names == (images.names[4], images.names[1])
        assert chosen.patients == (images.patients[4], images.patients[1])
        assert chosen.trained_on == (images.trained_on[4], images.trained_on[1])
        assert chosen.counts() == {"normal": 1, "disc": 1}

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"pixels": np.zeros((4, 20, 21), np.uint8)}, "must be uint8"),
            ({"labels": np.array([0, 1, 2, 0])}, "labels go from 0 to 2 for 2 classes"),
            ({"labels": np.array([0, 1])}, r"must be int64 \(4,\)"),
            ({"classes": ("one",)}, "two or more"),
            ({"patients": ("a", "b")}, "patients has 2 entries for 4 images"),
            ({"patients": ("a", " ", "c", "d")}, "blank"),
            ({"synthetic": np.zeros(3, bool)}, "synthetic is"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, change, words):
        with pytest.raises(ValueError, match=words):
            replace(make_images(4), **change)

    def test_an_unknown_class_is_refused(self):
        with pytest.raises(ValueError, match="no class 'effusion'; there are: normal, disc"):
            make_images(2).class_index("effusion")


class TestHygiene:
    def test_sets_of_different_patients_pass(self, sets):
        assert check(sets, synthetic=make_images(4, seed=9, synthetic=True)) == []

    @pytest.mark.parametrize(("one", "other"), [("train", "tune"), ("train", "test"), ("tune", "test")])
    def test_a_patient_on_two_sides_is_named(self, sets, one, other):
        patients = (sets[one].patients[0], *sets[other].patients[1:])
        with pytest.raises(HygieneError, match=rf"share 1 patient \({patients[0]}\)"):
            check(sets, **{other: replace(sets[other], patients=patients)})

    def test_the_same_picture_on_two_sides_is_named(self, sets):
        copied = sets["test"].pixels.copy()
        copied[2] = sets["train"].pixels[5]
        with pytest.raises(HygieneError, match=rf"share 1 image \({sets['test'].names[2]}\)"):
            check(sets, test=replace(sets["test"], pixels=copied))

    @pytest.mark.parametrize("known_by", ["hashes", "names", "patients"])
    @pytest.mark.parametrize("which", ["tune", "test"])
    def test_a_generator_that_saw_the_test_is_refused_with_the_names(self, sets, known_by, which):
        seen = getattr(sets[which], known_by)[3]
        pool = make_images(4, seed=9, synthetic=True)
        lineage = (*pool.trained_on[:3], frozenset({"other", seen}))
        with pytest.raises(HygieneError, match=rf"trained on 1 image \({sets[which].names[3]}\)"):
            check(sets, synthetic=replace(pool, trained_on=lineage))

    def test_a_generator_of_images_in_the_training_set_is_looked_at_too(self, sets):
        train = make_images(8, seed=1, synthetic=True)
        train = replace(train, trained_on=(frozenset({sets["test"].names[0]}),) * 8)
        with pytest.raises(HygieneError, match="generator of the training set"):
            check(sets, train=train)

    def test_an_unknown_generator_is_warned_of(self, sets):
        (warning,) = check(sets, synthetic=replace(make_images(4, seed=9, synthetic=True), trained_on=None))
        assert "is not known: it may have seen" in warning

    def test_unknown_patients_are_warned_of(self, sets):
        (warning,) = check(sets, tune=replace(sets["tune"], patients=None))
        assert warning.startswith("The patients are not known in: tuning.")

    def test_synthetic_test_images_only_where_they_are_the_task(self, sets):
        test = replace(make_images(6, seed=3, synthetic=True), trained_on=None)
        with pytest.raises(HygieneError, match="6 synthetic images"):
            check(sets, test=test)
        assert check_hygiene(train=sets["train"], tests={"internal": test}, synthetic_tests=True) == []

    def test_other_classes_are_refused(self, sets):
        with pytest.raises(HygieneError, match="classes normal, effusion, the training set normal, disc"):
            check(sets, test=replace(sets["test"], classes=("normal", "effusion")))

    def test_all_problems_are_said_at_once_and_long_lists_are_cut(self, sets):
        with pytest.raises(HygieneError) as caught:
            check_hygiene(train=make_images(14, seed=1), tune=make_images(14, seed=1), tests={"internal": sets["test"]})
        patients, images = caught.value.problems
        assert "share 14 patients (P1-0" in patients
        assert "and 4 more)" in patients
        assert "pixel for pixel" in images

    @pytest.mark.parametrize("known_by", ["names", "patients", "hashes"])
    def test_what_an_earlier_classifier_was_trained_on_is_no_test(self, sets, known_by):
        known = getattr(sets["test"], known_by)[2]
        with pytest.raises(HygieneError, match=r"begins with.*was trained on 1 image.*of the internal set"):
            check(sets, seen_before=frozenset([known]))

    def test_two_test_sets_may_share_patients(self, sets):
        tests = {"internal": sets["test"], "the same again": sets["test"]}
        assert check_hygiene(train=sets["train"], tests=tests) == []
