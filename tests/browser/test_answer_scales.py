"""Answering on each scale in a real browser: what is sent, and that nothing is chosen before the reader chooses."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.reading_room import answers, canvas_greys, make_deep_dataset, open_reading, wait_until_ready
from tests.turing.builders import make_draft, make_session
from turing.models import Answer
from turing.scales import CONFIDENCE_LABELS
from turing.services import open_study
from turing.stimuli import load_stimulus

SIZE = 48

pytestmark = pytest.mark.django_db(transaction=True)


def read(page: Page, live_server, **changes):
    """The reading page of a new study, at its first image."""
    study = open_study(study=make_draft(**{"n_real": 4, "n_synthetic": 4, "size": SIZE, **changes}), by=None)
    session = make_session(study=study)
    open_reading(page, live_server, session)
    return session


def given() -> list[tuple[str, int | None]]:
    return list(Answer.objects.order_by("position").values_list("value", "rating"))


def test_six_steps_by_key_and_by_button(page, live_server):
    read(page, live_server, scale="confidence")
    buttons = page.locator("#reading-answers button")
    labels = [re.sub(r"\s+", " ", text).strip() for text in buttons.all_inner_texts()]
    assert labels == [f"{label} {key}" for key, label in enumerate(CONFIDENCE_LABELS, start=1)]
    expect(page.locator("#reading-answers").locator("[aria-pressed], [aria-checked], [checked]")).to_have_count(0)

    for key in ("r", "s", "0", "7", "ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
    assert answers() == []
    page.keyboard.press("3")
    wait_until_ready(page, "2 of 8")
    page.get_by_role("button", name="Surely synthetic").click()
    wait_until_ready(page, "3 of 8")
    page.keyboard.press("4")
    wait_until_ready(page, "4 of 8")

    assert given() == [("real", 3), ("synthetic", 6), ("synthetic", 4)]


def test_the_words_of_the_two_answers_are_those_of_the_study(page, live_server):
    words = {"real_label": "Ordinary", "synthetic_label": "Odd", "question": "Is anything odd?"}
    read(page, live_server, **words)
    everything = page.locator("#reading").inner_text() + page.locator("#reading-help").text_content()
    assert re.search("synthetic|real", everything, re.IGNORECASE) is None  # a reader who shall not know yet

    page.get_by_role("button", name="Odd").click()
    wait_until_ready(page, "2 of 8")
    page.get_by_role("button", name="Ordinary").click()
    wait_until_ready(page, "3 of 8")

    assert answers() == ["synthetic", "real"]


# --- 0 to 100 -----------------------------------------------------------------------------------------------------


@pytest.fixture
def percent(page, live_server):
    read(page, live_server, scale="percent")
    return page


def value(page: Page) -> str:
    return page.locator("#reading-answers output").text_content()


def thumb_is_hidden(page: Page) -> bool:
    """By its pixels: the middle of the line, where a thumb without a value would stand."""
    box = page.locator("#reading-answers input").bounding_box()
    clip = {"x": box["x"] + box["width"] / 2 + 5, "y": box["y"] + 3, "width": 4, "height": 4}
    before = page.screenshot(clip=clip)
    page.evaluate("document.querySelector('[data-slider]').removeAttribute('data-empty')")
    shown = page.screenshot(clip=clip)
    page.evaluate("document.querySelector('[data-slider]').setAttribute('data-empty', '')")
    return before != shown


def confirm(page: Page):
    return page.get_by_role("button", name="Confirm")


def test_a_value_starts_as_none_and_is_none_again_for_the_next_image(percent):
    slider = percent.get_by_role("slider")
    for _ in range(2):
        assert value(percent) == "–"
        assert thumb_is_hidden(percent)
        expect(slider).to_have_attribute("aria-valuetext", "no value yet")
        expect(confirm(percent)).to_be_disabled()
        percent.keyboard.press("Enter")
        percent.wait_for_timeout(200)
        if answers() == []:
            percent.keyboard.type("7")
            percent.keyboard.press("Enter")
            wait_until_ready(percent, "2 of 8")

    assert given() == [("real", 7)]


def test_a_value_is_typed_mended_and_confirmed(percent):
    for typed, shown in (
        ("7", "7"),
        ("3", "73"),
        ("4", "4"),
        ("Backspace", "–"),
        ("1", "1"),
        ("0", "10"),
        ("0", "100"),
    ):
        percent.keyboard.press(typed)
        assert value(percent) == shown
    for typed, shown in (("0", "0"), ("0", "0"), ("5", "5")):
        percent.keyboard.press(typed)
        assert value(percent) == shown
    percent.keyboard.type("0")
    expect(percent.get_by_text("50 says neither: choose a side")).to_be_visible()
    expect(confirm(percent)).to_be_disabled()
    percent.keyboard.press("Enter")
    percent.wait_for_timeout(200)
    assert answers() == []
    percent.keyboard.press("ArrowRight")
    expect(confirm(percent)).to_be_enabled()
    percent.keyboard.press("Enter")
    wait_until_ready(percent, "2 of 8")

    assert given() == [("synthetic", 51)]


def test_arrows_lean_to_one_side_and_move_the_value(percent):
    percent.keyboard.press("ArrowLeft")
    assert value(percent) == "49"
    percent.keyboard.press("Shift+ArrowLeft")
    assert value(percent) == "39"
    percent.keyboard.press("End")
    percent.keyboard.press("PageDown")
    assert value(percent) == "90"
    percent.get_by_role("slider").focus()
    percent.keyboard.press("ArrowLeft")  # once, though the slider has keys of its own
    assert value(percent) == "89"
    confirm(percent).click()
    wait_until_ready(percent, "2 of 8")

    assert given() == [("synthetic", 89)]


def test_the_line_takes_a_value_where_it_is_pressed(percent):
    box = percent.locator("#reading-answers input").bounding_box()
    at = lambda share: (box["x"] + 13 + share * (box["width"] - 26), box["y"] + box["height"] / 2)  # noqa: E731

    percent.mouse.click(*at(0.5))
    assert value(percent) == "50"
    expect(confirm(percent)).to_be_disabled()
    percent.mouse.click(*at(0.2))
    assert abs(int(value(percent)) - 20) <= 1
    confirm(percent).click()
    wait_until_ready(percent, "2 of 8")

    assert answers() == ["real"]
    expect(percent.get_by_role("slider")).to_be_focused()  # who answers by keyboard goes on there


def test_keys_of_the_viewer_do_not_disturb_the_value(percent):
    percent.keyboard.type("61")
    for key in ("i", "f", "o", "u", "+", "-"):
        percent.keyboard.press(key)

    assert value(percent) == "61"
    assert answers() == []


# --- pairs --------------------------------------------------------------------------------------------------------


def pixels_of(page: Page, canvas: str) -> bytes:
    """The greys of the whole image, drawn one to one in the middle of the canvas."""
    return bytes(
        page.evaluate(
            """([id, size]) => {
                const canvas = document.getElementById(id);
                const left = Math.floor((canvas.width - size) / 2), top = Math.floor((canvas.height - size) / 2);
                const { data } = canvas.getContext("2d").getImageData(left, top, size, size);
                return [...data].filter((_, i) => i % 4 === 0);
            }""",
            [canvas, SIZE],
        )
    )


def test_the_two_of_a_pair_stand_on_their_sides(page, live_server):
    session = read(page, live_server, scale="pair")
    page.keyboard.press("o")
    page.wait_for_timeout(100)

    trial = session.study.trials.get(position=session.trial_order[0])
    sides = {"reading-canvas": trial.stimulus_file, "reading-canvas-right": trial.right_file}
    for canvas, file in sides.items():
        assert pixels_of(page, canvas) == load_stimulus(file, image_size=SIZE)
    boxes = [page.locator(f"#{canvas}").bounding_box() for canvas in sides]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert boxes[0]["y"] == boxes[1]["y"]


def test_a_pair_is_answered_left_or_right(page, live_server):
    read(page, live_server, scale="pair")

    page.keyboard.press("ArrowLeft")
    wait_until_ready(page, "2 of 4")
    page.keyboard.press("2")
    wait_until_ready(page, "3 of 4")
    page.get_by_role("button", name="Left", exact=True).click()
    wait_until_ready(page, "4 of 4")
    page.get_by_role("button", name="Right", exact=True).click()
    page.wait_for_url("**/done/")

    assert [value for value, _ in given()] == ["left", "right", "left", "right"]
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you: you have read all 4 pairs")


def test_both_of_a_pair_have_the_same_settings_whichever_is_dragged(page, live_server):
    read(page, live_server, scale="pair")
    box = page.locator("#reading-canvas-right").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    # where the picture lies on each canvas, and which grey an inverted corner of the empty window has
    outlines = """() => ["reading-canvas", "reading-canvas-right"].map((id) => {
        const { width, height } = document.getElementById(id);
        const { data } = document.getElementById(id).getContext("2d").getImageData(0, 0, width, height);
        let box = [width, height, -1, -1], bright = 0, drawn = 0;
        for (let i = 0; i < width * height; i += 1) {
            if (data[4 * i + 3] === 0) continue;
            const [px, py] = [i % width, Math.floor(i / width)];
            box = [Math.min(box[0], px), Math.min(box[1], py), Math.max(box[2], px), Math.max(box[3], py)];
            drawn += 1; bright += data[4 * i];
        }
        return { box, mean: bright / drawn };
    })"""
    fresh = page.evaluate(outlines)
    page.mouse.move(x, y)
    page.mouse.down(button="right")
    page.mouse.move(x + 60, y - 40, steps=3)
    page.mouse.up(button="right")
    page.mouse.wheel(0, 200)
    page.mouse.down()
    page.mouse.move(x, y + box["height"] / 3, steps=3)
    page.mouse.up()
    page.wait_for_timeout(1000)
    left, right = page.evaluate(outlines)

    assert np.abs(np.subtract(left["box"], right["box"])).max() <= 1
    assert np.abs(np.subtract(left["box"], fresh[0]["box"])).max() > 30
    for now, before in ((left, fresh[0]), (right, fresh[1])):
        assert now["mean"] < before["mean"] - 20


# --- 16 bits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", ["binary", "pair"])
def test_images_of_sixteen_bits(page, live_server, scale):
    deep = {f"{origin}_dataset": make_deep_dataset(origin=origin, n=5, size=SIZE) for origin in ("real", "synthetic")}
    session = read(page, live_server, bit_depth=16, scale=scale, **deep)
    assert page.locator("#reading-readout").text_content().endswith("W 65536\nL 32768")
    page.keyboard.press("o")
    page.wait_for_timeout(100)

    trial = session.study.trials.get(position=session.trial_order[0])
    shown = {"reading-canvas": trial.stimulus_file}
    if scale == "pair":
        shown["reading-canvas-right"] = trial.right_file
    for canvas, file in shown.items():
        levels = np.frombuffer(load_stimulus(file, image_size=SIZE, bit_depth=16), "<u2").astype(float)
        drawn = np.frombuffer(pixels_of(page, canvas), np.uint8)
        assert len(np.unique(levels)) > 1000
        assert np.abs(drawn - levels * 255 / 65535).max() <= 0.51
    assert canvas_greys(page) > 50
