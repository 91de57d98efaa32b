"""How much room the disk has, and whether that is enough to begin something.

Below MIN_FREE_GB nothing that fills the disk is begun: jobs wait, uploads are refused. What readers do is never
refused: their answers need next to nothing, and the limit keeps that for them.
"""

import shutil
from pathlib import Path

from django.conf import settings

SHORT_OF_ROOM = "less room on the disk than MIN_FREE_GB asks for"


def free_bytes(folder: Path) -> int:
    """Free bytes of the disk that `folder` is on, or will be on."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def short_of_room(folder: Path, *, needed: int = 0) -> bool:
    """True when less than the limit would be left after writing `needed` bytes below `folder`."""
    limit = settings.MIN_FREE_BYTES
    return bool(limit) and free_bytes(folder) - needed < limit
