"""Answers from elsewhere in a real browser: the file, its columns and words, the report."""

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import assert_accessible
from turing.reports.table_views import example_csv

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def test_from_the_file_to_the_report(worker, signed_in, live_server, tmp_path):
    page = signed_in
    text = example_csv().replace("synthetic", "fabricated").replace("experience", "school")
    (tmp_path / "read elsewhere.csv").write_text(text)
    page.goto(f"{live_server.url}/studies/")
    page.get_by_role("link", name="Answers from elsewhere").click()
    expect(page.get_by_text("No tables yet")).to_be_visible()
    assert_accessible(page)

    page.get_by_label("CSV file").set_input_files(tmp_path / "read elsewhere.csv")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="What is what in read elsewhere.csv")).to_be_visible()
    expect(page.get_by_label("Reader", exact=True)).to_have_value("reader")
    expect(page.get_by_label("“real” means")).to_have_value("real")
    assert_accessible(page)
    page.get_by_label("Group of the reader").select_option("school")
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_text("“fabricated” cannot be read as real or synthetic")).to_have_count(2)
    assert_accessible(page)
    page.get_by_label("“fabricated” means").select_option("synthetic")
    page.get_by_label("Reference group").select_option("more")
    page.get_by_role("button", name="Read it").click()

    expect(page.get_by_text("“read elsewhere” was read without problems.")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Make the report", exact=True).click()
    worker.start()
    expect(page.get_by_role("heading", name="Take it along")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("“more” is the reference group")).to_be_visible()
    assert_accessible(page)

    page.get_by_role("link", name="All reports, other settings").click()
    page.get_by_text("Remove…").last.click()
    page.get_by_role("button", name="Remove these answers").click()
    expect(page.get_by_text("No tables yet")).to_be_visible()
