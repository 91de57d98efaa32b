"""Makes the pictures of the documentation from a running demonstration: real pages, phantoms only.

    make demo                                        # in one terminal
    .venv/bin/python docs/make_screenshots.py        # in another

Takes the generated accounts from the demonstration's data directory. Answers nothing: the open study stays unread.
Where nothing was planned yet it starts a small plan. `--only report plan` makes those alone.
"""

import argparse
import json
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from imaging.phantoms import write_phantom_dicoms  # noqa: E402
from tests.browser import curation_walk  # noqa: E402
from tests.find_browser import launch_arguments  # noqa: E402
from tests.turing.report.studies import simulated  # noqa: E402
from turing.report.facts import StudyFacts  # noqa: E402
from turing.report.writing import write_report  # noqa: E402

PICTURES = ROOT / "docs" / "images"
PHANTOMS = "Demonstration phantoms"
EXAMPLE = "Example study with simulated readers (phantoms)"
PATIENCE_MS = 600_000  # for the worker, on a slow machine


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


def shoot_whole(page: Page, name: str) -> None:
    """The page to its end, not only what a window shows."""
    page.wait_for_load_state("networkidle")
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


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


def shoot_made_report(page: Page, address: str) -> None:
    """The newest report of the example study, in the site."""
    page.goto(f"{address}/studies/")
    page.get_by_role("link", name=EXAMPLE, exact=True).first.click()
    page.get_by_role("link", name="Reports", exact=True).click()
    page.locator("main table a").first.click()
    page.get_by_role("heading", name="Take it along").wait_for()
    shoot(page, "report-made")
    page.get_by_role("heading", name="Chance or not").evaluate("heading => heading.scrollIntoView()")
    shoot(page, "report-chance")


def shoot_plan(page: Page, address: str) -> None:
    """A plan that is there, or a small one of its own, which the worker computes in a minute or two."""
    page.goto(f"{address}/studies/planning/")
    shoot(page, "planning")
    plans = page.locator("main table a")
    if plans.count():
        plans.first.click()
    else:
        for label, typed in (("Readers", "4, 6, 8"), ("Images", "50, 100"), ("Simulated studies per size", "100")):
            page.get_by_label(label, exact=True).fill(typed)
        page.get_by_role("button", name="Compute").click()
    page.locator(".tr-plan-picture").wait_for(timeout=PATIENCE_MS)
    page.get_by_text("Not all sizes are done yet").wait_for(state="detached", timeout=PATIENCE_MS)
    shoot(page, "plan")


def shoot_pages(page: Page, address: str) -> None:
    """What an investigator comes to first: datasets, studies, results."""
    page.goto(address)
    shoot(page, "home")
    for name, path, link in (
        ("dataset", "/datasets/", PHANTOMS),
        ("study", "/studies/", "Demonstration study (phantoms)"),
        ("results", "/studies/", EXAMPLE),
        ("results-graded", "/studies/", "Example study with graded answers (phantoms)"),
    ):
        page.goto(address + path)
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
    page.goto(f"{address}/datasets/import/")
    shoot(page, "import")


def shoot_curation(page: Page, address: str) -> None:
    """The guide to curation, walked through on phantoms. Not again where their dataset is there."""
    page.goto(f"{address}/datasets/")
    if page.get_by_role("link", name=curation_walk.IMPORTED, exact=True).count():
        sys.stderr.write(f"“{curation_walk.IMPORTED}” is there: delete it to take pictures of the curation\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "phantoms"
        write_phantom_dicoms(source, patients=60, size=512, seed=0)
        curation_walk.import_folder(page, address, source)
    take = partial(shoot, page)
    curation_walk.sign_off(page, shoot=take)
    curation_walk.include(page, shoot=take)
    curation_walk.split_and_freeze(page, shoot=take)


def shoot_generators(page: Page, address: str) -> None:
    """From the settings of a generator to what its images are worth. Measures them where nobody has."""
    page.goto(f"{address}/generators/new/")
    shoot_whole(page, "generator-presets")
    page.get_by_label("Dataset").select_option(label=PHANTOMS)
    page.get_by_label("Jang 2023, abnormal").check()
    page.get_by_role("button", name="Go on to the settings").click()
    page.get_by_label("Name of the run").fill("Abnormal phantoms")
    shoot_whole(page, "generator-settings")
    page.goto(f"{address}/generators/")
    page.get_by_role("link", name=f"Demonstration ACGAN ({PHANTOMS})", exact=True).click()
    page.locator(".tr-job-chart canvas").first.wait_for()
    shoot(page, "generator")
    page.get_by_role("form", name="Draw a synthetic dataset").screenshot(path=PICTURES / "generator-sample.png")
    page.get_by_role("link", name="Measures of").first.click()
    reports = page.locator("#measure-reports").get_by_role("rowheader").get_by_role("link")
    if not reports.count() and not page.locator(".tr-job").count():
        page.get_by_role("button", name="Measure").click()
    reports.first.wait_for(timeout=PATIENCE_MS)
    reports.first.click()
    shoot(page, "measures")
    page.get_by_role("link", name="Look at the pairs").click()
    page.locator(".tr-pairs").evaluate("list => list.scrollIntoView()")
    shoot(page, "measures-pairs")


def shoot_reading(page: Page) -> None:
    """From the reader's list of studies to the first image."""
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="http://127.0.0.1:8000")
    parser.add_argument("--data-dir", type=Path, default=Path(os.environ.get("DATA_DIR", ROOT / "data")))
    parts = ("file", "pages", "curation", "generators", "report", "plan", "reading")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, help="some of the pictures")
    options = parser.parse_args()
    passwords = json.loads((options.data_dir / "secrets" / "demo_accounts.json").read_text())
    PICTURES.mkdir(exist_ok=True)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_arguments())
        if "file" in options.only:
            shoot_report(browser)
        page = sign_in(browser, options.address, "investigator", passwords["investigator"])
        signed_in = {
            "pages": shoot_pages,
            "curation": shoot_curation,
            "generators": shoot_generators,
            "report": shoot_made_report,
            "plan": shoot_plan,
        }
        for part, take in signed_in.items():
            if part in options.only:
                take(page, options.address)
        if "reading" in options.only:
            shoot_reading(sign_in(browser, options.address, "reader", passwords["reader"]))
        browser.close()


if __name__ == "__main__":
    main()
