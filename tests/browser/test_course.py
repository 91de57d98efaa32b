"""The course of a study in a real browser: practice, breaks, phases, limits of time, what is told of the number of
images, and the pages before and after.
"""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser.reading_room import (
    answers,
    canvas_greys,
    come_in,
    intercept,
    open_reading,
    pretend_hidden,
    wait_until_ready,
)
from tests.factories import UserFactory
from tests.turing.builders import make_dataset, make_draft, make_session, read_all
from turing.models import Answer, ReadingSession
from turing.services import close_study, enrol_reader, follow_up_study, open_study

pytestmark = pytest.mark.django_db(transaction=True)


def make(**changes) -> ReadingSession:
    study = open_study(study=make_draft(**{"n_real": 3, "n_synthetic": 3, "size": 40, **changes}), by=None)
    return make_session(study=study)


def in_state(page: Page, state: str) -> None:
    expect(page.locator("#reading")).to_have_attribute("data-state", state)


# --- practice -----------------------------------------------------------------------------------------------------


def test_practice_with_feedback_then_the_study(page, live_server):
    session = make(n_practice=2, practice_feedback=True)
    open_reading(page, live_server, session)
    feedback = page.locator("#reading-feedback-text")
    trials = {trial.position: trial for trial in session.study.trials.all()}
    right = [trials[name].truth.origin for name in session.trial_order[:2]]
    wrong = {"real": "s", "synthetic": "r"}
    labels = {"real": "Real", "synthetic": "Synthetic"}

    wait_until_ready(page, "Practice 1 of 2")
    assert page.title().startswith("Practice 1 of 2")
    page.keyboard.press(right[0][0])
    in_state(page, "feedback")
    expect(feedback).to_have_text(f"The right answer is “{labels[right[0]]}”. So was yours.")
    assert canvas_greys(page) > 50  # to look at it once more
    for key in ("r", "s", "p"):
        page.keyboard.press(key)
    in_state(page, "feedback")
    expect(page.get_by_role("button", name="Next")).to_be_focused()
    page.keyboard.press("Enter")

    wait_until_ready(page, "Practice 2 of 2")
    page.keyboard.press(wrong[right[1]])
    opposite = {"real": "Synthetic", "synthetic": "Real"}[right[1]]
    expect(feedback).to_have_text(f"The right answer is “{labels[right[1]]}”. Yours was “{opposite}”.")
    page.get_by_role("button", name="Next").click()

    in_state(page, "interlude")
    expect(page.get_by_role("heading", name="That was the practice")).to_be_visible()
    expect(page.locator("#reading-interlude-text")).to_contain_text("From now on your answers count. 6 images follow.")
    assert canvas_greys(page) == 1
    page.get_by_role("button", name="Continue").click()
    wait_until_ready(page, "1 of 6")
    page.keyboard.press("r")
    wait_until_ready(page, "2 of 6")  # at once: no feedback on what counts
    assert len(answers()) == 3


def test_practice_without_feedback(page, live_server):
    session = make(n_practice=2)
    open_reading(page, live_server, session)

    page.keyboard.press("r")
    wait_until_ready(page, "Practice 2 of 2")
    page.keyboard.press("r")
    in_state(page, "interlude")

    assert page.locator("#reading-feedback-text").text_content() == ""


def test_feedback_on_a_pair_names_the_side(page, live_server):
    session = make(scale="pair", n_practice=1, practice_feedback=True)
    open_reading(page, live_server, session)
    trial = session.study.trials.get(position=session.trial_order[0])
    left_is_right = trial.truth.origin == session.study.positive_class

    page.keyboard.press("ArrowLeft")

    expected = "Left”. So was yours." if left_is_right else "Right”. Yours was “Left”."
    expect(page.locator("#reading-feedback-text")).to_have_text(f"The right answer is “{expected}")
    assert canvas_greys(page, "reading-canvas-right") > 50


def test_an_image_that_is_shown_briefly_does_not_come_back_with_the_feedback(page, live_server):
    open_reading(page, live_server, make(n_practice=2, practice_feedback=True, exposure_limit_ms=60_000))

    page.keyboard.press("r")
    in_state(page, "feedback")

    assert canvas_greys(page) == 1


# --- breaks and phases --------------------------------------------------------------------------------------------


