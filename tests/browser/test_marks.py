"""Marks on the image and comments in a real browser: where they lie, that they travel with the answer, and that they
never get in the way of one.
"""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.reading_room import answers, intercept, open_reading, touch, wait_until_ready
from tests.turing.builders import make_draft, make_session
from turing.models import Answer
from turing.services import open_study

SIZE = 64

pytestmark = pytest.mark.django_db(transaction=True)


def start(page: Page, live_server, **changes):
    study = open_study(study=make_draft(**{"n_real": 4, "n_synthetic": 4, "size": SIZE, **changes}), by=None)
    session = make_session(study=study)
    open_reading(page, live_server, session)
    return session


def on_screen(page: Page, x: float, y: float, canvas: str = "reading-canvas") -> tuple[float, float]:
    """Where a place of the image (pixels from its upper left corner) lies while the image fits its stage."""
    box = page.locator(f"#{canvas}").bounding_box()
    side = min(box["width"], box["height"])
    left, top = box["x"] + (box["width"] - side) / 2, box["y"] + (box["height"] - side) / 2
    return left + x * side / SIZE, top + y * side / SIZE


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def stored(position: int = 1) -> list[dict]:
    return Answer.objects.get(position=position).marks


def about(**expected):
    return {name: pytest.approx(value, abs=0.6) for name, value in expected.items()}


def answer(page: Page, key: str = "r", place: str = "2 of 8") -> None:
    page.keyboard.press(key)
    wait_until_ready(page, place)


def mark_colour(page: Page, canvas: str = "reading-canvas") -> int:
    """Pixels of the canvas in the colour of marks: it is the only one that is no grey."""
    return page.evaluate(
        """(id) => {
            const canvas = document.getElementById(id);
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let count = 0;
            for (let i = 0; i < data.length; i += 4) if (data[i] - data[i + 2] > 60) count += 1;
            return count;
        }""",
        canvas,
    )


def frame(page: Page) -> None:
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_points_lie_where_they_were_put_also_zoomed_and_travel_with_the_answer(page, live_server):
    start(page, live_server, mark_kind="point")
    readout = page.locator("#reading-readout")
    before = readout.text_content()

    page.get_by_role("button", name="Mark", exact=True).click()
    page.mouse.click(*on_screen(page, 16, 48))
    assert readout.text_content() == before  # a mark, not a window
    page.keyboard.press("+")
    page.keyboard.press("+")
    frame(page)
    x, y = on_screen(page, 32, 32)  # the middle stays the middle
    box = page.locator("#reading-canvas").bounding_box()
    step = 8 * 1.2**2 * min(box["width"], box["height"]) / SIZE
    page.mouse.click(x + step, y - step)
    frame(page)
    assert mark_colour(page) > 50
    answer(page)

    assert stored() == [about(image=0, x=16, y=48), about(image=0, x=40, y=24)]
    frame(page)
    assert mark_colour(page) == 0
    expect(page.locator("#reading-marks li")).to_have_count(0)
    expect(page.get_by_role("button", name="Mark", exact=True)).to_have_attribute("aria-pressed", "false")
    answer(page, place="3 of 8")
    assert stored(2) == []


def test_marks_follow_the_image_when_it_moves(page, live_server):
    start(page, live_server, mark_kind="point")
    page.keyboard.press("m")
    page.mouse.click(*on_screen(page, 32, 32))
    frame(page)
    centre = """() => {
        const canvas = document.getElementById("reading-canvas");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let sum = [0, 0, 0];
        for (let i = 0; i < data.length; i += 4) {
            if (data[i] - data[i + 2] <= 60) continue;
            sum = [sum[0] + 1, sum[1] + (i / 4) % canvas.width, sum[2] + Math.floor(i / 4 / canvas.width)];
        }
        return [sum[1] / sum[0], sum[2] / sum[0]];
    }"""
    x, y = page.evaluate(centre)

    page.keyboard.press("h")
    page.keyboard.press("k")
    frame(page)

    moved = page.evaluate(centre)
    assert moved[0] - x == pytest.approx(48, abs=1)
    assert moved[1] - y == pytest.approx(48, abs=1)
    page.keyboard.press("m")
    x, y = on_screen(page, 32, 32)
    drag(page, (x, y), (x, y + 100))
    assert "L 128" not in page.locator("#reading-readout").text_content()  # marking has ended: the window again


