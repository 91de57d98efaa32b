"""A reader and an investigator in real browsers: from the invitation link to the numbers on the results page."""

import re
import uuid

import pytest
from playwright.sync_api import Page, expect

from config.accounts.models import User
from tests.browser.reading_room import answers, canvas_greys, expect_empty_stage, intercept, register, sign_in, wait_for
from tests.factories import PASSWORD, UserFactory
from tests.turing.builders import make_draft, make_session
from turing.models import Answer, ReadingSession
from turing.reading.selectors import current_of
from turing.services import close_study, create_invitations, open_study

N_REAL, N_SYNTHETIC = 4, 4
TOTAL = N_REAL + N_SYNTHETIC

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def study():
    return open_study(study=make_draft(name="Chest study", n_real=N_REAL, n_synthetic=N_SYNTHETIC, size=56), by=None)


@pytest.fixture
def link(study, live_server):
    ((_, secret),) = create_invitations(study=study, count=1, by=None)
    return f"{live_server.url}/invite/{secret}/"


def send(page: Page, session: ReadingSession, token: str, value: str) -> int:
    """What a cheating page would do: an answer past the buttons. Returns the status."""
    return page.evaluate(
        """async ({ url, body }) => {
            const token = document.cookie.match(/csrftoken=([^;]+)/)[1];
            const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
            return (await fetch(url, { method: "POST", headers, body: JSON.stringify(body) })).status;
        }""",
        {
            "url": f"/read/{session.pk}/answer",
            "body": {"token": token, "value": value, "idempotency_key": str(uuid.uuid4()), "reading_ms": 1},
        },
    )


def fetch_status(page: Page, address: str) -> int:
    return page.evaluate("async (url) => (await fetch(url)).status", address)


def test_a_whole_study(page, browser, live_server, study, link):
    given = ["real", "synthetic", "synthetic", "real", "real", "synthetic", "real", "real"]
    session = register(page, link)
    reading_url = f"{live_server.url}/read/{session.pk}/"

    # by key
    wait_for(page, 1)
    assert canvas_greys(page) > 50
    first_token = current_of(session).token
    page.keyboard.press("r")
    wait_for(page, 2)
    # by mouse
    page.get_by_role("button", name="Synthetic").click()
    wait_for(page, 3)
    assert answers() == ["real", "synthetic"]

    # going back: the browser's button leads away or to the same current image, never to an earlier one
    page.go_back()
    page.goto(reading_url)
    wait_for(page, 3)
    # an image that was answered is gone, and its answer final
    assert fetch_status(page, f"/read/{session.pk}/stimulus/{first_token}") == 404
    assert send(page, session, first_token, "synthetic") == 409
    # a future one does not exist, and the current one cannot be skipped
    assert fetch_status(page, f"/read/{session.pk}/stimulus/{uuid.uuid4()}") == 404
    assert fetch_status(page, f"/read/{session.pk}/4/") == 404
    assert send(page, session, str(uuid.uuid4()), "real") == 404
    page.goto(f"{reading_url}done/")
    expect(page).to_have_url(reading_url)
    wait_for(page, 3)
    assert answers() == ["real", "synthetic"]

    # a reload in the middle
    token = current_of(session).token
    page.reload()
    wait_for(page, 3)
    assert current_of(session).token == token

    for position, key in ((3, "2"), (4, "ArrowLeft"), (5, "1"), (6, "ArrowRight"), (7, "R")):
        wait_for(page, position)
        page.keyboard.press(key)
    wait_for(page, 8)
    page.get_by_role("button", name="Real").click()
    expect(page).to_have_url(f"{reading_url}done/")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Thank you: you have read all {TOTAL} images")
    assert answers() == given

    # the truth reached nobody before the study is closed; then the investigator sees what can be computed by hand
    investigator = UserFactory(role=User.Role.INVESTIGATOR)
    with browser.new_context() as context:
        desk = context.new_page()
        sign_in(desk, live_server, investigator)
        desk.goto(f"{live_server.url}/studies/{study.pk}/results/")
        expect(desk.get_by_role("heading", level=1)).to_have_text("No results before the study is closed")
        desk.goto(f"{live_server.url}/studies/{study.pk}/")
        desk.get_by_text("Close the study…").click()
        desk.get_by_role("button", name="Yes, close it").click()
        desk.get_by_role("link", name="Results").click()
        row = re.sub(r"\s+", " ", desk.get_by_role("row", name=re.compile("R01")).inner_text())

    truth = list(study.trials.values_list("truth__origin", flat=True))
    right = {
        origin: sum(t == g == origin for t, g in zip(truth, given, strict=True)) for origin in ("real", "synthetic")
    }
    total = right["real"] + right["synthetic"]
    assert f"{100 * total / TOTAL:.1f} % " in row
    assert f"{total} of {TOTAL}" in row
    assert f"{100 * right['real'] / N_REAL:.1f} % " in row
    assert f"{right['real']} of {N_REAL}" in row
    assert f"{right['synthetic']} of {N_SYNTHETIC}" in row
    assert "R01 8 of 8" in row
    flagged = Answer.objects.exclude(flags=[]).count()
    assert row.endswith(f" {flagged}")


