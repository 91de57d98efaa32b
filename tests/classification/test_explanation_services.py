"""Starting an explanation: what is kept, what is refused in words; maps and scores are written once."""

import pytest

from classification.cnn.grad_cam import METHODS
from classification.explanation_models import Explanation
from classification.explanation_services import record_explanation, record_layers, start_explanation
from classification.services import ClassificationError
from worker.models import Job

LAYERS = [
    {"name": "layer4", "rows": 1, "columns": 1, "is_usable": False,
     "larger_side": 224, "larger_rows": 7, "larger_columns": 7},
    {"name": "layer3", "rows": 2, "columns": 2, "is_usable": True,
     "larger_side": 224, "larger_rows": 14, "larger_columns": 14},
]  # fmt: skip


def start(classifier, dataset, **changes):
    values = {"images": list(dataset.images.all()), "class_name": "pneumonia", "created_by": None, **changes}
    return start_explanation(classifier=classifier, **values)


def test_an_explanation_waits_with_its_images_in_order(classifier, chests, investigator):
    images = list(chests.images.order_by("-pixel_sha256"))[:3]

    explanation = start(
        classifier, chests, images=images, layer="layer3", method="grad_cam_plus_plus", created_by=investigator
    )

    explanation.refresh_from_db()
    assert explanation.image_ids == [str(image.pk) for image in images]
    assert (explanation.class_name, explanation.layer, explanation.results) == ("pneumonia", "layer3", {})
    assert explanation.title == f"Grad-CAM++ for “pneumonia”: 3 images, {classifier}"
    job = explanation.job
    assert (job.kind, job.queue, job.state) == ("classification.explanation", "gpu", Job.State.QUEUED)
    assert job.parameters == {"explanation_id": str(explanation.pk), "device": "auto"}
    assert job.created_by == explanation.created_by == investigator


def test_an_image_that_is_named_twice_is_shown_once(classifier, chests):
    first, second = chests.images.all()[:2]

    explanation = start(classifier, chests, images=[second, first, second], title=" Caught by all ")

    assert explanation.image_ids == [str(second.pk), str(first.pk)]
    assert explanation.title == "Caught by all"


def test_the_methods_are_those_of_the_computation():
    assert dict(Explanation.Method.choices) == METHODS


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": []}, "0 images were chosen; there must be 1 to 200."),
        ({"class_name": "fracture"}, "tells normal and pneumonia apart; it knows no 'fracture'"),
        ({"method": "saliency"}, "no method 'saliency': choose grad_cam or grad_cam_plus_plus"),
        ({"layer": "layer9"}, r"has no layer 'layer9'. Choose layer3: 2 × 2 cells."),
        (
            {"layer": "layer4"},
            "The layer layer4 cannot say where in the image: its one cell covers the whole image. A classifier trained "
            "at 224 pixels has 7 × 7 cells there. Choose layer3: 2 × 2 cells.",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words(changes, words, classifier, chests):
    record_layers(classifier=classifier, layers=LAYERS)

    with pytest.raises(ClassificationError, match=words):
        start(classifier, chests, **changes)

    assert not Explanation.objects.exists()


def test_at_most_200_images(classifier, chests):
    images = [type(chests.images.first())(dataset=chests) for _ in range(201)]

    with pytest.raises(ClassificationError, match="201 images were chosen; there must be 1 to 200"):
        start(classifier, chests, images=images)


def test_results_and_layers_are_written_once(classifier, chests):
    explanation = start(classifier, chests)

    record_explanation(explanation=explanation, results={"layer": "first"})
    record_explanation(explanation=explanation, results={"layer": "second"})
    record_layers(classifier=classifier, layers=LAYERS)
    record_layers(classifier=classifier, layers=LAYERS[:1])

    explanation.refresh_from_db()
    classifier.refresh_from_db()
    assert (explanation.results, classifier.layers) == ({"layer": "first"}, LAYERS)
