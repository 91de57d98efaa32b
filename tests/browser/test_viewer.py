"""The viewer of the reading page: what mouse, touch and keys do to the image, measured on the canvas."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import assert_accessible, violations_of
from tests.browser.reading_room import answers, open_reading, register, sign_in, touch, wait_for
from tests.turing.builders import make_draft, make_session
from turing.services import create_invitations, open_study
from turing.stimuli import load_stimulus

SIZE = 96

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def study():
    return open_study(study=make_draft(name="Chest study", n_real=4, n_synthetic=4, size=SIZE), by=None)


@pytest.fixture
def reading(page, study, live_server):
    """The page with the first image on it."""
    ((_, secret),) = create_invitations(study=study, count=1, by=None)
    register(page, f"{live_server.url}/invite/{secret}/")
    wait_for(page, 1)
    return page


def settings(page: Page) -> tuple[int, int, int]:
    """Zoom (%), window and level as the page shows them, after the next drawing."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    zoom, window, level = page.locator("#reading-readout").text_content().split("\n")
    return int(zoom.split()[0]), int(window.split()[1]), int(level.split()[1])


def grey_at(page: Page, x: float, y: float) -> int:
    """Grey of the screen pixel at (x, y) CSS pixels from the middle of the stage."""
    return page.evaluate(
        """([x, y]) => {
            const canvas = document.getElementById("reading-canvas");
            const left = Math.round(canvas.width / 2 + x), top = Math.round(canvas.height / 2 + y);
            return canvas.getContext("2d").getImageData(left, top, 1, 1).data[0];
        }""",
        [x, y],
    )


