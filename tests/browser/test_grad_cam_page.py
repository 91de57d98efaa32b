"""Grad-CAM in a real browser: from a classifier's page to maps over images, their slider, and the same otherwise."""

import numpy as np
import pytest
from playwright.sync_api import expect

from classification.explanation_models import Explanation
from tests.browser.accessibility import assert_accessible
from tests.classification.conftest import CLASSES, make_classifier, picture
from tests.classification.test_explanation_services import LAYERS
from tests.factories import DatasetFactory, ImageFactory

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 120_000  # ms, for the job on a machine that has much to do
SIZES = """(image) => {
    const heat = image.getBoundingClientRect();
    const picture = image.previousElementSibling.getBoundingClientRect();
    return [heat.x - picture.x, heat.y - picture.y, heat.width - picture.width, heat.height - picture.height];
}"""


@pytest.fixture
def classifier(worker):
    """32 px: the last layer has one cell. Two images of 32 x 48 px, two of 48 x 32."""
    dataset = DatasetFactory(name="Chests")
    for number in range(4):
        label = CLASSES[number % 2]
        around = ((0, 0), (8, 8)) if number < 2 else ((8, 8), (0, 0))
        pixels = np.pad(picture(label=label, seed=number), around)
        ImageFactory(dataset=dataset, label=label, split="test", pixels=pixels)
    return make_classifier(dataset, side=32, layers=LAYERS)


def opacity_of(heat) -> float:
    return float(heat.evaluate("(image) => getComputedStyle(image).opacity"))


def test_from_a_classifier_to_maps_over_its_images(worker, signed_in, live_server, classifier):
    page = signed_in
    page.goto(live_server.url + classifier.get_absolute_url())
    layers = page.get_by_role("group", name="Layer")
    expect(layers.get_by_role("radio", name="layer4: 1 × 1 cell")).to_be_disabled()
    expect(layers.get_by_role("radio", name="layer3: 2 × 2 cells")).to_be_checked()
    expect(layers).to_contain_text("At 32 × 32 pixels the last layer, layer4, cannot say where in the image")
    expect(page.get_by_label("Split")).to_have_value("test")
    assert_accessible(page)
    page.get_by_label("Class of the images").select_option("pneumonia")
    page.get_by_label("Split").select_option("train")
    page.get_by_role("button", name="Show where it looks").click()
    expect(page.get_by_text("has no image of class pneumonia among its train images")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Split").select_option("test")
    page.get_by_role("button", name="Show where it looks").click()
    panel = page.get_by_role("region", name="Progress of ")
    expect(panel.get_by_text("Queued", exact=True)).to_be_visible()
    worker.start()

    # without a reload, the maps come into the page when the job has ended
    heats = page.locator(".tr-heat-map")
    expect(heats).to_have_count(2, timeout=PATIENCE)
    for picture_or_heat in page.locator(".tr-heat-list img").all():
        expect(picture_or_heat).to_have_js_property("complete", True)
        assert picture_or_heat.evaluate("(image) => image.naturalWidth") == 32
    for heat in heats.all():
        assert heat.evaluate(SIZES) == pytest.approx([0, 0, 0, 0], abs=0.01)
    found = Explanation.objects.get().results["images"]
    captions = page.locator(".tr-heat-list figcaption")
    for one, caption in zip(found, captions.all(), strict=True):
        expect(caption).to_contain_text(f"Score for pneumonia {one['score']:.3f}, truth: pneumonia")
    assert captions.filter(has_text="The middle 32 × 32 of 48 × 32 pixels").count() == 1
    assert captions.filter(has_text="The middle 32 × 32 of 32 × 48 pixels").count() == 1
    expect(page.get_by_text("Grad-CAM of the layer layer3: 2 × 2 cells")).to_be_visible()

    # one slider for all of them, by keyboard as well
    slider = page.get_by_role("slider", name="Opacity")
    expect(slider).to_be_enabled()
    assert [opacity_of(heat) for heat in heats.all()] == [0.5, 0.5]
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-heat-value]")).to_have_text("55 %")
    assert [opacity_of(heat) for heat in heats.all()] == [0.55, 0.55]
    page.keyboard.press("End")
    expect(page.locator("[data-heat-value]")).to_have_text("100 %")
    assert [opacity_of(heat) for heat in heats.all()] == [1, 1]
    slider.fill("20")
    assert [opacity_of(heat) for heat in heats.all()] == [0.2, 0.2]
    shown = page.get_by_label("Show the heat")
    shown.focus()
    page.keyboard.press("Space")
    for heat in heats.all():
        expect(heat).to_be_hidden()
    shown.check()
    expect(heats.first).to_be_visible()
    assert_accessible(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="All overlays and scores (ZIP)").click()
    assert download.value.suggested_filename == "overlays.zip"

    # the same images otherwise: the form has what is shown, and the opacity stays
    expect(page.get_by_role("radio", name="layer3: 2 × 2 cells")).to_be_checked()
    page.get_by_label("Method").select_option("Grad-CAM++")
    page.get_by_label("Class", exact=True).select_option("normal")
    page.get_by_role("button", name="Show the same images").click()
    expect(page.get_by_role("heading", name="What speaks for “normal”")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("[data-heat-value]")).to_have_text("20 %")
    again, first = Explanation.objects.all()
    assert (again.image_ids, again.method) == (first.image_ids, "grad_cam_plus_plus")

    page.set_viewport_size({"width": 390, "height": 844})
    for address in (again.get_absolute_url(), classifier.get_absolute_url()):
        page.goto(live_server.url + address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        assert_accessible(page)
