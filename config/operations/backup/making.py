"""Makes a backup: files, the database, then the files that came meanwhile.

A file is there before its row and goes after it. Files first alone would miss those that came while they were copied;
the database first alone would miss those that were deleted afterwards. So files are taken before and after the database
is copied, and every file that a row of the copy names is looked up: one that a sweeper took in between, with its row,
means that the database is copied once more.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from config.operations.backup import database
from config.operations.backup.manifest import (
    CHUNK_BYTES,
    HASH_NAME,
    NAME,
    BackupError,
    DamagedBackupError,
    Entry,
    Manifest,
    Progress,
    find_damage,
    hash_file,
    read_manifest,
)
from config.operations.backup.places import SECRETS, places
from config.operations.backup.references import referenced_files

INCOMPLETE = ".incomplete-"
ROUNDS = 5
NOT_KEPT = (".lock",)  # a job's directory is locked by whoever runs it


@dataclass(frozen=True, kw_only=True)
class Made:
    folder: Path
    manifest: Manifest
    copied_files: int
    copied_bytes: int
    linked_files: int  # unchanged since the backup before: one file on the disk for both


def make_backup(*, target: Path, with_secrets: bool, progress: Progress) -> Made:
    """A new folder in `target`, which takes over what an earlier backup there holds unchanged.

    It gets its name once it is whole and every byte was read back: what a killed backup leaves is never taken for one.
    Raises BackupError; then nothing is left behind.
    """
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(target.resolve().is_relative_to(place.resolve()) for place in places().values()):
        raise BackupError(f"{target} lies in the site's own files. Choose a folder elsewhere, best on another disk.")
    with _only_one(target):
        for leftover in target.glob(f"{INCOMPLETE}*"):
            shutil.rmtree(leftover)
        started = datetime.now(UTC)
        name = started.strftime("%Y-%m-%dT%H%M%SZ")
        folder = target / f"{INCOMPLETE}{name}"
        if (target / name).exists():
            raise BackupError(f"{target / name} is there already. Wait a second.")
        folder.mkdir(mode=0o700)
        try:
            making = _Making(folder, _last_backup(target), with_secrets, progress)
            manifest = making.run(started)
            manifest.write(folder)
            os.sync()
            folder.rename(target / name)
            _sync_folder(target)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return Made(
        folder=target / name,
        manifest=manifest,
        copied_files=making.copied_files,
        copied_bytes=making.copied_bytes,
        linked_files=making.linked_files,
    )


def complete_backups(target: Path) -> list[Path]:
    """Oldest first."""
    return sorted(path.parent for path in target.glob(f"[0-9]*/{HASH_NAME}") if (path.parent / NAME).is_file())


class _Making:
    def __init__(self, folder: Path, previous: Path | None, with_secrets: bool, progress: Progress) -> None:
        self.folder = folder
        self.previous = previous
        self.known = read_manifest(previous).entries if previous is not None else {}
        self.places = {name: place for name, place in places().items() if with_secrets or name != SECRETS}
        self.with_secrets = with_secrets
        self.progress = progress
        self.entries: dict[str, Entry] = {}
        self.copied_files = self.copied_bytes = self.linked_files = 0

    def run(self, started: datetime) -> Manifest:
        self._take_files()
        missing = self._take_database()
        manifest = Manifest(
            made_at=started.isoformat(timespec="seconds"),
            engine=database.engine(),
            version={"program": _program_version(), "database": database.database_version()},
            has_secrets=self.with_secrets,
            entries=dict(sorted(self.entries.items())),
            missing=missing,
        )
        damage = list(find_damage(self.folder, manifest, self.progress))
        if damage:
            before = f" Files that {self.previous} has as well are damaged there." if self.previous else ""
            raise DamagedBackupError(f"What was written cannot be read back: {'; '.join(damage[:5])}.{before}")
        return manifest

    def _take_database(self) -> list[str]:
        """Until everything that its rows name is there; what the site itself has lost is returned."""
        path = self.folder / database.file_name()
        for _ in range(ROUNDS):
            path.unlink(missing_ok=True)
            self.progress("Copying the database", 0, 0)
            with database.snapshot(path) as alias:
                self._take_files()
                missing = {name for name in referenced_files(alias) if f"media/{name}" not in self.entries}
            if missing and not self._were_lost_before(missing):
                continue
            sha256, length = hash_file(path)
            path.chmod(0o600)
            self.entries[path.name] = Entry(path=path.name, bytes=length, sha256=sha256, modified_ns=0)
            return sorted(missing)
        raise BackupError(
            "Files were deleted so fast that no moment of the site could be kept. Wait until deleting has ended, then "
            "try again."
        )

    def _were_lost_before(self, names: set[str]) -> bool:
        """True when the site's rows name these files now as well, and it has none of them. Else they went, or came,
        while the backup was being made.
        """
        return names <= set(referenced_files("default")) and not any(
            (self.places["media"] / name).exists() for name in names
        )

    def _take_files(self) -> None:
        """Copy or link whatever is new or has changed since the last call."""
        found = 0
        self.progress("Copying files", 0, 0)
        for name, place in self.places.items():
            for path in _files_below(place):
                kept = f"{name}/{path.relative_to(place).as_posix()}"
                found += 1
                if found % 50 == 0:
                    self.progress("Copying files", found, 0)
                with suppress(FileNotFoundError):  # a job removed it this moment
                    self._take(path, kept)

    def _take(self, path: Path, name: str) -> None:
        status = path.stat()
        have = self.entries.get(name)
        if have is not None and (have.bytes, have.modified_ns) == (status.st_size, status.st_mtime_ns):
            return
        target = self.folder / name
        target.unlink(missing_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        before = self.known.get(name)
        if before is not None and (before.bytes, before.modified_ns) == (status.st_size, status.st_mtime_ns):
            with suppress(OSError):  # a disk without hard links, or the old file is gone: copy
                assert self.previous is not None  # noqa: S101  for the type checker
                os.link(self.previous / name, target)
                self.entries[name] = before
                self.linked_files += 1
                return
        sha256, length, modified_ns = copy_file(path, target)
        self.entries[name] = Entry(path=name, bytes=length, sha256=sha256, modified_ns=modified_ns)
        self.copied_files += 1
        self.copied_bytes += length


def copy_file(path: Path, target: Path) -> tuple[str, int, int]:
    """SHA-256 and length of what was written, and the time of the original before it was read."""
    digest, length = hashlib.sha256(), 0
    with path.open("rb") as source, target.open("xb") as copy:
        modified_ns = os.fstat(source.fileno()).st_mtime_ns
        os.fchmod(copy.fileno(), 0o600)
        while chunk := source.read(CHUNK_BYTES):
            copy.write(chunk)
            digest.update(chunk)
            length += len(chunk)
    return digest.hexdigest(), length, modified_ns


def _files_below(folder: Path) -> Iterator[Path]:
    """Ordinary files; no links, sockets or locks."""
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(parent, name)
            if name not in NOT_KEPT and not name.startswith(".probe-") and path.is_file() and not path.is_symlink():
                yield path


def _last_backup(target: Path) -> Path | None:
    backups = complete_backups(target)
    return backups[-1] if backups else None


@contextmanager
def _only_one(target: Path) -> Iterator[None]:
    with (target / ".lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"Another backup is being made in {target}. Wait until it has ended.") from None
        yield


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _program_version() -> str:
    try:
        return version("turing-reader")
    except PackageNotFoundError:  # run from its folder, not installed
        return "unreleased"
