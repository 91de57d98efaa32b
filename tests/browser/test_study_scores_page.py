"""Scores of a study in a real browser: from the readers' results to the machine reader, its figures and its maps."""

import csv

import pytest
from playwright.sync_api import expect

from classification.models import Explanation, Scoring
from tests.browser.accessibility import assert_accessible
from tests.classification.scoring.conftest import (  # noqa: F401  fixtures
    closed,
    draft,
    machine_reader,
    made_images,
    real_images,
)

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 120_000  # ms, for the job on a machine that has much to do


@pytest.fixture(autouse=True)
def _data(settings, tmp_path, worker):
    """Before any image is written."""
    settings.DATA_DIR = tmp_path


def test_from_the_results_of_a_study_to_its_machine_reader(worker, signed_in, live_server, closed, machine_reader):  # noqa: F811
    page = signed_in
    page.goto(f"{live_server.url}/studies/{closed.pk}/results/")
    page.get_by_role("link", name="Scores of classifiers").click()
    expect(page.get_by_text("Nothing has been scored yet.")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Classifier").select_option(str(machine_reader.pk))
    page.get_by_role("button", name="Score", exact=True).click()
    panel = page.get_by_role("region", name="Progress of ")
    expect(panel.get_by_text("Queued", exact=True)).to_be_visible()
    assert_accessible(page)
    worker.start()

    # without a reload, tables and figures come when the job has ended
    beside = page.get_by_role("region", name="The machine reader beside the readers")
    expect(beside.get_by_role("row")).to_have_count(5, timeout=PATIENCE)
    scoring = Scoring.objects.get()
    machine = scoring.results["readers"][0]["shares"][0]
    expect(beside.get_by_role("row").nth(1)).to_contain_text(f"{machine['k']} of {machine['n']}")
    expect(beside.get_by_role("row").nth(2)).to_contain_text("100.0 %")  # who was right of all
    figures = page.locator("img.tr-figure")
    expect(figures).to_have_count(3)
    for number in range(3):
        expect(figures.nth(number)).to_have_js_property("complete", True)
        assert figures.nth(number).evaluate("(image) => image.naturalWidth") > 500
    caught = page.get_by_role("list").filter(has=page.get_by_role("img", name="of the study, "))
    expect(caught.get_by_role("img")).to_have_count(len(scoring.results["caught"]))
    expect(page.get_by_text("were known to the classifier")).to_have_count(0)
    assert_accessible(page)

    with page.expect_download() as download:
        page.get_by_role("link", name="Export scores (CSV)").click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert len(rows) == scoring.results["n"] == 16

    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(live_server.url + scoring.get_absolute_url())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert_accessible(page)
    page.get_by_label("What speaks for").select_option("real")
    page.get_by_role("button", name="Show where the classifier looks").click()
    expect(page).to_have_url(live_server.url + Explanation.objects.get().get_absolute_url())
    explanation = Explanation.objects.get()
    assert (explanation.class_name, len(explanation.image_ids)) == ("real", len(scoring.results["caught"]))
    page.goto(live_server.url + scoring.get_absolute_url())
    expect(page.get_by_role("link", name="Maps of what speaks for real")).to_be_visible()
