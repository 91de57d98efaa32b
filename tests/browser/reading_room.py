"""Steps that tests of the reading page share: coming in by the link, waiting for an image, looking at the canvas."""

from collections.abc import Callable

import numpy as np
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page, Route, expect

from config.accounts.models import User
from imaging.models import Dataset
from imaging.services import add_image, create_dataset
from tests.factories import PASSWORD
from turing.models import Answer, ReadingSession


def register(page: Page, link: str) -> ReadingSession:
    page.goto(link)
    page.get_by_label("User name").fill("newcomer")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Make my account and go on").click()
    page.get_by_role("button", name="Start reading").click()
    page.locator("#reading").wait_for()
    return ReadingSession.objects.get()


def sign_in(page: Page, live_server, user: User) -> None:
    page.goto(f"{live_server.url}/accounts/login/")
    page.locator("input[name=login]").fill(user.username)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main form button").click()
    page.wait_for_url(lambda url: "/accounts/login" not in url)


def come_in(context: BrowserContext, live_server, user: User) -> None:
    """Signed in, without the page for it."""
    client = Client()
    client.force_login(user)
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": live_server.url}])


def open_reading(page: Page, live_server, session: ReadingSession) -> None:
    """The reading page of the session, by its reader, past the display check; an image can be answered."""
    come_in(page.context, live_server, session.reader)
    page.goto(f"{live_server.url}/read/{session.pk}/")
    wait_until_ready(page)


def wait_until_ready(page: Page, place: str = "") -> None:
    """An image is on the screen and can be answered; `place`: the one that the page calls so."""
    page.locator("#reading").wait_for()
    if page.locator("#reading-display").count():
        page.get_by_role("button", name="Go on to the first image").click()
    if place:
        expect(page.locator("#reading-progress")).to_have_text(place)
    expect(page.locator("#reading")).to_have_attribute("data-state", "ready")


def wait_for(page: Page, position: int, total: int = 8) -> None:
    """The image at `position` is on the screen and can be answered; past the display check where that is asked."""
    wait_until_ready(page, f"{position} of {total}")


PROBE = "**/caught-before-it-leaves"
PROBING = """() => fetch('/caught-before-it-leaves', { signal: AbortSignal.timeout(5000) }).then(
    (response) => response.status,
    () => 0,
)"""


def intercept(page: Page, pattern: str, handler: Callable[[Route], None], *, times: int | None = None) -> None:
    """`page.route` on an open page, in force when this returns.

    The browser says that requests are intercepted before the page's own process knows: a request sent at once can
    still get past. So some are asked until one is caught; its rule stays, which also keeps interception on after the
    last other rule is gone. A page that was on its way when interception began is not told of it at all, and would
    never be: then it is begun anew.
    """
    page.wait_for_load_state("load")
    for _ in range(20):
        page.route(PROBE, lambda route: route.fulfill(status=204))
        for _ in range(25):
            if page.evaluate(PROBING) == 204:
                page.route(pattern, handler, times=times)
                return
            page.wait_for_timeout(20)
        page.unroute(PROBE)
    raise AssertionError("The browser does not intercept requests")


def make_deep_dataset(*, origin: str, n: int, size: int) -> Dataset:
    """`n` images of noise of 16 bits."""
    dataset = create_dataset(name=f"Deep {origin}", origin=origin, created_by=None)
    generator = np.random.default_rng([16, origin == "real"])
    for _ in range(n):
        pixels = generator.integers(0, 2**16, (size, size), dtype=np.uint16)
        add_image(dataset=dataset, pixels=pixels, label="normal")
    return dataset


def pretend_hidden(page: Page, hidden: bool) -> None:
    """Chromium without a window never hides a tab, so the page is told that it was, by the event it listens to."""
    page.evaluate(
        """(hidden) => {
            window.pretendHidden = hidden;
            Object.defineProperty(document, "hidden", { get: () => window.pretendHidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def touch(client, kind: str, *points: tuple[float, float]) -> None:
    """By a session of the DevTools protocol: real touch events, also with two fingers."""
    where = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
    client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})


def expect_empty_stage(page: Page) -> None:
    """Of an answered image: it goes when the next one comes, or after a moment."""
    for _ in range(50):
        if canvas_greys(page) == 1:
            return
        page.wait_for_timeout(50)
    raise AssertionError("The image is still there.")


def canvas_greys(page: Page, canvas: str = "reading-canvas") -> int:
    """How many different greys are on the canvas; 1 when it is empty."""
    return page.evaluate(
        """(id) => {
            const canvas = document.getElementById(id);
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return new Set(data.filter((_, index) => index % 4 === 0)).size;
        }""",
        canvas,
    )


def answers() -> list[str]:
    return list(Answer.objects.order_by("trial__position").values_list("value", flat=True))