def test_a_break_shows_no_image_runs_no_clock_and_outlives_a_reload(page, live_server):
    fetched = []
    page.on("request", lambda request: fetched.append(request.url) if "/stimulus/" in request.url else None)
    session = make(break_every=2)
    open_reading(page, live_server, session)
    page.keyboard.press("r")
    wait_until_ready(page, "2 of 6")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("s")
    in_state(page, "interlude")

    for _ in range(2):
        expect(page.get_by_role("heading", name="Time for a short break")).to_be_visible()
        expect(page.locator("#reading-interlude-text")).to_contain_text("You have answered 2 of 6 images.")
        assert canvas_greys(page) == 1
        for key in ("r", "p", "i", "+"):
            page.keyboard.press(key)
        page.wait_for_timeout(600)
        assert len(fetched) == 2
        page.reload()
        in_state(page, "interlude")
    expect(page.get_by_role("button", name="Continue")).to_be_focused()
    page.keyboard.press("Enter")
    wait_until_ready(page, "3 of 6")
    page.keyboard.press("r")
    wait_until_ready(page, "4 of 6")

    assert answers() == ["real", "synthetic", "real"]
    third = Answer.objects.get(position=3)
    assert third.flags == []
    assert third.server_ms - third.reading_ms < 1000


def test_a_break_is_ended_in_the_newest_tab_only(page, context, live_server):
    open_reading(page, live_server, make(break_every=1))
    page.keyboard.press("r")
    in_state(page, "interlude")
    other = context.new_page()
    other.goto(page.url)
    in_state(other, "interlude")

    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#reading-notice")).to_contain_text("reading goes on there.")
    in_state(other, "interlude")
    other.get_by_role("button", name="Continue").click()
    wait_until_ready(other, "2 of 6")


def test_going_on_without_a_network_is_told_and_tried_again(page, live_server):
    open_reading(page, live_server, make(break_every=1))
    page.keyboard.press("r")
    in_state(page, "interlude")

    intercept(page, "**/continue", lambda route: route.abort())
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#reading-notice")).to_contain_text("Reading could not go on yet. No connection to the server.")
    page.unroute("**/continue")
    page.get_by_role("button", name="Try now").click()

    wait_until_ready(page, "2 of 6")


def test_each_phase_has_words_of_its_own(page, live_server):
    later = {
        "title": "Informed",
        "question": "Is it real or synthetic?",
        "instructions": "Some of them were made by a **program**.",
        "real_label": "Real",
        "synthetic_label": "Synthetic",
        "real_dataset": make_dataset(n=4, size=40, seed=21),
        "synthetic_dataset": make_dataset(origin="synthetic", n=4, size=40, seed=22),
        "real_filters": {},
        "synthetic_filters": {},
        "n_real": 2,
        "n_synthetic": 2,
    }
    first = {"question": "Is anything odd?", "real_label": "Ordinary", "synthetic_label": "Odd"}
    session = make(**first, n_real=1, n_synthetic=1, later_phases=[later])
    open_reading(page, live_server, session)
    expect(page.get_by_role("heading", level=1)).to_have_text("Is anything odd?")

    page.get_by_role("button", name="Ordinary").click()
    wait_until_ready(page, "2 of 6")
    page.get_by_role("button", name="Odd").click()
    page.wait_for_url("**/phase/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Part 2 of 2")
    expect(page.locator("strong", has_text="program")).to_be_visible()
    expect(page.get_by_text("2 of 6 images are answered.")).to_be_visible()
    page.goto(f"{live_server.url}/read/{session.pk}/")  # no way around it
    page.wait_for_url("**/phase/")
    page.get_by_role("button", name="Go on reading").click()

    wait_until_ready(page, "3 of 6")
    expect(page.get_by_role("heading", level=1)).to_have_text("Is it real or synthetic?")
    page.get_by_role("button", name="Synthetic").click()
    wait_until_ready(page, "4 of 6")
    assert answers() == ["real", "synthetic", "synthetic"]


# --- limits of time -----------------------------------------------------------------------------------------------


def greys_and_time(page: Page) -> None:
    """Notes in the page how long the image was on the canvas: from its first drawing to its going."""
    page.add_init_script(
        """window.shown = [];
        const draw = CanvasRenderingContext2D.prototype.drawImage;
        CanvasRenderingContext2D.prototype.drawImage = function (...what) {
            if (this.canvas.id === "reading-canvas") window.shown.push(performance.now());
            return draw.apply(this, what);
        };
        new MutationObserver(() => {
            const root = document.getElementById("reading");
            if (root?.hasAttribute("data-gone")) window.gone ??= performance.now();
        }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-gone"] });"""
    )


