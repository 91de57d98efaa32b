"""Every test here has an own, empty data directory, so that it can say what was left in it."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path) -> Path:
    folder = tmp_path / "data"
    (folder / "tmp").mkdir(parents=True)
    settings.DATA_DIR = folder
    settings.MEDIA_ROOT = folder / "media"
    settings.FILE_UPLOAD_TEMP_DIR = folder / "tmp"
    return folder


def files_below(folder: Path) -> set[str]:
    """Every file, folder excluded, relative to `folder`; the key of pseudonyms is no leftover."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if not path.is_dir() and path.name != "pseudonym_key"
    }
