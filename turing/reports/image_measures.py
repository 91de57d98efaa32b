"""What was measured on the images of a closed study: sentences for its report, and the files in one archive.

Comes through `imaging`, which keeps such reports for whoever makes them. Before the study is closed nothing of it is
given: which dataset an image is of, and what it resembles, is what readers are asked.
"""

import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

from django.utils.text import slugify

from imaging.models import DatasetReport
from imaging.reports import find_report_file, newest_reports
from turing.errors import StudyError
from turing.models import Study

ARCHIVE = "image-measures.zip"
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # no dates: the same reports give the same bytes
README = """# Measures of the images of “{study}”

One folder for each dataset that was measured; the newest measurement of each.

{parts}

Images are named by the SHA-256 of their pixels after an “I”; the answers of the replication bundle have its first 12
digits.
Pictures in these folders may show images of real patients: check the licence of the dataset before you pass them on.
"""


def measured_datasets(study: Study) -> list[DatasetReport]:
    """The newest reports on the datasets of every phase. Raises StudyError unless the study is closed."""
    if study.status != Study.Status.CLOSED:
        raise StudyError(f"“{study}” is not closed: what was measured on its images can be exported once it is.")
    ids: list[uuid.UUID] = [study.synthetic_dataset_id, study.real_dataset_id]
    for phase in study.later_phases.all():
        ids += [phase.synthetic_dataset_id, phase.real_dataset_id]
    return newest_reports(ids)


def measure_sentences(study: Study) -> Iterator[tuple[str, str]]:
    """(name, text) for the list of facts in the study's report. Raises StudyError unless the study is closed."""
    for report in measured_datasets(study):
        name = f"Measured on “{report.dataset}” on {report.created_at:%Y-%m-%d}"
        yield name, " ".join(report.values["summary"])


def write_measures(study: Study, folder: Path) -> list[str]:
    """Write the archive into `folder` and return its name; nothing and [] where nothing was measured.

    Raises StudyError unless the study is closed.
    """
    reports = measured_datasets(study)
    if not reports:
        return []
    parts, names = [], []
    with zipfile.ZipFile(folder / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, report in enumerate(reports, start=1):
            place = f"{number}-{slugify(report.dataset.name)[:60] or 'dataset'}"
            found = [(name, path) for name in report.files if (path := find_report_file(report, name)) is not None]
            lost = "" if len(found) == len(report.files) else " Some of its files are lost."
            sentences = "\n".join(f"* {text}" for text in report.values["summary"])
            parts.append(f"## {place}\n\n{report.title}, {report.created_at:%Y-%m-%d %H:%M} UTC.{lost}\n\n{sentences}")
            names += [(f"{place}/{name}", path) for name, path in found]
        readme = README.format(study=study, parts="\n\n".join(parts))
        for name, data in [("README.md", readme.encode()), *((name, path.read_bytes()) for name, path in names)]:
            archive.writestr(zipfile.ZipInfo(name, date_time=FIRST_DAY), data, zipfile.ZIP_DEFLATED)
    return [ARCHIVE]
