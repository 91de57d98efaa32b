"""`manage.py sweep_stimuli`: housekeeping after crashes. Stimuli of opened studies are never touched."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from turing.services.sweeping import sweep_stimuli


class Command(BaseCommand):
    help = (
        "Remove stimulus files older than six hours that no study needs (left by processes killed while opening one). "
        "Safe at any time."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            removed = sweep_stimuli()
        except OperationalError as error:
            raise CommandError(f"The database is busy ({error}): try again in a minute.") from error
        self.stdout.write(f"Removed {removed} file{'' if removed == 1 else 's'} that no study needs.")
