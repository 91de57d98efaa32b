"""The reading page in a real Chromium: key press to next image on the screen, and frames per second of a window drag.

`python benchmarks/reading_page.py` from the root of the project. Starts the site's own web server (gunicorn, as
`manage.py serve` does) on a database and a folder of its own, with images of 1024 x 1024. Baselines of the same run, in
turns: the same page without the image that is fetched ahead; and a drag that computes every pixel anew and makes its
buffers anew for each frame, in place of the lookup table. "On the screen": the first task after the frame that painted.
"""

import argparse
import os
import platform
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
DATA_DIR = tempfile.TemporaryDirectory(prefix="turing-benchmark-")
os.environ.update(
    DATA_DIR=DATA_DIR.name,
    DATABASE_URL="",
    SECRET_KEY=secrets.token_urlsafe(40),
    ALLOWED_HOSTS="127.0.0.1",
    DJANGO_SETTINGS_MODULE="config.settings",
    DJANGO_ALLOW_ASYNC_UNSAFE="1",  # Playwright's loop runs in the thread that also reads the database
)

import django

django.setup()

import numpy as np
from django.core.management import call_command
from playwright.sync_api import Page, sync_playwright

from config.accounts.models import User
from config.accounts.services import create_user
from imaging.services import add_image, create_dataset
from tests.find_browser import launch_arguments
from turing.models import Answer, ReadingSession, Study
from turing.reading.services import start_reading
from turing.services import create_study, enrol_reader, open_study

SIZE = 1024
BLOCK = 10  # trials of one page before the other has its turn
PASSWORD = secrets.token_urlsafe(20)