def test_boxes_undo_and_delete(page, live_server):
    start(page, live_server, mark_kind="box")
    page.keyboard.press("m")
    drag(page, on_screen(page, 8, 8), on_screen(page, 24, 20))
    drag(page, on_screen(page, 60, 60), on_screen(page, 40, 30))  # from the lower right
    drag(page, on_screen(page, 30, 4), on_screen(page, 50, 14))
    drag(page, on_screen(page, 30, 30), on_screen(page, 30.2, 30.2))  # a slip
    expect(page.locator("#reading-marks li")).to_have_count(3)
    expect(page.locator("#reading-marks-count")).to_have_text("3 marks")

    page.get_by_role("button", name="Delete mark 1").click()
    expect(page.locator("#reading-marks li")).to_have_count(2)
    page.keyboard.press("Control+z")  # the deletion
    expect(page.locator("#reading-marks li")).to_have_count(3)
    page.get_by_role("button", name="Undo").click()  # the third box
    expect(page.locator("#reading-marks li")).to_have_count(2)
    drag(page, on_screen(page, 40, 40), on_screen(page, 90, 90))  # beyond the edge: to the edge
    answer(page)

    assert stored() == [
        about(image=0, x=8, y=8, width=16, height=12),
        about(image=0, x=40, y=30, width=20, height=30),
        about(image=0, x=40, y=40, width=24, height=24),
    ]


def test_no_mark_beside_the_image(page, live_server):
    start(page, live_server, mark_kind="point")
    page.keyboard.press("m")

    box = page.locator("#reading-canvas").bounding_box()
    page.mouse.click(box["x"] + 5, box["y"] + box["height"] / 2)

    expect(page.locator("#reading-marks li")).to_have_count(0)


def test_marks_on_both_of_a_pair(page, live_server):
    start(page, live_server, mark_kind="point", scale="pair")
    page.keyboard.press("m")
    page.mouse.click(*on_screen(page, 10, 20))
    page.mouse.click(*on_screen(page, 50, 40, "reading-canvas-right"))
    frame(page)
    assert min(mark_colour(page), mark_colour(page, "reading-canvas-right")) > 20
    expect(page.get_by_role("button", name="Delete mark 2 right")).to_be_visible()
    page.keyboard.press("Escape")
    answer(page, "ArrowRight", "2 of 4")

    assert stored() == [about(image=0, x=10, y=20), about(image=1, x=50, y=40)]


@pytest.mark.parametrize(("kind", "scale"), [("point", "binary"), ("box", "pair")])
def test_marks_by_keys_alone(page, live_server, kind, scale):
    start(page, live_server, mark_kind=kind, scale=scale)
    page.keyboard.press("m")
    for _ in range(8):
        page.keyboard.press("ArrowRight")  # 1/64 of the side each: one pixel here; and no answer
    page.keyboard.press("Enter")
    if kind == "box":
        for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
            page.keyboard.press(key)
        page.keyboard.press("Enter")
        page.keyboard.press("x")
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
    assert answers() == []
    page.keyboard.press("Escape")
    answer(page, "1", "2 of 8" if scale == "binary" else "2 of 4")

    if kind == "point":
        assert stored() == [{"image": 0, "x": 40, "y": 32}]
    else:
        assert stored() == [
            {"image": 0, "x": 40, "y": 32, "width": 1, "height": 2},
            {"image": 1, "x": 40, "y": 33, "width": 1, "height": 1},
        ]


def test_at_most_twenty(page, live_server):
    start(page, live_server, mark_kind="point")
    page.keyboard.press("m")
    for index in range(22):
        page.mouse.click(*on_screen(page, 2 + 2.5 * index, 30))
    expect(page.locator("#reading-marks-count")).to_have_text("20 marks: no more fit")
    last = page.get_by_role("button", name="Delete mark 20")
    last.scroll_into_view_if_needed()
    last.click()
    answer(page)

    assert len(stored()) == 19


