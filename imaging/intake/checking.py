"""An import looks at every file, once, and lists everything that is wrong."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, TypeAlias

import numpy as np

from imaging.dicom.facts import NO
from imaging.intake.decoding import ARCHIVES, DEFAULT, decode
from imaging.intake.layout import METADATA, Placed, arrange
from imaging.intake.limits import Limits
from imaging.intake.metadata import Metadata, check_label, read_metadata
from imaging.intake.parallel import in_order, usable_processors
from imaging.intake.preparing import Choices
from imaging.intake.report import IntakeError, Problem, Report, SourceError, printable
from imaging.intake.sources import Entry, Source
from imaging.storage import StoredPixels

Keep: TypeAlias = Callable[[np.ndarray], StoredPixels]
_CLASS_HELP = "Put each image into a folder named after its class, or give its label in metadata.csv."


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image that passed; its pixels wait in the staging of the import."""

    entry: Entry
    path: str
    label: str
    split: str
    row: dict[str, Any]  # from the file's own header and metadata.csv, without label and split
    pixels: StoredPixels
    waits: str = ""  # why it goes to quarantine: a `QuarantinedImage.Reason`; "": it does not


def examine(
    source: Source,
    *,
    keep: Keep,
    limits: Limits,
    report: Report,
    progress: Callable[[int, int], None],
    choices: Choices = DEFAULT,
) -> list[Candidate]:
    """Every image that can be imported, one per distinct picture, in natural order of its path.

    The pixels of each go to `keep`, from several threads, also of those that are left out in the end. Problems and
    duplicates go into `report`. `progress(done, total)` is called after each file and may raise.
    Raises SourceError when the source must not be read any further.
    """
    entries = source.entries(report)
    layout = arrange(entries, report)
    if not layout.images and not report.problem_count:
        found = f"It holds no images (ignored files: {report.ignored})." if report.ignored else "It is empty."
        report.add_problem(Problem(file="", reason=found, fix="Choose a ZIP or folder with images.", fatal=True))
    metadata = _metadata(source, layout.metadata, layout.images, entries, limits, report)
    unlabelled = _refuse_missing_classes(layout.images, metadata, report)
    candidates = []
    without_window = 0

    def read(placed: Placed) -> _Read:
        return _read(source, placed, keep, limits, choices)

    threads = usable_processors() if len(layout.images) > 1 else 1
    for done, one in enumerate(in_order(read, layout.images, threads=threads), start=1):
        candidate = _candidate(one, metadata, report, complain=not unlabelled)
        if candidate is not None:
            candidates.append(candidate)
            without_window += not one.has_window
        progress(done, len(layout.images))
    kept = _without_duplicates(candidates, report)
    _note_split_patients(kept, report)
    if without_window:
        report.notes.append(
            f"{without_window} DICOM file{'s have' if without_window > 1 else ' has'} no window {choices.window}: the "
            "last one there is was taken, or the range of the values where there is none."
        )
    for candidate in kept:
        if candidate.waits:
            report.add_waiting(file=printable(candidate.path), reason=candidate.waits)
    return kept


def _metadata(
    source: Source, entry: Entry | None, images: list[Placed], entries: list[Entry], limits: Limits, report: Report
) -> Metadata:
    if entry is None:
        return Metadata()
    try:
        data = source.read(entry)
        if len(data) > limits.max_metadata_bytes:
            raise IntakeError("The table is too large (more than 64 MiB).", "Split the import.", fatal=True)
        if not data.strip():
            raise IntakeError("The file is empty (0 bytes).", "Fill it, or leave it out.", fatal=True)
    except IntakeError as problem:
        report.add_problem(Problem(file=METADATA, reason=problem.reason, fix=problem.fix, fatal=True))
        return Metadata()
    paths = [placed.path for placed in images]
    return read_metadata(data, paths=paths, listed=[entry.name for entry in entries], report=report)


def _refuse_missing_classes(images: list[Placed], metadata: Metadata, report: Report) -> bool:
    """True, and one problem instead of one per file, when no image at all has a class."""
    if not images or any(_folder_label(placed) for placed in images):
        return False
    if metadata.bad_paths or any("label" in row for row in metadata.rows.values()):
        return False
    words = "no label in metadata.csv" if metadata.rows else "no metadata.csv that gives labels"
    report.add_problem(Problem(file="", reason=f"There is no class folder and {words}.", fix=_CLASS_HELP, fatal=True))
    return True


def _folder_label(placed: Placed) -> str:
    return "" if placed.neutral else placed.label


