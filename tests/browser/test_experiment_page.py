"""Experiments in a real browser: from the list through choice and settings to results, figures and the ZIP file."""

import zipfile

import pytest
from playwright.sync_api import expect

from classification.models import Experiment
from tests.browser.accessibility import assert_accessible
from tests.classification.conftest import fill
from tests.factories import DatasetFactory, TrainingRunFactory

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 120_000  # ms, for the job on a machine that has much to do


@pytest.fixture
def images(worker):
    """A real dataset that is split, and a synthetic one whose generator saw its training images alone."""
    real = DatasetFactory(name="Chests")
    fill(real, {"normal": 6, "pneumonia": 4}, first=0, split="train")
    fill(real, {"normal": 5, "pneumonia": 5}, first=100, split="tune")
    fill(real, {"normal": 8, "pneumonia": 8}, first=200, split="test")
    run = TrainingRunFactory(dataset=real, filters={"splits": ["train"]})
    made = DatasetFactory(name="Made", origin="synthetic")
    fill(made, {"normal": 14, "pneumonia": 14}, first=300, provenance={"run": str(run.pk)})


def test_from_the_list_to_results_and_the_archive(images, worker, signed_in, live_server):
    page = signed_in
    page.goto(f"{live_server.url}/experiments/")
    assert_accessible(page)
    page.get_by_role("link", name="New experiment").first.click()
    page.get_by_label("Kong’s four experiments").check()
    page.get_by_label("Dataset").select_option(label="Chests")
    page.get_by_label("Quick look").check()
    assert_accessible(page)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Kong’s four experiments on Chests")).to_be_visible()
    page.get_by_label("Name of the experiment").fill("Seen")
    page.get_by_label("Positive class").select_option("pneumonia")
    page.get_by_label("Synthetic images", exact=True).select_option(label="Made")
    page.get_by_label("Input size").fill("32")
    page.get_by_label("Epochs", exact=True).fill("4")
    page.get_by_label("Window", exact=True).fill("1")
    page.get_by_label("Largest K").fill("2")
    page.get_by_label("Repetitions", exact=True).fill("2")
    assert_accessible(page)
    page.get_by_role("button", name="Start the experiment").click()
    expect(page.get_by_role("heading", name="Seen", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="What it comes to")).to_have_count(0)
    worker.start()

    # without a reload, results come when the job has ended
    expect(page.get_by_role("heading", name="What it comes to")).to_be_visible(timeout=PATIENCE)
    for heading in ("The search for K", "Test set", "Calibration", "Against OD"):
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    areas = page.get_by_role("region", name="Areas under the curves, test set").get_by_role("row")
    expect(areas).to_have_count(5)
    figures = page.locator("figure img")
    expect(figures).to_have_count(5)
    for figure in figures.all():
        expect(figure).to_have_js_property("complete", True)
        assert figure.evaluate("(image) => image.naturalWidth") > 600
    page.get_by_text("AUC of every repetition", exact=True).click()
    repetitions = page.get_by_role("region", name="AUC of every repetition, test set")
    expect(repetitions.get_by_role("rowheader")).to_have_count(2)
    assert_accessible(page)

    experiment = Experiment.objects.get()
    with page.expect_download() as download:
        page.get_by_role("link", name="Everything as a ZIP file").click()
    assert download.value.suggested_filename == "seen.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        names = set(archive.namelist())
        assert archive.read("seen/predictions.csv") == (experiment.job.directory / "predictions.csv").read_bytes()
    assert {"seen/methods.md", "seen/tables/sweep.csv", "seen/figures/test-1-reliability.pdf"} <= names
    with page.expect_download() as download:
        page.get_by_role("link", name="Every measure with its interval (CSV)").click()
    assert download.value.suggested_filename == "seen-measures.csv"

    page.set_viewport_size({"width": 390, "height": 844})
    for address in (experiment.get_absolute_url(), "/experiments/", "/experiments/new/"):
        page.goto(live_server.url + address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        assert_accessible(page)
