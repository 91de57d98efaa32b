"""`manage.py sweep_images`: housekeeping after crashes, and the end of what was deleted long ago."""

from typing import Any

from django.core.management.base import BaseCommand

from imaging.deleting import let_go_of_old
from imaging.making import discard_abandoned, remove_discarded
from imaging.services import sweep_pixel_files


class Command(BaseCommand):
    help = (
        "Remove pixel files that no image needs any more (left by killed processes), and datasets that were deleted "
        "more than 30 days ago. Safe at any time."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        discard_abandoned()
        let_go_of_old()
        removed = remove_discarded()
        removed += sweep_pixel_files()
        self.stdout.write(f"Removed {removed} file{'' if removed == 1 else 's'} that no image needs.")
