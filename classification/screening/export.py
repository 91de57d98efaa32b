"""The decisions of a screening as a file: one row per image, in the order of the queue."""

import csv
import io

from classification.models import Screening
from classification.scoring.selectors import NAME_DIGITS
from turing.results.export import defuse

COLUMNS = (
    "place",
    "check_place",
    "image",
    "label",
    "split",
    "score_of",
    "score",
    "decision",
    "reason",
    "decided_by",
    "decided_at",
)


def export_screening(screening: Screening) -> str:
    """The whole file. `image` is "I" and the first 12 digits of the pixel hash, as in the export of scores.

    `check_place` is the place in the check sample; `decision` is empty for images that nobody looked at, `score` in
    random order; times are UTC.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    rows = screening.images.select_related("image", "decided_by").order_by("place")
    for row in rows.iterator(chunk_size=2000):
        writer.writerow(
            [
                row.place,
                row.check_place or "",
                f"I{row.image.pixel_sha256[:NAME_DIGITS]}",
                defuse(row.image.label),
                row.image.split,
                defuse(screening.looked_for),
                "" if row.score is None else repr(row.score),
                row.decision,
                row.reason,
                "" if row.decided_by is None else defuse(row.decided_by.username),
                "" if row.decided_at is None else f"{row.decided_at:%Y-%m-%dT%H:%M:%SZ}",
            ]
        )
    return buffer.getvalue()
