"""The tidy CSV: one row per answer, ready for R, pandas or a spreadsheet."""

import csv
import io
import json
from collections.abc import Iterable, Iterator

from turing.models import Study
from turing.results.rows import AnswerRow, answer_rows

COLUMNS = (
    "study",
    "protocol_sha256",
    "scale",
    "positive_class",
    "reader",
    "simulated",
    "group",
    "years",
    "grade",
    "phase",
    "block",
    "practice",
    "repeat",
    "position",
    "reader_position",
    "image",
    "right_image",
    "truth",
    "label",
    "right_label",
    "answer",
    "rating",
    "correct",
    "marks",
    "comment",
    "seconds",
    "server_seconds",
    "hidden_seconds",
    "paused_seconds",
    "flags",
    "answered_at",
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def export_rows(study: Study) -> Iterator[list[str]]:
    """Header, then one row per answer. Raises StudyError, before the first row, unless the study is closed.

    The analysis on the results page is of the rows with `practice` 0 and `repeat` 0. `image` is "I" and the first 12
    digits of the pixel hash (a bare hash such as 1e12 would become a number in a spreadsheet); `truth` is the right
    answer, so it is a side for pairs; what is true or false is 1 or 0, and `correct` is empty without an answer in
    time; times are in seconds, empty when not measured; `marks` are JSON; `flags` are separated by a semicolon;
    `answered_at` is UTC. All columns: docs/users.md.
    """
    rows = answer_rows(study)
    return _lines(study, rows)


def _lines(study: Study, rows: Iterable[AnswerRow]) -> Iterator[list[str]]:
    yield list(COLUMNS)
    for row in rows:
        yield [
            defuse(study.name),
            study.protocol_sha256,
            study.scale,
            study.positive_class,
            row.reader,
            str(int(row.is_simulated)),
            defuse(row.group),
            "" if row.years_experience is None else f"{row.years_experience:g}",
            row.grade,
            str(row.phase),
            str(row.block or ""),
            str(int(row.is_practice)),
            str(int(row.is_later)),
            str(row.position),
            str(row.reader_position),
            _image_name(row.pixel_sha256),
            _image_name(row.right_sha256),
            row.truth,
            defuse(row.label),
            defuse(row.right_label),
            row.answer,
            "" if row.rating is None else str(row.rating),
            "" if row.is_correct is None else str(int(row.is_correct)),
            json.dumps(row.marks, separators=(",", ":")) if row.marks else "",
            defuse(row.comment),
            "" if row.reading_ms is None else f"{row.reading_ms / 1000:.3f}",
            f"{row.server_ms / 1000:.3f}",
            f"{row.hidden_ms / 1000:.3f}",
            f"{row.paused_ms / 1000:.3f}",
            ";".join(row.flags),
            row.answered_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        ]


def _image_name(sha256: str) -> str:
    return f"I{sha256[:12]}" if sha256 else ""


def export_csv(study: Study) -> str:
    """The whole file. Raises StudyError unless the study is closed."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(export_rows(study))
    return buffer.getvalue()


def defuse(text: str) -> str:
    """`text` that a spreadsheet does not run: what looks like a formula gets a leading apostrophe (OWASP's advice)."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