def picture_box(page: Page) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is drawn, in canvas pixels."""
    return tuple(
        page.evaluate(
            """() => {
                const canvas = document.getElementById("reading-canvas");
                const { width, height } = canvas;
                const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
                let box = [width, height, -1, -1];
                for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) {
                    if (data[4 * (y * width + x) + 3] === 0) continue;
                    box = [Math.min(box[0], x), Math.min(box[1], y), Math.max(box[2], x), Math.max(box[3], y)];
                }
                return box;
            }"""
        )
    )


def middle(page: Page) -> tuple[float, float]:
    box = page.locator("#reading-canvas").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, dx: float, dy: float, button: str = "left") -> None:
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down(button=button)
    page.mouse.move(x + dx, y + dy, steps=4)
    page.mouse.up(button=button)


def table_of(page: Page, bits: int, centre: float, width: float, inverted: bool = False) -> list[int]:
    """Greys that the lookup table of the page gives for every level."""
    return page.evaluate(
        """async ([bits, centre, width, inverted]) => {
            const { newLut, fillLut } = await import("/static/js/reading/lut.js");
            const lut = newLut(bits);
            fillLut(lut, { centre, width, inverted });
            return [...new Uint8ClampedArray(lut.buffer)].filter((_, index) => index % 4 === 0);
        }""",
        [bits, centre, width, inverted],
    )


def test_the_full_window_shows_every_grey_as_it_is(reading):
    assert table_of(reading, 8, 128, 256) == list(range(256))
    assert table_of(reading, 8, 128, 256, True) == list(range(255, -1, -1))


@pytest.mark.parametrize(("bits", "centre", "width"), [(8, 100, 40), (8, 0, 2), (8, 250, 512), (16, 30000, 12000)])
def test_the_table_is_dicoms_linear_function(reading, bits, centre, width):
    """PS3.3 C.11.2.1.2.1, written out in its three branches."""

    def expected(level: int) -> float:
        if level <= centre - 0.5 - (width - 1) / 2:
            return 0
        if level > centre - 0.5 + (width - 1) / 2:
            return 255
        return ((level - (centre - 0.5)) / (width - 1) + 0.5) * 255

    table = table_of(reading, bits, centre, width)

    assert len(table) == 2**bits
    assert max(abs(grey - expected(level)) for level, grey in enumerate(table)) <= 0.501


def test_sixteen_bit_pixels_reach_the_screen(reading):
    """A picture of two bytes for a pixel, low byte first: 0, 1/4, 1/2 and all of the range."""
    greys = reading.evaluate(
        """async () => {
            const { Picture } = await import("/static/js/reading/viewer.js");
            const picture = new Picture(Uint8Array.of(0, 0, 0xff, 0x3f, 0xff, 0x7f, 0xff, 0xff).buffer, 2, 16);
            const { data } = picture.canvas.getContext("2d").getImageData(0, 0, 2, 2);
            return [picture.bits, ...[...data].filter((_, index) => index % 4 === 0)];
        }"""
    )

    assert greys == [16, 0, 64, 127, 255]


def test_an_image_fits_the_stage_first(reading):
    stage = reading.evaluate(
        "[document.getElementById('reading-canvas').width, document.getElementById('reading-canvas').height]"
    )
    left, top, right, bottom = picture_box(reading)

    assert (bottom - top + 1, right - left + 1) == (min(stage), min(stage))
    assert abs(left - (stage[0] - 1 - right)) <= 1  # in the middle
    assert settings(reading) == (round(100 * min(stage) / SIZE), 256, 128)


def test_one_to_one_is_the_image_pixel_for_pixel(reading, study):
    reading.keyboard.press("o")
    assert settings(reading)[0] == 100
    left, top, right, bottom = picture_box(reading)
    assert (right - left + 1, bottom - top + 1) == (SIZE, SIZE)
    drawn = reading.evaluate(
        """([left, top, size]) => {
            const context = document.getElementById("reading-canvas").getContext("2d");
            return [...context.getImageData(left, top, size, size).data].filter((_, index) => index % 4 === 0);
        }""",
        [left, top, SIZE],
    )

    assert bytes(drawn) == load_stimulus(study.trials.get(position=1).stimulus_file, image_size=SIZE)


def test_a_drag_changes_brightness_and_contrast(reading):
    side = reading.locator("#reading-canvas").bounding_box()["height"]

    drag(reading, 0, side / 4)
    assert settings(reading)[1:] == (256, 192)
    drag(reading, -side / 4, 0)
    assert settings(reading)[1:] == (192, 192)
    reading.keyboard.press("u")
    assert settings(reading)[1:] == (256, 128)


def test_the_wheel_zooms_at_the_pointer(reading):
    reading.keyboard.press("o")
    x, y = middle(reading)
    left, top, *_ = picture_box(reading)
    stage = reading.evaluate(
        "[document.getElementById('reading-canvas').width, document.getElementById('reading-canvas').height]"
    )
    corner = (left - stage[0] / 2, top - stage[1] / 2)

    reading.mouse.move(x + corner[0], y + corner[1])
    reading.mouse.wheel(0, -300)

    expect(reading.locator("#reading-readout")).not_to_contain_text("100 %")
    reading.wait_for_timeout(1000)  # Chromium hands a turn of the wheel on in several steps
    zoom = settings(reading)[0]
    assert 110 < zoom < 800
    after = picture_box(reading)
    assert abs(after[0] - left) <= 1  # the corner under the pointer has stayed
    assert abs(after[1] - top) <= 1
    assert after[2] - after[0] + 1 == pytest.approx(SIZE * zoom / 100, abs=1)


def test_the_right_button_and_shift_pan(reading):
    reading.keyboard.press("o")
    before = picture_box(reading)

    drag(reading, 30, 20, button="right")
    settings(reading)
    once = picture_box(reading)
    reading.keyboard.down("Shift")
    drag(reading, -50, 10)
    reading.keyboard.up("Shift")
    settings(reading)

    assert once[:2] == (before[0] + 30, before[1] + 20)
    assert picture_box(reading)[:2] == (before[0] - 20, before[1] + 30)


def test_an_image_cannot_be_lost_by_panning(reading):
    for _ in range(60):
        reading.keyboard.press("l")
    settings(reading)

    left, _, right, _ = picture_box(reading)
    assert right - left > 100
    reading.keyboard.press("0")
    settings(reading)
    assert picture_box(reading)[0] > 0


def test_inversion(reading):
    before = grey_at(reading, 5, 5)

    reading.get_by_role("button", name="Invert").click()
    settings(reading)
    assert grey_at(reading, 5, 5) == 255 - before
    reading.keyboard.press("i")
    settings(reading)
    assert grey_at(reading, 5, 5) == before


def test_every_viewer_key_does_what_the_help_says(reading):
    fitting = settings(reading)
    expected = {
        "b": (0, 0, -8), "n": (0, 0, 8), "c": (0, -8, 0), "v": (0, 8, 0),
        "+": (1, 0, 0), "-": (-1, 0, 0), "o": (-1, 0, 0),
    }  # fmt: skip

    for key, change in expected.items():
        reading.keyboard.press(key)
        now = settings(reading)
        assert (now[1] - 256, now[2] - 128) == change[1:], key
        assert (now[0] > fitting[0]) - (now[0] < fitting[0]) == change[0], key
        reading.keyboard.press("u")
        assert settings(reading) == fitting
    for key, (dx, dy) in {"h": (48, 0), "l": (-48, 0), "j": (0, -48), "k": (0, 48)}.items():
        reading.keyboard.press("o")
        settings(reading)
        before = picture_box(reading)
        reading.keyboard.press(key)
        settings(reading)
        assert picture_box(reading)[:2] == (before[0] + dx, before[1] + dy), key


SCALES = ("binary", "confidence", "percent", "pair")
KEYS_OF_SCALES = """async (scales) => {
    const { ANSWER_KEYS, PAGE_KEYS, MARK_KEYS, viewerKeys } = await import("/static/js/reading/keys.js");
    return Object.fromEntries(scales.map((scale) => [scale, {
        answers: [...ANSWER_KEYS[scale].keys()],
        others: [...viewerKeys(scale).keys(), ...PAGE_KEYS.keys(), ...MARK_KEYS.keys()],
    }]));
}"""
# on QWERTY; w and z change places on others
NEIGHBOURS = {
    "r": "edf45tg", "s": "awedxzq", "1": "2q`§^°", "2": "13qw", "3": "24we", "4": "35er", "5": "46rt", "6": "57tyz"
}  # fmt: skip


@pytest.mark.parametrize("scale", SCALES)
def test_no_viewer_key_is_an_answer_or_lies_beside_one(reading, scale):
    keys = reading.evaluate(KEYS_OF_SCALES, SCALES)[scale]
    beside = {near for key in keys["answers"] for near in NEIGHBOURS.get(key, "")}
    if "ArrowLeft" in keys["answers"]:
        beside |= {"ArrowUp", "ArrowDown"}

    assert (keys["answers"] == []) == (scale == "percent")  # there only Enter answers, once a value is set
    assert set(keys["answers"]) & set(keys["others"]) == set()
    assert set(keys["others"]) & beside == set()


@pytest.mark.parametrize("scale", SCALES)
def test_the_help_shows_every_key(page, live_server, scale):
    study = open_study(study=make_draft(n_real=4, n_synthetic=4, size=SIZE, scale=scale, mark_kind="point"), by=None)
    open_reading(page, live_server, make_session(study=study))

    page.keyboard.press("?")

    shown = set(page.locator("#reading-help kbd").all_inner_texts())
    keys = page.evaluate(KEYS_OF_SCALES, SCALES)[scale]
    names = {"ArrowLeft": "←", "ArrowRight": "→"}
    expected = {names.get(key, key.upper()) for key in keys["answers"] + keys["others"]} - {"="}
    of_values = {"Backspace", "Enter", "←", "→"} if scale == "percent" else set()
    of_marks = {"Enter", "Ctrl", "Z"} | ({"X"} if scale == "pair" else set())
    assert shown - {"Shift"} == expected | of_values | of_marks
    assert_accessible(page)


def test_nothing_that_was_set_carries_over_to_the_next_image(reading):
    fresh = settings(reading)
    for key in ("i", "b", "b", "c", "+", "h"):
        reading.keyboard.press(key)
    assert settings(reading) != fresh

    reading.keyboard.press("r")
    wait_for(reading, 2)

    assert settings(reading) == fresh
    assert picture_box(reading)[0] > 0


def test_help_opens_and_closes_and_keeps_keys_from_answering(reading):
    dialog = reading.locator("#reading-help")
    expect(dialog).to_be_hidden()

    reading.keyboard.press("?")
    expect(dialog).to_be_visible()
    before = settings(reading)
    for key in ("r", "2", "ArrowRight", "i", "+"):
        reading.keyboard.press(key)
    assert settings(reading) == before
    problems = violations_of(reading)
    reading.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    reading.get_by_role("button", name="Help").click()
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()

    assert problems == []
    assert answers() == []


def test_touch_one_finger_sets_the_window_two_pan_and_zoom(browser, live_server, study):
    session = make_session(study=study)
    with browser.new_context(viewport={"width": 1024, "height": 1366}, has_touch=True, is_mobile=True) as context:
        page = context.new_page()
        sign_in(page, live_server, session.reader)
        page.goto(f"{live_server.url}/read/{session.pk}/")
        wait_for(page, 1)
        client = context.new_cdp_session(page)
        zoom, *_ = settings(page)
        x, y = middle(page)

        touch(client, "touchStart", (x, y))
        for step in range(1, 6):
            touch(client, "touchMove", (x, y + 20 * step))
        touch(client, "touchEnd")
        after_one = settings(page)
        touch(client, "touchStart", (x - 50, y))
        touch(client, "touchStart", (x - 50, y), (x + 50, y))
        for step in range(1, 6):
            touch(client, "touchMove", (x - 50 - 10 * step, y), (x + 50 + 10 * step, y))
        touch(client, "touchEnd")
        after_two = settings(page)
        boxes = [button.bounding_box() for button in page.locator("button:visible").all()]
        scrolls = page.evaluate(
            "[document.documentElement.scrollHeight, innerHeight, document.documentElement.scrollWidth, innerWidth]"
        )

    assert after_one[0] == zoom
    assert after_one[1] == 256
    assert after_one[2] > 128
    assert after_two[1:] == after_one[1:]  # two fingers never touch the window
    assert after_two[0] == pytest.approx(2 * zoom, abs=2)
    assert len(boxes) == 11
    assert min(min(box["width"], box["height"]) for box in boxes) >= 44
    assert scrolls[0] <= scrolls[1]
    assert scrolls[2] <= scrolls[3]
