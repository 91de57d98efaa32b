"""axe on every page of a reader and of an investigator, in each of its states: nothing is found."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from config.accounts.models import User
from tests.browser.accessibility import violations_of
from tests.browser.reading_room import come_in, intercept, open_reading, wait_until_ready
from tests.factories import QuarantinedImageFactory, TrainingRunFactory, UserFactory
from tests.turing.builders import make_dataset, make_draft, make_session, read_all
from turing.models import ReadingSession
from turing.services import close_study, create_invitations, enrol_reader, follow_up_study, open_study

pytestmark = pytest.mark.django_db(transaction=True)

EVERYTHING = {
    "mark_kind": "box",
    "asks_comment": True,
    "time_limit_ms": 600_000,
    "exposure_limit_ms": 600_000,
    "break_every": 2,
}


class Walk:
    """Pages that were visited, and what axe found on each."""

    def __init__(self, page: Page, site: str) -> None:
        self.page, self.site = page, site
        self.problems: dict[str, list[str]] = {}

    def visit(self, name: str, *args) -> None:
        self.page.goto(self.site + reverse(name, args=args))
        self.look(f"{name} {args}")

    def look(self, state: str) -> None:
        texts = [f"{rule}: {element}" for rule, elements in violations_of(self.page) for element in elements]
        if texts:
            self.problems[state] = texts


@pytest.fixture
def walk(page, live_server) -> Walk:
    return Walk(page, live_server.url)


@pytest.mark.parametrize("scale", ["binary", "confidence", "percent", "pair"])
def test_the_reading_page_in_each_state(walk, page, live_server, scale):
    practice = {"n_practice": 2, "practice_feedback": True}
    study = open_study(study=make_draft(n_real=3, n_synthetic=3, scale=scale, **practice, **EVERYTHING), by=None)
    session = make_session(study=study)
    come_in(page.context, live_server, session.reader)
    keys = {"binary": ["r"], "confidence": ["2"], "percent": ["7", "Enter"], "pair": ["1"]}[scale]

    def answer() -> None:
        for key in keys:
            page.keyboard.press(key)

    def state(name: str) -> None:
        expect(page.locator("#reading")).to_have_attribute("data-state", name)
        walk.look(name)

    walk.visit("turing:read", session.pk)  # the display check
    wait_until_ready(page, "Practice 1 of 2")
    state("ready")
    page.keyboard.press("m")
    for key in ("ArrowLeft", "Enter", "ArrowLeft", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#reading-marks li")).to_have_count(1)
    walk.look("marking")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    walk.look("help")
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    state("paused")
    page.keyboard.press("p")
    wait_until_ready(page)
    if scale == "percent":
        page.keyboard.type("50")
        walk.look("undecided")
        page.keyboard.press("Backspace")
        page.keyboard.press("Backspace")
    answer()
    state("feedback")
    page.keyboard.press("Enter")
    wait_until_ready(page, "Practice 2 of 2")
    answer()
    expect(page.locator("#reading")).to_have_attribute("data-state", "feedback")
    page.keyboard.press("Enter")
    state("interlude")
    page.keyboard.press("Enter")
    wait_until_ready(page)
    intercept(page, "**/answer", lambda route: route.abort())
    answer()
    expect(page.locator("#reading-notice")).to_be_visible()
    state("sending")

    assert walk.problems == {}


def test_an_image_that_has_gone(walk, page, live_server):
    study = open_study(study=make_draft(exposure_limit_ms=300), by=None)
    open_reading(page, live_server, make_session(study=study))
    expect(page.get_by_text("The image has gone")).to_be_visible()

    walk.look("gone")

    assert walk.problems == {}


def test_the_pages_of_a_reader(walk, page, live_server):
    reader = UserFactory()
    ((_, secret),) = create_invitations(study=open_study(study=make_draft(), by=None), count=1, by=None)
    walk.visit("turing:invite", secret)
    walk.visit("turing:invite", "x" * 20)
    come_in(page.context, live_server, reader)
    walk.visit("turing:invite", secret)
    walk.visit("turing:my_studies")

    grades = ["student", "resident", "fellow"], ["radiologist", "other"]
    groups = [{"name": name, "grades": given} for name, given in zip(("Training", "Trained"), grades, strict=True)]
    later = {
        "title": "Informed", "question": "Real or synthetic?", "instructions": "Now you *know*.",
        "real_label": "Real", "synthetic_label": "Synthetic", "n_real": 1, "n_synthetic": 1,
        "real_filters": {}, "synthetic_filters": {},
        "real_dataset": make_dataset(seed=5), "synthetic_dataset": make_dataset(origin="synthetic", seed=6),
    }  # fmt: skip
    full = open_study(
        study=make_draft(
            n_real=1, n_synthetic=1, later_phases=[later], consent="# Consent\n\nFreely.", closing_text="Thanks.",
            group_by="grade", groups=groups, shows_score=True, n_practice=2, **EVERYTHING,
        ),
        by=None,
    )  # fmt: skip
    session = enrol_reader(study=full, user=reader)
    walk.visit("turing:read_instructions", session.pk)
    page.locator("form.tr-start").evaluate("(form) => { form.noValidate = true; }")
    page.get_by_role("button", name="Start reading").click()
    expect(page.get_by_text("Please tick this to take part.")).to_be_visible()
    walk.look("declaration with errors")
    page.get_by_label("I have read this").check()
    page.get_by_label("Your grade").select_option("fellow")
    page.get_by_role("button", name="Start reading").click()
    page.wait_for_url(f"**/read/{session.pk}/")
    walk.visit("turing:read_instructions", session.pk)
    walk.visit("turing:my_studies")
    read_course(page, live_server, session, walk)
    second = follow_up_study(study=full, by=None, name="Again", washout_days=3)
    open_study(study=second, by=None)
    again = ReadingSession.objects.get(study=second)
    walk.visit("turing:read_instructions", again.pk)  # not yet
    walk.visit("turing:my_studies")
    close_study(study=full, by=None)
    walk.visit("turing:read_done", session.pk)  # with the score
    ReadingSession.objects.filter(pk=again.pk).update(available_from=timezone.now() - timedelta(days=1))
    close_study(study=second, by=None)
    walk.visit("turing:read_instructions", again.pk)  # closed
    walk.visit("turing:my_studies")

    assert walk.problems == {}


def read_course(page: Page, live_server, session: ReadingSession, walk: Walk) -> None:
    """From the first image to the last, with the pages that lie between."""
    page.goto(f"{live_server.url}/read/{session.pk}/")
    for place in ("Practice 1 of 2", "Practice 2 of 2"):
        wait_until_ready(page, place)
        page.keyboard.press("r")
    expect(page.locator("#reading")).to_have_attribute("data-state", "interlude")
    page.keyboard.press("Enter")
    for place in ("1 of 4", "2 of 4"):
        wait_until_ready(page, place)
        page.keyboard.press("r")
    page.wait_for_url("**/phase/")
    walk.look("phase")
    page.get_by_role("button", name="Go on reading").click()
    for place in ("3 of 4", "4 of 4"):
        wait_until_ready(page, place)
        page.keyboard.press("r")
    page.wait_for_url("**/done/")
    walk.look("done")


def test_the_pages_of_an_investigator(walk, page, live_server):
    come_in(page.context, live_server, UserFactory(role=User.Role.INVESTIGATOR))
    walk.visit("home")
    walk.visit("turing:study_list")
    walk.visit("turing:study_create")
    draft = make_draft(name="Draft", n_practice=2, practice_feedback=True, **EVERYTHING)
    for name in ("study_detail", "study_edit", "study_results", "preview_instructions"):
        walk.visit(f"turing:{name}", draft.pk)
    page.get_by_role("button", name="Start reading").click()
    wait_until_ready(page)
    walk.look("preview")

    for scale, right in (("binary", "real"), ("confidence", 2), ("percent", 7), ("pair", "left")):
        answer = {"value": "", "rating": right} if isinstance(right, int) else {"value": right}
        study = open_study(study=make_draft(name=f"Open {scale}", scale=scale, shows_score=True), by=None)
        session = make_session(study=study)
        for _ in range(len(session.trial_order)):
            read_all(session, [answer["value"]], **{key: it for key, it in answer.items() if key != "value"})
        walk.visit("turing:study_detail", study.pk)
        walk.visit("turing:study_results", study.pk)
        close_study(study=study, by=None)
        for name in ("study_detail", "study_results", "study_images"):
            walk.visit(f"turing:{name}", study.pk)
    walk.visit("turing:study_list")
    dataset = study.real_dataset
    walk.visit("imaging:dataset_list")
    walk.visit("imaging:import_new")
    walk.visit("imaging:dataset_detail", dataset.pk)
    walk.visit("imaging:image_detail", dataset.images.first().pk)
    queued = QuarantinedImageFactory.create_batch(2, dataset=dataset)
    for name in ("quarantine_list", "sign_off_list"):
        walk.visit(f"imaging:{name}", dataset.pk)
    walk.visit("imaging:quarantine_item", queued[0].pk)
    run = TrainingRunFactory(dataset=dataset)
    for name in ("generation:run_list", "generation:run_new", "worker:job_list"):
        walk.visit(name)
    walk.visit("generation:run_detail", run.pk)
    page.goto(f"{walk.site}{reverse('generation:run_new')}?like={run.pk}")
    walk.look("a new run like another")
    walk.visit("worker:job_detail", run.job.pk)
    waiting = open_study(study=make_draft(name="Open, with links"), by=None)
    walk.visit("turing:study_detail", waiting.pk)
    page.get_by_role("button", name="Make links").click()
    expect(page.get_by_role("button", name="Copy link 1")).to_be_visible()
    walk.look("links")

    assert walk.problems == {}
