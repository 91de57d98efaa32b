"""metadata.csv: one row per image. Every row and field that cannot be used is reported with its row number."""

import csv
import io
import math
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from imaging.dicom.facts import NO, UNKNOWN, YES, parse_year
from imaging.intake.layout import METADATA, SPLITS
from imaging.intake.report import Problem, Report, printable
from imaging.intake.sources import clean_name

OLDEST_AGE = 90.0  # years; see `read_age`

_SEX = {"f": "F", "female": "F", "w": "F", "m": "M", "male": "M", "o": "O", "other": "O"}


@dataclass(kw_only=True)
class Metadata:
    """Rows by the path of their image, and the images whose rows cannot be trusted."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    bad_paths: set[str] = field(default_factory=set)
    has_labels: bool = False


def read_age(text: str) -> float:
    """Age in years, 0 to 120. Above 89 it becomes 90.

    Ages over 89 identify people and must be put into one class "90 or older" before data are shared (HIPAA Privacy
    Rule, safe harbour method, 45 CFR 164.514(b)(2)(i)(C)).
    """
    age = _number(text)
    if not 0 <= age <= 120:
        raise ValueError("is not an age in years (0 to 120)")
    return OLDEST_AGE if age > 89 else age


def _study_year(text: str) -> int:
    """Of a date only the year is kept, which identifies nobody (45 CFR 164.514(b)(2)(i)(C))."""
    year = parse_year(text)
    if year is None:
        raise ValueError("is not a year or a date (2019, 2019-03-12 or 20190312)")
    return year


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("is not a number") from None
    if not math.isfinite(value) or "_" in text:
        raise ValueError("is not a number")
    return value


def _spacing(text: str) -> float:
    value = _number(text)
    if not 0 < value <= 10:
        raise ValueError("is not a pixel spacing in mm (above 0, at most 10)")
    return value


def _follow_up(text: str) -> int:
    value = _number(text)
    if value != int(value) or not 0 <= value <= 100_000:
        raise ValueError("is not a whole number (0 or more)")
    return int(value)


def _sex(text: str) -> str:
    try:
        return _SEX[text.lower()]
    except KeyError:
        raise ValueError("is not a sex (F, M or O)") from None


def _annotation(text: str) -> str:
    if text.lower() not in (YES, NO, UNKNOWN):
        raise ValueError(f"is not {YES}, {NO} or {UNKNOWN}")
    return text.lower()


def _split(text: str) -> str:
    try:
        return SPLITS[text.lower()]
    except KeyError:
        raise ValueError("is not a split (train, tune or test)") from None


def _words(limit: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        if len(text) > limit:
            raise ValueError(f"is longer than {limit} characters")
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
            raise ValueError("contains control characters")
        return text

    return check


check_label = _words(100)

# column -> (name in the row, reader). `patient_id` leaves this process only as a pseudonym.
COLUMNS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "label": ("label", check_label),
    "patient_id": ("patient_id", _words(200)),
    "age_years": ("age_years", read_age),
    "sex": ("sex", _sex),
    "view_position": ("view_position", lambda text: _words(16)(text.upper())),
    "manufacturer": ("manufacturer", _words(100)),
    "modality": ("modality", lambda text: _words(16)(text.upper())),
    "body_part": ("body_part", lambda text: _words(32)(text.upper())),
    "study_year": ("study_year", _study_year),
    "burned_in_annotation": ("burned_in_annotation", _annotation),
    "pixel_spacing_mm": ("pixel_spacing_mm", _spacing),
    "follow_up": ("follow_up", _follow_up),
    "split": ("split", _split),
}


def read_metadata(data: bytes, *, paths: Iterable[str], listed: Iterable[str], report: Report) -> Metadata:
    """Rows of metadata.csv, matched with `paths` by path or by a base name that occurs once.

    `data`: UTF-8 (a byte order mark is fine), comma or semicolon. `paths`: images that can be used; `listed`: names of
    files that are in the source but have been reported already, so that their rows are not reported as well.
    A table that cannot be read at all is a fatal problem: importing without it would lose what it says.
    """
    metadata = Metadata()
    text = _decode(data, report)
    if text is None:
        return metadata
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        if not _check_header(header, report):
            return metadata
        metadata.has_labels = "label" in header
        finder = _Finder(paths, listed)
        first_row: dict[str, int] = {}
        for number, cells in enumerate(reader, start=2):
            if any(cell.strip() for cell in cells):
                _read_row(number, header, cells, finder, first_row, metadata, report)
    except csv.Error as error:
        report.add_problem(
            Problem(
                file=METADATA,
                reason=f"Line {reader.line_num}: the table cannot be read ({error}).",
                fix="Save it again as CSV; check the quotation marks on that line.",
                fatal=True,
            )
        )
    return metadata


def _decode(data: bytes, report: Report) -> str | None:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        report.add_problem(
            Problem(
                file=METADATA,
                reason=f"Line {line}: the text is not UTF-8 (byte 0x{data[error.start]:02x}).",
                fix="Save it as “CSV UTF-8”.",
                fatal=True,
            )
        )
        return None


def _delimiter(text: str) -> str:
    header = text.split("\n", 1)[0]
    return ";" if ";" in header and "," not in header else ","


def _check_header(header: list[str], report: Report) -> bool:
    known = ("file", *COLUMNS)
    for name in sorted({name for name in header if name not in known}):
        report.add_problem(
            Problem(
                file=METADATA,
                reason=f"Unknown column “{printable(name, 60)}”.",
                fix=f"Remove or rename it. Known columns: {', '.join(known)}.",
            )
        )
    fatal = ""
    if "file" not in header:
        fatal = "There is no column “file”."
    elif repeated := sorted({name for name in header if header.count(name) > 1 and name in known}):
        fatal = f"The column “{repeated[0]}” occurs twice."
    if fatal:
        report.add_problem(
            Problem(
                file=METADATA,
                reason=fatal,
                fix="The first line must name the columns, each once, with “file” for the image.",
                fatal=True,
            )
        )
    return not fatal


class _Finder:
    """From the text in the column `file` to the path of an image."""

    def __init__(self, paths: Iterable[str], listed: Iterable[str]) -> None:
        self._paths = set(paths)
        self._by_base: dict[str, list[str]] = defaultdict(list)
        for path in self._paths:
            self._by_base[path.rsplit("/", 1)[-1]].append(path)
        listed = list(listed)
        self._listed = set(listed) | {name.rsplit("/", 1)[-1] for name in listed}

    def find(self, text: str) -> str | None:
        """The path; None when the file is there but was reported. Raises ValueError when there is no such file."""
        name = clean_name(text)
        for candidate in (name, name.partition("/")[2]):  # the second: the wrapping folder is written out
            if candidate in self._paths:
                return candidate
        same = self._by_base.get(name, []) if "/" not in name else []
        if len(same) == 1:
            return same[0]
        if len(same) > 1:
            raise ValueError(f"{len(same)} files are called “{printable(name)}”: write the folder as well")
        if name in self._listed or name.partition("/")[2] in self._listed:
            return None
        raise ValueError(f"there is no file “{printable(name)}”")


def _read_row(
    number: int,
    header: list[str],
    cells: list[str],
    finder: _Finder,
    first_row: dict[str, int],
    metadata: Metadata,
    report: Report,
) -> None:
    problems: list[tuple[str, str]] = []
    path: str | None = None
    values = dict(zip(header, (unicodedata.normalize("NFC", cell.strip()) for cell in cells), strict=False))
    if len(cells) != len(header):
        problems.append((f"has {len(cells)} fields, the first line has {len(header)}", "Correct the row."))
    if not values.get("file"):
        problems.append(("the column “file” is empty", "Name the image, or remove the row."))
    else:
        try:
            path = finder.find(values["file"])
            if path is None:
                return
        except ValueError as error:
            problems.append((str(error), "Correct the name, or remove the row."))
    if path is not None and path in first_row:
        problems.append(
            (f"“{printable(path)}” has a row already (row {first_row[path]})", "Keep one row for each image.")
        )
    row: dict[str, Any] = {}
    for column, (name, read) in COLUMNS.items():
        if text := values.get(column, ""):
            try:
                row[name] = read(text)
            except ValueError as error:
                problems.append((f"{column}: “{printable(text, 60)}” {error}", "Correct it, or leave it empty."))
    for reason, fix in problems:
        report.add_problem(Problem(file=METADATA, reason=f"Row {number}: {reason}.", fix=fix))
    if path is not None:
        first_row.setdefault(path, number)
        if problems:
            metadata.bad_paths.add(path)
        else:
            metadata.rows[path] = row
