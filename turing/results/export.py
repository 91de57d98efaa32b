"""The tidy CSV: one row per answer, ready for R, pandas or a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator

from turing.models import Study
from turing.results.selectors import AnswerRow, answer_rows

COLUMNS = (
    "study",
    "protocol_sha256",
    "reader",
    "simulated",
    "position",
    "image",
    "truth",
    "label",
    "answer",
    "correct",
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

    `image` is "I" and the first 12 digits of the pixel hash (a bare hash such as 1e12 would become a number in a
    spreadsheet); `correct` and `simulated` are 1 or 0; times are in seconds, empty when not measured; `flags` are
    separated by a semicolon; `answered_at` is UTC.
    """
    rows = answer_rows(study)
    return _lines(study, rows)


def _lines(study: Study, rows: Iterable[AnswerRow]) -> Iterator[list[str]]:
    yield list(COLUMNS)
    for row in rows:
        yield [
            defuse(study.name),
            study.protocol_sha256,
            row.reader,
            str(int(row.is_simulated)),
            str(row.position),
            f"I{row.pixel_sha256[:12]}",
            row.truth,
            defuse(row.label),
            row.answer,
            str(int(row.is_correct)),
            "" if row.reading_ms is None else f"{row.reading_ms / 1000:.3f}",
            f"{row.server_ms / 1000:.3f}",
            f"{row.hidden_ms / 1000:.3f}",
            f"{row.paused_ms / 1000:.3f}",
            ";".join(row.flags),
            row.answered_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        ]


def export_csv(study: Study) -> str:
    """The whole file. Raises StudyError unless the study is closed."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(export_rows(study))
    return buffer.getvalue()


def defuse(text: str) -> str:
    """`text` that a spreadsheet does not run: what looks like a formula gets a leading apostrophe (OWASP's advice)."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
