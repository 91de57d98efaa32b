"""Drawing regions in a real browser: by keys, mouse and touch, on a line that breaks, and by two annotators."""

import json

import numpy as np
import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from imaging.models import Region, RegionDrawing, RegionTask
from imaging.regions.selectors import adjudicated_regions, current_regions
from imaging.regions.services import close_task
from tests.browser.accessibility import assert_accessible
from tests.factories import DatasetFactory, ImageFactory
from tests.imaging.regions.builders import BOTH, annotator, draw, make_task, make_user, region

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 20_000  # ms, on a busy machine
SIZE = (400, 500)  # width, height: neither square nor as large as the stage


@pytest.fixture
def task(investigator, settings, tmp_path) -> RegionTask:
    """Three images for the investigator and a second annotator."""
    settings.MEDIA_ROOT = tmp_path / "media"
    dataset = DatasetFactory(name="Chests")
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (SIZE[1], SIZE[0])).astype(np.uint8)
        ImageFactory(dataset=dataset, pixels=pixels)
    return make_task(dataset, investigator, make_user("ben"), offers_last_boxes=False)


def open_page(page: Page, live_server, task: RegionTask, name: str = "region_draw", query: str = "") -> None:
    page.goto(live_server.url + reverse(f"imaging:{name}", args=[task.pk]) + query)
    wait_for(page, 1)


def wait_for(page: Page, position: int) -> None:
    page.wait_for_selector(f'#regions[data-state="ready"][data-position="{position}"]')


def wait_until_saved(page: Page, drawings: int) -> None:
    """Until the counter has them and nothing is on its way."""
    expect(page.locator("#regions-done-words")).to_have_text(f"{drawings} of 3 drawn", timeout=PATIENCE)
    expect(page.locator("#regions-saving")).to_have_text("All saved", timeout=PATIENCE)


def drawn_at(task: RegionTask, position: int, code: str = "A") -> dict[str, tuple]:
    one = annotator(task, code)
    image = one.assignments.get(position=position).image
    regions = current_regions(one)[image.pk]
    return {
        name: (tuple(vars(seen.rectangle).values()) if seen.rectangle else None, seen.label or seen.reason)
        for name, seen in regions.items()
    }


