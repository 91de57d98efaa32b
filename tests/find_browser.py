"""Finds the Chromium that browser tests drive: the system's, else Playwright's own download.

`python -m tests.find_browser --install` makes sure that there is one and fails, with the command to install one,
when there is none.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HELP = (
    "No Chromium was found, and Playwright could not download one. Browser tests need it. Install one with\n"
    "    sudo apt-get install chromium        (Debian, Ubuntu)\n"
    "    sudo dnf install chromium            (Fedora)\n"
    "    brew install --cask chromium         (macOS)\n"
    "or give its path: CHROMIUM=/path/to/chromium make test"
)
# As root the sandbox cannot start; the other switches keep the browser from calling home.
ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_browser() -> str | None:
    """Path of a Chromium, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if Path(named).exists() else None
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def launch_arguments() -> dict:
    """Keyword arguments for Playwright's `chromium.launch`. Raises RuntimeError when there is no browser."""
    path = find_browser()
    if path is None:
        raise RuntimeError(HELP)
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return {"executable_path": path, "args": ARGUMENTS + (["--no-sandbox"] if as_root else [])}


def main() -> int:
    if find_browser() is None and "--install" in sys.argv:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    path = find_browser()
    print(f"Browser for the tests: {path}" if path else HELP, file=sys.stdout if path else sys.stderr)
    return 0 if path else 1


if __name__ == "__main__":
    sys.exit(main())
