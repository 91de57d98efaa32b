"""The check of the screen before the first image, and what of it the investigator sees."""

import pytest
from playwright.sync_api import expect

from config.accounts.models import User
from tests.browser.accessibility import assert_accessible, violations_of
from tests.browser.reading_room import sign_in, wait_for
from tests.factories import UserFactory
from tests.turing.builders import make_draft, make_session
from turing.models import Attendance
from turing.services import open_study

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session():
    return make_session(study=open_study(study=make_draft(n_real=4, n_synthetic=4, size=1024), by=None))


def test_it_is_asked_once_before_the_first_image_and_stored(page, browser, live_server, session):
    fetched = []
    page.on("request", lambda request: fetched.append(request.url) if "/stimulus/" in request.url else None)
    sign_in(page, live_server, session.reader)
    page.goto(f"{live_server.url}/read/{session.pk}/")
    expect(page.get_by_role("heading", name="Check your screen first")).to_be_visible()
    expect(page.locator("#reading-display-fit")).to_contain_text("1024 × 1024 pixels: one to one is larger")
    expect(page.locator("#reading-display-screen")).to_have_text("1280 × 720 pixels, 1 for one of the page")
    problems = violations_of(page)
    page.keyboard.press("r")
    assert fetched == []  # no image and no clock before the check is done

    page.get_by_label("a slightly lighter square").check()
    page.get_by_role("button", name="Go on to the first image").click()
    wait_for(page, 1)
    page.reload()
    expect(page.locator("#reading")).to_have_attribute("data-state", "ready")

    first, second = Attendance.objects.all()
    assert problems == []
    assert (first.sees_dark_patch, first.sees_light_patch) == (True, False)
    assert (second.sees_dark_patch, second.sees_light_patch) == (None, None)
    assert (first.screen_width, first.screen_height, first.pixel_ratio) == (1280, 720, 1)
    assert first.stage_side == page.evaluate("document.getElementById('reading-canvas').height")
    assert "Chrome" in first.browser

    with browser.new_context() as context:
        desk = context.new_page()
        sign_in(desk, live_server, UserFactory(role=User.Role.INVESTIGATOR))
        desk.goto(f"{live_server.url}/studies/{session.study_id}/")
        row = desk.get_by_role("row", name="R01")
        expect(row).to_contain_text("1280 × 720 px, ratio 1,")
        expect(row).to_contain_text("95 % patch not seen")
        expect(row).to_contain_text("(page opened 2 times)")
        assert_accessible(desk)


def test_the_pattern_is_drawn_in_pixels_of_the_screen(browser, live_server, session):
    with browser.new_context(device_scale_factor=2, viewport={"width": 1400, "height": 1200}) as context:
        page = context.new_page()
        sign_in(page, live_server, session.reader)
        page.goto(f"{live_server.url}/read/{session.pk}/")
        pattern = page.locator("#reading-display-pattern")
        expect(page.locator("#reading-display-fit")).to_have_text("1024 × 1024 pixels: fit one to one on this screen")
        levels = page.evaluate(
            """() => {
                const context = document.getElementById("reading-display-pattern").getContext("2d");
                const at = (x, y) => context.getImageData(x, y, 1, 1).data[0];
                return [at(30, 130), at(90, 180), at(220, 130), at(280, 180), at(24, 300), at(25, 300), at(26, 300)];
            }"""
        )
        box = pattern.bounding_box()

    assert levels == [0, 13, 255, 242, 0, 255, 0]
    assert (box["width"], box["height"]) == (192, 192)
