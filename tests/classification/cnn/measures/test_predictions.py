import numpy as np
import pytest

from classification.cnn.measures.predictions import Predictions, check_same_images, images_of_patients
from tests.classification.cnn.measures.builders import predictions_of


def test_counts_and_scores_of_both_classes():
    made = predictions_of([0.9, 0.4], [0.1, 0.5, 0.2])

    assert (len(made), made.n_positive, made.n_negative) == (5, 2, 3)
    assert made.cases.tolist() == [0.9, 0.4]
    assert made.controls.tolist() == [0.1, 0.5, 0.2]
    assert made.called_positive(0.5).tolist() == [True, False, False, True, False]


def test_what_was_given_is_copied_and_cannot_be_changed():
    scores = np.array([0.9, 0.1])
    made = Predictions(scores=scores, is_positive=np.array([1, 0]), positive="a", negative="b")
    scores[0] = 0

    assert made.scores.tolist() == [0.9, 0.1]
    assert made.is_positive.dtype == bool
    with pytest.raises(ValueError, match="read-only"):
        made.scores[0] = 0.5


def test_patients_with_several_images():
    made = predictions_of([0.9, 0.4], [0.1], patients=("b", "a", "b"))

    assert made.patient_codes.tolist() == [1, 0, 1]
    assert (made.n_patients, made.is_clustered) == (2, True)
    assert images_of_patients(made) == "3 images of 2 patients (up to 2 of one)"


@pytest.mark.parametrize("patients", [None, ("a", "b", "c")])
def test_one_image_each(patients):
    made = predictions_of([0.9, 0.4], [0.1], patients=patients)

    assert (made.n_patients, made.is_clustered) == (3, False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": np.array([0.1, np.nan, 1.5, -1, 2])[:3]}, "image 2: nan, image 3: 1.5"),
        ({"scores": np.array([0.1, 0.2])}, r"shape \(2,\)"),
        ({"scores": np.full((3, 1), 0.5)}, r"shape \(3, 1\)"),
        ({"is_positive": np.array([0, 1, 2])}, "True or False"),
        ({"patients": ("a", "b")}, "2 patients for 3 images"),
        ({"patients": "abc"}, "one pseudonym per image"),
        ({"patients": ("a", " ", "b")}, "1 image.s. have a blank patient"),
        ({"negative": "pneumonia"}, "two different names"),
        ({"positive": " "}, "two different names"),
    ],
)
def test_refuses(change, message):
    given = {
        "scores": np.array([0.1, 0.2, 0.3]),
        "is_positive": np.array([True, False, True]),
        "patients": None,
        "positive": "pneumonia",
        "negative": "normal",
    }

    with pytest.raises(ValueError, match=message):
        Predictions(**given | change)


def test_many_bad_scores_are_counted():
    with pytest.raises(ValueError, match="and 7 more"):
        predictions_of([2.0] * 10, [0.1])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (predictions_of([0.9], [0.1, 0.3]), "2 and 3 images"),
        (predictions_of([0.9, 0.1], []), "truth of image 2 differs"),
        (predictions_of([0.9], [0.1], patients=("a", "b")), "patients differ"),
        (predictions_of([0.9], [0.1], positive="tumour"), "classes differ: pneumonia / normal and tumour / normal"),
    ],
)
def test_other_images_are_noticed(other, message):
    with pytest.raises(ValueError, match=message):
        check_same_images(predictions_of([0.9], [0.1]), other)