def point(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where the corner (x, y) of a pixel of the image lies in the window while the image fits the stage."""
    box = page.locator("#regions-canvas").bounding_box()
    zoom = min(box["width"] / SIZE[0], box["height"] / SIZE[1])
    left = box["x"] + round((box["width"] - SIZE[0] * zoom) / 2)
    top = box["y"] + round((box["height"] - SIZE[1] * zoom) / 2)
    return left + x * zoom, top + y * zoom


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From one point of the image to another, in pixels of the image."""
    page.mouse.move(*point(page, *start))
    page.mouse.down()
    page.mouse.move(*point(page, *((a + b) / 2 for a, b in zip(start, end, strict=True))))
    page.mouse.move(*point(page, *end))
    page.mouse.up()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_three_images_by_keys_alone(signed_in, live_server, task):
    page = signed_in
    open_page(page, live_server, task)

    # 1: both drawn; a rectangle is put down, moved by 2 and 1, made 3 wider and 1 lower
    press(page, "Space", "ArrowRight", "ArrowRight", "ArrowUp", *["Shift+ArrowRight"] * 3, "Shift+ArrowUp", "1")
    press(page, "Tab", "Space", "2", "Enter")
    wait_for(page, 2)
    # 2: one is not visible; a label is taken back, and Enter does not go on before all is there
    press(page, "n")
    page.keyboard.type("outside the image")
    press(page, "Enter", "Tab", "ArrowDown", "2", "Backspace", "Enter")
    expect(page.locator("#regions-message")).to_have_text("Not yet: left lung: give it a label.")
    press(page, "1", "Enter")
    wait_for(page, 3)
    # 3: back to the first one, which is corrected
    press(page, "PageUp")
    wait_for(page, 2)
    press(page, "PageUp")
    wait_for(page, 1)
    expect(page.locator("#regions-position")).to_have_text("Image 1 of 3 (drawn)")
    press(page, "2", "Enter")
    wait_for(page, 2)
    press(page, "PageDown")
    wait_for(page, 3)
    press(page, "Space", "1", "Tab", "Space", "1", "Enter")
    expect(page.locator("#regions-finished")).to_be_visible()
    wait_until_saved(page, 3)

    # 400 x 500: 120 x 150 px, centred at a quarter and at three quarters
    assert drawn_at(task, 1) == {
        "right lung": ((40 + 2, 175 - 1, 120 + 3, 150 - 1), "opacity"),
        "left lung": ((240, 175, 120, 150), "opacity"),
    }
    assert drawn_at(task, 2) == {
        "right lung": (None, "outside the image"),
        "left lung": ((240, 175, 120, 150), "clear"),
    }
    assert drawn_at(task, 3)["right lung"] == ((40, 175, 120, 150), "clear")
    assert sorted(RegionDrawing.objects.values_list("assignment__position", "revision")) == [
        (1, 1),
        (1, 2),
        (2, 1),
        (3, 1),
    ]
    page.keyboard.press("Enter")  # the link back has the focus
    page.wait_for_url(f"**{task.get_absolute_url()}")


def test_tab_leaves_the_stage_after_the_last_region(signed_in, live_server, task):
    page = signed_in
    open_page(page, live_server, task)

    press(page, "Tab")
    expect(page.locator('[data-region="left lung"]')).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#regions-stage")).to_be_focused()
    press(page, "Tab")
    expect(page.locator('[data-region="right lung"]')).to_be_focused()
    press(page, "Enter")
    expect(page.locator('[data-region="right lung"]')).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize(("width", "height", "scale"), [(1280, 800, 1), (1900, 1000, 1), (1000, 700, 1.5)])
def test_rectangles_of_the_mouse_are_exact_to_a_pixel(browser, live_server, signed_in, task, width, height, scale):
    context = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=scale)
    context.add_cookies(signed_in.context.cookies())
    page = context.new_page()
    open_page(page, live_server, task)

    drag(page, (40, 60), (160, 333))
    press(page, "1")
    drag(page, (371, 402), (221, 77))  # from the lower right corner: the next region, which is not there yet
    press(page, "2")
    drag(page, (300, 200), (310, 190))  # by its inside
    drag(page, (231, 200), (211, 205))  # by its left edge
    press(page, "Enter")
    wait_until_saved(page, 1)
    context.close()

    found = drawn_at(task, 1)
    assert np.abs(np.subtract(found["right lung"][0], (40, 60, 120, 273))).max() <= 1
    assert np.abs(np.subtract(found["left lung"][0], (211, 67, 170, 325))).max() <= 2  # three times by the mouse
    assert [found[name][1] for name in ("right lung", "left lung")] == ["clear", "opacity"]


def test_zoomed_and_moved_the_mouse_is_exact_too(signed_in, live_server, task):
    page = signed_in
    open_page(page, live_server, task)
    corner, other = point(page, 100, 100), point(page, 200, 100)
    page.mouse.move(*corner)
    page.mouse.wheel(0, -600)  # at the pointer: what lies there stays there
    page.mouse.down()
    page.mouse.move(corner[0] + 50, corner[1] + 40)
    page.mouse.move(*other)
    page.mouse.move(other[0], other[1] + 100)
    page.mouse.up()
    press(page, "1", "Tab", "Space", "1", "Enter")
    wait_until_saved(page, 1)

    zoom = (other[0] - corner[0]) / 100 * np.exp(600 * 0.0015)  # screen pixels for one of the image
    (box, _) = drawn_at(task, 1)["right lung"]
    expected = (100, 100, (other[0] - corner[0]) / zoom, 100 / zoom)
    assert np.abs(np.subtract(box, expected)).max() <= 1