def test_the_server_finds_the_reading_times_plausible(page, link):
    session = register(page, link)

    for position in (1, 2, 3):
        wait_for(page, position)
        page.wait_for_timeout(400)
        page.keyboard.press("r")
    wait_for(page, 4)

    for answer in Answer.objects.filter(session=session):
        assert answer.flags == []
        assert 400 <= answer.reading_ms <= answer.server_ms
        assert answer.hidden_ms == 0


def test_a_double_press_is_one_answer(page, link):
    register(page, link)

    wait_for(page, 1)
    page.keyboard.press("r")
    page.keyboard.press("r")
    page.keyboard.press("s")
    wait_for(page, 2)
    page.get_by_role("button", name="Real").dblclick()
    wait_for(page, 3)

    assert answers() == ["real", "real"]


def test_a_held_key_is_one_answer(page, link):
    register(page, link)

    wait_for(page, 1)
    for _ in range(8):  # down again without up: what the system repeats while a key is held
        page.keyboard.down("r")
        page.wait_for_timeout(150)
    page.keyboard.up("r")
    wait_for(page, 2)

    assert answers() == ["real"]


def test_keys_with_a_modifier_belong_to_the_browser(page, link):
    register(page, link)

    wait_for(page, 1)
    page.keyboard.press("Control+s")
    page.keyboard.press("Alt+ArrowRight")

    wait_for(page, 1)
    assert answers() == []


def test_a_lost_connection_is_told_and_the_answer_sent_when_it_is_back(page, context, link):
    register(page, link)
    wait_for(page, 1)

    context.set_offline(True)
    page.keyboard.press("s")
    expect(page.locator("#reading-notice")).to_contain_text("Your answer is not stored yet.")
    assert answers() == []
    expect_empty_stage(page)  # the answer is final: the image is gone already
    context.set_offline(False)
    page.get_by_role("button", name="Try now").click()
    wait_for(page, 2)

    assert answers() == ["synthetic"]
    expect(page.locator("#reading-notice")).to_be_hidden()


def test_an_answer_whose_confirmation_was_lost_is_stored_once(page, link):
    """The server stores it, the network loses the response, and the page asks again with the same key."""
    register(page, link)
    wait_for(page, 1)
    lost = []

    def lose_first(route):
        if not lost:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    intercept(page, "**/answer", lose_first)
    page.keyboard.press("s")
    wait_for(page, 2)

    assert lost == [200]
    assert answers() == ["synthetic"]


def go_offline(page: Page) -> None:
    """Requests of the protocol fail as without a network; the page itself can be loaded again."""
    intercept(page, "**/answer", lambda route: route.abort())


