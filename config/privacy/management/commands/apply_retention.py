"""`manage.py apply_retention`: remove what RETENTION_DAYS keeps no longer."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.privacy.retention import apply_retention, readers_to_erase


class Command(BaseCommand):
    help = (
        "Remove identities of readers whose studies were closed more than RETENTION_DAYS ago, and sign-ins and "
        "invitations that are older; and expired sessions. Run it every night. Example: manage.py apply_retention"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say how many readers are due")
        parser.add_argument("--json", action="store_true", help="numbers for programs")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        removed = {"identities": len(readers_to_erase())} if dry_run else apply_retention().to_dict()
        if options["json"]:
            self.stdout.write(json.dumps(removed))
            return
        words = ", ".join(f"{number} {what.replace('_', '-')}" for what, number in removed.items())
        self.stdout.write(f"{'Due' if dry_run else 'Removed'}: {words}.")
