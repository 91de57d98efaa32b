"""What axe finds on a page."""

from axe_playwright_python.sync_playwright import Axe


def violations_of(page) -> list[tuple[str, list[str]]]:
    """The rule, and the elements that break it."""
    found = Axe().run(page).response["violations"]
    return [(violation["id"], [node["html"] for node in violation["nodes"]]) for violation in found]


def assert_accessible(page) -> None:
    assert violations_of(page) == []
