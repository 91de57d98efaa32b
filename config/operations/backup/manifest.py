"""What a backup holds: every file with its length and SHA-256, and how to see that they are what they were."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

FORMAT = 1
NAME = "manifest.json"
HASH_NAME = "manifest.sha256"
CHUNK_BYTES = 2**20

Progress = Callable[[str, int, int], None]  # what is being done, files done, files in all (0: not known)


class BackupError(Exception):
    """A backup that cannot be made, read or restored; the text says why and what to do."""

    exit_status = 1  # of a command


class DamagedBackupError(BackupError):
    """Files of a backup are not what they were when it was made; the text names them."""

    exit_status = 2


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file, by its path in the backup."""

    path: str  # "media/images/ab/cd/....png", "database.sqlite3", "secrets/pseudonym_key"
    bytes: int
    sha256: str
    modified_ns: int  # of the original: the next backup takes an unchanged file over


@dataclass(frozen=True, kw_only=True)
class Manifest:
    made_at: str  # ISO 8601, UTC
    engine: str  # "sqlite" or "postgresql"
    version: dict[str, str]  # of the program and the database
    has_secrets: bool
    entries: dict[str, Entry] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)  # files that rows name and the site itself did not have

    @property
    def total_bytes(self) -> int:
        return sum(entry.bytes for entry in self.entries.values())

    def write(self, folder: Path) -> None:
        values = {**asdict(self), "format": FORMAT, "entries": [asdict(entry) for entry in self.entries.values()]}
        text = json.dumps(values, ensure_ascii=False, indent=0).encode()
        (folder / NAME).write_bytes(text)
        (folder / HASH_NAME).write_text(f"{hashlib.sha256(text).hexdigest()}  {NAME}\n")  # sha256sum --check


def read_manifest(folder: Path) -> Manifest:
    """Raises BackupError when `folder` holds no whole backup, DamagedBackupError when its list of files was changed."""
    try:
        text, noted = (folder / NAME).read_bytes(), (folder / HASH_NAME).read_text().split()[0]
    except (OSError, IndexError) as error:
        raise BackupError(
            f"{folder} is no backup: {NAME} or {HASH_NAME} cannot be read. Name the folder of one backup, such as "
            "TARGET/2026-01-31T020000Z."
        ) from error
    if hashlib.sha256(text).hexdigest() != noted:
        raise DamagedBackupError(f"{folder / NAME} is damaged: it does not have the hash in {HASH_NAME}.")
    values: dict[str, Any] = json.loads(text)
    if values.pop("format") != FORMAT:
        raise BackupError(f"{folder} was made by a newer version of the program. Restore it with that version.")
    entries = {entry["path"]: Entry(**entry) for entry in values.pop("entries")}
    for path in entries:
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise DamagedBackupError(f"{folder / NAME} names a file outside the backup: {path}")
    return Manifest(entries=entries, **values)


def hash_file(path: Path) -> tuple[str, int]:
    """SHA-256 and length. Raises OSError."""
    digest, length = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            length += len(chunk)
    return digest.hexdigest(), length


def find_damage(folder: Path, manifest: Manifest, progress: Progress) -> Iterator[str]:
    """One sentence for each file that is missing, too much, or not what it was: all bytes are read."""
    for done, entry in enumerate(manifest.entries.values()):
        progress("Checking", done, len(manifest.entries))
        try:
            sha256, length = hash_file(folder / entry.path)
        except OSError as error:
            yield f"{entry.path} cannot be read: {error.strerror or error}"
            continue
        if length != entry.bytes:
            yield f"{entry.path} has {length:,} bytes instead of {entry.bytes:,}"
        elif sha256 != entry.sha256:
            yield f"{entry.path} is not what it was: its SHA-256 is another one"
    progress("Checking", len(manifest.entries), len(manifest.entries))


def verify(folder: Path, progress: Progress) -> Manifest:
    """Read every file of a backup. Raises BackupError and, naming up to 20 files, DamagedBackupError."""
    manifest = read_manifest(folder)
    damage = list(find_damage(folder, manifest, progress))
    if damage:
        more = f"\n... and {len(damage) - 20:,} more" if len(damage) > 20 else ""
        raise DamagedBackupError(f"The backup {folder} is damaged:\n" + "\n".join(damage[:20]) + more)
    return manifest
