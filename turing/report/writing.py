"""Writes a report to a folder, in as many formats as are asked for. Nothing half-written stays behind."""

import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from turing.analysis.parts import Analysis
from turing.report.building import NO_FACTS, build_document
from turing.report.bundle.archive import bundle_bytes
from turing.report.bundle.results import results_json
from turing.report.csv_files import csv_text
from turing.report.document import Document
from turing.report.docx_file import docx_bytes
from turing.report.facts import StudyFacts
from turing.report.figure_files import Pictures
from turing.report.html_page import html_page
from turing.report.latex_file import latex_document
from turing.report.pdf_file import pdf_bytes

FORMATS = ("html", "pdf", "docx", "latex", "csv", "json", "figures", "bundle")
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class WrittenReport:
    """Paths relative to `folder`, in the order in which they were written."""

    folder: Path
    files: tuple[str, ...]
    document: Document


def write_report(
    analysis: Analysis,
    out_dir: Path | str,
    *,
    formats: Iterable[str] = FORMATS,
    facts: StudyFacts = NO_FACTS,
    progress: Progress | None = None,
) -> WrittenReport:
    """The report as files of `out_dir`, which is made where it does not exist; files of the same name are replaced.

    report.html, report.pdf, report.docx, report.tex (which needs "figures"), tables/KEY.csv, figures/KEY.svg, .pdf,
    .csv and .txt (the alternative text), results.json, replication.zip.

    Parameters
    ----------
    formats : some of FORMATS.
    facts : what is known of the study beyond its answers.
    progress : called with (steps done, steps in all, what comes next).

    Raises
    ------
    ValueError : a format that is not known, or none.
    OSError : the folder cannot be written to.
    """
    wanted = tuple(dict.fromkeys(formats))
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown or not wanted:
        raise ValueError(f"Formats {', '.join(unknown) or '(none)'}: give some of {', '.join(FORMATS)}")
    if "latex" in wanted and "figures" not in wanted:
        wanted = (*wanted, "figures")
    document = build_document(analysis, facts)
    folder, pictures = Path(out_dir), Pictures()
    written: list[str] = []
    for done, name in enumerate(wanted):
        if progress is not None:
            progress(done, len(wanted), name)
        for path, data in _files(name, analysis, document, facts, pictures):
            _write(folder / path, data)
            written.append(path)
    if progress is not None:
        progress(len(wanted), len(wanted), "")
    return WrittenReport(folder, tuple(written), document)


DOCUMENT_FORMATS = ("html", "pdf", "docx", "latex", "csv", "figures")


def write_document(document: Document, out_dir: Path | str, *, formats: Iterable[str] = DOCUMENT_FORMATS) -> list[str]:
    """Files of any document, such as a comparison of studies: as `write_report`, without results and bundle.

    Raises
    ------
    ValueError : a format that is not known, or none.
    OSError : the folder cannot be written to.
    """
    wanted = tuple(dict.fromkeys(formats))
    unknown = [name for name in wanted if name not in DOCUMENT_FORMATS]
    if unknown or not wanted:
        raise ValueError(f"Formats {', '.join(unknown) or '(none)'}: give some of {', '.join(DOCUMENT_FORMATS)}")
    pictures, written = Pictures(), []
    for name in wanted:
        for path, data in _document_files(name, document, pictures):
            _write(Path(out_dir) / path, data)
            written.append(path)
    return written


def _files(
    name: str, analysis: Analysis, document: Document, facts: StudyFacts, pictures: Pictures
) -> Iterable[tuple[str, bytes]]:
    if name == "json":
        return [("results.json", results_json(analysis).encode())]
    if name == "bundle":
        return [("replication.zip", bundle_bytes(analysis, document, facts))]
    return _document_files(name, document, pictures)


def _document_files(name: str, document: Document, pictures: Pictures) -> Iterable[tuple[str, bytes]]:
    single: dict[str, tuple[str, Callable[[], bytes]]] = {
        "html": ("report.html", lambda: html_page(document, pictures).encode()),
        "pdf": ("report.pdf", lambda: pdf_bytes(document, pictures)),
        "docx": ("report.docx", lambda: docx_bytes(document, pictures)),
        "latex": ("report.tex", lambda: latex_document(document).encode()),
    }
    if name in single:
        path, make = single[name]
        return [(path, make())]
    return _tables(document) if name == "csv" else _figures(document, pictures)


def _tables(document: Document) -> Iterable[tuple[str, bytes]]:
    for table in document.tables():
        yield f"tables/{table.key}.csv", csv_text(table.data).encode()


def _figures(document: Document, pictures: Pictures) -> Iterable[tuple[str, bytes]]:
    for figure in document.figures():
        for kind in ("svg", "pdf"):
            yield f"figures/{figure.key}.{kind}", pictures.file(figure, kind)
        yield f"figures/{figure.key}.csv", csv_text(figure.data).encode()
        yield f"figures/{figure.key}.txt", f"{document.caption(figure)}\n\n{figure.alt}\n".encode()


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all: to a file beside it, which then takes its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
