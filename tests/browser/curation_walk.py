"""The guide in docs/curation.md, step by step, on a page of a signed-in investigator. Made into pictures by
docs/make_screenshots.py, and followed by a test.
"""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

IMPORTED, INCLUDED = "Phantoms 2026", "Phantoms 2026, adults, PA"
Shoot = Callable[[str], None]


def import_folder(page: Page, address: str, folder: Path, *, work: Callable[[], object] = lambda: None) -> None:
    """Ends on the report of the import. `work`: what a worker would do, where none runs."""
    page.goto(f"{address}/datasets/import/")
    page.set_input_files("[data-folder]", folder)
    page.get_by_label("Name of the new dataset").fill(IMPORTED)
    page.get_by_text("More options", exact=True).click()
    page.get_by_label("Folders are").select_option(label="anything else, at any depth: patients, studies, series")
    page.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_url("**/datasets/import/*-*/")
    work()
    page.get_by_role("heading", name="images imported").wait_for(timeout=300_000)


def sign_off(page: Page, *, shoot: Shoot = lambda name: None) -> int:
    """From the report through the quarantine: the name in each upper left corner is masked. Ends on the dataset.

    Returns how many images waited.
    """
    page.get_by_role("link", name=f"Open “{IMPORTED}”").click()
    page.get_by_role("link", name="Look at ").click()
    page.get_by_role("link", name="Look at them one by one").click()
    signed = 0
    while True:
        expect(page.locator("[data-sheet] svg")).to_be_attached()
        here = page.url
        _mask_corner(page)
        if not signed:
            shoot("curation-mask")
        page.keyboard.press("m")
        expect(page.locator("button[value=masked]")).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url, here=here: url != here)
        signed += 1
        if not page.locator("[data-mask]").count():
            break
    page.goto(f"{page.url.split('/datasets/')[0]}/datasets/")
    page.get_by_role("link", name=IMPORTED, exact=True).click()
    page.get_by_role("heading", name=IMPORTED, exact=True).wait_for()
    return signed


def _mask_corner(page: Page) -> None:
    box = page.locator("[data-sheet] img").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 1, box["y"] + 1)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.1 * box["height"], steps=4)
    page.mouse.up()


def include(page: Page, *, shoot: Shoot = lambda name: None) -> None:
    """From the dataset to the one of its adults in PA view from one manufacturer."""
    page.get_by_role("link", name="Inclusion rules").click()
    page.get_by_label("Youngest (years)").fill("19")
    page.get_by_label("PA (").check()
    page.get_by_label("Manufacturers").fill("Alpha")
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.get_by_label("Manufacturers").press("Tab")
    page.get_by_role("rowheader", name="Manufacturer: ").wait_for()
    page.get_by_label("Name of the new dataset").fill(INCLUDED)
    shoot("curation-include")
    page.get_by_role("button", name="Make the dataset").click()
    page.get_by_role("heading", name=INCLUDED, exact=True).wait_for()


def split_and_freeze(page: Page, *, shoot: Shoot = lambda name: None) -> None:
    """Ends on the frozen dataset."""
    page.get_by_role("link", name="Train, tune, test").click()
    page.get_by_role("button", name="Split", exact=True).click()
    page.get_by_role("heading", name=INCLUDED, exact=True).wait_for()
    page.get_by_role("link", name="Train, tune, test").click()
    shoot("curation-split")
    page.get_by_role("button", name="Freeze", exact=True).click()
    page.get_by_text("is frozen: its images, classes and splits stay as they are").wait_for()
    shoot("curation-dataset")
