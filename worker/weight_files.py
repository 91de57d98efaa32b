"""Where an administrator puts files of network weights; jobs read them, pages list them."""

from pathlib import Path

from django.conf import settings


def weights_folder() -> Path:
    return Path(settings.DATA_DIR) / "weights"