@dataclass(frozen=True, slots=True)
class _Read:
    """What one file says: a picture, or why it is none."""

    placed: Placed
    pixels: StoredPixels | None = None
    row: dict[str, Any] = field(default_factory=dict)
    burned_in_annotation: str = NO
    spans: float = 1.0  # see `decoding.Decoded`
    has_window: bool = True
    problem: IntakeError | None = None


def _read(source: Source, placed: Placed, keep: Keep, limits: Limits, choices: Choices) -> _Read:
    """Raises SourceError."""
    try:
        if PurePosixPath(placed.path).suffix.lower() in ARCHIVES:
            raise IntakeError("This is an archive inside the archive.", "Unpack it, and put its images in its place.")
        decoded = decode(source.read(placed.entry), placed.path, limits, choices)
        pixels = keep(decoded.pixels)
        return _Read(
            placed, pixels, decoded.row, decoded.burned_in_annotation, decoded.spans, has_window=decoded.has_window
        )
    except SourceError:
        raise
    except IntakeError as problem:
        return _Read(placed, problem=problem)


def _candidate(read: _Read, metadata: Metadata, report: Report, *, complain: bool) -> Candidate | None:
    """The image, or None after every problem that it has was reported."""
    placed, pixels = read.placed, read.pixels
    problems = [read.problem] if read.problem is not None else []
    row = read.row | metadata.rows.get(placed.path, {})  # the table was written for this study and overrides headers
    burned_in = row.pop("burned_in_annotation", read.burned_in_annotation)
    if "pixel_spacing_mm" in row:  # of the file's own pixels, also where the table says it
        row["pixel_spacing_mm"] *= read.spans
    label = split = ""
    try:
        label = _one_value("label", _folder_label(placed), row.pop("label", ""))
        if not label and complain and pixels is not None and placed.path not in metadata.bad_paths:
            raise IntakeError("The image has no class.", _CLASS_HELP)
        check_label(label)
    except IntakeError as problem:
        problems.append(problem)
    except ValueError as error:
        problems.append(IntakeError(f"The name of its class {error}.", "Rename the folder."))
    try:
        split = _one_value("split", placed.split, row.pop("split", ""))
    except IntakeError as problem:
        problems.append(problem)
    for found in problems:
        report.add_problem(found.about(printable(placed.path)))
    if problems or pixels is None or not label or placed.path in metadata.bad_paths:
        return None
    waits = "" if burned_in == NO else burned_in
    return Candidate(placed.entry, placed.path, label, split, row, pixels, waits)


def _one_value(what: str, from_folder: str, from_table: str) -> str:
    if from_folder and from_table and from_folder != from_table:
        raise IntakeError(
            f"The {what} is “{printable(from_folder, 60)}” by its folder, but “{printable(from_table, 60)}” "
            f"in {METADATA}.",
            "Move the file, or correct the row.",
        )
    return from_folder or from_table


def _without_duplicates(candidates: list[Candidate], report: Report) -> list[Candidate]:
    same: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        same[candidate.pixels.sha256].append(candidate)
    kept: list[Candidate] = []
    moved = 0
    for group in same.values():
        first, *others = group
        labels = {candidate.label for candidate in group}
        if len(labels) > 1:
            for candidate in group:
                other = next(item for item in group if item.label != candidate.label)
                report.add_problem(
                    Problem(
                        file=printable(candidate.path),
                        reason=f"The same picture is also “{printable(other.path)}”, with the label "
                        f"“{printable(other.label, 60)}” instead of “{printable(candidate.label, 60)}”.",
                        fix="Keep the one with the right label.",
                    )
                )
            continue
        # of two files with the very same picture one may say that it is clean: the other one is believed
        kept.append(replace(first, waits=max(candidate.waits for candidate in group)))
        for other in others:
            report.add_duplicate(file=printable(other.path), duplicate_of=printable(first.path))
            moved += other.split != first.split
    if moved:
        report.notes.append(
            f"{moved} duplicate{'s' if moved > 1 else ''} stood in another split than the picture that was kept: "
            "the source mixes its splits."
        )
    return kept


def _note_split_patients(candidates: list[Candidate], report: Report) -> None:
    splits: dict[str, set[str]] = defaultdict(set)
    for candidate in candidates:
        if candidate.split and candidate.row.get("patient_id"):
            splits[candidate.row["patient_id"]].add(candidate.split)
    mixed = sum(len(found) > 1 for found in splits.values())
    if mixed:
        report.notes.append(
            f"{mixed} patient{'s have' if mixed > 1 else ' has'} images in more than one split: "
            "what is measured on the test images will look better than it is."
        )
