"""Folders as PACS write them to a medium, with a DICOMDIR that says what is there.

Everything that is there is read, listed or not: what a DICOMDIR lists and is not there is a problem, what is there and
not listed is told. What it says to be no image, and the viewer that comes along, is ignored.
"""

from collections.abc import Iterable
from pathlib import PurePosixPath

from imaging.dicom.directory import Directory, read_directory
from imaging.dicom.reading import DicomError
from imaging.intake.layout import METADATA, is_junk
from imaging.intake.limits import Limits
from imaging.intake.report import IntakeError, Problem, Report, printable
from imaging.intake.sources import Entry, Source

DICOMDIR = "dicomdir"
NAMED = 10  # files that a note names
_VIEWERS = {
    *(".exe", ".dll", ".inf", ".ini", ".bat", ".cmd", ".sh", ".jar", ".msi", ".app", ".ico", ".cab", ".so", ".dylib"),
    *(".htm", ".html", ".css", ".js", ".json", ".xml", ".xsl", ".svg", ".pdf", ".txt", ".rtf", ".log", ".chm", ".lic"),
}


def heed_directories(source: Source, entries: list[Entry], *, limits: Limits, report: Report) -> list[Entry]:
    """`entries` without what the DICOMDIRs among them say to be no image, and without viewers. Adds to `report`."""
    for entry in [one for one in entries if one.name.rsplit("/", 1)[-1].lower() == DICOMDIR]:
        try:
            data = source.read(entry)
            if len(data) > limits.max_metadata_bytes:
                raise DicomError("The DICOMDIR is too large (more than 64 MiB).", "directory")
            directory = read_directory(data)
        except (DicomError, IntakeError) as error:
            report.notes.append(f"{printable(entry.name)} was not used: {error} The files were taken as they lie.")
            continue
        entries = _heed(entry, directory, entries, report)
    return entries


def _heed(entry: Entry, directory: Directory, entries: list[Entry], report: Report) -> list[Entry]:
    folder = entry.name[: -len(DICOMDIR)]
    inside = {_key(one.name.removeprefix(folder)): one for one in entries if one.name.startswith(folder)}
    listed = {_key(name): name for name in directory.images}
    others = {_key(name) for name in directory.others} - set(listed)
    for key in sorted(set(listed) - set(inside)):
        report.add_problem(
            Problem(
                file=printable(folder + listed[key]),
                reason=f"{printable(entry.name)} lists this image, but it is not there.",
                fix="Copy the whole medium again, or import without it by skipping the bad files.",
            )
        )
    left_out = {inside[key].name for key in others if key in inside}
    unlisted = [one for key, one in inside.items() if key not in listed and key not in others]
    left_out |= {one.name for one in unlisted if PurePosixPath(one.name).suffix.lower() in _VIEWERS}
    report.ignored += len(left_out)
    more = [one.name for one in unlisted if one.name not in left_out and not is_junk(one.name) and not _is_table(one)]
    if more:
        report.notes.append(
            f"{printable(entry.name)} does not list {len(more):,} file{'s' if len(more) > 1 else ''} that "
            f"{'are' if len(more) > 1 else 'is'} there: {_names(more)}. What is not listed was read as well."
        )
    return [one for one in entries if one.name not in left_out]


def _is_table(entry: Entry) -> bool:
    return entry.name.rsplit("/", 1)[-1].lower() == METADATA


def _key(name: str) -> str:
    """Media have names in capitals, with a version or a full stop behind them, that systems show in several ways."""
    return name.replace("\\", "/").partition(";")[0].rstrip(".").casefold()


def _names(names: Iterable[str]) -> str:
    chosen = sorted(names)
    shown = ", ".join(printable(name, 100) for name in chosen[:NAMED])
    return f"{shown} and {len(chosen) - NAMED:,} more" if len(chosen) > NAMED else shown
