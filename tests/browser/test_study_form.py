"""The study form and the opening of a study in a real browser, with and without JavaScript."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.generation.conftest import run_job
from tests.turing.builders import make_dataset, make_draft
from turing.models import Answer, Presentation, ReadingSession, Study
from worker.models import Job

pytestmark = pytest.mark.django_db(transaction=True)

# where the reading page waits for the reader, or the page of the next phase
STOPS = """() => {
    if (location.pathname.endsWith("/phase/")) return "phase";
    const state = document.getElementById("reading")?.dataset.state;
    return ["ready", "feedback", "interlude"].includes(state) ? state : null;
}"""

MOVED_ON = """(place) => {
    const progress = document.getElementById("reading-progress");
    return progress?.innerText !== place || document.getElementById("reading").dataset.state !== "ready";
}"""


@pytest.fixture
def datasets():
    return make_dataset(n=12, labels=["normal", "lesion"]), make_dataset(origin="synthetic", n=9)


@pytest.fixture
def signed_in(page, live_server, investigator, client):
    client.force_login(investigator)
    cookie = client.cookies["sessionid"]
    page.context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": live_server.url}])
    return page


@pytest.fixture
def form(signed_in, live_server, datasets):
    signed_in.goto(live_server.url + reverse("turing:study_create"))
    return signed_in


def fill_plain(page, datasets) -> None:
    page.fill("[name=name]", "Chest study")
    page.select_option("[name=real_dataset]", str(datasets[0].pk))
    page.select_option("[name=synthetic_dataset]", str(datasets[1].pk))
    page.fill("[name=n_real]", "4")
    page.fill("[name=n_synthetic]", "4")


def open_section(page, title: str) -> None:
    page.locator("summary", has_text=title).click()


def test_a_plain_study_opens_no_section(form, datasets):
    fill_plain(form, datasets)
    form.get_by_role("button", name="Save draft").click()

    form.wait_for_url("**/studies/*-*/")
    assert Study.objects.get().name == "Chest study"


def test_the_count_follows_each_choice(form, datasets):
    counts = form.locator(".tr-matching")
    expect(counts.nth(0)).to_have_text("Choose a dataset to see how many images match.")

    form.select_option("[name=real_dataset]", str(datasets[0].pk))
    expect(counts.nth(0)).to_have_text("12 images match: too few for 100.")
    form.fill("[name=n_real]", "5")
    form.locator("#real-side summary").click()
    form.check("[name=real_labels][value=lesion]")
    expect(counts.nth(0)).to_have_text("6 images match.")
    expect(counts.nth(1)).to_have_text("Choose a dataset to see how many images match.")


def test_fields_come_and_go_with_what_they_depend_on(form):
    open_section(form, "How readers answer")
    open_section(form, "Order and breaks")
    open_section(form, "Reader groups")
    words, block_size, years = (
        form.locator(f"[name={name}]") for name in ("real_label", "block_size", "group-0-from_years")
    )
    expect(words).to_be_visible()
    expect(block_size).to_be_hidden()
    expect(years).to_be_hidden()

    form.check("[name=scale][value=confidence]")
    form.check("[name=order][value=blocks]")
    form.check("[name=group_by][value=years]")

    expect(words).to_be_hidden()
    expect(block_size).to_be_visible()
    expect(years).to_be_visible()
    expect(form.locator("[name=group-0-grades]").first).to_be_hidden()


def test_words_follow_until_they_are_touched(form):
    question, instructions = form.locator("[name=question]"), form.locator("[name=instructions]")
    open_section(form, "How readers answer")
    open_section(form, "Time limits")

    form.check("[name=scale][value=pair]")
    expect(question).to_have_value("Which of the two is real?")
    expect(instructions).to_have_value(containing("side by side"))
    form.check("[name=positive_class][value=synthetic]")
    expect(question).to_have_value("Which of the two is synthetic?")
    form.fill("[name=time_limit]", "20")
    form.press("[name=time_limit]", "Tab")
    expect(instructions).to_have_value(containing("The time is limited"))
    question.fill("Mine?")
    form.check("[name=scale][value=binary]")
    expect(question).to_have_value("Mine?")


def containing(part: str):
    return re.compile(re.escape(part))


def test_a_phase_is_added_filled_in_and_saved(form, datasets):
    fill_plain(form, datasets)
    open_section(form, "More phases")
    form.get_by_role("button", name="Add a phase").click()

    expect(form.locator("#phase-0")).to_be_in_viewport()
    assert form.input_value("[name=name]") == "Chest study"
    form.fill("[name=phase-0-title]", "Told")
    form.fill("[name=phase-0-n_real]", "3")
    form.fill("[name=phase-0-n_synthetic]", "3")
    expect(form.locator(".tr-matching").nth(2)).to_have_text("12 images match.")
    form.get_by_role("button", name="Save draft").click()

    form.wait_for_url("**/studies/*-*/")
    assert Study.objects.get().later_phases.get().title == "Told"


def test_enter_saves_and_removes_no_phase(form, datasets):
    fill_plain(form, datasets)
    open_section(form, "More phases")
    form.get_by_role("button", name="Add a phase").click()
    form.fill("[name=phase-0-n_real]", "3")
    form.fill("[name=phase-0-n_synthetic]", "3")
    form.fill("[name=phase-0-title]", "Told")
    form.press("[name=phase-0-title]", "Enter")

    form.wait_for_url("**/studies/*-*/")
    assert Study.objects.get().later_phases.count() == 1


def test_a_section_with_a_mistake_opens_by_itself(form, datasets):
    fill_plain(form, datasets)
    open_section(form, "Practice and repeats")
    form.fill("[name=n_practice]", "1000")
    open_section(form, "Practice and repeats")
    expect(form.locator("[name=n_practice]")).to_be_hidden()

    form.get_by_role("button", name="Save draft").click()

    expect(form.locator("[name=n_practice]")).to_be_visible()
    assert Study.objects.count() == 0


def test_everything_works_without_script(browser, form, datasets):
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(form.context.cookies())
    page = context.new_page()
    page.goto(form.url)
    fill_plain(page, datasets)
    open_section(page, "Order and breaks")
    page.check("[name=order][value=blocks]")
    page.fill("[name=block_size]", "4")
    open_section(page, "More phases")
    for _ in range(2):
        page.get_by_role("button", name="Add a phase").click()
    page.get_by_role("button", name="Remove phase 3").click()
    page.fill("[name=phase-0-title]", "Told")
    page.fill("[name=phase-0-n_real]", "2")
    page.fill("[name=phase-0-n_synthetic]", "2")
    expect(page.locator(".tr-matching").nth(2)).to_have_text("12 images match: too few for 100.")

    page.get_by_role("button", name="Save draft").click()

    study = Study.objects.get()
    assert (study.order, study.block_size, study.later_phases.get().title) == ("blocks", 4, "Told")
    context.close()


@pytest.mark.parametrize(("scale", "key"), [("binary", "r"), ("pair", "ArrowLeft"), ("confidence", "2")])
def test_a_preview_is_the_reading_page_from_start_to_end(signed_in, live_server, scale, key):
    later = {"title": "Told", "question": "And now?", "n_real": 2, "n_synthetic": 2}
    study = make_draft(
        real_dataset=make_dataset(n=30),
        synthetic_dataset=make_dataset(origin="synthetic", n=30),
        n_real=8,
        n_synthetic=8,
        scale=scale,
        n_practice=2,
        practice_feedback=True,
        break_every=2,
        consent="I agree.",
        later_phases=[later],
    )
    signed_in.goto(live_server.url + study.get_absolute_url())
    signed_in.get_by_role("link", name="Preview as a reader").click()
    signed_in.check("[name=consents]")
    signed_in.get_by_role("button", name="Start reading").click()
    signed_in.get_by_role("button", name="Go on to the first image").click()

    met = []
    for _ in range(8):
        state = signed_in.wait_for_function(STOPS).json_value()
        if state == "feedback":
            signed_in.get_by_role("button", name="Next").click()
            state = signed_in.wait_for_function(STOPS).json_value()
        if state == "interlude":
            met.append("interlude")
            signed_in.get_by_role("button", name="Continue").last.click()
            state = signed_in.wait_for_function(STOPS).json_value()
        if state == "phase":
            met.append("phase")
            signed_in.get_by_role("button", name="Go on reading").click()
            state = signed_in.wait_for_function(STOPS).json_value()
        assert state == "ready"
        met.append(signed_in.locator("#reading-progress").inner_text())
        signed_in.keyboard.press(key)
        signed_in.wait_for_function(MOVED_ON, arg=met[-1])

    signed_in.get_by_role("link", name="Back to the study").click()
    signed_in.wait_for_url(live_server.url + study.get_absolute_url())
    assert met == [
        *("Practice 1 of 2", "Practice 2 of 2", "interlude", "1 of 6", "2 of 6", "interlude", "3 of 6"),
        *("phase", "4 of 6", "5 of 6", "6 of 6"),
    ]
    assert (ReadingSession.objects.count(), Presentation.objects.count(), Answer.objects.count()) == (0, 0, 0)


def test_the_page_shows_the_opening_and_then_the_open_study(signed_in, live_server):
    study = make_draft()
    signed_in.goto(live_server.url + study.get_absolute_url())
    signed_in.get_by_text("Open the study…").click()
    signed_in.get_by_role("button", name="Yes, open it for reading").click()
    expect(signed_in.locator("[data-job-state=queued]")).to_be_visible()

    run_job(Job.objects.get())

    expect(signed_in.get_by_text("The study is open.")).to_be_visible()
    expect(signed_in.locator("main")).to_have_count(1)
    expect(signed_in.get_by_role("button", name="Make links")).to_be_visible()
