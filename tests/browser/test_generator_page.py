"""The generator's page in a real browser: start a run, see it learn and end, move through its grids, draw samples."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from imaging.models import Dataset
from imaging.phantoms import chest_phantom
from tests.factories import DatasetFactory, ImageFactory

pytestmark = pytest.mark.django_db(transaction=True)


def assert_accessible(page) -> None:
    violations = Axe().run(page).response["violations"]
    assert [(violation["id"], [node["html"] for node in violation["nodes"]]) for violation in violations] == []


def test_from_images_to_samples(worker, signed_in, live_server):
    page = signed_in
    dataset = DatasetFactory(name="Phantoms")
    for seed in range(8):
        lesion = seed % 2 == 0
        pixels = chest_phantom(seed=seed, size=64, lesion=lesion)
        ImageFactory(dataset=dataset, pixels=pixels, label="lesion" if lesion else "normal")

    page.goto(f"{live_server.url}/generators/")
    page.get_by_role("link", name="Train a generator").click()
    assert_accessible(page)
    page.get_by_label("Dataset").select_option(label="Phantoms")
    page.get_by_label("Demonstration").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Name of the run").fill("Seen")
    page.get_by_label("Iterations", exact=True).fill("20")
    page.get_by_label("Batch size").fill("4")
    page.get_by_text("More settings").click()
    page.get_by_label("Generator widths").fill("8, 6, 4")
    page.get_by_label("Discriminator widths").fill("4, 6, 8, 10")
    page.get_by_label("Sample grid every").fill("5")
    assert_accessible(page)
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_role("heading", name="Seen", exact=True)).to_be_visible()
    expect(page.get_by_text("There is no checkpoint to draw from yet.")).to_be_visible()
    worker.start()

    # without a reload: grids, training images, checkpoints and the form come by themselves
    slider = page.get_by_label("Iteration", exact=True)
    expect(page.locator("[data-grid-step]")).to_have_text("20", timeout=30_000)
    expect(page.get_by_text("Training images at the same size")).to_be_visible()
    expect(page.get_by_role("table").first.get_by_role("rowheader")).to_have_text(["2", "5", "10", "15", "20"])
    newest = page.locator("[data-grid-image]").get_attribute("src")

    assert_accessible(page)
    slider.focus()
    slider.press("Home")
    expect(page.locator("[data-grid-step]")).to_have_text("0")
    assert page.locator("[data-grid-image]").get_attribute("src") != newest
    page.get_by_role("button", name="Play").click()
    expect(page.locator("[data-grid-step]")).to_have_text("20")
    assert page.locator("[data-grid-image]").get_attribute("src") == newest
    expect(page.get_by_role("button", name="Play")).to_be_visible()

    page.get_by_label("Images of class lesion").fill("3")
    page.get_by_label("Images of class normal").fill("2")
    page.get_by_role("button", name="Draw images").click()
    link = page.get_by_role("rowheader").get_by_role("link", name="Seen, samples")
    expect(link).to_be_visible(timeout=30_000)
    link.click()
    expect(page.get_by_role("heading", name="Seen, samples")).to_be_visible()
    assert Dataset.objects.get(name="Seen, samples").images.count() == 5

    page.goto(f"{live_server.url}/generators/")
    expect(page.get_by_alt_text("Samples of Seen at iteration 20")).to_be_visible()
    assert_accessible(page)