def test_an_image_goes_after_its_time_and_can_still_be_answered(page, live_server):
    greys_and_time(page)
    open_reading(page, live_server, make(exposure_limit_ms=900))
    expect(page.get_by_text("The image has gone")).to_be_visible()
    assert canvas_greys(page) == 1
    for key in ("+", "i", "u"):  # nothing brings it back
        page.keyboard.press(key)
    assert canvas_greys(page) == 1
    first, gone = page.evaluate("[window.shown[0], window.gone]")
    page.keyboard.press("r")
    wait_until_ready(page, "2 of 6")

    assert 900 <= gone - first < 1200
    assert answers() == ["real"]
    expect(page.get_by_text("The image has gone")).to_be_visible()  # the second has its time too


def test_neither_a_pause_nor_a_hidden_tab_uses_up_the_time_of_an_image(page, live_server):
    open_reading(page, live_server, make(exposure_limit_ms=2500))
    page.keyboard.press("p")
    in_state(page, "paused")
    page.wait_for_timeout(2600)
    page.keyboard.press("p")
    in_state(page, "ready")
    assert canvas_greys(page) > 50
    pretend_hidden(page, True)
    page.wait_for_timeout(2600)
    pretend_hidden(page, False)
    assert canvas_greys(page) > 50

    expect(page.get_by_text("The image has gone")).to_be_visible()  # the rest of its time was kept
    page.keyboard.press("p")
    in_state(page, "paused")
    page.keyboard.press("p")
    in_state(page, "ready")
    assert canvas_greys(page) == 1
    page.keyboard.press("s")
    wait_until_ready(page, "2 of 6")
    answer = Answer.objects.get()
    assert sorted(answer.flags) == ["hidden", "paused"]
    assert answer.reading_ms - answer.hidden_ms >= 2500


def test_when_the_time_is_up_the_next_image_comes_without_an_answer(page, live_server):
    open_reading(page, live_server, make(time_limit_ms=2000))
    left = page.get_by_role("progressbar", name="Time left for the answer")
    assert left.evaluate("(bar) => bar.value") <= 2000
    page.wait_for_timeout(700)
    assert left.evaluate("(bar) => bar.value / bar.max") < 0.85

    wait_until_ready(page, "2 of 6")
    expect(page.locator("#reading-notice")).to_have_text(re.compile("The time for the last image was over"))
    page.keyboard.press("s")
    wait_until_ready(page, "3 of 6")
    expect(page.locator("#reading-notice")).to_be_hidden()

    assert answers() == ["none", "synthetic"]
    first = Answer.objects.get(position=1)
    assert 2000 <= first.reading_ms < 2500
    assert first.flags == []


def test_a_key_pressed_just_when_the_time_is_up_does_not_answer_the_next_image(page, live_server):
    open_reading(page, live_server, make(time_limit_ms=1500))
    expect(page.locator("#reading-progress")).to_have_text("2 of 6")
    in_state(page, "painted")
    page.keyboard.press("r")
    page.wait_for_timeout(100)

    assert answers() == ["none"]


def test_a_pause_stops_the_time_for_an_answer(page, live_server):
    open_reading(page, live_server, make(time_limit_ms=3000))
    page.keyboard.press("p")
    in_state(page, "paused")
    page.wait_for_timeout(3500)
    assert answers() == []
    page.keyboard.press("p")
    in_state(page, "ready")
    page.keyboard.press("r")
    wait_until_ready(page, "2 of 6")

    assert answers() == ["real"]


# --- the number of images -----------------------------------------------------------------------------------------


def test_a_study_that_does_not_tell_how_many_images_there_are(page, live_server):
    session = make(shows_total=False, n_practice=1, break_every=2)
    texts = []
    come_in(page.context, live_server, session.reader)
    for address in ("my-studies/", f"read/{session.pk}/instructions/"):
        page.goto(f"{live_server.url}/{address}")
        texts.append(page.locator("main").inner_text())
    open_reading(page, live_server, session)
    for place in ("Practice 1", "Image 1", "Image 2", "Image 3", "Image 4", "Image 5", "Image 6"):
        wait_until_ready(page, place)
        texts += [page.locator("#reading").inner_text(), page.title()]
        expect(page.locator("#reading-progress-bar")).to_be_hidden()
        page.keyboard.press("r")
        if place in ("Practice 1", "Image 2", "Image 4"):
            in_state(page, "interlude")
            texts.append(page.locator("#reading").inner_text())
            page.keyboard.press("Enter")
    page.wait_for_url("**/done/")
    texts.append(page.locator("main").inner_text())

    assert [text for text in texts if re.search(r"\bof (6|7)\b|\b(6|7) (images|practice)", text)] == []


