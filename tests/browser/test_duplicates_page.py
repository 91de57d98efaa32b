"""Duplicates in a real browser: from the page of a dataset to the pairs of a search."""

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import assert_accessible
from tests.factories import DatasetFactory, ImageFactory
from tests.imaging.duplicates.conftest import brighter, smooth

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 120_000  # ms, for the job on a machine that has much to do


def test_from_a_dataset_to_its_pairs(worker, signed_in, live_server):
    dataset, other = DatasetFactory(name="Chests"), DatasetFactory(name="Elsewhere")
    for seed in range(6):
        ImageFactory(
            dataset=dataset, pixels=smooth(seed), split="train" if seed < 4 else "test", patient_pseudonym=f"P{seed}"
        )
    ImageFactory(dataset=dataset, pixels=brighter(smooth(0)), split="test", label="pneumonia", patient_pseudonym="Q")
    ImageFactory(dataset=other, pixels=smooth(2))
    page = signed_in
    page.goto(live_server.url + dataset.get_absolute_url())
    page.get_by_role("link", name="Duplicates", exact=True).click()
    expect(page.get_by_text("Nothing has been searched yet.")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Elsewhere").check()
    page.get_by_role("button", name="Search for duplicates").click()
    expect(page.get_by_role("region", name="Progress of ")).to_be_visible()
    worker.start()

    rows = page.locator("#searches").get_by_role("row")
    expect(rows).to_have_count(2, timeout=PATIENCE)
    page.reload()  # the test set is looked at anew
    expect(page.get_by_text("The test set has 1 image that looks like a copy")).to_be_visible()
    rows.last.get_by_role("rowheader").get_by_role("link").click()

    expect(page.get_by_role("listitem").filter(has=page.get_by_role("heading"))).to_have_count(2)
    expect(page.get_by_role("heading", name="The same pixel for pixel")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("link", name="Of different classes").click()
    expect(page.get_by_role("heading", name="of 256 bits differ")).to_be_visible()
    expect(page.get_by_text("Different patients", exact=True)).to_be_visible()
