"""What the folders say: class, split, metadata.csv, and what to ignore."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from imaging.intake.report import Problem, Report, printable
from imaging.intake.sources import Entry

METADATA = "metadata.csv"
SPLITS = {"train": "train", "tune": "tune", "val": "tune", "validation": "tune", "test": "test"}
NEUTRAL = {"images", "image", "img", "files", "data"}  # folders that are no class when metadata.csv gives one
_JUNK_FOLDERS = {"__macosx", "$recycle.bin", "system volume information"}
_JUNK_FILES = {"thumbs.db", "desktop.ini", "ehthumbs.db", "dicomdir"}
_JUNK_PATTERN = re.compile(r"(readme|license|licence|notice|citation)\b[^/]*", re.IGNORECASE)
_JUNK_SUFFIXES = {"", ".md", ".txt", ".rst", ".cff"}


@dataclass(frozen=True, kw_only=True)
class Folders:
    """What the folders of a source mean: classes and splits; or anything else (patients, studies), at any depth.

    In that case the class of an image is in metadata.csv, or is `one_class`.
    """

    are_classes: bool = True
    one_class: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A file that should be an image, and what its folders say about it."""

    entry: Entry
    path: str  # without the wrapping folder
    label: str  # "" when no folder says
    split: str  # "" when no folder says
    neutral: bool  # the folder may give way to the label in metadata.csv
    otherwise: str = ""  # the class where metadata.csv gives none


@dataclass(frozen=True, kw_only=True)
class Layout:
    images: list[Placed]
    metadata: Entry | None


def is_junk(name: str) -> bool:
    """Files that come along by themselves: .DS_Store, __MACOSX/, Thumbs.db, README, LICENSE."""
    *folders, file = name.split("/")
    if any(folder.startswith(".") or folder.lower() in _JUNK_FOLDERS for folder in folders):
        return True
    if file.startswith(".") or file.lower() in _JUNK_FILES:
        return True
    return PurePosixPath(file).suffix.lower() in _JUNK_SUFFIXES and _JUNK_PATTERN.fullmatch(file) is not None


def arrange(entries: Iterable[Entry], report: Report, folders: Folders | None = None) -> Layout:
    """Find class and split of every file. Counts junk; reports files that lie too deep or outside any class.

    `class/file`, `split/class/file`, `split/file` and `file` are understood, below at most one wrapping folder; the
    last two need a label from metadata.csv. Where `folders` are no classes, any depth is.
    """
    folders = folders or Folders()
    wanted: list[Entry] = []
    for entry in entries:
        if is_junk(entry.name):
            report.ignored += 1
        else:
            wanted.append(entry)
    wrapper = _wrapper([entry.name for entry in wanted])
    images: list[Placed] = []
    metadata: Entry | None = None
    for entry in sorted(wanted, key=lambda entry: natural(entry.name)):
        path = entry.name.removeprefix(wrapper)
        if path.lower() == METADATA:
            metadata = entry
            continue
        if not folders.are_classes:
            images.append(Placed(entry, path, label="", split="", neutral=True, otherwise=folders.one_class))
            continue
        placed = _place(entry, path, report)
        if placed is not None:
            images.append(placed)
    return Layout(images=images, metadata=metadata)


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key: file 2 before file 10."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]


def _wrapper(names: list[str]) -> str:
    """The one folder around everything, with its slash, or "". A class or split folder is not a wrapper."""
    tops = Counter(name.split("/")[0] if "/" in name else "" for name in names)
    if len(tops) != 1 or "" in tops:
        return ""
    top = next(iter(tops))
    if top.lower() in SPLITS:
        return ""
    inside = [name[len(top) + 1 :] for name in names]
    wraps = any("/" in name or name.lower() == METADATA for name in inside)
    return f"{top}/" if wraps else ""


def _place(entry: Entry, path: str, report: Report) -> Placed | None:
    *folders, _ = path.split("/")
    split = ""
    if folders and folders[0].lower() in SPLITS:
        split = SPLITS[folders.pop(0).lower()]
    if len(folders) > 1:
        report.add_problem(
            Problem(
                file=printable(path),
                reason=f"The file lies {len(folders)} folders deep; one folder per class was expected.",
                fix="Put it into class/file or train/class/file (tune, test); or choose, under “More options”, that "
                "folders are no classes.",
            )
        )
        return None
    label = folders[0].strip() if folders else ""
    return Placed(entry=entry, path=path, label=label, split=split, neutral=label.lower() in NEUTRAL)
