"""The network or the server goes while somebody reads: the page says so, waits, goes on by itself, and nothing is lost.

Losses in single requests stand in test_reading.py; here the whole connection is gone, or the server is killed.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from playwright.sync_api import BrowserContext, Error, Page, expect

from tests.browser.reading_room import answers, expect_empty_stage, intercept, register, wait_for
from tests.turing.builders import make_draft
from tests.turing.reading.web_server import WebServer, stored_answers
from tests.worker.site import NEEDS_PROC, database_url, wait_until
from turing.audit.verification import verify_audit
from turing.models import Answer, Presentation
from turing.reading.selectors import current_of
from turing.services import create_invitations, open_study

pytestmark = pytest.mark.django_db(transaction=True)

AGAIN_MS = 15_000  # the page waits 10 s at most between two attempts
NOT_STORED = "Your answer is not stored yet. This browser keeps it, also when you reload or close the page."
NO_CONNECTION = "No connection to the server. Trying again…"


@pytest.fixture
def study(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    return open_study(study=make_draft(name="Chest study", n_real=4, n_synthetic=4, size=56), by=None)


def invitation(study, address: str) -> str:
    ((_, secret),) = create_invitations(study=study, count=1, by=None)
    return f"{address}/invite/{secret}/"


@pytest.fixture
def link(study, live_server) -> str:
    return invitation(study, live_server.url)


@pytest.fixture
def server(study, tmp_path) -> Iterator[WebServer]:
    """gunicorn, in place of the server inside this process."""
    with WebServer(tmp_path, database_url()) as server:
        yield server


def says(page: Page, text: str) -> None:
    """In words, on the screen."""
    notice = page.locator("#reading-notice")
    expect(notice).to_contain_text(text, timeout=AGAIN_MS)
    expect(notice).to_be_in_viewport(ratio=1)


def goes_on(page: Page, position: int) -> None:
    """By itself: nothing is pressed."""
    expect(page.locator("#reading-progress")).to_have_text(f"{position} of 8", timeout=AGAIN_MS)
    expect(page.locator("#reading")).to_have_attribute("data-state", "ready", timeout=AGAIN_MS)
    expect(page.locator("#reading-notice")).to_be_hidden()


def waits_at(page: Page, position: int) -> None:
    """With the image off the screen, and answers impossible."""
    expect(page.locator("#reading-progress")).to_have_text(f"{position} of 8")
    for name in ("Real", "Synthetic"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
    page.keyboard.press("r")
    expect_empty_stage(page)


def drop_network_at(page: Page, context: BrowserContext, pattern: str) -> None:
    """With the first request to such an address, before it leaves."""

    def drop(route):
        context.set_offline(True)
        route.continue_()

    intercept(page, pattern, drop, times=1)


def test_no_network_when_the_answer_is_sent(page, context, link):
    register(page, link)
    wait_for(page, 1)

    drop_network_at(page, context, "**/answer")
    page.keyboard.press("s")
    says(page, f"{NOT_STORED} {NO_CONNECTION}")
    waits_at(page, 1)
    assert answers() == []
    context.set_offline(False)
    goes_on(page, 2)

    assert answers() == ["synthetic"]


def test_no_network_when_the_answer_is_sent_and_the_page_is_loaded_again(page, context, link):
    session = register(page, link)
    wait_for(page, 1)
    address = page.url

    drop_network_at(page, context, "**/answer")
    page.keyboard.press("s")
    says(page, "Your answer is not stored yet.")
    with pytest.raises(Error, match="ERR_INTERNET_DISCONNECTED"):
        page.reload()
    assert answers() == []
    context.set_offline(False)
    page.goto(address)
    goes_on(page, 2)

    assert answers() == ["synthetic"]
    answer = Answer.objects.get()
    assert answer.flags == []
    assert session.presentations.get(trial=answer.trial).times_served == 1


def test_no_network_when_the_first_image_is_loading(page, context, link):
    session = register(page, link)
    drop_network_at(page, context, "**/stimulus/*")
    page.get_by_role("button", name="Go on to the first image").click()
    says(page, f"The image could not be loaded. {NO_CONNECTION}")

    waits_at(page, 1)
    assert session.presentations.get(token=current_of(session).token).times_served == 0
    context.set_offline(False)
    goes_on(page, 1)
    page.keyboard.press("r")
    wait_for(page, 2)

    assert answers() == ["real"]
    assert Answer.objects.get().flags == []  # its clock began when it was on the screen


def test_no_network_when_the_next_image_is_loading_and_the_page_is_loaded_again(page, context, link):
    """The answer is stored, the image after it was not fetched ahead."""
    refused = []

    def refuse_ahead(route):
        refused.append(route.request.url)
        if len(refused) == 2:  # the first is the current one
            route.abort()
        elif len(refused) == 3:  # asked for once it is due
            context.set_offline(True)
            route.continue_()
        else:
            route.continue_()

    page.route("**/stimulus/*", refuse_ahead)
    session = register(page, link)
    wait_for(page, 1)
    while len(refused) < 2:  # until the next image is fetched ahead
        page.wait_for_timeout(20)
    page.keyboard.press("s")
    says(page, f"The image could not be loaded. {NO_CONNECTION}")
    waits_at(page, 2)
    assert answers() == ["synthetic"]
    address = page.url
    with pytest.raises(Error, match="ERR_INTERNET_DISCONNECTED"):
        page.reload()
    context.set_offline(False)
    page.goto(address)
    goes_on(page, 2)
    page.keyboard.press("r")
    wait_for(page, 3)

    assert answers() == ["synthetic", "real"]
    assert [answer.flags for answer in session.answers.all()] == [[], []]


def test_responses_that_are_lost_again_and_again(page, link):
    """Each request reaches the server, no response comes back, until one does."""
    register(page, link)
    wait_for(page, 1)
    sent = []

    def lose(route):
        sent.append((route.request.post_data_json["idempotency_key"], route.fetch().status))
        if len(sent) < 3:
            route.abort("connectionreset")
        else:
            route.continue_()

    intercept(page, "**/answer", lose)
    page.keyboard.press("s")
    says(page, f"{NOT_STORED} {NO_CONNECTION}")
    waits_at(page, 1)
    goes_on(page, 2)

    assert {status for _, status in sent} == {200}
    assert len({key for key, _ in sent}) == 1
    assert answers() == ["synthetic"]


def test_a_damaged_image_is_told_and_shown_once_it_is_restored(page, link):
    session = register(page, link)
    trial = Presentation.objects.get(token=current_of(session).token).trial
    file = Path(default_storage.path(trial.stimulus_file))
    pixels = file.read_bytes()
    file.write_bytes(pixels[::-1])

    page.get_by_role("button", name="Go on to the first image").click()
    says(
        page,
        "The image could not be loaded. Its file is missing or damaged on the server. Please tell whoever invited you; "
        "your place is kept. Trying again…",
    )
    waits_at(page, 1)
    file.write_bytes(pixels)
    goes_on(page, 1)


@NEEDS_PROC
@pytest.mark.faults
def test_the_server_is_killed_while_an_answer_is_on_its_way(page, server, study):
    """It has the request and does not come to read it; it is started again at once, as the supervisor does."""
    register(page, invitation(study, server.address))

    wait_for(page, 1)
    server.signal_all(signal.SIGSTOP)
    with page.expect_request("**/answer"):
        page.keyboard.press("s")
    waits_at(page, 1)
    assert answers() == []
    server.signal_all(signal.SIGKILL)
    wait_until(lambda: server.starts() == 2 and server.part.ready, 60, "the web server answers again")
    goes_on(page, 2)  # within the page's own time, however long the server took
    assert server.starts() == 2

    assert answers() == ["synthetic"]
    assert verify_audit().problems == ()


@NEEDS_PROC
@pytest.mark.faults
def test_the_whole_site_is_killed_while_an_answer_is_on_its_way(page, study, tmp_path):
    """Nobody listens any more until somebody starts it again."""
    with WebServer(tmp_path, database_url()) as server:
        session = register(page, invitation(study, server.address))
        wait_for(page, 1)
        server.signal_all(signal.SIGSTOP)
        with page.expect_request("**/answer"):
            page.keyboard.press("s")
        server.kill_for_good()
    says(page, f"{NOT_STORED} {NO_CONNECTION}")
    waits_at(page, 1)
    assert answers() == []

    with WebServer(tmp_path, database_url(), port=server.port):
        goes_on(page, 2)
        page.keyboard.press("r")
        wait_for(page, 3)

    assert [(position, value) for position, value, *_ in stored_answers(session)] == [(1, "synthetic"), (2, "real")]
    assert verify_audit().problems == ()
