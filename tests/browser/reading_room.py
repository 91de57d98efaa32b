"""Steps that tests of the reading page share: coming in by the link, waiting for an image, looking at the canvas."""

from playwright.sync_api import Page, expect

from config.accounts.models import User
from tests.factories import PASSWORD
from turing.models import Answer, ReadingSession


def register(page: Page, link: str) -> ReadingSession:
    page.goto(link)
    page.get_by_label("User name").fill("newcomer")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Make my account and go on").click()
    page.get_by_role("button", name="Start reading").click()
    return ReadingSession.objects.get()


def sign_in(page: Page, live_server, user: User) -> None:
    page.goto(f"{live_server.url}/accounts/login/")
    page.locator("input[name=login]").fill(user.username)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main form button").click()
    page.wait_for_url(lambda url: "/accounts/login" not in url)


def wait_for(page: Page, position: int, total: int = 8) -> None:
    """The image at `position` is on the screen and can be answered; past the display check where that is asked."""
    page.locator("#reading").wait_for()
    if page.locator("#reading-display").count():
        page.get_by_role("button", name="Go on to the first image").click()
    expect(page.locator("#reading-progress")).to_have_text(f"{position} of {total}")
    expect(page.locator("#reading")).to_have_attribute("data-state", "ready")


def canvas_greys(page: Page) -> int:
    """How many different greys are on the canvas; 1 when it is empty."""
    return page.evaluate(
        """() => {
            const canvas = document.getElementById("reading-canvas");
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return new Set(data.filter((_, index) => index % 4 === 0)).size;
        }"""
    )


def answers() -> list[str]:
    return list(Answer.objects.order_by("trial__position").values_list("value", flat=True))
