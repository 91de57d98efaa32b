"""The mask tool of the quarantine in a real browser: by mouse, finger and keys, and what the storage has after."""

import numpy as np
import pytest
from django.urls import reverse
from playwright.sync_api import expect

from imaging.models import QuarantinedImage, SignOff
from imaging.storage import encode_png, has_pixels, load_pixels
from tests.browser.accessibility import assert_accessible
from tests.factories import DatasetFactory, QuarantinedImageFactory

pytestmark = pytest.mark.django_db(transaction=True)
HEIGHT, WIDTH = 600, 800


def radiograph(seed: int) -> np.ndarray:
    """Noise from 40 to 255, wider than high: 40 is its darkest value."""
    return np.random.default_rng(seed).integers(40, 256, size=(HEIGHT, WIDTH)).astype(np.uint8)


@pytest.fixture
def waiting(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    settings.MEDIA_ROOT = settings.DATA_DIR / "media"
    dataset = DatasetFactory(name="Chests")
    return [QuarantinedImageFactory(dataset=dataset, pixels=radiograph(n), label="ill") for n in range(2)]


def address(item) -> str:
    return reverse("imaging:quarantine_item", args=[item.pk])


@pytest.fixture
def item_page(signed_in, live_server, waiting):
    signed_in.goto(live_server.url + address(waiting[0]))
    expect(signed_in.locator("[data-sheet] svg")).to_be_attached()
    return signed_in


def drag(page, start, end) -> None:
    """From one place to another, in pixels of the image."""
    box = page.locator("[data-sheet] img").bounding_box()
    places = [(box["x"] + x * box["width"] / WIDTH, box["y"] + y * box["height"] / HEIGHT) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=4)
    page.mouse.up()


def listed(page) -> list[list[int]]:
    text = page.input_value("[data-rectangles]")
    return [[int(part) for part in line.split(", ")] for line in text.splitlines()]


def drawn(page) -> list[list[int]]:
    return page.locator("[data-sheet] svg rect").evaluate_all(
        "(all) => all.map((one) => ['x', 'y', 'width', 'height'].map((name) => Number(one.getAttribute(name))))"
    )


def test_drawn_by_mouse_and_released_masked(item_page, waiting, settings):
    # Arrange
    secret, file = waiting[0].pixel_sha256, encode_png(radiograph(0))
    released, masked = (item_page.locator(f"button[value={value}]") for value in ("released", "masked"))
    expect(released).to_be_enabled()
    expect(masked).to_be_disabled()

    # Act: two rectangles, one of them drawn from its lower right corner, and a slip; one more, and back
    drag(item_page, (10, 20), (210, 60))
    drag(item_page, (790, 590), (700, 560))
    drag(item_page, (300, 300), (301, 301))
    drag(item_page, (400, 400), (500, 500))
    item_page.keyboard.press("Control+z")
    rectangles = listed(item_page)

    # Assert: where they were drawn, to the pixel that the screen can tell, and shown as they will be
    assert len(rectangles) == 2
    assert np.abs(np.array(rectangles) - [[10, 20, 200, 40], [700, 560, 90, 30]]).max() <= 3
    assert drawn(item_page) == rectangles
    fills = item_page.locator("[data-sheet] svg rect").evaluate_all(
        "(all) => all.map((one) => getComputedStyle(one).fill)"
    )
    assert fills == ["rgb(40, 40, 40)"] * 2
    expect(released).to_be_disabled()
    assert_accessible(item_page)

    # Act: M goes to the button, Enter signs, and the next one is there
    item_page.keyboard.press("m")
    expect(masked).to_be_focused()
    item_page.keyboard.press("Enter")
    item_page.wait_for_url(f"**{address(waiting[1])}")

    # Assert: these very pixels are painted, and what was under them is nowhere
    expected = radiograph(0)
    for x, y, width, height in rectangles:
        expected[y : y + height, x : x + width] = 40
    image = waiting[0].dataset.images.get()
    assert (load_pixels(image) == expected).all()
    assert not has_pixels(secret)
    assert not any(file in path.read_bytes() for path in settings.DATA_DIR.rglob("*") if path.is_file())
    assert SignOff.objects.get().rectangles == rectangles
    expect(item_page.locator("[data-stage]")).to_be_focused()


def test_drawn_with_keys_alone(item_page, waiting):
    stage = item_page.locator("[data-stage]")
    expect(stage).to_be_focused()

    for key in ("ArrowUp", "ArrowLeft", "Enter"):  # from the middle (400, 300), one step is 800 / 64 = 12.5, 13 pixels
        item_page.keyboard.press(key)
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Shift+ArrowDown", "Enter"):
        item_page.keyboard.press(key)

    assert listed(item_page) == [[387, 287, 26, 15]]
    item_page.keyboard.press("Enter")  # begins another one
    item_page.keyboard.press("Escape")
    item_page.keyboard.press("a")  # not with a rectangle
    expect(item_page.locator("[data-said]")).to_have_text("There are rectangles: release it masked, or remove them")
    expect(stage).to_be_focused()
    item_page.keyboard.press("Control+z")
    assert listed(item_page) == []
    item_page.keyboard.press("a")
    item_page.keyboard.press("Enter")
    item_page.wait_for_url(f"**{address(waiting[1])}")
    item_page.keyboard.press("x")
    item_page.keyboard.press("Enter")
    item_page.wait_for_url("**/quarantine/")

    assert [(one.decision, one.rectangles) for one in SignOff.objects.order_by("signed_at")] == [
        ("released", []),
        ("rejected", []),
    ]
    assert not QuarantinedImage.objects.exists()
    assert_accessible(item_page)


def test_full_resolution_and_drawing_there(item_page):
    shown = item_page.locator("[data-zoom-now]")
    fitting = shown.text_content()

    item_page.get_by_role("button", name="Full resolution").click()
    assert shown.text_content() == "100 %"
    assert item_page.locator("[data-sheet] img").bounding_box()["width"] == WIDTH
    for _ in range(4):
        item_page.get_by_role("button", name="Zoom in").click()
    assert shown.text_content() == "506 %"
    stage = item_page.locator("[data-stage]").bounding_box()
    middle = (stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2)
    item_page.mouse.move(*middle)
    item_page.mouse.down()
    item_page.mouse.move(middle[0] + 50, middle[1] + 25)
    item_page.mouse.up()
    ((x, y, width, height),) = listed(item_page)
    assert 10 <= width <= 11  # 50 screen pixels are 9.9 of the image: every pixel that is touched
    assert 5 <= height <= 6
    assert 300 < x < 500
    assert 200 < y < 400

    # moving instead of drawing
    item_page.get_by_role("button", name="Move the image").click()
    before = item_page.locator("[data-stage]").evaluate("(stage) => stage.scrollLeft")
    item_page.mouse.move(*middle)
    item_page.mouse.down()
    item_page.mouse.move(middle[0] + 40, middle[1])
    item_page.mouse.up()
    assert item_page.locator("[data-stage]").evaluate("(stage) => stage.scrollLeft") == before - 40
    assert len(listed(item_page)) == 1
    item_page.get_by_role("button", name="Fit").click()
    assert shown.text_content() == fitting


def test_drawn_by_finger(item_page):
    box = item_page.locator("[data-sheet] img").bounding_box()
    client = item_page.context.new_cdp_session(item_page)
    client.send("Emulation.setTouchEmulationEnabled", {"enabled": True})

    def touch(kind, *places) -> None:
        points = [
            {"x": box["x"] + x * box["width"] / WIDTH, "y": box["y"] + y * box["height"] / HEIGHT} for x, y in places
        ]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (100, 100))
    touch("touchMove", (150, 140))
    touch("touchMove", (200, 180))
    touch("touchEnd")

    expect(item_page.locator("[data-sheet] svg rect")).to_have_count(1)
    assert np.abs(np.array(listed(item_page)) - [[100, 100, 100, 80]]).max() <= 3


