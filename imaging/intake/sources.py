"""Where files come from: a ZIP archive or a folder on the server. Both give names and bytes, and write nothing.

Names are only ever labels here: no path of an archive is joined to a path of this machine.
"""

import os
import re
import stat
import threading
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from imaging.intake.limits import Limits
from imaging.intake.report import IntakeError, Problem, Report, SourceError, printable

if TYPE_CHECKING:
    from imaging.intake.npz import NpzSource

_CHUNK = 2**20
_REPACK = "Make the archive again from the plain files and folders."


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a source."""

    name: str  # with forward slashes, NFC, as the user sees it
    handle: zipfile.ZipInfo | str


class Source(Protocol):
    """Names first (`entries`), then the bytes of each file (`read`, from several threads)."""

    def entries(self, report: Report) -> list[Entry]:
        """Every usable file; what is unsafe or unreadable by its name or type goes into `report` instead."""

    def read(self, entry: Entry) -> bytes:
        """All bytes of a file. Raises IntakeError; SourceError when the whole source is refused."""


def open_source(
    path: Path, limits: Limits, class_names: tuple[str, ...] = (), *, name: str = ""
) -> "ZipSource | FolderSource | NpzSource":
    """A ZIP, an NPZ, a folder or one image, to be used in a `with` statement. Raises SourceError when it is none.

    `class_names`: of an NPZ, in the order of the numbers that its labels are. `name`: of an image, where it is not that
    of the file.
    """
    from imaging.intake.npz import NpzSource, is_npz  # which is made of what is here

    if path.is_dir():
        return FolderSource(path, limits)
    if not path.exists():
        raise SourceError("There is no such file or folder.", "Check the path, or upload the file again.")
    try:
        archive = zipfile.ZipFile(path)
        if is_npz(archive):
            return NpzSource(archive, limits, class_names)
        return ZipSource(archive, path.stat().st_size, limits)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        if path.stat().st_size == 0:
            reason = "The file is empty (0 bytes)."
        elif _starts_like_zip(path):
            reason = f"The ZIP archive is damaged or cut off ({printable(str(error))})."
        elif Path(name or path.name).suffix.lower() in (".zip", ".npz"):
            reason = "This is not a ZIP archive."
        elif _starts_like_image(path):
            return OneFileSource(path, limits, name or path.name)
        else:
            reason = "This is neither a ZIP archive nor an image."
        raise SourceError(reason, "Choose a ZIP archive with one folder per class.") from error
    except OSError as error:
        raise SourceError(f"The file cannot be read: {error.strerror}.", "Check its permissions.") from error


class Budget:
    """Counts what has been read, over all files, which several threads read."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.total = 0
        self._lock = threading.Lock()

    def spend(self, n: int, file_total: int) -> None:
        limits = self.limits
        with self._lock:
            self.total += n
        if self.total > limits.max_total_bytes:
            raise SourceError(
                f"The files unpack to more than {_size(limits.max_total_bytes)} in all; reading was stopped.",
                "Split the images over several imports.",
            )
        if file_total > limits.max_file_bytes:
            raise IntakeError(
                f"The file unpacks to more than {_size(limits.max_file_bytes)}.",
                "Remove it, or export the image with fewer pixels.",
            )


class ZipSource(AbstractContextManager["ZipSource"]):
    def __init__(self, archive: zipfile.ZipFile, size: int, limits: Limits) -> None:
        self._archive, self._size = archive, size
        self._budget = Budget(limits)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._archive.close()

    def entries(self, report: Report) -> list[Entry]:
        members = self._archive.infolist()
        if len(members) > self._budget.limits.max_files:
            raise SourceError(
                f"The archive holds {len(members):,} files; {self._budget.limits.max_files:,} are allowed.",
                "Split the images over several imports.",
            )
        found: list[Entry] = []
        seen: set[str] = set()
        unclear: list[str] = []
        for member in members:
            written, is_clear = _name_of(member)
            name = clean_name(written)
            try:
                _refuse_unsafe_name(member.filename)
                if member.is_dir() and not member.file_size:
                    continue
                _refuse_unsafe_member(member)
                if name in seen:
                    raise IntakeError("The archive holds two files with this very name.", _REPACK)
            except IntakeError as problem:
                report.add_problem(problem.about(printable(member.filename)))
                continue
            seen.add(name)
            found.append(Entry(name, member))
            if not is_clear:
                unclear.append(name)
        if unclear:
            what = f"{len(unclear):,} names in the archive are" if len(unclear) > 1 else "A name in the archive is"
            report.notes.append(
                f"{what} not in UTF-8, so that letters with accents may be wrong, as in “{printable(unclear[0], 99)}”. "
                "If the name of a class is, make the archive again on a newer system, or import the folder."
            )
        return found

    def read(self, entry: Entry) -> bytes:
        member = entry.handle
        if not isinstance(member, zipfile.ZipInfo):
            raise TypeError(f"{entry} is not of this archive")
        packed = max(1, min(member.compress_size, self._size))
        chunks: list[bytes] = []
        length = 0
        try:
            with self._archive.open(member) as stream:
                while chunk := stream.read(_CHUNK):
                    length += len(chunk)
                    self._budget.spend(len(chunk), length)
                    self._refuse_bomb(length, packed)
                    chunks.append(chunk)
        except NotImplementedError as error:
            raise IntakeError(
                "The file is packed by a method that is not supported.", "Make the archive with ordinary (deflate) ZIP."
            ) from error
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
            raise IntakeError(
                f"The file is damaged inside the archive ({printable(str(error), 120) or 'it ends too early'}).",
                "Make the archive again, or leave this file out.",
            ) from error
        return b"".join(chunks)

    def _refuse_bomb(self, length: int, packed: int) -> None:
        limits = self._budget.limits
        if length > limits.ratio_from_bytes and length > limits.max_ratio * packed:
            raise IntakeError(
                f"The file unpacks to more than {limits.max_ratio} times its packed size: this is a ZIP bomb, "
                "not a radiograph.",
                "Do not use this archive. If you made it yourself, remove the file.",
                fatal=True,
            )


