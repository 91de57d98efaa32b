"""Measures in a real browser: from a synthetic dataset to the report, its pairs and its files."""

import json

import pytest
from playwright.sync_api import expect

from imaging.models import Dataset, DatasetReport
from imaging.phantoms import chest_phantom
from tests.browser.accessibility import assert_accessible
from tests.factories import DatasetFactory, ImageFactory

pytestmark = pytest.mark.django_db(transaction=True)
SIZE = 40
PATIENCE = 120_000  # ms, for the job on a machine that has much to do


@pytest.fixture
def real(worker) -> Dataset:
    dataset = DatasetFactory(name="Real ones")
    for seed in range(26):
        pixels = chest_phantom(seed=seed, size=SIZE, lesion=seed % 2 == 0)
        ImageFactory(
            dataset=dataset, pixels=pixels, label="lesion" if seed % 2 == 0 else "normal",
            patient_pseudonym=f"P{seed // 2}", split="train" if seed < 20 else "test",
        )  # fmt: skip
    return dataset


@pytest.fixture
def synthetic(worker) -> Dataset:
    """Nine new ones, and a copy of a training image."""
    dataset = DatasetFactory(name="Made ones", origin=Dataset.Origin.SYNTHETIC)
    for seed in [*range(100, 109), 4]:
        pixels = chest_phantom(seed=seed, size=SIZE, lesion=seed % 2 == 0)
        ImageFactory(dataset=dataset, pixels=pixels, label="lesion" if seed % 2 == 0 else "normal")
    return dataset


def test_from_a_dataset_to_its_report_and_files(worker, signed_in, live_server, real, synthetic):
    page = signed_in
    page.goto(live_server.url + synthetic.get_absolute_url())
    page.get_by_role("link", name="Measures", exact=True).click()
    expect(page.get_by_text("Nothing has been measured yet.")).to_be_visible()
    page.get_by_label("Real images it was trained on").select_option(label="Real ones")
    page.get_by_role("group", name="Trained on these of its splits", exact=True).get_by_label("Train").check()
    page.get_by_label("Real images it was not trained on").select_option(label="Real ones")
    page.get_by_role("group", name="Not trained on these of its splits").get_by_label("Test").check()
    page.get_by_text("Settings of the measures").click()
    page.get_by_label("Suspicion level").fill("2")
    assert_accessible(page)
    page.get_by_role("button", name="Measure").click()
    expect(page.get_by_text("suspicion is 2")).to_be_visible()  # and what was chosen is still chosen
    page.get_by_label("Suspicion level").fill("0.2")
    page.get_by_label("Splits for the real-real floor").fill("1")
    page.get_by_label("Subsets for KID").fill("2")
    page.get_by_label("Pairs per class for MS-SSIM").fill("3")
    page.get_by_role("button", name="Measure").click()
    panel = page.get_by_role("region", name="Progress of ")
    expect(panel.get_by_text("Queued", exact=True)).to_be_visible()
    worker.start()

    # without a reload, the report comes into the table when the job has ended
    rows = page.locator("#measure-reports").get_by_role("row")
    expect(rows).to_have_count(2, timeout=PATIENCE)
    expect(rows.last).to_contain_text("Real ones")
    rows.last.get_by_role("rowheader").get_by_role("link").click()
    values = DatasetReport.objects.get().values
    table = page.get_by_role("table").first
    expect(table.get_by_role("rowheader")).to_have_count(5)
    expect(table.get_by_text("The one to quote here")).to_have_count(1)
    expect(page.get_by_text("1 synthetic image is a training image, pixel for pixel.")).to_be_visible()
    assert_accessible(page)

    with page.expect_download() as download:
        page.get_by_role("link", name="All values and settings (JSON)").click()
    stored = json.loads(download.value.path().read_text())
    assert download.value.suggested_filename == "made-ones-measures.json"
    assert stored["measures"] == values["measures"]
    with page.expect_download() as download:
        page.get_by_role("link", name="Measures with their floors (CSV)").click()
    assert len(download.value.path().read_text().splitlines()) == 1 + len(values["measures"])

    page.get_by_role("link", name="Look at the pairs").click()
    pairs = page.locator(".tr-pair")
    expect(pairs).to_have_count(10)
    expect(pairs.first).to_contain_text("Flagged")  # the copy, most suspicious of all
    pictures = pairs.first.get_by_role("img")
    shown = [picture.get_attribute("src") for picture in pictures.all()]
    copy = synthetic.images.get(pixel_sha256__in=real.images.values("pixel_sha256"))
    source = real.images.get(pixel_sha256=copy.pixel_sha256)
    assert [str(image.pk) in address for image, address in zip((copy, source), shown, strict=True)] == [True, True]
    expect(page.locator(".tr-measure-plot")).to_have_js_property("complete", True)
    assert page.locator(".tr-measure-plot").evaluate("(image) => image.naturalWidth") > 0
    assert_accessible(page)
    page.get_by_role("link", name="Flagged only").click()
    expect(pairs).to_have_count(values["memorisation"]["n_flagged"])
    page.get_by_role("link", name="By likeness of small pictures").click()
    expect(pairs).to_have_count(values["memorisation_pictures"]["n_flagged"])

    page.set_viewport_size({"width": 390, "height": 844})
    measures = f"/generators/measures/{DatasetReport.objects.get().pk}/"
    for address in (measures, f"{measures}pairs/", f"/generators/measures/of/{synthetic.pk}/"):
        page.goto(live_server.url + address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        assert_accessible(page)
