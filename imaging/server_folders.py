"""Folders of the server from which administrators import without an upload: those of IMPORT_FOLDERS, and what is below.

Nothing outside is ever shown or read: neither by a path with ".." in it nor through a symbolic link, nor is anything
written.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

LISTED = 500  # entries of a folder that are shown
ARCHIVES = (".zip", ".npz")


class FolderError(ValueError):
    """A place that is not offered; its text says why."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder or an archive that may be imported. `key` names it in an address: "0/2026/chest"."""

    key: str
    name: str
    path: Path
    is_folder: bool


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What is in a folder: folders and archives one by one, of all other files the number."""

    places: tuple[Place, ...]
    n_files: int
    is_cut: bool  # more places than are listed


def import_roots() -> list[Place]:
    """The folders that are set and there, in their order."""
    found = []
    for number, text in enumerate(settings.IMPORT_FOLDERS):
        path = Path(text)
        if path.is_absolute() and path.is_dir():
            found.append(Place(key=str(number), name=str(path), path=path.resolve(), is_folder=True))
    return found


def find_place(key: str) -> Place:
    """The folder or archive of a key. Raises FolderError for what is not there, and for what is not offered."""
    number, _, below = key.partition("/")
    root = next((root for root in import_roots() if root.key == number), None)
    parts = [part for part in below.split("/") if part]
    if root is None or "\0" in key or any(part in (".", "..") or part.startswith(".") for part in parts):
        raise FolderError("This place is not among the folders that may be imported.")
    path = root.path
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise FolderError("Symbolic links are not followed. Ask for the folder itself to be set in IMPORT_FOLDERS.")
    if not path.exists():
        raise FolderError("This place is no longer there.")
    if not path.resolve().is_relative_to(root.path):  # swapped for a link since
        raise FolderError("This place is not among the folders that may be imported.")
    if not path.is_dir() and path.suffix.lower() not in ARCHIVES:
        raise FolderError("Choose a folder, a ZIP archive or an NPZ file.")
    name = parts[-1] if parts else root.name
    return Place(key="/".join([number, *parts]), name=name, path=path, is_folder=path.is_dir())


def list_place(place: Place) -> Listing:
    """Raises FolderError when the server may not read the folder."""
    places, n_files = [], 0
    try:
        children = sorted(os.scandir(place.path), key=lambda child: child.name)
    except OSError as error:
        raise FolderError(f"The server may not read this folder ({error.strerror}).") from error
    for child in children:
        if child.is_symlink() or child.name.startswith("."):
            continue
        is_folder = child.is_dir(follow_symlinks=False)
        if is_folder or child.name.lower().endswith(ARCHIVES):
            path = Path(child.path)
            places.append(Place(key=f"{place.key}/{child.name}", name=child.name, path=path, is_folder=is_folder))
        else:
            n_files += 1
    return Listing(places=tuple(places[:LISTED]), n_files=n_files, is_cut=len(places) > LISTED)
