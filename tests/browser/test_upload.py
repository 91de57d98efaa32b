"""Large uploads in a real browser: a lost connection delays them, and the same file goes on where it stopped."""

import os
import re

import pytest
from django.urls import reverse

from imaging.models import Upload
from imaging.resumable import part_path, received_bytes
from tests.browser.accessibility import assert_accessible
from tests.browser.reading_room import intercept
from worker.models import Job

pytestmark = pytest.mark.django_db(transaction=True)
PART = 2**16
N_PARTS = 10


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr("imaging.views.uploads.PART_BYTES", PART)


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "chests.zip"
    path.write_bytes(os.urandom(PART * N_PARTS - 100))
    return path


def choose(page, archive) -> None:
    page.set_input_files("[name=archive]", archive)
    page.click("[data-submit]")


def offset_of(request) -> int:
    return int(re.search(r"offset=(\d+)", request.url)[1])


def stored_by_the_import() -> bytes:
    with open(Job.objects.get().parameters["source"], "rb") as file:  # noqa: PTH123
        return file.read()


def test_requests_and_answers_that_are_lost_cost_nothing(import_page, archive):
    """Of ten parts one never arrives, the answer to another is lost, and once the server is out of order."""
    lost = {2 * PART: "request", 4 * PART: "answer", 6 * PART: "server"}

    def disturb(route):
        how = lost.pop(offset_of(route.request), "")
        if how == "request":
            route.abort("connectionreset")
        elif how == "answer":
            route.fetch()
            route.abort("connectionreset")
        elif how == "server":
            route.fulfill(status=502, body="Bad gateway")
        else:
            route.continue_()

    intercept(import_page, "**/part/**", disturb)

    choose(import_page, archive)
    import_page.wait_for_url("**/datasets/import/*-*/", timeout=60_000)

    assert lost == {}
    assert stored_by_the_import() == archive.read_bytes()
    assert not Upload.objects.exists()


def test_the_page_says_that_there_is_no_connection_and_goes_on_when_there_is(import_page, archive):
    is_down = True

    def down(route):
        if is_down and offset_of(route.request) >= 3 * PART:
            route.abort("internetdisconnected")
        else:
            route.continue_()

    intercept(import_page, "**/part/**", down)
    choose(import_page, archive)
    import_page.get_by_text("No connection to the server; nothing that has arrived is lost").wait_for()
    assert received_bytes(Upload.objects.get()) == 3 * PART

    is_down = False
    import_page.evaluate("() => window.dispatchEvent(new Event('online'))")
    import_page.wait_for_url("**/datasets/import/*-*/", timeout=60_000)

    assert stored_by_the_import() == archive.read_bytes()


def test_another_page_goes_on_with_the_same_file(import_page, archive, live_server):
    # Arrange: stopped after four parts, and the page is gone
    intercept(
        import_page,
        "**/part/**",
        lambda route: route.continue_() if offset_of(route.request) < 4 * PART else route.abort("connectionreset"),
    )
    choose(import_page, archive)
    import_page.get_by_text("No connection to the server").wait_for()
    import_page.click("[data-stop]")
    import_page.get_by_text("choose the same file again to go on").wait_for()
    page = import_page.context.new_page()
    import_page.close()
    sent = []
    page.on("request", lambda request: sent.append(offset_of(request)) if "/part/" in request.url else None)
    page.goto(live_server.url + reverse("imaging:import_new"))

    # Act
    assert re.search(r"chests\.zip: 256\.0\s+KB of 639\.9\s+KB", page.inner_text("main"))
    assert_accessible(page)
    choose(page, archive)
    page.wait_for_url("**/datasets/import/*-*/", timeout=60_000)

    # Assert
    assert sent == [PART * n for n in range(4, N_PARTS)]
    assert stored_by_the_import() == archive.read_bytes()


def test_an_unfinished_upload_can_be_discarded(import_page, archive):
    intercept(
        import_page,
        "**/part/**",
        lambda route: route.continue_() if offset_of(route.request) < PART else route.abort("connectionreset"),
    )
    choose(import_page, archive)
    import_page.get_by_text("No connection to the server").wait_for()
    path = part_path(Upload.objects.get())
    assert path.stat().st_size == PART
    import_page.reload()

    import_page.get_by_role("button", name="Discard the upload of chests.zip").click()
    import_page.get_by_role("heading", name="Unfinished uploads").wait_for(state="detached")

    assert not path.exists()
    assert not Upload.objects.exists()
