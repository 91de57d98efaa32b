"""Tables and the data of figures as CSV (RFC 4180, UTF-8, unrounded numbers), safe to open in a spreadsheet."""

import csv
import io
import math

from turing.report.document import Data, Value

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_text(data: Data) -> str:
    """Numbers with all their digits (shortest text that reads back the same), NaN and None empty, infinity as Inf."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(data.columns)
    writer.writerows([_field(value) for value in row] for row in data.rows)
    return buffer.getvalue()


def _field(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return ("Inf" if value > 0 else "-Inf") if math.isinf(value) else repr(float(value))
    return f"'{value}" if value.startswith(FORMULA_STARTS) else value
