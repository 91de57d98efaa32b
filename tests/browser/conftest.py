"""A real Chromium for the tests in this folder."""

import threading

import pytest
from django.db import connection
from django.urls import reverse

from tests.find_browser import launch_arguments
from tests.generation.conftest import run_job
from worker.models import Job


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    return {**browser_type_launch_args, **launch_arguments()}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    return {**browser_context_args, "viewport": {"width": 1280, "height": 720}}


@pytest.fixture
def page(page):
    """Playwright's page, which fails the test on an uncaught error or a violated content security policy."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(f"uncaught: {error}"))
    page.on(
        "console",
        lambda message: (
            problems.append(message.text)
            if message.type == "error" and "Content Security Policy" in message.text
            else None
        ),
    )
    yield page
    assert problems == []


@pytest.fixture
def worker(settings, tmp_path):
    """A thread that runs what is queued, with the worker's own code."""
    settings.MEDIA_ROOT = tmp_path / "media"
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.1):
            for job in Job.objects.filter(state=Job.State.QUEUED):
                run_job(job)
        connection.close()

    thread = threading.Thread(target=work)
    yield thread
    stop.set()
    if thread.ident is not None:
        thread.join()


@pytest.fixture
def signed_in(page, live_server, investigator, client):
    """The page of an investigator who is signed in."""
    client.force_login(investigator)
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    return page


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.browser)


@pytest.fixture
def import_page(page, live_server, settings, tmp_path, investigator, client):
    settings.DATA_DIR = tmp_path / "data"
    settings.MEDIA_ROOT = settings.DATA_DIR / "media"
    settings.FILE_UPLOAD_TEMP_DIR = settings.DATA_DIR / "tmp"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir(parents=True)
    client.force_login(investigator)
    cookie = client.cookies["sessionid"]
    page.context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": live_server.url}])
    page.goto(live_server.url + reverse("imaging:import_new"))
    return page