def go_online(page: Page) -> None:
    page.unroute("**/answer")


def kept(page: Page) -> int:
    return page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('turing-reader.answer')).length")


def test_an_answer_that_could_not_be_sent_outlives_a_reload(page, link):
    session = register(page, link)
    wait_for(page, 1)
    token = current_of(session).token
    go_offline(page)
    page.keyboard.press("s")
    expect(page.locator("#reading-notice")).to_contain_text("This browser keeps it")

    page.reload()
    expect(page.locator("#reading-notice")).to_contain_text("Your answer is not stored yet.")
    assert answers() == []
    expect_empty_stage(page)  # answered is answered: the image does not come back
    assert session.presentations.get(token=token).times_served == 1
    go_online(page)
    page.get_by_role("button", name="Try now").click()
    wait_for(page, 2)

    assert answers() == ["synthetic"]
    assert kept(page) == 0
    assert Answer.objects.get().reading_ms < 20_000


def test_an_answer_whose_confirmation_was_lost_with_the_page_is_stored_once(page, link):
    register(page, link)
    wait_for(page, 1)
    stored = []

    def lose(route):
        stored.append(route.fetch().status)
        route.abort()

    intercept(page, "**/answer", lose)
    page.keyboard.press("s")
    expect(page.locator("#reading-notice")).to_contain_text("Your answer is not stored yet.")
    go_online(page)
    page.reload()
    wait_for(page, 2)

    assert stored[0] == 200
    assert answers() == ["synthetic"]
    assert kept(page) == 0


def test_a_kept_answer_is_never_sent_or_shown_for_another_account(page, link, study, live_server, context):
    register(page, link)
    wait_for(page, 1)
    go_offline(page)
    page.keyboard.press("s")
    expect(page.locator("#reading-notice")).to_contain_text("Your answer is not stored yet.")
    other = make_session(study=study)
    context.clear_cookies()

    page.goto("about:blank")
    sign_in(page, live_server, other.reader)
    go_online(page)
    page.goto(f"{live_server.url}/read/{other.pk}/")
    wait_for(page, 1)
    expect(page.locator("#reading-notice")).to_be_hidden()
    page.keyboard.press("r")
    wait_for(page, 2)

    assert [(answer.session, answer.value) for answer in Answer.objects.all()] == [(other, "real")]
    assert kept(page) == 1  # still there for its own reader


def test_the_newest_tab_goes_on_and_the_other_says_so(page, context, link):
    session = register(page, link)
    wait_for(page, 1)
    other = context.new_page()
    other.goto(page.url)
    wait_for(other, 1)

    page.keyboard.press("s")
    notice = page.locator("#reading-notice")
    expect(notice).to_contain_text("in another tab or on another device: reading goes on there.")
    expect_empty_stage(page)
    assert answers() == []
    other.keyboard.press("r")
    wait_for(other, 2)
    assert answers() == ["real"]  # the answer of the older tab is not taken in its place

    page.get_by_role("button", name="Continue here").click()
    wait_for(page, 2)
    page.keyboard.press("s")
    wait_for(page, 3)
    other.keyboard.press("r")
    expect(other.locator("#reading-notice")).to_contain_text("reading goes on there.")

    assert answers() == ["real", "synthetic"]
    assert session.answers.get(trial__position=2).flags == ["shown-again"]
    assert session.attendances.count() == 3


def test_going_on_elsewhere_and_back_keeps_an_answer_that_was_refused(page, browser, link, live_server):
    """Another device was opened and nothing answered there: what was answered here counts once reading goes on here."""
    session = register(page, link)
    wait_for(page, 1)
    with browser.new_context() as device:
        there = device.new_page()
        sign_in(there, live_server, session.reader)
        there.goto(page.url)
        wait_for(there, 1)
        page.keyboard.press("s")
        expect(page.locator("#reading-notice")).to_contain_text("reading goes on there.")
        page.get_by_role("button", name="Continue here").click()
        wait_for(page, 2)

    assert answers() == ["synthetic"]