@pytest.mark.parametrize("kind", ["point", "box"])
def test_marks_by_touch(browser, live_server, kind):
    study = open_study(study=make_draft(n_real=4, n_synthetic=4, size=SIZE, mark_kind=kind), by=None)
    session = make_session(study=study)
    with browser.new_context(viewport={"width": 768, "height": 1024}, has_touch=True, is_mobile=True) as context:
        page = context.new_page()
        open_reading(page, live_server, session)
        client = context.new_cdp_session(page)
        page.get_by_role("button", name="Mark", exact=True).tap()
        start, end = on_screen(page, 10, 10), on_screen(page, 30, 26)

        touch(client, "touchStart", start)
        if kind == "box":
            touch(client, "touchMove", ((start[0] + end[0]) / 2, end[1]))
            touch(client, "touchMove", end)
        touch(client, "touchEnd")
        expect(page.locator("#reading-marks li")).to_have_count(1)
        before = page.locator("#reading-readout").text_content()
        x, y = on_screen(page, 40, 40)
        touch(client, "touchStart", (x - 40, y))  # the beginning of a pinch is not a mark
        touch(client, "touchStart", (x - 40, y), (x + 40, y))
        touch(client, "touchMove", (x - 80, y), (x + 80, y))
        touch(client, "touchEnd")
        frame(page)
        after = page.locator("#reading-readout").text_content()
        expect(page.locator("#reading-marks li")).to_have_count(1)
        page.get_by_role("button", name="Real").tap()
        wait_until_ready(page, "2 of 8")

    assert after != before
    expected = {"point": about(image=0, x=10, y=10), "box": about(image=0, x=10, y=10, width=20, height=16)}
    assert stored() == [expected[kind]]


def test_marks_by_pen(page, live_server):
    """A pen is a pointer with a type of its own; the browser's test protocol sends none, so events do."""
    start(page, live_server, mark_kind="box")
    page.keyboard.press("m")

    page.evaluate(
        """([[x, y], [right, lower]]) => {
            const canvas = document.getElementById("reading-canvas");
            canvas.setPointerCapture = () => {};
            const pen = { pointerType: "pen", pointerId: 7, isPrimary: true, button: 0, bubbles: true };
            const send = (type, clientX, clientY) => canvas.dispatchEvent(
                new PointerEvent(type, { ...pen, clientX, clientY }),
            );
            send("pointerdown", x, y);
            send("pointermove", right, lower);
            send("pointerup", right, lower);
        }""",
        [on_screen(page, 12, 12), on_screen(page, 20, 30)],
    )
    answer(page)

    assert stored() == [about(image=0, x=12, y=12, width=8, height=18)]


def test_words_typed_in_the_comment_never_answer(page, live_server):
    start(page, live_server, asks_comment=True)
    field = page.get_by_label("Comment")
    field.click()
    page.keyboard.type("ribs run? 1 2 rs +")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert answers() == []
    expect(page.locator("#reading-help")).to_be_hidden()
    page.keyboard.press("Escape")  # out of the field
    answer(page)

    assert Answer.objects.get().comment == "ribs run? 1 2 rs \n+"
    expect(field).to_have_value("")
    answer(page, place="3 of 8")
    assert Answer.objects.get(position=2).comment == ""


def test_who_types_when_the_time_is_up_does_not_answer_the_next_image(page, live_server):
    start(page, live_server, asks_comment=True, time_limit_ms=2500)
    page.get_by_label("Comment").click()
    page.keyboard.type("odd")
    expect(page.locator("#reading-progress")).to_have_text("2 of 8", timeout=15_000)
    wait_until_ready(page, "2 of 8")
    page.keyboard.type("rrr")

    expect(page.get_by_label("Comment")).to_have_value("rrr")
    first = Answer.objects.get(position=1)
    assert (first.value, first.comment) == ("none", "odd")
    assert answers() == ["none"]


def test_marks_and_comment_stay_with_an_answer_that_is_sent_after_a_reload(page, live_server):
    start(page, live_server, mark_kind="point", asks_comment=True)
    page.keyboard.press("m")
    page.mouse.click(*on_screen(page, 20, 30))
    page.get_by_label("Comment").fill("no vessels")
    intercept(page, "**/answer", lambda route: route.abort())
    page.get_by_role("button", name="Synthetic").click()
    expect(page.locator("#reading-notice")).to_contain_text("This browser keeps it")

    page.reload()
    expect(page.locator("#reading-notice")).to_contain_text("Your answer is not stored yet.")
    page.unroute("**/answer")
    page.get_by_role("button", name="Try now").click()
    wait_until_ready(page, "2 of 8")

    answer = Answer.objects.get()
    assert (answer.value, answer.comment, answer.marks) == ("synthetic", "no vessels", [about(image=0, x=20, y=30)])
