"""Pages of a classifier and of its maps: who sees them, what is shown, what can be asked for and what is refused."""

import pytest
from django.urls import reverse

from classification.explanation_models import Explanation
from classification.explanation_services import record_explanation, start_explanation
from tests.classification.conftest import make_classifier
from tests.classification.test_explanation_services import LAYERS
from tests.factories import ImageFactory

pytestmark = pytest.mark.django_db

ASKED = {"class_name": "pneumonia", "layer": "layer3", "method": "grad_cam", "device": "auto"}


def choice(dataset, **changes):
    return {**ASKED, "dataset": str(dataset.pk), "split": "test", "label": "", "count": "4", "seed": "7", **changes}


@pytest.fixture
def small(chests):
    """32 px, with known layers: the last has one cell."""
    return make_classifier(chests, side=32, layers=LAYERS)


@pytest.fixture
def explanation(small, chests):
    return start_explanation(
        classifier=small, images=list(chests.images.all()), class_name="normal", method="grad_cam", created_by=None
    )


def test_only_investigators_see_anything(client, reader, investigator, explanation):
    classifier = explanation.classifier
    addresses = [
        classifier.get_absolute_url(),
        reverse("classification:classifier_file", args=[classifier.pk]),
        explanation.get_absolute_url(),
    ]

    anonymous = [client.get(address).status_code for address in addresses]
    client.force_login(reader)
    forbidden = [client.get(address).status_code for address in addresses]
    posted = [client.post(address).status_code for address in addresses]
    client.force_login(investigator)
    allowed = [client.get(address).status_code for address in addresses]

    assert (anonymous, forbidden, posted, allowed) == ([302] * 3, [403] * 3, [403] * 3, [200] * 3)


def test_the_page_says_what_the_classifier_is(investigator_client, small):
    page = investigator_client.get(small.get_absolute_url()).content.decode()

    for words in ("Chests", "normal, pneumonia", "32 × 32 pixels", small.sha256, "only the head was trained"):
        assert words in page
    scores = reverse("classification:dataset_scores", args=[small.experiment.dataset_id])
    assert f'href="{scores}?classifier={small.pk}"' in page


def test_its_file_can_be_downloaded(investigator_client, small):
    address = reverse("classification:classifier_file", args=[small.pk])

    answer = investigator_client.get(address)
    content = b"".join(answer.streaming_content)
    small.path.unlink()
    lost = investigator_client.get(address)
    page = investigator_client.get(small.get_absolute_url()).content.decode()

    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert content[:2] == b"PK"
    assert lost.status_code == 404
    assert "file is not there any more" in page
    assert address not in page


def test_a_layer_of_one_cell_is_explained_and_cannot_be_chosen(investigator_client, small):
    page = investigator_client.get(small.get_absolute_url())

    text = page.content.decode()
    assert page.context["form"]["layer"].value() == "layer3"
    assert "At 32 × 32 pixels the last layer, layer4, cannot say where in the image" in text
    assert "A classifier trained at 224 pixels has 7 × 7 cells there" in text
    options = {option.data["value"]: option.data["attrs"] for option in page.context["form"]["layer"]}
    assert "disabled" in options["layer4"]
    assert "disabled" not in options["layer3"]


def test_images_are_drawn_by_the_seed(investigator_client, small, chests):
    address = small.get_absolute_url()

    first, again, other = (investigator_client.post(address, choice(chests, seed=seed)).url for seed in ("7", "7", "8"))

    shown = [Explanation.objects.get(pk=url.split("/")[-2]) for url in (first, again, other)]
    assert [len(one.image_ids) for one in shown] == [4, 4, 4]
    assert shown[0].image_ids == shown[1].image_ids != shown[2].image_ids
    assert {(one.layer, one.class_name, one.method) for one in shown} == {("layer3", "pneumonia", "grad_cam")}


