"""Puts a backup in the place of a site: only into an empty one, or with the old one kept aside.

Everything is checked and copied beside the site first; then folders and database change places by renaming. Whatever
fails before the end, the old ones are put back.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections

from config.operations.backup import database
from config.operations.backup.making import copy_file
from config.operations.backup.manifest import BackupError, DamagedBackupError, Manifest, Progress, verify
from config.operations.backup.places import FILES, SECRETS, places
from turing.audit.verification import Verification, verify_audit


@dataclass(frozen=True, kw_only=True)
class Restored:
    manifest: Manifest
    aside: list[Path]  # where the old site is now; [] when there was none
    audit: Verification


@dataclass
class _Swap:
    """Renames that can be taken back."""

    done: list[tuple[Path, Path]] = field(default_factory=list)

    def rename(self, old: Path, new: Path) -> None:
        old.rename(new)
        self.done.append((old, new))

    def undo(self) -> None:
        for old, new in reversed(self.done):
            if new.exists() and not old.exists():
                new.rename(old)


def restore_backup(*, source: Path, overwrite: bool, progress: Progress) -> Restored:
    """Check `source`, put it into this site's place, bring its database up to this version, check the audit chain.

    Raises BackupError, naming what is in the way, when the site runs here or is not empty (and `overwrite` was not
    asked for), and DamagedBackupError; then nothing was changed.
    """
    manifest = verify(source, progress)
    if manifest.engine != database.engine():
        raise BackupError(
            f"The backup holds a {manifest.engine} database, and DATABASE_URL names a {database.engine()} one. Restore "
            "it on the same kind."
        )
    with _site_stands_still():
        if not overwrite and not (database.is_empty() and not _has_files()):
            raise BackupError(
                f"There is a site in {settings.DATA_DIR} already. Restore into an empty DATA_DIR and database, or add "
                "--overwrite: the old site is then kept aside."
            )
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ")
        aside = _replace(source, manifest, stamp, progress)
        progress("Bringing the database up to this version", 0, 0)
        call_command("migrate", interactive=False, verbosity=0)
        progress("Checking the audit chain", 0, 0)
        audit = verify_audit()
    return Restored(manifest=manifest, aside=aside, audit=audit)


def _replace(source: Path, manifest: Manifest, stamp: str, progress: Progress) -> list[Path]:
    wanted = [*FILES, *([SECRETS] if manifest.has_secrets else [])]
    targets = {name: place for name, place in places().items() if name in wanted}
    staged = {name: _beside(place, "restoring", stamp) for name, place in targets.items()}
    on_sqlite = database.engine() == "sqlite"
    file = Path(str(connection.settings_dict["NAME"])).absolute() if on_sqlite else None
    staged_file = _beside(file, "restoring", stamp) if file else None
    swap, aside = _Swap(), []
    try:
        _stage(source, manifest, staged, staged_file, progress)
        connections.close_all()
        for name, place in targets.items():
            if place.exists():
                aside.append(_beside(place, "replaced", stamp))
                swap.rename(place, aside[-1])
            swap.rename(staged[name], place)
        if file and staged_file:
            for old in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))):
                if old.exists():
                    aside.append(_beside(old, "replaced", stamp))
                    swap.rename(old, aside[-1])
            swap.rename(staged_file, file)
        else:
            aside += _replace_postgresql(source / database.file_name(), stamp, progress)
    except BaseException:
        connections.close_all()
        swap.undo()
        raise
    finally:
        for path in (*staged.values(), *([staged_file] if staged_file else [])):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    return aside


def _replace_postgresql(dump: Path, stamp: str, progress: Progress) -> list[Path]:
    """The old database becomes a dump beside DATA_DIR's own; of a failure it is loaded again."""
    database.find_tool("pg_restore")
    old = Path(settings.DATA_DIR) / f"database-replaced-{stamp}.dump"
    progress("Putting the old database aside", 0, 0)
    database.dump(old)
    old.chmod(0o600)
    progress("Loading the database", 0, 0)
    try:
        database.load(dump)
    except BaseException:
        database.load(old)
        raise
    return [old]


def _stage(
    source: Path, manifest: Manifest, staged: dict[str, Path], staged_file: Path | None, progress: Progress
) -> None:
    for folder in staged.values():
        folder.mkdir(parents=True, mode=0o700)
    for done, entry in enumerate(manifest.entries.values()):
        if done % 50 == 0:
            progress("Copying files", done, len(manifest.entries))
        root, _, rest = entry.path.partition("/")
        target = staged[root] / rest if root in staged else staged_file if not rest else None
        if target is None:
            continue
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        sha256, _, _ = copy_file(source / entry.path, target)
        if sha256 != entry.sha256:
            raise DamagedBackupError(f"{source / entry.path} changed while it was being restored.")
        if entry.modified_ns:
            os.utime(target, ns=(entry.modified_ns, entry.modified_ns))
    os.sync()


def _has_files() -> bool:
    return any(path.is_file() for path in places()["media"].rglob("*"))


def _beside(path: Path, what: str, stamp: str) -> Path:
    return path.with_name(f"{path.name}-{what}-{stamp}")


@contextmanager
def _site_stands_still() -> Iterator[None]:
    """The supervisor of this machine cannot run, or begin to, inside the block."""
    folder = Path(settings.DATA_DIR) / "run"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "supervisor.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError("The site is running. Stop it (Ctrl-C, or systemctl stop), then restore.") from None
        yield
