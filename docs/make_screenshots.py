"""Makes the pictures of the documentation from a running demonstration: real pages, phantoms only.

    make demo                                        # in one terminal
    .venv/bin/python docs/make_screenshots.py        # in another

Takes the generated accounts from the demonstration's data directory. Answers nothing: the open study stays unread.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.find_browser import launch_arguments  # noqa: E402
from tests.turing.report.studies import simulated  # noqa: E402
from turing.report.facts import StudyFacts  # noqa: E402
from turing.report.writing import write_report  # noqa: E402

PICTURES = ROOT / "docs" / "images"


def sign_in(browser: Browser, address: str, name: str, password: str) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(f"{address}/accounts/login/")
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", password)
    page.click("main button[type=submit]")
    page.wait_for_load_state("networkidle")
    return page


def shoot(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=PICTURES / f"{name}.png")


def shoot_report(browser: Browser) -> None:
    """The file that `manage.py analyse --out` writes, of simulated answers."""
    with tempfile.TemporaryDirectory() as folder:
        analysis = simulated(n_readers=6, n_images=200, seed=3)
        facts = StudyFacts(title="Simulated", has_simulated_readers=True)
        write_report(analysis, folder, formats=["html"], facts=facts)
        page = browser.new_context(viewport={"width": 1000, "height": 1000}).new_page()
        page.goto(Path(folder, "report.html").as_uri())
        page.locator("#accuracy").evaluate("heading => heading.scrollIntoView()")
        shoot(page, "report")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="http://127.0.0.1:8000")
    parser.add_argument("--data-dir", type=Path, default=Path(os.environ.get("DATA_DIR", ROOT / "data")))
    options = parser.parse_args()
    passwords = json.loads((options.data_dir / "secrets" / "demo_accounts.json").read_text())
    PICTURES.mkdir(exist_ok=True)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_arguments())
        shoot_report(browser)
        page = sign_in(browser, options.address, "investigator", passwords["investigator"])
        shoot(page, "home")
        for name, path, link in (
            ("dataset", "/datasets/", "Demonstration phantoms"),
            ("generator", "/generators/", "Demonstration ACGAN (Demonstration phantoms)"),
            ("study", "/studies/", "Demonstration study (phantoms)"),
            ("results", "/studies/", "Example study with simulated readers (phantoms)"),
            ("results-graded", "/studies/", "Example study with graded answers (phantoms)"),
        ):
            page.goto(options.address + path)
            page.get_by_role("link", name=link, exact=True).first.click()
            page.wait_for_load_state("networkidle")
            if name.startswith("results"):
                page.goto(page.url + "results/")
            if name == "results-graded":
                page.get_by_role("heading", name="Ratings").evaluate("heading => heading.scrollIntoView()")
            shoot(page, name)
            if name == "results-graded":
                page.get_by_role("link", name="Image by image", exact=True).click()
                shoot(page, "results-images")
        page.goto(f"{options.address}/datasets/import/")
        shoot(page, "import")

        page = sign_in(browser, options.address, "reader", passwords["reader"])
        page.locator("main a").first.click()
        page.wait_for_load_state("networkidle")
        start = page.get_by_role("button", name="Start reading")
        if start.count():
            shoot(page, "instructions")
            start.click()
        go_on = page.get_by_role("button", name="Go on to the first image")
        page.locator("#reading").wait_for()
        page.wait_for_load_state("networkidle")
        if go_on.is_visible():
            shoot(page, "display-check")
            go_on.click()
        page.wait_for_selector("#reading[data-state=ready]")
        shoot(page, "reading")
        browser.close()


if __name__ == "__main__":
    main()
