"""What belongs to a site beside its database, and where it lies."""

from pathlib import Path

from django.conf import settings

SECRETS = "secrets"
# Logs, static files, half-sent uploads and the broker's files are not kept: a site makes them anew.
FILES = ("media", "uploads", "weights")


def places() -> dict[str, Path]:
    """Name in a backup -> folder of the site."""
    data = Path(settings.DATA_DIR)
    return {
        "media": Path(settings.MEDIA_ROOT),
        "uploads": data / "uploads",
        "weights": data / "weights",
        SECRETS: data / SECRETS,
    }