# --- pages before and after ---------------------------------------------------------------------------------------


def test_consent_and_experience_come_before_the_start(page, live_server):
    groups = [{"name": "Less", "from_years": 0}, {"name": "More", "from_years": 5}]
    draft = make_draft(consent="I take part **freely**.", group_by="years", groups=groups)
    study = open_study(study=draft, by=None)
    session = enrol_reader(study=study, user=UserFactory())
    come_in(page.context, live_server, session.reader)
    page.goto(f"{live_server.url}/read/{session.pk}/")
    expect(page.locator("strong", has_text="freely")).to_be_visible()

    page.get_by_label("Years of experience").fill("7.5")
    page.locator("form.tr-start").evaluate("(form) => { form.noValidate = true; }")
    page.get_by_role("button", name="Start reading").click()
    expect(page.get_by_text("Please tick this to take part.")).to_be_visible()
    expect(page.get_by_label("Years of experience")).to_have_value("7.5")
    page.get_by_label("I have read this and agree").check()
    page.get_by_role("button", name="Start reading").click()
    page.get_by_role("button", name="Go on to the first image").click()
    wait_until_ready(page, "1 of 4")

    session.refresh_from_db()
    assert session.consented_at is not None
    assert (session.years_experience, session.reader_group) == (7.5, "More")


def test_instructions_say_how_this_study_goes(page, live_server):
    session = make(
        scale="percent",
        n_practice=2,
        practice_feedback=True,
        break_every=3,
        exposure_limit_ms=1500,
        time_limit_ms=120_000,
    )
    come_in(page.context, live_server, session.reader)
    page.goto(f"{live_server.url}/read/{session.pk}/instructions/")

    text = re.sub(r"\s+", " ", page.locator("main").inner_text())
    for said in (
        "The first 2 are practice and do not count; after each you are told the right answer.",
        "After every 3 images a break is offered",
        "Each image is shown for 1.5 seconds and then goes",
        "You have 2 minutes for each answer.",
        "0 is surely real, 100 surely synthetic",
    ):
        assert said in text


def test_my_studies_tell_progress_time_and_history(page, live_server):
    study = open_study(study=make_draft(name="First", n_real=1, n_synthetic=1, shows_score=True), by=None)
    session = make_session(study=study)
    come_in(page.context, live_server, session.reader)
    second = follow_up_study(study=study, by=None, name="Second", washout_days=14)
    open_study(study=second, by=None)
    page.goto(f"{live_server.url}/my-studies/")
    first_card, second_card = (
        page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name)) for name in ("First", "Second")
    )
    expect(second_card).to_contain_text("Can start some time after you have finished your first session")
    read_all(session, ["real"], reading_ms=90_000)
    page.reload()
    expect(first_card).to_contain_text("1 of 2 images answered")
    expect(first_card).to_contain_text("2 min spent")
    read_all(session, ["real"], reading_ms=90_000)

    page.reload()
    day = timezone.localtime(timezone.now() + timedelta(days=14))
    expect(second_card).to_contain_text(f"Can start on {day.day} {day:%B %Y}")
    row = page.get_by_role("row", name="First")
    expect(row).to_contain_text("Read completely")
    expect(row).to_contain_text("3 min")
    expect(row).not_to_contain_text("right")
    later = ReadingSession.objects.get(study=second)
    page.goto(f"{live_server.url}/read/{later.pk}/instructions/")
    expect(page.get_by_role("heading", level=1)).to_have_text("“Second” starts later")
    expect(page.locator("main")).to_contain_text(f"You can start on {day.day} {day:%B %Y}")

    close_study(study=study, by=None)
    page.goto(f"{live_server.url}/my-studies/")
    session.refresh_from_db()
    expect(row).to_contain_text(f"{session.n_correct} of 2 right")
    page.get_by_role("link", name="Read completely").click()
    expect(page.locator("main")).to_contain_text(f"You were right in {session.n_correct} of 2.")


def test_the_last_page_has_the_closing_words_and_no_score_before_the_study_closes(page, live_server):
    study = open_study(
        study=make_draft(n_real=1, n_synthetic=1, shows_score=True, closing_text="Cake is in the *kitchen*."), by=None
    )
    session = make_session(study=study)
    open_reading(page, live_server, session)
    for place in ("1 of 2", "2 of 2"):
        wait_until_ready(page, place)
        page.keyboard.press("r")

    page.wait_for_url("**/done/")
    expect(page.locator("em", has_text="kitchen")).to_be_visible()
    expect(page.locator("main")).not_to_contain_text("right in")
