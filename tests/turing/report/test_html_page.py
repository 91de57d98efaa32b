import base64
from html.parser import HTMLParser

import pytest

from tests.turing.report.studies import SOME_NAMES, simulated
from turing.report.building import build_document
from turing.report.html_page import body_html, html_page

VOID = {"meta", "img", "link", "br"}


class Elements(HTMLParser):
    """Every element with its attributes, path and text; fails on elements that are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names))
        element = {"tag": tag, "path": [e["tag"] for e in self.open], "text": "", **dict(attrs)}
        self.found.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def of(self, tag):
        return [element for element in self.found if element["tag"] == tag]


@pytest.fixture(scope="module")
def document():
    return build_document(simulated(names=SOME_NAMES))


@pytest.fixture(scope="module")
def page(document):
    return Elements(html_page(document))


def test_every_table_has_a_caption_and_scoped_headers(page, document):
    tables = [table for table in page.of("table") if "details" not in table["path"]]

    assert len(tables) == len(document.tables())
    assert [caption["text"] for caption in page.of("caption")] == [document.caption(t) for t in document.tables()]
    assert {cell["scope"] for cell in page.of("th")} == {"col", "row", "rowgroup"}


def test_every_figure_has_its_alternative_text_and_its_numbers(page, document):
    assert [img["alt"] for img in page.of("img")] == [figure.alt for figure in document.figures()]
    assert len(page.of("details")) == len(document.figures())


def test_nothing_is_fetched_and_nothing_runs(page):
    for image in page.of("img"):
        kind, _, content = image["src"].partition(",")
        assert kind == "data:image/svg+xml;base64"
        assert b"<svg" in base64.b64decode(content)
    assert page.of("script") == page.of("link") == []
    assert all(link["href"].startswith("#") for link in page.of("a"))


def test_links_of_the_contents_lead_somewhere(page):
    anchors = [element["id"] for element in page.found if "id" in element]

    assert len(anchors) == len(set(anchors))
    assert {link["href"][1:] for link in page.of("a")} <= set(anchors)


def test_the_body_has_no_style_attribute_so_that_a_strict_policy_takes_it(document):
    body = Elements(body_html(document, address_of=lambda figure: f"/figures/{figure.key}.svg"))

    assert not [element for element in body.found if "style" in element or element["tag"] == "style"]
    assert {image["src"] for image in body.of("img")} == {f"/figures/{f.key}.svg" for f in document.figures()}


def test_names_of_readers_are_text(page):
    rows = {cell["text"] for cell in page.of("th") if cell.get("scope") == "row"}

    assert set(SOME_NAMES) <= rows
    assert page.of("b") == []