class FolderSource(AbstractContextManager["FolderSource"]):
    """A folder that the administrator names on the command line. Symbolic links below it are not followed."""

    def __init__(self, root: Path, limits: Limits) -> None:
        self._root = root.resolve()
        self._budget = Budget(limits)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def entries(self, report: Report) -> list[Entry]:
        found: list[Entry] = []
        for relative, problem in self._walk():
            name = clean_name(relative)
            if problem is not None:
                report.add_problem(problem.about(printable(relative)))
                continue
            found.append(Entry(name, relative))
            if len(found) > self._budget.limits.max_files:
                raise SourceError(
                    f"The folder holds more than {self._budget.limits.max_files:,} files.",
                    "Split the images over several imports.",
                )
        return found

    def _walk(self) -> Iterator[tuple[str, IntakeError | None]]:
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                children = sorted(os.scandir(self._root / folder), key=lambda child: child.name)
            except OSError as error:
                yield folder or ".", IntakeError(f"The folder cannot be read: {error.strerror}.", "Change its rights.")
                continue
            for child in children:
                relative = f"{folder}/{child.name}" if folder else child.name
                if child.is_symlink():
                    yield relative, IntakeError("This is a symbolic link.", "Put the file itself in its place.")
                elif child.is_dir(follow_symlinks=False):
                    folders.append(relative)
                elif child.is_file(follow_symlinks=False):
                    yield relative, None
                else:
                    yield relative, IntakeError("This is not a plain file (a device, pipe or socket).", "Remove it.")

    def read(self, entry: Entry) -> bytes:
        path = self._root / str(entry.handle)
        chunks: list[bytes] = []
        length = 0
        try:
            # O_NOFOLLOW: the file may have been swapped for a link since it was listed
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
            with os.fdopen(descriptor, "rb") as stream:
                while chunk := stream.read(_CHUNK):
                    length += len(chunk)
                    self._budget.spend(len(chunk), length)
                    chunks.append(chunk)
        except OSError as error:
            raise IntakeError(f"The file cannot be read: {error.strerror}.", "Check its permissions.") from error
        return b"".join(chunks)


class OneFileSource(FolderSource):
    """One image by itself."""

    def __init__(self, path: Path, limits: Limits, name: str) -> None:
        super().__init__(path.parent, limits)
        self._entry = Entry(clean_name(name), path.name)

    def entries(self, report: Report) -> list[Entry]:
        return [self._entry]


def clean_name(name: str) -> str:
    """Forward slashes and composed letters: Windows and macOS write other ones for the same name."""
    parts = unicodedata.normalize("NFC", name.replace("\\", "/")).split("/")
    return "/".join(part for part in parts if part not in ("", "."))


def _name_of(member: zipfile.ZipInfo) -> tuple[str, bool]:
    """The name of a member, and whether it is clear how its bytes are to be read.

    Without the mark for UTF-8 they should be in code page 437, and `zipfile` reads them so; macOS writes UTF-8 all the
    same, which other code pages are next to never by chance.
    """
    name = member.filename
    if member.flag_bits & 0x800 or name.isascii():
        return name, True
    try:
        return name.encode("cp437").decode("utf-8"), True
    except UnicodeError:
        return name, False


def _refuse_unsafe_name(raw: str) -> None:
    name = raw.replace("\\", "/")
    if re.match(r"[A-Za-z]:", name):
        raise IntakeError("The name is a path on a Windows drive.", _REPACK)
    if name.startswith("/"):
        raise IntakeError("The name is an absolute path.", _REPACK)
    if ".." in name.split("/"):
        raise IntakeError("The name leads out of the archive (path traversal with “..”).", _REPACK)


def _refuse_unsafe_member(member: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise IntakeError("This is a symbolic link.", "Put the file itself in its place.")
    if kind not in (0, stat.S_IFREG):
        raise IntakeError("This is not a plain file (a device, pipe or socket).", "Remove it.")
    if member.flag_bits & 0x1:
        raise IntakeError("The file is encrypted.", "Make the archive again without a password.")


def _starts_like_image(path: Path) -> bool:
    """DICOM, PNG, JPEG or TIFF; what is the matter with it is said when it is read."""
    with path.open("rb") as file:
        start = file.read(132)
    return start[128:] == b"DICM" or start.startswith((b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*"))


def _starts_like_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _size(n: int) -> str:
    return f"{n / 2**30:g} GiB" if n >= 2**30 else f"{n / 2**20:g} MiB"


def source_problem(error: IntakeError, path: Path) -> Problem:
    return error.about(printable(path.name))


__all__ = ["Budget", "Entry", "FolderSource", "Source", "ZipSource", "clean_name", "open_source", "source_problem"]
