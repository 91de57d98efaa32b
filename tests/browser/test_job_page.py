"""The page of a job in a real browser: it follows a real job to its end, then falls silent."""

import threading

import pytest
from django.db import connection
from django.urls import reverse
from PIL import Image

import tests.worker.counting.jobs  # noqa: F401  the job kind "count"
from tests.browser.accessibility import violations_of
from tests.factories import JobFactory
from worker.execution.child import execute_job
from worker.lifecycle import claim_job
from worker.models import Job, JobArtefact

State = Job.State
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def signed_in(page, live_server, settings, tmp_path, investigator, client):
    settings.MEDIA_ROOT = tmp_path / "media"
    client.force_login(investigator)
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    return page


@pytest.fixture
def start(tmp_path):
    """Runs a counting job in a thread; joined at the end of the test."""
    threads = []

    def start(job: Job) -> None:
        lease = claim_job(job_id=job.pk, worker_name="test")

        def work() -> None:
            execute_job(job_id=job.pk, token=lease.token)
            connection.close()

        threads.append(threading.Thread(target=work))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join()


def counting_job(tmp_path, steps: int, **fields) -> Job:
    parameters = {"steps": steps, "journal": str(tmp_path / "journal"), "step_seconds": 0.1}
    return JobFactory(title="Counting", parameters=parameters, **fields)


def add_grid(job: Job, step: int) -> None:
    job.directory.mkdir(parents=True, exist_ok=True)
    Image.new("L", (20, 10), step).save(job.directory / f"{step}.png")
    JobArtefact.objects.create(job=job, name=f"{step}.png", kind="grid", step=step)


def test_the_page_follows_the_job_to_its_end(signed_in, live_server, tmp_path, start):
    job = counting_job(tmp_path, steps=60)
    add_grid(job, 100)
    polls = []
    signed_in.on("request", lambda request: polls.append(request.url))
    signed_in.goto(live_server.url + job.get_absolute_url())
    signed_in.evaluate("window.neverReloaded = true")

    start(job)

    panel = signed_in.locator(".tr-job")
    panel.get_by_text("Running", exact=True).wait_for()
    panel.get_by_text("left").wait_for()
    signed_in.locator(".tr-job-chart canvas").wait_for()
    signed_in.get_by_text("Counting from 0 to 60").wait_for()
    add_grid(job, 200)  # a grid that comes while somebody looks
    signed_in.locator("[data-job-grid-step]").get_by_text("200").wait_for()

    panel.get_by_text("Succeeded").wait_for()
    signed_in.locator("#job-result").get_by_text("Counted").wait_for()
    signed_in.locator("#job-record").get_by_text("Ended").wait_for()
    assert signed_in.locator("[data-job-announcer]").inner_text() == "The job is succeeded."
    assert signed_in.evaluate("window.neverReloaded")
    signed_in.wait_for_timeout(2500)
    count = len(polls)
    signed_in.wait_for_timeout(3000)
    assert len(polls) == count, "an ended job is not asked for any more"


def test_the_slider_goes_back_through_the_samples(signed_in, live_server, tmp_path):
    job = counting_job(tmp_path, steps=1, state=State.SUCCEEDED)
    for step in (100, 200, 300):
        add_grid(job, step)
    signed_in.goto(live_server.url + job.get_absolute_url())
    shown = signed_in.locator("[data-job-grid-step]")
    shown.get_by_text("300").wait_for()
    newest = signed_in.locator("[data-job-grid-image]").get_attribute("src")

    signed_in.locator("[data-job-grid-slider]:enabled").focus()  # it is disabled until the list of grids has come
    signed_in.keyboard.press("ArrowLeft")

    shown.get_by_text("200").wait_for()
    assert signed_in.locator("[data-job-grid-image]").get_attribute("src") != newest
    assert signed_in.locator("[data-job-grid-image]").get_attribute("alt") == "Samples at step 200"


def test_cancel_and_resume_by_their_buttons(signed_in, live_server, tmp_path, start):
    job = counting_job(tmp_path, steps=200)
    start(job)
    signed_in.goto(live_server.url + job.get_absolute_url())

    signed_in.get_by_role("button", name="Cancel").click()
    signed_in.locator(".tr-job").get_by_text("Cancelled", exact=True).wait_for()
    signed_in.get_by_role("button", name="Resume").click()
    signed_in.locator(".tr-job").get_by_text("Queued", exact=True).wait_for()

    job.refresh_from_db()
    assert (job.state, job.attempt) == (State.QUEUED, 1)
    assert 0 < job.progress_done < 200


def test_without_javascript_the_buttons_work_too(browser, live_server, client, investigator, tmp_path):
    client.force_login(investigator)
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page = context.new_page()
    job = counting_job(tmp_path, steps=5)
    page.goto(live_server.url + job.get_absolute_url())

    page.get_by_role("button", name="Cancel").click()

    page.get_by_text("Cancelled before it ran").wait_for()
    assert page.url == live_server.url + job.get_absolute_url()
    context.close()


@pytest.mark.parametrize("state", [State.QUEUED, State.FAILED])
def test_the_pages_are_accessible(signed_in, live_server, tmp_path, state):
    job = counting_job(tmp_path, steps=5, state=state, progress_done=1, progress_total=5)
    if state == State.FAILED:
        Job.objects.update(error="row 3: no label")
    job.metrics.create(step=1, values={"d_loss": 1.0, "g_loss": 0.5})
    job.metrics.create(step=2, values={"d_loss": 0.9, "g_loss": 0.6})
    job.log_lines.create(attempt=1, at=job.created_at, text="a line", level="warning")
    add_grid(job, 1)

    found = {}
    for address in (reverse("worker:job_list"), job.get_absolute_url()):
        signed_in.goto(live_server.url + address)
        signed_in.wait_for_timeout(500)
        found[address] = violations_of(signed_in)

    assert all(not violations for violations in found.values()), found