def test_one_finger_draws_and_two_zoom(browser, live_server, signed_in, task):
    context = browser.new_context(viewport={"width": 1280, "height": 800}, has_touch=True)
    context.add_cookies(signed_in.context.cookies())
    page = context.new_page()
    open_page(page, live_server, task)
    touch = context.new_cdp_session(page)

    def fingers(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    first, second = point(page, 40, 60), point(page, 160, 333)
    fingers("touchStart", first)
    fingers("touchMove", (first[0] + 30, first[1] + 30))
    fingers("touchMove", second)
    fingers("touchEnd")
    drawn = page.locator('[data-region="right lung"] [data-words]')
    expect(drawn).to_have_text("no label · 40, 60 · 120 × 273 px")
    # a second finger: what the first one began to draw is gone, and the image is larger
    fingers("touchStart", second)
    fingers("touchMove", (second[0] + 20, second[1] + 20))
    fingers("touchStart", (second[0] + 20, second[1] + 20), (second[0] + 60, second[1] + 60))
    fingers("touchMove", second, (second[0] + 100, second[1] + 100))
    fingers("touchEnd")
    expect(drawn).to_have_text("no label · 40, 60 · 120 × 273 px")
    page.mouse.move(*first)
    page.mouse.down()
    page.mouse.move(first[0] + 20, first[1] + 20)
    page.mouse.up()
    expect(drawn).not_to_have_text("no label · 40, 60 · 120 × 273 px")
    context.close()


def test_the_rectangles_of_the_image_before_are_offered(signed_in, live_server, task):
    RegionTask.objects.update(offers_last_boxes=True)
    page = signed_in
    open_page(page, live_server, task)
    press(page, "Space", "1", "Tab", "Space", "2", "Enter")
    wait_for(page, 2)

    press(page, "2", "Tab", "ArrowDown", "1", "Enter")
    wait_until_saved(page, 2)

    assert drawn_at(task, 2) == {
        "right lung": ((40, 175, 120, 150), "opacity"),
        "left lung": ((240, 176, 120, 150), "clear"),
    }
    offered = Region.objects.filter(drawing__assignment__position=2).values_list("name", "was_offered")
    assert dict(offered) == {"right lung": True, "left lung": False}


class TestConnection:
    def save_one(self, page: Page) -> None:
        press(page, "Space", "1", "Tab", "Space", "2", "Enter")

    def test_what_could_not_be_sent_is_sent_again(self, signed_in, live_server, task):
        page = signed_in
        open_page(page, live_server, task)
        page.wait_for_load_state("networkidle")  # the next image is there
        lost = []
        page.route("**/images/1/", lambda route: (lost.append(route), route.abort()))

        self.save_one(page)
        wait_for(page, 2)  # reading goes on
        expect(page.locator("#regions-notice-text")).to_contain_text(
            "No connection to the server. Trying again", timeout=PATIENCE
        )
        expect(page.locator("#regions-saving")).to_have_text("Saving 1 image …")
        assert RegionDrawing.objects.count() == 0
        page.unroute("**/images/1/")
        page.eval_on_selector("#regions-retry", "(button) => button.click()")  # or it has tried again by itself

        wait_until_saved(page, 1)
        expect(page.locator("#regions-notice")).to_be_hidden()
        assert lost
        assert RegionDrawing.objects.count() == 1

    def test_leaving_warns_and_a_new_page_sends_what_was_kept(self, signed_in, live_server, task):
        page = signed_in
        open_page(page, live_server, task)
        page.wait_for_load_state("networkidle")
        page.route("**/images/1/", lambda route: route.abort())
        self.save_one(page)
        wait_for(page, 2)
        expect(page.locator("#regions-saving")).to_have_text("Saving 1 image …")
        asked = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))

        page.unroute("**/images/1/")
        open_page_again = live_server.url + reverse("imaging:region_draw", args=[task.pk])
        page.goto(open_page_again)

        wait_until_saved(page, 1)
        assert asked == ["beforeunload"]
        assert drawn_at(task, 1)["left lung"] == ((240, 175, 120, 150), "opacity")
        assert page.evaluate("localStorage.length") == 0

    def test_a_stored_drawing_whose_answer_was_lost_is_not_stored_twice(self, signed_in, live_server, task):
        page = signed_in
        open_page(page, live_server, task)
        page.wait_for_load_state("networkidle")
        sent = []

        def lose_the_first_answer(route):
            sent.append(json.loads(route.request.post_data)["key"])
            if len(sent) == 1:
                route.fetch()
                route.abort()
            else:
                route.continue_()

        page.route("**/images/1/", lose_the_first_answer)
        self.save_one(page)
        wait_until_saved(page, 1)

        assert len(sent) == 2
        assert len(set(sent)) == 1
        assert RegionDrawing.objects.count() == 1

    def test_a_closed_task_says_so(self, signed_in, live_server, task):
        page = signed_in
        open_page(page, live_server, task)
        close_task(task=task)

        self.save_one(page)

        expect(page.locator("#regions-notice-text")).to_have_text(
            "Image 1 was not saved: The task was closed: this drawing was not stored.", timeout=PATIENCE
        )
        assert RegionDrawing.objects.count() == 0