def test_the_field_and_the_drawing_are_one_list(item_page):
    item_page.fill("[data-rectangles]", "1, 2, 30, 40\n50 60 70 80")
    assert drawn(item_page) == [[1, 2, 30, 40], [50, 60, 70, 80]]
    item_page.fill("[data-rectangles]", "1, 2, 30, ")
    assert len(drawn(item_page)) == 2  # in the middle of typing
    expect(item_page.locator("button[value=released]")).to_be_disabled()

    item_page.fill("[data-rectangles]", "1, 2, 3000, 40")
    item_page.locator("button[value=masked]").click()

    expect(item_page.locator(".tr-field-error")).to_contain_text("leaves the image, which has 800 x 600 pixels")
    assert drawn(item_page) == [[1, 2, 3000, 40]]  # what was entered is still there
    item_page.get_by_role("button", name="Remove all").click()
    assert item_page.input_value("[data-rectangles]") == ""


def test_without_script(browser, item_page, waiting):
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(item_page.context.cookies())
    page = context.new_page()
    page.goto(item_page.url)
    assert not page.get_by_role("toolbar").is_visible()
    assert page.locator("[data-sheet] img").evaluate("(image) => image.naturalWidth") == WIDTH

    page.fill("[data-rectangles]", "0, 0, 100, 100")
    page.locator("button[value=masked]").click()

    assert page.url.endswith(address(waiting[1]))
    assert SignOff.objects.get().rectangles == [[0, 0, 100, 100]]
    context.close()
