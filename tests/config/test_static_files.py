"""Static files under hashed names."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import override_settings


@pytest.fixture
def collected(tmp_path, settings):
    storages = {**settings.STORAGES, "staticfiles": {"BACKEND": "config.static_files.ModuleStaticFilesStorage"}}
    with override_settings(STATIC_ROOT=tmp_path, STORAGES=storages):
        call_command("collectstatic", interactive=False, verbosity=0)
    return tmp_path


def test_modules_import_each_other_by_hashed_names(collected: Path):
    """So a page never mixes modules of two versions out of a browser's cache."""
    hashed = [path for path in collected.glob("js/**/*.js") if re.search(r"\.[0-9a-f]{12}\.js$", path.name)]

    imported = {
        (path.parent / name).resolve()
        for path in hashed
        for name in re.findall(r'from\s*"(\.[^"]+)"', path.read_text(encoding="utf-8"))
    }

    assert imported
    assert imported <= {path.resolve() for path in hashed}
