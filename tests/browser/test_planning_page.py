"""Planning in a real browser: the form, the progress, and the plan with its picture when it is done."""

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import assert_accessible
from turing.planning_job import read_plan
from worker.models import Job

pytestmark = pytest.mark.django_db(transaction=True)


def test_from_the_form_to_the_picture(worker, signed_in, live_server):
    page = signed_in
    page.goto(f"{live_server.url}/studies/")
    page.get_by_role("link", name="Plan the size of a study").click()
    expect(page.get_by_text("No plans yet")).to_be_visible()
    assert_accessible(page)

    page.get_by_label("Readers", exact=True).fill("4, 6")
    page.get_by_label("Images", exact=True).fill("20, 40")
    page.get_by_label("Simulated studies per size").fill("20")
    page.get_by_role("button", name="Compute").click()
    expect(page.get_by_role("heading", name="Plan: 4, 6 readers, 20, 40 images")).to_be_visible()
    expect(page.get_by_text("The first numbers come when the first size is done.")).to_be_visible()
    assert_accessible(page)
    worker.start()

    rows = page.get_by_role("region", name="Power and precision").get_by_role("row")
    expect(rows).to_have_count(5, timeout=60_000)
    picture = page.get_by_role("img", name="Power and precision over the number of readers")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    assert_accessible(page)
    power = read_plan(Job.objects.get()).designs[0].power_chance
    expect(rows.nth(1)).to_contain_text(f"{100 * power.value:.0f} % ± {100 * power.error:.1f}")

    page.get_by_role("link", name="Plan again with other settings").click()
    expect(page.get_by_label("Readers", exact=True)).to_have_value("4, 6")
    expect(page.get_by_role("link", name="Plan: 4, 6 readers, 20, 40 images")).to_be_visible()
    assert_accessible(page)
