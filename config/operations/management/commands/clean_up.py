"""`manage.py clean_up`: what nobody needs any more goes, or is only listed."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from config.operations.cleaning import find_leftovers, remove_leftovers, summary
from config.operations.progress import shown_progress


class Command(BaseCommand):
    help = (
        "Remove what killed processes, refused imports and deleted datasets have left: pictures, uploads, folders of "
        "jobs and reports without a record, expired sessions. What is young stays. Safe at any time."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs["epilog"] = "Example:\n  manage.py clean_up --dry-run"
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="remove nothing, list what would go")
        parser.add_argument("--json", action="store_true", help="the list as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with shown_progress() as progress:
                work = find_leftovers if options["dry_run"] else remove_leftovers
                found = work(progress=progress)
        except OperationalError as error:
            raise CommandError(f"The database is busy ({error}): try again in a minute.") from error
        totals = summary(found)
        if options["json"]:
            names = {name: [one.name for one in each] for name, each in found.items() if name != "sessions"}
            answer = {"removed": not options["dry_run"], "totals": totals, "names": names}
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
            return
        would = "would be " if options["dry_run"] else ""
        for name, each in found.items():
            self.stdout.write(f"{name}: {len(each):,} {would}removed, {totals[name]['bytes'] / 2**20:,.1f} MB")
            if options["dry_run"] and name != "sessions":
                for one in each[:20]:
                    self.stdout.write(f"  {one.name}")
                if len(each) > 20:
                    self.stdout.write(f"  ... and {len(each) - 20:,} more (--json lists all)")
