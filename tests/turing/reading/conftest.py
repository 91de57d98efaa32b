"""Where a web server of a test has its files."""

from pathlib import Path

import pytest


@pytest.fixture
def data_dir(settings, tmp_path) -> Path:
    """Of the web server; this process puts its stimulus files there too."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path
