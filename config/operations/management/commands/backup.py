"""`manage.py backup`: the whole site into a folder, while it runs; or a look whether a backup is whole."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.operations.backup.making import make_backup
from config.operations.backup.manifest import BackupError, verify
from config.operations.progress import shown_progress


class Command(BaseCommand):
    help = (
        "Back up the site into a new folder in TARGET: database, files, secrets, and a list of all with their SHA-256. "
        "The site may run meanwhile. Files that an earlier backup in TARGET has are not copied again. Exit status: 0 "
        "made and read back, 1 nothing was made, 2 damaged."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs["epilog"] = (
            "Examples:\n  manage.py backup /mnt/backups\n  manage.py backup --verify /mnt/backups/2026-01-31T020000Z"
        )
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("target", type=Path, help="folder for backups, best on another disk")
        parser.add_argument("--verify", action="store_true", help="make nothing: read every file of the backup TARGET")
        parser.add_argument(
            "--without-secrets",
            action="store_true",
            help="leave out the pseudonym key and the signing key: keep them elsewhere, they cannot be made again",
        )
        parser.add_argument("--json", action="store_true", help="what was made, as JSON")

    def handle(self, *args: Any, target: Path, **options: Any) -> None:
        try:
            with shown_progress() as progress:
                if options["verify"]:
                    manifest = verify(target, progress)
                    found = {"folder": str(target), "copied_files": 0, "copied_bytes": 0, "linked_files": 0}
                else:
                    made = make_backup(target=target, with_secrets=not options["without_secrets"], progress=progress)
                    manifest = made.manifest
                    found = {
                        "folder": str(made.folder),
                        "copied_files": made.copied_files,
                        "copied_bytes": made.copied_bytes,
                        "linked_files": made.linked_files,
                    }
        except BackupError as error:
            raise CommandError(str(error), returncode=error.exit_status) from error
        except OSError as error:
            raise CommandError(f"{error.filename or target}: {error.strerror}. Nothing was made.") from error
        found |= {
            "files": len(manifest.entries),
            "bytes": manifest.total_bytes,
            "has_secrets": manifest.has_secrets,
            "missing": manifest.missing,
        }
        if options["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False))
            return
        size = f"{manifest.total_bytes / 2**20:,.1f} MB"
        if options["verify"]:
            self.stdout.write(f"{len(manifest.entries):,} files, {size}: every one is what it was.")
        else:
            self.stdout.write(
                f"{found['folder']}: {len(manifest.entries):,} files, {size}; {found['linked_files']:,} of them "
                "unchanged since the backup before. Every one was read back."
            )
        for name in manifest.missing[:20]:
            self.stdout.write(f"Not in it, because the site itself has lost it: media/{name}")
