"""Reports in a real browser: one click, the progress, and the report inside the site's strict content policy."""

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import assert_accessible
from tests.turing.builders import make_open_study
from tests.turing.results.readings import read
from turing.services import close_study

pytestmark = pytest.mark.django_db(transaction=True)
GROUPS = [{"name": "less", "from_years": 0}, {"name": "more", "from_years": 5}]


def make_read_study(name: str, *, n_readers: int = 4, seed: int = 5):
    """Half of the readers are right in 60 % of their answers, half in 80 %."""
    study = make_open_study(name=name, n_real=15, n_synthetic=15, group_by="years", groups=GROUPS)
    generator = np.random.default_rng(seed)
    for number in range(n_readers):
        more = number % 2

        def say(trial, times, share=0.6 + 0.2 * more):
            origin = trial.truth.origin
            value = origin if generator.random() < share else "real" if origin == "synthetic" else "synthetic"
            return {"value": value, "reading_ms": int(generator.lognormal(8.3, 0.5))}

        read(study, say, reader_group=GROUPS[more]["name"], years_experience=6 * more + 1)
    return close_study(study=study, by=None)


def test_from_one_click_to_the_report_and_its_files(worker, signed_in, live_server, settings):
    page = signed_in
    study = make_read_study("Chest radiographs, first test")
    page.goto(f"{live_server.url}/studies/{study.pk}/results/")
    page.get_by_role("button", name="Make the report").click()
    expect(page.get_by_text("The report comes here when it is ready.")).to_be_visible()
    assert_accessible(page)
    worker.start()

    expect(page.get_by_role("heading", name="Take it along")).to_be_visible(timeout=60_000)
    pictures = page.locator(".tr-report figure img")
    assert pictures.count() >= 4
    for number in range(pictures.count()):
        pictures.nth(number).scroll_into_view_if_needed()
        assert pictures.nth(number).evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    assert_accessible(page)
    with page.expect_download() as coming:
        page.get_by_role("link", name="PDF").click()
    assert coming.value.suggested_filename == "chest-radiographs-first-test-report.pdf"

    page.get_by_role("link", name="All reports, other settings").click()
    expect(page.get_by_role("heading", name="Reports of")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Equivalence margin (percentage points)").fill("5")
    page.get_by_role("button", name="Make the report").click()
    expect(page.get_by_role("heading", name="Take it along")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("equivalence margin 50 % ± 5 points")).to_be_visible()

    page.get_by_role("link", name="All reports, other settings").click()
    page.get_by_text("Remove…").first.click()
    page.get_by_role("button", name="Remove the report of").first.click()
    expect(page.get_by_text("The report is removed.")).to_be_visible()
    expect(page.get_by_text("Remove…")).to_have_count(1)


def test_a_picture_by_itself_keeps_its_colours(worker, signed_in, live_server):
    page = signed_in
    study = make_read_study("Chest radiographs")
    worker.start()
    page.goto(f"{live_server.url}/studies/{study.pk}/reports/")
    page.get_by_role("button", name="Make the report").click()
    expect(page.get_by_role("heading", name="Take it along")).to_be_visible(timeout=60_000)

    address = page.locator(".tr-report figure img").first.get_attribute("src")
    page.goto(f"{live_server.url}{address}")

    filled = page.evaluate("[...document.querySelectorAll('path')].map(path => getComputedStyle(path).fill)")
    assert any(fill not in ("rgb(0, 0, 0)", "none") for fill in filled)


def test_two_studies_against_each_other(worker, signed_in, live_server):
    page = signed_in
    for number, name in enumerate(("First test", "Second test")):
        make_read_study(name, seed=number)
    worker.start()
    page.goto(f"{live_server.url}/studies/")
    page.get_by_role("link", name="Compare", exact=True).click()
    expect(page.get_by_role("heading", name="Compare two studies")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("First").select_option("First test")
    page.get_by_label("Second").select_option("Second test")
    page.get_by_role("button", name="Compare").click()

    expect(page.get_by_role("heading", name="Comparison of First test and Second test")).to_be_visible()
    expect(page.get_by_role("heading", name="Take it along")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Differences are second minus first, odds ratios second over first.")).to_be_visible()
    assert_accessible(page)

    page.get_by_role("link", name="All comparisons, other settings").click()
    expect(page.get_by_text("First test and Second test")).to_be_visible()
    assert_accessible(page)
