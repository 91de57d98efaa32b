"""The report as the file that people open: accessible, readable on a narrow screen, printable, silent."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.turing.report.studies import SOME_NAMES, simulated
from turing.report.building import build_document
from turing.report.html_page import html_page


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html_page(build_document(simulated(graded=True, names=SOME_NAMES))), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_and_the_page_does_not_scroll_sideways(page, file, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(file)
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")

    found = Axe().run(page).response["violations"]

    assert [f"{problem['id']}: {node['html']}" for problem in found for node in problem["nodes"]] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_says_nothing_to_anybody_and_every_picture_shows(page, file):
    requests, complaints = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(file)

    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 100)")


def test_on_paper_the_contents_and_the_folded_numbers_are_left_out(page, file):
    page.goto(file)
    page.emulate_media(media="print")

    assert not page.locator("nav").is_visible()
    assert page.locator("details:visible").count() == 0
    assert page.locator("caption").first.is_visible()
    assert len(page.pdf(format="A4")) > 10_000