def test_images_are_of_the_split_and_class_that_were_chosen(investigator_client, small, chests):
    ImageFactory(dataset=chests, split="train", label="pneumonia")

    investigator_client.post(small.get_absolute_url(), choice(chests, label="pneumonia", count="50"))

    chosen = chests.images.filter(pk__in=Explanation.objects.get().image_ids)
    assert sorted(chosen.values_list("split", "label")) == [("test", "pneumonia")] * 3


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"split": "tune"}, "dataset", "“Chests” has no image among its tune images. Choose another split or class."),
        ({"count": "201"}, "count", "less than or equal to 200"),
        ({"layer": "layer4"}, "layer", "The layer layer4 cannot say where in the image"),
        ({"layer": "layer9"}, "layer", "layer9 is not one of the available choices"),
        ({"class_name": "fracture"}, "class_name", "fracture is not one of the available choices"),
    ],
)
def test_what_cannot_be_shown_is_refused_beside_its_field(changes, field, words, investigator_client, small, chests):
    page = investigator_client.post(small.get_absolute_url(), choice(chests, **changes))

    forms = (page.context["form"], page.context["images_form"])
    errors = [error for form in forms for error in form.errors.get(field, [])]
    assert [words in error for error in errors] == [True]
    assert words in page.content.decode().replace("&quot;", '"')
    assert not Explanation.objects.exists()


def test_the_same_images_can_be_explained_otherwise(investigator_client, explanation):
    page = investigator_client.get(explanation.get_absolute_url())
    answer = investigator_client.post(explanation.get_absolute_url(), ASKED | {"method": "grad_cam_plus_plus"})

    other = Explanation.objects.exclude(pk=explanation.pk).get()
    form = page.context["form"]
    assert [form[name].value() for name in ("class_name", "layer", "method")] == ["normal", "layer3", "grad_cam"]
    assert answer.url == other.get_absolute_url()
    assert other.image_ids == explanation.image_ids
    assert (other.class_name, other.layer, other.method) == ("pneumonia", "layer3", "grad_cam_plus_plus")


def test_images_that_were_deleted_meanwhile_are_counted(investigator_client, explanation, chests):
    address = explanation.get_absolute_url()
    chests.images.filter(pk=explanation.image_ids[0]).delete()
    page = investigator_client.get(address).content.decode()
    investigator_client.post(address, ASKED)
    chests.images.all().delete()
    without = investigator_client.get(address).content.decode()
    refused = investigator_client.post(address, ASKED).content.decode()

    again = Explanation.objects.exclude(pk=explanation.pk).get()
    assert again.image_ids == explanation.image_ids[1:]
    assert "1 of the 6 images is not there any more and would be left out." in page
    assert "None of the images is there any more" in without
    assert "0 images were chosen; there must be 1 to 200." in refused


def seen(image):
    """What a job says of an image."""
    return {
        "image": str(image.pk), "sha256": image.pixel_sha256, "label": image.label, "origin": "real",
        "width": image.width, "height": image.height, "score": 0.25, "class_score": -1.5,
        "picture": "pictures/001.png", "heat": "heat/001.png", "reason": "",
    }  # fmt: skip


@pytest.mark.parametrize("n", [1, 3])
def test_the_page_of_maps_takes_constant_queries(n, investigator_client, small, chests, django_assert_num_queries):
    images = list(chests.images.all())[:n]
    explanation = start_explanation(classifier=small, images=images, class_name="normal", created_by=None)
    results = {"layer": "layer3", "rows": 2, "columns": 2, "side": 32, "images": [seen(image) for image in images]}
    record_explanation(explanation=explanation, results=results)

    with django_assert_num_queries(8):
        page = investigator_client.get(explanation.get_absolute_url()).content.decode()

    assert page.count("Score for pneumonia <strong>0.250</strong>") == n
    assert "so one cell covers 50 % of the image’s height and 50 % of its width" in page


def test_the_truth_for_a_machine_reader_is_where_an_image_comes_from(investigator_client, small, chests):
    experiment = small.experiment
    experiment.kind, experiment.classes, experiment.positive = "origin", ["real", "synthetic"], "synthetic"
    experiment.save()
    image = chests.images.get(label="pneumonia", height=40)
    explanation = start_explanation(classifier=small, images=[image], class_name="synthetic", created_by=None)
    results = {"layer": "layer3", "rows": 2, "columns": 2, "side": 32, "images": [seen(image)]}
    record_explanation(explanation=explanation, results=results)

    page = investigator_client.get(explanation.get_absolute_url()).content.decode()

    assert "Score for synthetic <strong>0.250</strong>, truth: real" in page
    assert "The middle 40 × 40 of 64 × 40 pixels" in page


def test_a_classifier_whose_layers_nobody_has_measured_offers_the_last_one_that_says_something(
    investigator_client, classifier, chests
):
    page = investigator_client.get(classifier.get_absolute_url())
    investigator_client.post(classifier.get_absolute_url(), choice(chests, layer=""))

    assert page.context["form"].fields["layer"].choices == [("", "the last one that can say where")]
    assert Explanation.objects.get().layer == ""
