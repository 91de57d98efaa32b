"""People's pages in a browser: an invitation followed to its end, the second factor set up and used; axe everywhere."""

import pytest
from django.core.cache import cache
from django.urls import reverse
from playwright.sync_api import expect

from config.accounts.invitations import invite_user
from config.accounts.models import User
from tests.browser.accessibility import violations_of
from tests.config.accounts.codes import totp, wait_for_a_fresh_step
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


class Walk:
    """Pages that were seen, and what axe found on each."""

    def __init__(self, page):
        self.page = page
        self.problems = {}

    def look(self, heading: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)
        found = violations_of(self.page)
        if found:
            self.problems[heading] = found


def test_an_invited_investigator_sets_up_the_second_factor_and_signs_in_with_it(page, live_server, settings):
    settings.REQUIRE_MFA = "investigators"
    _, secret = invite_user(role="investigator", by=None)
    walk = Walk(page)

    page.goto(live_server.url + reverse("accounts:join", args=[secret]))
    walk.look("You are invited to Turing Reader")
    page.get_by_label("User name").fill("ann")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Make my account").click()
    walk.look("Please confirm that it is you")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    walk.look("Set up a second factor")
    square = page.get_by_alt_text("Square code for the app; the same as the text below it")
    assert square.evaluate("image => image.complete && image.naturalWidth > 0")
    key = page.locator("#second-factor-secret").inner_text()
    wait_for_a_fresh_step()
    page.get_by_label("Authenticator code").fill(totp(key))
    page.get_by_role("button", name="Turn it on").click()
    walk.look("Recovery codes")
    page.get_by_role("link", name="ann").click()
    walk.look("My account")
    expect(page.get_by_text("This browser")).to_be_visible()
    page.get_by_role("link", name="Look after it").click()
    walk.look("Second factor")
    page.get_by_role("button", name="Sign out").click()

    walk.look("Sign in")
    page.get_by_label("Login").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    walk.look("Your code")
    cache.clear()  # the same code within half a minute would be refused
    wait_for_a_fresh_step()
    page.get_by_label("Code").fill(totp(key))
    page.get_by_role("button", name="Sign in").click()
    page.goto(live_server.url + reverse("accounts:account"))
    walk.look("My account")
    assert walk.problems == {}


def test_an_administrators_pages(page, live_server, client):
    administrator = UserFactory(username="root", role=User.Role.ADMINISTRATOR, is_superuser=True)
    ann = UserFactory(username="ann", role=User.Role.INVESTIGATOR, first_name="Ann", last_name="Lee")
    client.post(reverse("account_login"), {"login": "ann", "password": "wrong"})
    client.force_login(administrator)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    walk = Walk(page)

    page.goto(live_server.url)
    page.get_by_role("link", name="People").click()
    walk.look("People")
    page.get_by_label("Name or e-mail").fill("lee")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("row")).to_have_count(2)  # with the headings
    page.get_by_role("link", name="ann").click()
    walk.look("ann")
    page.get_by_text("Deactivate…").click()
    page.get_by_role("button", name="Yes, deactivate it").click()
    expect(page.get_by_text("Deactivated", exact=True)).to_be_visible()
    page.goto(live_server.url + reverse("accounts:invitations"))
    walk.look("Invite people")
    page.get_by_label("Note").fill("new colleague")
    page.get_by_role("button", name="Invite").click()
    walk.look("Invitation link")
    page.get_by_role("link", name="Back to the invitations").click()
    walk.look("Invite people")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("Revoked")).to_be_visible()
    page.goto(live_server.url + reverse("accounts:sign_ins"))
    walk.look("Sign-ins")
    expect(page.get_by_text("Wrong name or password")).to_be_visible()

    assert walk.problems == {}
    ann.refresh_from_db()
    assert not ann.is_active
