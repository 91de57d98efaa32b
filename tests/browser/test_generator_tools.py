"""What can be made of a checkpoint apart from samples: asked for on its page, and there without a reload."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from generation.gan.stylegan2_config import StyleGan2Config
from generation.services import start_training
from imaging.models import Dataset
from imaging.phantoms import chest_phantom
from tests.browser.accessibility import assert_accessible
from tests.factories import DatasetFactory, ImageFactory
from tests.generation.conftest import run_job
from worker.models import Job

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 120_000  # ms, for a job on a machine that has much to do
TINY = StyleGan2Config(
    image_size=16, total_kimg=0.016, batch_size=4, latent_dim=8, style_dim=8, feature_maps_base=64,
    feature_maps_max=4, precision="float32", seed=1,
)  # fmt: skip


@pytest.fixture
def phantoms(worker) -> Dataset:
    dataset = DatasetFactory(name="Phantoms")
    for seed in range(8):
        pixels = chest_phantom(seed=seed, size=32, lesion=seed % 2 == 0)
        ImageFactory(dataset=dataset, pixels=pixels, label="lesion" if seed % 2 == 0 else "normal")
    return dataset


def test_a_film_a_mixture_and_the_nearest_image(worker, signed_in, live_server, phantoms):
    run = start_training(name="Styles", dataset=phantoms, generator="stylegan2", config=TINY, created_by=None)
    assert run_job(run.job).state == Job.State.SUCCEEDED, run.job.error
    worker.start()
    page = signed_in
    page.goto(live_server.url + run.get_absolute_url())
    made = page.locator("#tools")
    assert_accessible(page)

    page.get_by_label("Film from image to image").check()
    page.locator("#tools").get_by_label("Class").select_option("normal")
    page.get_by_role("button", name="Make it").click()
    film = made.get_by_role("article", name="Film from image to image")
    expect(film.get_by_text("96 frames. Rows: normal.")).to_be_visible(timeout=PATIENCE)

    page.get_by_label("Mixture of styles").check()
    page.get_by_label("Layers of the row").fill("1")
    page.get_by_role("button", name="Make it").click()
    mixture = made.get_by_role("article", name="Mixture of styles")
    expect(mixture.get_by_text("Each image has the first 1 layer (coarse form)")).to_be_visible(timeout=PATIENCE)

    page.get_by_label("Nearest image to a real one").check()
    expect(page.get_by_label("Layers of the row")).to_be_hidden()  # no matter of this one
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("Say which image: open it under Datasets")).to_be_visible()
    expect(page.get_by_label("Nearest image to a real one")).to_be_checked()
    image_page = reverse("imaging:image_detail", args=[phantoms.images.filter(label="lesion").first().pk])
    page.locator("#tools").get_by_label("Image", exact=True).fill(live_server.url + image_page)
    page.get_by_role("button", name="Make it").click()
    nearest = made.get_by_role("article", name="Nearest image to a real one")
    expect(nearest.get_by_role("link", name="the image")).to_have_attribute("href", image_page, timeout=PATIENCE)

    for article in (film, mixture, nearest):
        picture = article.get_by_role("img")
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("(image) => image.naturalWidth") > 16
    assert_accessible(page)