def test_adjudication_takes_one_or_draws_anew(signed_in, live_server, task):
    a, b = annotator(task, "A"), annotator(task, "B")
    images = [one.image for one in a.assignments.order_by("position")]
    other = [region("right lung", (100, 100, 50, 50), "opacity"), BOTH[1]]
    for image, of_b in zip(images, (other, BOTH, other), strict=True):
        draw(a, image)
        draw(b, image, of_b)
    close_task(task=task)
    page = signed_in
    open_page(page, live_server, task, "region_adjudicate")
    expect(page.locator("#regions-position")).to_have_text("Image 1 of 2")  # they agree on the second one

    press(page, "b", "Enter")
    wait_for(page, 3)
    press(page, "a", "ArrowRight", "2", "Enter")
    expect(page.locator("#regions-finished")).to_be_visible()
    expect(page.locator("#regions-done-words")).to_have_text("2 of 2 decided", timeout=PATIENCE)

    found = adjudicated_regions(task)
    first, third = (found[images[index].pk] for index in (0, 2))
    x, y, width, height = (BOTH[0][key] for key in ("x", "y", "width", "height"))
    assert (first["right lung"].taken_from, first["right lung"].label) == ("B", "opacity")
    assert first["left lung"].taken_from == "A"  # they agree: it was there already
    assert (third["right lung"].taken_from, third["right lung"].label) == ("", "opacity")
    assert tuple(vars(third["right lung"].rectangle).values()) == (x + 1, y, width, height)


def test_every_page_is_accessible(signed_in, live_server, task):
    page = signed_in
    open_page(page, live_server, task)
    assert_accessible(page)
    press(page, "Space", "1", "Tab", "n")
    assert_accessible(page)
    press(page, "Escape", "?")
    expect(page.locator("#regions-help")).to_be_visible()
    assert_accessible(page)
    press(page, "Escape")
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(live_server.url + task.get_absolute_url())
    assert_accessible(page)
    for code, regions in (("A", BOTH), ("B", [region("right lung", (100, 100, 50, 50), "opacity"), BOTH[1]])):
        for assignment in annotator(task, code).assignments.all():
            draw(annotator(task, code), assignment.image, regions)
    close_task(task=task)
    for name, pk in [
        ("region_task", task.pk),
        ("region_agreement", task.pk),
        ("region_task_delete", task.pk),
        ("region_task_new", task.dataset.pk),
    ]:
        page.goto(live_server.url + reverse(f"imaging:{name}", args=[pk]))
        assert_accessible(page)
    page.goto(live_server.url + reverse("imaging:region_task_list"))
    assert_accessible(page)
    open_page(page, live_server, task, "region_adjudicate")
    press(page, "b")
    assert_accessible(page)
