"""`manage.py sweep_images`: housekeeping after crashes. Images of datasets are never touched."""

from typing import Any

from django.core.management.base import BaseCommand

from imaging.making import discard_abandoned, remove_discarded
from imaging.services import sweep_pixel_files


class Command(BaseCommand):
    help = "Remove pixel files that no image needs any more (left by killed processes). Safe at any time."

    def handle(self, *args: Any, **options: Any) -> None:
        discard_abandoned()
        removed = remove_discarded()
        removed += sweep_pixel_files()
        self.stdout.write(f"Removed {removed} file{'' if removed == 1 else 's'} that no image needs.")