# Notes when a key went down and when the page says that the image is painted.
WATCH = """
window.presses = []; window.paintings = [];
addEventListener("keydown", (event) => presses.push(event.timeStamp), true);
addEventListener("DOMContentLoaded", () => {
    const root = document.getElementById("reading");
    if (root) new MutationObserver(() => {
        if (root.dataset.state === "painted") paintings.push(performance.now());
    }).observe(root, { attributeFilter: ["data-state"] });
});
"""
# The page is told of no image ahead, so it fetches each one when it is due.
WITHOUT_AHEAD = """
const original = window.fetch;
window.fetch = async (url, options) => {
    const response = await original(url, options);
    if (!response.ok || !/(attend|answer)$/.test(url)) return response;
    const body = await response.json();
    if (body.next) body.next.ahead = null;
    if (body.current) body.current.ahead = null;
    return new Response(JSON.stringify(body), { status: response.status });
};
"""
# A mouse button is down: moves that arrive before each frame, as a fast mouse's do.
DRAG = """
(seconds) => new Promise((done) => {
    const canvas = document.getElementById("reading-canvas");
    const box = canvas.getBoundingClientRect();
    const start = performance.now();
    let frames = 0;
    const step = () => {
        const elapsed = performance.now() - start;
        if (elapsed >= 1000 * seconds) { done(1000 * frames / elapsed); return; }
        frames += 1;
        canvas.dispatchEvent(new PointerEvent("pointermove", {
            pointerId: 1, buttons: 1, bubbles: true,
            clientX: box.left + box.width / 2 + 80 * Math.sin(frames / 9),
            clientY: box.top + box.height / 2 + 80 * Math.cos(frames / 7),
        }));
        requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
})
"""
PLAIN_DRAG = """
([seconds, size]) => new Promise((done) => {
    const canvas = document.getElementById("reading-canvas");
    const grey = crypto.getRandomValues(new Uint8Array(65536));
    const start = performance.now();
    let frames = 0;
    const step = () => {
        const elapsed = performance.now() - start;
        if (elapsed >= 1000 * seconds) { done(1000 * frames / elapsed); return; }
        frames += 1;
        const centre = 128 + 40 * Math.cos(frames / 7), width = 256 + 80 * Math.sin(frames / 9);
        const image = new ImageData(size, size);
        for (let i = 0; i < size * size; i += 1) {
            const level = Math.min(Math.max(((grey[i & 65535] - (centre - 0.5)) / (width - 1) + 0.5) * 255, 0), 255);
            image.data[4 * i] = image.data[4 * i + 1] = image.data[4 * i + 2] = Math.round(level);
            image.data[4 * i + 3] = 255;
        }
        const buffer = document.createElement("canvas");
        buffer.width = buffer.height = size;
        buffer.getContext("2d").putImageData(image, 0, 0);
        const context = canvas.getContext("2d");
        context.clearRect(0, 0, canvas.width, canvas.height);
        context.imageSmoothingQuality = "high";
        const side = Math.min(canvas.width, canvas.height);
        context.drawImage(buffer, (canvas.width - side) / 2, (canvas.height - side) / 2, side, side);
        requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
})
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed of the reading page in a real browser.")
    parser.add_argument("--trials", type=int, default=100, help="of each page")
    parser.add_argument("--drag-seconds", type=float, default=5)
    options = parser.parse_args()

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    study = make_study(options.trials + 1)
    port = free_port()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--log-level", "warning"),
            *(
                "--worker-class",
                "config.web_worker.BalancedWorker",
                "--workers",
                "4",
                "--threads",
                "2",
                "--keep-alive",
                "75",
                "--no-control-socket",
            ),
        ],
        cwd=ROOT,
    )
    try:
        wait_for_server(port)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(**launch_arguments())
            print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {processor()}")
            print(f"Chromium {browser.version} without GPU, window 1920 x 1080, images {SIZE} x {SIZE}, SQLite")
            pages = {
                "without the image ahead": read_page(browser, port, study, extra=WITHOUT_AHEAD),
                "reading page": read_page(browser, port, study),
            }
            measure_answers(pages, options.trials)
            measure_drag(pages["reading page"], options.drag_seconds)
            browser.close()
    finally:
        server.terminate()
        server.wait()
    assert Answer.objects.count() == 2 * options.trials


def make_study(count: int) -> Study:
    """An open study of at least `count` images of noise: what they show does not change the time they take."""
    random = np.random.default_rng(0)
    half = count // 2 + 1
    datasets = {}
    for origin in ("real", "synthetic"):
        datasets[origin] = create_dataset(name=origin, origin=origin, created_by=None)
        for _ in range(half):
            pixels = random.integers(0, 256, (SIZE, SIZE), dtype=np.uint8)
            add_image(dataset=datasets[origin], pixels=pixels, label="noise")
    study = create_study(
        name="Benchmark",
        real_dataset=datasets["real"],
        synthetic_dataset=datasets["synthetic"],
        n_real=half,
        n_synthetic=half,
        created_by=None,
    )
    return open_study(study=study, by=None)


def read_page(browser, port: int, study: Study, *, extra: str = "") -> Page:
    """A reader of their own, at the first image."""
    name = f"reader{ReadingSession.objects.count()}"
    user = create_user(username=name, password=PASSWORD, role=User.Role.READER)
    session = start_reading(session=enrol_reader(study=study, user=user))
    page = browser.new_context(viewport={"width": 1920, "height": 1080}).new_page()
    page.goto(f"http://127.0.0.1:{port}/accounts/login/")
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main form button").click()
    page.wait_for_url(lambda url: "/accounts/login" not in url)
    page.add_init_script(WATCH + extra)
    page.goto(f"http://127.0.0.1:{port}/read/{session.pk}/")
    page.locator("#reading-display-done").click()
    page.wait_for_selector("#reading[data-state=ready]")
    return page


def measure_answers(pages: dict[str, Page], trials: int) -> None:
    done = 0
    while done < trials:
        for page in pages.values():
            page.bring_to_front()
            for _ in range(min(BLOCK, trials - done)):
                page.wait_for_selector("#reading[data-state=ready]")
                page.wait_for_load_state("networkidle")
                page.keyboard.press("r")
        done += BLOCK
    print("key press -> next image on the screen (ms)        median     p95     max")
    medians = {}
    for name, page in pages.items():
        page.wait_for_selector("#reading[data-state=ready]")
        presses, paintings = page.evaluate("[presses, paintings]")
        assert len(presses) == trials == len(paintings) - 1, (len(presses), len(paintings))
        times = sorted(painted - pressed for pressed, painted in zip(presses, paintings[1:], strict=True))
        medians[name] = statistics.median(times)
        p95 = times[int(0.95 * len(times))]
        posts = page.evaluate(
            "performance.getEntriesByType('resource').filter((e) => e.name.endsWith('/answer')).map((e) => e.duration)"
        )
        print(f"{name:48} {medians[name]:7.1f} {p95:7.1f} {times[-1]:7.1f}   request {statistics.median(posts):.1f}")
    ratio = medians["without the image ahead"] / medians["reading page"]
    print(f"{trials} trials each, in turns of {BLOCK}; {ratio:.2f} x as fast as without the image ahead")


def measure_drag(page: Page, seconds: float) -> None:
    page.bring_to_front()
    box = page.locator("#reading-canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    plain, ours = [], []
    for _ in range(3):
        plain.append(page.evaluate(PLAIN_DRAG, [seconds / 3, SIZE]))
        ours.append(page.evaluate(DRAG, seconds / 3))
    page.mouse.up()
    assert "W 256\nL 128" not in page.locator("#reading-readout").text_content()
    print(f"window drag, every pixel and buffer anew          {statistics.median(plain):6.1f} frames/s  (baseline)")
    rate = statistics.median(ours)
    ratio = rate / statistics.median(plain)
    print(f"window drag, lookup table                         {rate:6.1f} frames/s  {ratio:.2f} x the baseline")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_server(port: int) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/accounts/login/", timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"The web server did not answer on port {port} within 30 seconds; its messages stand above.")


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


if __name__ == "__main__":
    main()