def test_time_in_the_background_is_measured_apart(page, link):
    """Chromium without a window never hides a tab, so the page is told that it was, through the event it listens to."""
    register(page, link)
    wait_for(page, 1)

    page.evaluate(
        """() => {
            window.pretendHidden = true;
            Object.defineProperty(document, "hidden", { get: () => window.pretendHidden });
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    page.wait_for_timeout(500)
    page.evaluate("window.pretendHidden = false; document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(100)
    page.keyboard.press("r")
    wait_for(page, 2)

    answer = Answer.objects.get()
    assert answer.flags == ["hidden"]
    assert 500 <= answer.hidden_ms < answer.reading_ms
    assert answer.reading_ms - answer.hidden_ms >= 100


def test_a_pause_takes_the_image_away_and_is_not_reading_time(page, link):
    register(page, link)
    wait_for(page, 1)

    page.keyboard.press("p")
    expect(page.locator("#reading")).to_have_attribute("data-state", "paused")
    expect_empty_stage(page)
    for key in ("r", "2", "i", "+"):
        page.keyboard.press(key)
    page.wait_for_timeout(700)
    page.get_by_role("button", name="Continue").click()
    wait_for(page, 1)
    assert canvas_greys(page) > 50
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(300)
    page.keyboard.press("p")
    wait_for(page, 1)
    page.keyboard.press("r")
    wait_for(page, 2)

    answer = Answer.objects.get()
    assert answer.flags == ["paused"]
    assert answer.paused_ms >= 1000
    assert answer.reading_ms + answer.paused_ms <= answer.server_ms + 50
    assert answer.server_ms - answer.reading_ms >= 1000
    assert answer.hidden_ms == 0


def test_a_hidden_tab_in_a_pause_is_a_pause(page, link):
    register(page, link)
    wait_for(page, 1)

    page.keyboard.press("p")
    page.evaluate(
        """() => {
            window.pretendHidden = true;
            Object.defineProperty(document, "hidden", { get: () => window.pretendHidden });
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    page.wait_for_timeout(300)
    page.evaluate("window.pretendHidden = false; document.dispatchEvent(new Event('visibilitychange'))")
    page.keyboard.press("p")
    wait_for(page, 1)
    page.keyboard.press("r")
    wait_for(page, 2)

    assert Answer.objects.get().flags == ["paused"]
    assert Answer.objects.get().hidden_ms == 0


def test_stopping_does_not_start_the_next_clock(page, link, live_server):
    session = register(page, link)
    wait_for(page, 1)

    page.get_by_role("button", name="Stop after this image").click()
    page.keyboard.press("r")
    expect(page).to_have_url(f"{live_server.url}/my-studies/")

    assert session.presentations.get(trial__position=2).times_served == 0
    page.get_by_role("link", name="Go on reading").click()
    wait_for(page, 2)


def test_the_next_image_is_there_before_the_answer_and_fetched_once(page, link):
    fetched = []
    page.on("request", lambda request: fetched.append(request.url) if "/stimulus/" in request.url else None)
    session = register(page, link)

    for position in range(1, TOTAL + 1):
        wait_for(page, position)
        page.wait_for_load_state("networkidle")
        tokens = [url.rsplit("/", 1)[1] for url in fetched]
        shown = session.presentations.order_by("trial__position").values_list("token", flat=True)
        assert tokens == list(shown)[: position + 1]  # this one and the next, each once, and none beyond
        page.wait_for_timeout(200)
        page.keyboard.press("r")
    page.wait_for_url("**/done/")

    assert [answer.flags for answer in Answer.objects.all()] == [[]] * TOTAL
    times = Answer.objects.filter(trial__position__gt=1).values_list("reading_ms", "server_ms")
    assert all(0 <= server - reading < 2000 for reading, server in times)


def test_an_image_that_could_not_be_fetched_ahead_is_fetched_when_it_is_due(page, link):
    refused = []

    def refuse_second(route):
        if len(refused) == 1:
            route.abort()
        else:
            route.continue_()
        refused.append(route.request.url)

    page.route("**/stimulus/*", refuse_second)
    register(page, link)
    wait_for(page, 1)
    page.keyboard.press("r")
    wait_for(page, 2)
    page.keyboard.press("s")
    wait_for(page, 3)

    assert refused[1] == refused[2]
    assert answers() == ["real", "synthetic"]
    assert [answer.flags for answer in Answer.objects.all()] == [[], []]


def test_a_study_closed_while_reading_says_so(page, link, study):
    register(page, link)
    wait_for(page, 1)
    close_study(study=study, by=None)

    page.keyboard.press("r")

    expect(page.locator("#reading-notice")).to_contain_text("The study is closed: no more answers are taken.")
    assert answers() == []


def test_who_was_signed_out_can_sign_in_beside_and_lose_nothing(page, context, link, live_server):
    register(page, link)
    wait_for(page, 1)
    session_cookie = [cookie for cookie in context.cookies() if cookie["name"] == "sessionid"]
    context.clear_cookies(name="sessionid")

    page.keyboard.press("s")
    expect(page.locator("#reading-notice")).to_contain_text("You are signed out.")
    expect(page.get_by_role("button", name="Try now")).to_be_visible()
    assert answers() == []
    with context.expect_page() as opened:
        page.get_by_role("link", name="Sign in").click()
    beside = opened.value
    beside.locator("input[name=login]").fill("newcomer")
    beside.locator("input[name=password]").fill(PASSWORD)
    beside.locator("main form button").click()
    expect(beside.get_by_role("heading", name="My studies")).to_be_visible()  # reading goes on in the first tab
    page.locator("#reading-retry").dispatch_event("click")  # the page may have tried by itself, and hidden it
    wait_for(page, 2)

    assert len(session_cookie) == 1
    assert answers() == ["synthetic"]


def test_the_image_is_drawn_in_the_pixels_of_the_screen_and_the_page_never_moves(browser, live_server, study):
    session = make_session(study=study)
    with browser.new_context(device_scale_factor=2, viewport={"width": 1000, "height": 700}) as context:
        page = context.new_page()
        session.reader.set_password(PASSWORD)
        session.reader.save()
        sign_in(page, live_server, session.reader)
        boxes = []
        page.goto(f"{live_server.url}/read/{session.pk}/")
        for position in (1, 2):
            wait_for(page, position)
            boxes.append(page.locator("#reading-canvas").bounding_box())
            boxes.append(page.get_by_role("button", name="Real").bounding_box())
            page.keyboard.press("r")
        wait_for(page, 3)
        size = page.evaluate(
            "[document.getElementById('reading-canvas').width, document.body.scrollHeight, innerHeight]"
        )

    assert boxes[:2] == boxes[2:]
    assert size[0] == round(boxes[0]["width"] * 2)
    assert size[1] <= size[2]  # nothing to scroll


def test_without_javascript_the_page_says_what_it_needs(browser, live_server, study):
    session = make_session(study=study)
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, live_server, session.reader)
        page.goto(f"{live_server.url}/read/{session.pk}/")

        expect(page.get_by_text("This page needs JavaScript to measure the reading time.")).to_be_visible()


def test_a_keyboard_alone_is_enough(page, link):
    register(page, link)
    wait_for(page, 1)
    page.get_by_role("button", name="Synthetic").focus()
    page.keyboard.press("Enter")
    wait_for(page, 2)

    expect(page.get_by_role("button", name="Synthetic")).to_be_focused()
    page.keyboard.press("Space")
    wait_for(page, 3)
    assert answers() == ["synthetic", "synthetic"]
