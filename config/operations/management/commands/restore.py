"""`manage.py restore`: a site from its backup."""

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.operations.backup.manifest import BackupError, verify
from config.operations.backup.restoring import restore_backup
from config.operations.progress import shown_progress


class Command(BaseCommand):
    help = (
        "Restore the backup in the folder SOURCE (made by “manage.py backup”) into this DATA_DIR and DATABASE_URL, "
        "which must be empty. The backup is read and checked first, the audit chain afterwards. Exit status: "
        "0 restored, 1 nothing was changed, 2 the backup is damaged, 3 restored, but the audit chain is not whole."
    )
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs["epilog"] = "Example:\n  DATA_DIR=/srv/new manage.py restore /mnt/backups/2026-01-31T020000Z"
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path, help="folder of one backup")
        parser.add_argument("--verify", action="store_true", help="change nothing: read and check every file")
        parser.add_argument("--overwrite", action="store_true", help="put the site that is there aside, and restore")
        parser.add_argument("--json", action="store_true", help="what was restored, as JSON")

    def handle(self, *args: Any, source: Path, **options: Any) -> None:
        try:
            with shown_progress() as progress:
                if options["verify"]:
                    manifest, aside, audit = verify(source, progress), [], None
                else:
                    restored = restore_backup(source=source, overwrite=options["overwrite"], progress=progress)
                    manifest, aside, audit = restored.manifest, restored.aside, restored.audit
        except BackupError as error:
            raise CommandError(str(error), returncode=error.exit_status) from error
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}. The site is as it was.") from error
        problems = [str(problem) for problem in audit.problems] if audit else []
        if options["json"]:
            found = {
                "files": len(manifest.entries),
                "bytes": manifest.total_bytes,
                "made_at": manifest.made_at,
                "aside": [str(path) for path in aside],
                "missing": manifest.missing,
                "audit_events": audit.n_events if audit else None,
                "audit_problems": problems,
            }
            self.stdout.write(json.dumps(found, ensure_ascii=False))
        else:
            done = "checked" if options["verify"] else "restored"
            self.stdout.write(f"{len(manifest.entries):,} files {done}, as of {manifest.made_at}.")
            for path in aside:
                self.stdout.write(f"The old one is kept: {path}")
            for problem in problems:
                self.stdout.write(problem)
            if audit and not problems:
                self.stdout.write(f"The audit chain is whole: {audit.n_events} events. Start the site.")
        if problems:
            sys.exit(3)
