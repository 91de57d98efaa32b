"""What code made a result: stored with each attempt of a job."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version

from config.environment import BASE_DIR

PACKAGES = ("django", "numpy", "pillow", "scipy", "torch", "torchvision")


def collect_versions() -> dict[str, str]:
    """Code revision, Python, and each installed package of PACKAGES; imports none of them."""
    found = {"revision": code_revision(), "python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def code_revision() -> str:
    """The git commit, with "+changes" when files differ from it; "unknown" outside a git checkout."""
    if not (BASE_DIR / ".git").exists():
        return "unknown"
    try:
        commit = _git("rev-parse", "HEAD")
        return f"{commit}+changes" if _git("status", "--porcelain", "--untracked-files=no") else commit
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(*arguments: str) -> str:
    completed = subprocess.run(
        ["git", "--no-optional-locks", *arguments], cwd=BASE_DIR, capture_output=True, text=True, timeout=10, check=True
    )
    return completed.stdout.strip()
