"""The administrators' page of stuck jobs, empty and full: axe finds nothing, and an action works by keyboard."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from config.accounts.models import User
from tests.browser.accessibility import violations_of
from tests.browser.reading_room import come_in
from tests.factories import JobFactory, UserFactory
from worker.room import WAITING

pytestmark = pytest.mark.django_db(transaction=True)


def test_stuck_jobs(page, live_server):
    administrator = UserFactory(username="root", role=User.Role.ADMINISTRATOR)
    come_in(page.context, live_server, administrator)
    address = live_server.url + reverse("operations:stuck_jobs")

    page.goto(address)
    expect(page.get_by_text("No job is stuck")).to_be_visible()
    assert violations_of(page) == []

    JobFactory(title="PGGAN 1024", state="failed", crashes=3, finished_at=timezone.now(), queue="heavy")
    JobFactory(title="Samples", message=f"{WAITING}: 5 GB", queued_at=timezone.now() - timedelta(hours=2))
    page.goto(address)
    expect(page.get_by_role("row")).to_have_count(3)
    assert violations_of(page) == []

    page.get_by_role("button", name="Put PGGAN 1024 back into the queue").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("“PGGAN 1024” is back in the queue.")
