"""A text file of a table, as spreadsheets and programs write it: encoding, separator, rows with their numbers.

Knows nothing of readers and images; every problem carries the row as a spreadsheet counts it (the header is row 1).
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from turing.analysis.answers import AnswersError, Problem

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
LARGEST_BYTES = 200 * 1024 * 1024
_HOW = "In Excel: File, Save As, “CSV UTF-8 (Comma delimited)”; in LibreOffice choose “Unicode (UTF-8)”."

csv.field_size_limit(1_000_000)


@dataclass(frozen=True)
class Table:
    """A header and rows of text, all of the header's width, surrounding blanks removed."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]  # of each row, the header being row 1
    separator: str
    source: str  # file name, as shown to people

    def column(self, name: str) -> list[str]:
        place = self.header.index(name)
        return [row[place] for row in self.rows]


def read_table(source: str | Path | bytes | IO[bytes] | IO[str], *, name: str = "") -> Table:
    """Reads a CSV file: UTF-8 (with or without a byte order mark) or UTF-16 with one; comma, semicolon, tab or bar.

    Parameters
    ----------
    source : path, content, or an open file.
    name : of the file, for messages; left out: that of the path.

    Raises
    ------
    AnswersError : a file that is not there, empty, too large, not text, in another encoding, without a separator, with
        a column named twice or not at all, or rows of another width than the header (every such row is named).
    """
    content, name = _content(source, name)
    text = _decode(content)
    separator = _separator(text)
    skipped, records = _records(text, separator)
    header = tuple(cell.strip() for cell in records[0])
    while header and not header[-1]:
        header = header[:-1]
    _check_header(header, separator)
    rows, numbers, problems = [], [], []
    for number, record in enumerate(records[1:], start=skipped + 2):
        cells = tuple(cell.strip() for cell in record)
        if not any(cells):
            continue
        if len(cells) < len(header) or any(cells[len(header) :]):
            text = f"has {len(cells)} fields, the header has {len(header)}: a separator or a quotation mark is wrong"
            problems.append(Problem(number, None, text))
        rows.append(cells[: len(header)])
        numbers.append(number)
    if problems:
        raise AnswersError(problems)
    if not rows:
        raise AnswersError([Problem(None, None, f"{name or 'the file'} has a header and no answers below it")])
    return Table(header, tuple(rows), tuple(numbers), separator, name)


def _content(source: str | Path | bytes | IO[bytes] | IO[str], name: str) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        content = source
    elif isinstance(source, str | Path):
        path = Path(source)
        name = name or path.name
        try:
            if path.is_file() and path.stat().st_size > LARGEST_BYTES:
                raise AnswersError([_too_large(name)])
            content = path.read_bytes()
        except OSError as error:
            text = f"{path} cannot be read: {error.strerror or error}. Check the name and the folder."
            raise AnswersError([Problem(None, None, text)]) from error
    else:
        read = source.read()
        content = read.encode() if isinstance(read, str) else read
    if len(content) > LARGEST_BYTES:
        raise AnswersError([_too_large(name)])
    return content, name


def _too_large(name: str) -> Problem:
    return Problem(None, None, f"{name or 'the file'} is larger than 200 MB: is it really a table of answers?")


def _decode(content: bytes) -> str:
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise AnswersError([Problem(None, None, f"this is a spreadsheet or a ZIP file, not a CSV file. {_HOW}")])
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError as error:
            raise AnswersError([Problem(None, None, f"the file says it is UTF-16 and is not. {_HOW}")]) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        text = f"the file is not UTF-8 (byte 0x{byte:02X}), probably Latin-1 or Windows-1252. {_HOW}"
        raise AnswersError([Problem(row, None, text)]) from error
    if "\x00" in text:
        raise AnswersError([Problem(None, None, f"the file holds zero bytes, so it is not a text file. {_HOW}")])
    if not text.strip():
        raise AnswersError([Problem(None, None, "the file is empty")])
    return text


def _separator(text: str) -> str:
    """The one that splits the header into most fields. Excel's first line `sep=;` is understood."""
    first = next(line for line in io.StringIO(text, newline="") if line.strip()).strip("\r\n")
    if first.lower().startswith("sep=") and len(first.strip('"')) == 5 and first[4] in SEPARATORS:
        return first[4]
    width = {separator: len(next(csv.reader([first], delimiter=separator))) for separator in SEPARATORS}
    best = max(SEPARATORS, key=lambda separator: width[separator])
    if width[best] == 1:
        text = f"only one column was found (“{first.strip()[:60]}”): separate columns by commas, semicolons or tabs"
        raise AnswersError([Problem(1, None, text)])
    return best


def _records(text: str, separator: str) -> tuple[int, list[list[str]]]:
    """How many lines stand before the header, and the records from the header on. An unclosed quotation mark would
    swallow the rest of the file, so it is an error."""
    lines = list(io.StringIO(text, newline=""))
    skipped = 0
    while not lines[skipped].strip() or lines[skipped].lower().startswith("sep="):
        skipped += 1
    records: list[list[str]] = []
    try:
        records.extend(csv.reader(lines[skipped:], delimiter=separator, strict=True))
    except csv.Error as error:
        what = f"the quotation marks are wrong from here on ({error})"
        raise AnswersError([Problem(skipped + len(records) + 1, None, what)]) from error
    return skipped, records


def _check_header(header: Sequence[str], separator: str) -> None:
    problems = [Problem(1, None, f"column {place} has no name") for place, name in enumerate(header, 1) if not name]
    seen: set[str] = set()
    for name in header:
        if name and name in seen:
            problems.append(Problem(1, name, "two columns have this name"))
        seen.add(name)
    if problems:
        raise AnswersError(problems)
