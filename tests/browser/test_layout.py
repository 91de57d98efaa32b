"""The reading page in each variant of the protocol, on each kind of screen: all that is needed is in sight without
scrolling, and nothing ever moves.
"""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.reading_room import intercept, open_reading, wait_until_ready
from tests.turing.builders import make_draft, make_session
from turing.services import open_study

pytestmark = pytest.mark.django_db(transaction=True)

SIZES = [(1280, 720), (1920, 1080), (3840, 2160), (1024, 768), (768, 1024), (1366, 1024), (1024, 1366)]
LONG = "How likely is it that this radiograph was made by a computer program and not taken of a patient in a hospital?"
NOTES = {"mark_kind": "box", "asks_comment": True}
# what is asked for, the key that answers, and the least share of the screen's shorter side that an image takes
VARIANTS = {
    "binary": ({}, "r", 0.78),
    "binary with marks": ({"mark_kind": "point"}, "r", 0.78),
    "binary with notes": ({**NOTES, "exposure_limit_ms": 60_000}, "r", 0.74),
    "six steps": ({"scale": "confidence"}, "2", 0.78),
    "six steps with notes and time": ({"scale": "confidence", "time_limit_ms": 60_000, **NOTES}, "2", 0.72),
    "0 to 100": ({"scale": "percent", "shows_total": False}, "7 Enter", 0.78),
    "0 to 100 with all": (
        {"scale": "percent", "time_limit_ms": 60_000, "question": LONG, "n_practice": 8, **NOTES}, "7 Enter", 0.68,
    ),
    "pair": ({"scale": "pair", "question": "Which of the two is real?"}, "1", 0.47),
    "pair with notes": ({"scale": "pair", "question": "Which of the two is real?", **NOTES}, "1", 0.47),
}  # fmt: skip

WATCH = """
    window.shifts = [];
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) shifts.push(entry.value); })
        .observe({ type: "layout-shift", buffered: true });
"""


def boxes(page: Page) -> list[dict]:
    everything = page.locator("#reading :is(button, textarea, input, output, canvas):visible")
    return [element.bounding_box() for element in everything.all()]


@pytest.mark.parametrize("variant", VARIANTS)
def test_everything_is_on_the_screen_and_nothing_moves(browser, live_server, variant):
    protocol, keys, share = VARIANTS[variant]
    study = open_study(study=make_draft(n_real=8, n_synthetic=8, size=96, **protocol), by=None)
    session = make_session(study=study)
    with browser.new_context(viewport={"width": 1280, "height": 720}) as context:
        page = context.new_page()
        page.add_init_script(WATCH)
        open_reading(page, live_server, session)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            page.reload()
            wait_until_ready(page)
            where = f"{variant}, {width} x {height}"
            before = boxes(page)
            place = page.locator("#reading-progress").text_content()
            for key in ("b", "o", "i", *keys.split()):
                page.keyboard.press(key)
            expect(page.locator("#reading-progress")).not_to_have_text(place)
            wait_until_ready(page)

            assert boxes(page) == before, where
            assert page.evaluate("window.shifts") == [], where
            for box in before:
                assert box["x"] >= 0, where
                assert box["y"] >= 0, where
                assert box["x"] + box["width"] <= width, where
                assert box["y"] + box["height"] <= height, where
            stage = page.locator("#reading-canvas").bounding_box()
            assert min(stage["width"], stage["height"]) >= share * min(width, height), where
            scrolls = page.evaluate(
                "[document.body.scrollHeight <= innerHeight, document.body.scrollWidth <= innerWidth]"
            )
            assert scrolls == [True, True], where


def test_marks_a_message_and_a_pause_move_nothing(page, live_server):
    page.add_init_script(WATCH)
    study = open_study(study=make_draft(size=96, **NOTES), by=None)
    open_reading(page, live_server, make_session(study=study))
    canvas = page.locator("#reading-canvas").bounding_box()
    x, y = canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2

    page.keyboard.press("m")
    for index in range(12):
        page.mouse.move(x - 100, y - 100)
        page.mouse.down()
        page.mouse.move(x + 8 * index, y + 50)
        page.mouse.up()
    page.keyboard.press("Escape")
    page.get_by_label("Comment").fill("word " * 150)
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    page.keyboard.press("p")
    expect(page.locator("#reading")).to_have_attribute("data-state", "ready")
    intercept(page, "**/answer", lambda route: route.abort())
    page.keyboard.press("r")
    expect(page.locator("#reading-notice")).to_be_visible()

    assert page.locator("#reading-canvas").bounding_box() == canvas
    assert page.evaluate("window.shifts") == []
