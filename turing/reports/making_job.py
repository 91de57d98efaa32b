"""Making a report as a job: models are fitted and files written, which is too long for a request.

All or nothing: the files are written to the job's own folder and take their place when all are there.
"""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from django.urls import reverse
from django.utils import timezone

from turing.analysis import Answers, AnswersError, analyse
from turing.analysis.comparing import compare_studies
from turing.analysis.numbers import to_plain
from turing.audit.services import record_event
from turing.errors import StudyError
from turing.models import AnswerTable, Report, Study
from turing.report.comparison import comparison_document
from turing.report.document import Document, Figure
from turing.report.facts import StudyFacts
from turing.report.html_page import body_html, contents_html
from turing.report.writing import write_document, write_report
from turing.reports.facts import study_facts
from turing.reports.files import report_folder, table_path, write_whole
from turing.reports.image_measures import write_measures
from turing.reports.parameters import BODY, ReportParameters
from turing.reports.reading import TableReading
from turing.reports.settings import ReportSettings
from turing.reports.study_answers import study_answers
from worker.registry import JobContext, JobError

Progress: TypeAlias = Callable[[float, str], None]  # of STEPS, what is being done
STEPS = 100
ANALYSED = 60  # steps, when the analysis is done
ARCHIVES = {  # name -> files in it
    "report-latex.zip": ("report.tex", "figures/*.pdf"),
    "tables-csv.zip": ("tables/*.csv",),
    "figures.zip": ("figures/*",),
}


def run_report(context: JobContext, parameters: ReportParameters) -> dict[str, Any]:
    """May be run again after a crash at any point."""
    report = (
        Report.objects.select_related("study", "table", "other_study", "other_table")
        .filter(pk=parameters.report_id)
        .first()
    )
    if report is None:
        raise JobError("This report is not there any more: it was removed.")
    if report.made_at is not None:  # an earlier attempt was killed after its last step
        return {"files": len(report.files)}
    folder = context.directory / "report"
    shutil.rmtree(folder, ignore_errors=True)

    def progress(done: float, message: str) -> None:
        context.raise_if_stopped()
        context.progress(round(done), STEPS, "%", message)

    try:
        if report.is_comparison:
            document, files = write_comparison(report, folder, progress)
        else:
            document, files = _write(report, folder, progress)
    except (StudyError, AnswersError, ValueError) as error:
        raise JobError(str(error)) from error
    names = [*files, *_pack(folder, files)]
    if report.study is not None and not report.is_comparison:
        names += write_measures(report.study, folder)

    def address_of(figure: Figure) -> str:
        return reverse("turing:report_file", args=[report.pk, f"figures/{figure.key}.svg"])

    page = f"{contents_html(document)}{body_html(document, address_of=address_of)}"
    (folder / BODY).write_text(page, encoding="utf-8")
    progress(STEPS, "Done")
    _put_in_place(context, report, folder, names)
    return {"files": len(names)}


def _write(report: Report, folder: Path, progress: Progress) -> tuple[Document, tuple[str, ...]]:
    settings = ReportSettings.from_dict(report.settings)
    answers = answers_of(report.study or report.table, settings)
    facts = (
        study_facts(report.study, settings)
        if report.study is not None
        else StudyFacts(answers_sha256=report.table.sha256)  # type: ignore[union-attr]  # a constraint: one of the two
    )
    analysis = analyse(answers, settings.analysis, progress=lambda done, what: progress(ANALYSED * done, what))
    made = write_report(
        analysis, folder, facts=facts,
        progress=lambda done, total, what: progress(
            ANALYSED + (STEPS - ANALYSED) * done / (total + 1), f"Writing: {what}" if what else "Packing"
        ),
    )  # fmt: skip
    return made.document, made.files


def write_comparison(report: Report, folder: Path, progress: Progress) -> tuple[Document, tuple[str, ...]]:
    """The same formats as a report has, without the replication bundle."""
    settings = ReportSettings.from_dict(report.settings)
    first = answers_of(report.study or report.table, settings)
    second = answers_of(report.other_study or report.other_table, settings)
    progress(5, "Comparing")
    comparison = compare_studies(
        first, second, same_readers=settings.same_readers, same_images=settings.same_images, options=settings.analysis
    )
    progress(ANALYSED, "Writing")
    document = comparison_document(comparison)
    written = write_document(document, folder)
    numbers = json.dumps(to_plain(comparison), indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(folder / "results.json", f"{numbers}\n".encode())
    return document, (*written, "results.json")


def answers_of(subject: Study | AnswerTable | None, settings: ReportSettings) -> Answers:
    """Raises StudyError or AnswersError where there is nothing to analyse."""
    if isinstance(subject, Study):
        return study_answers(
            subject, include_simulated=settings.include_simulated or subject.is_example, phase=settings.phase
        )
    assert subject is not None  # noqa: S101  a constraint of the table
    path = table_path(subject.pk)
    if not path.is_file():
        raise StudyError(f"The file of “{subject}” is not there any more: upload it again.")
    return TableReading.from_dict(subject.reading).read(path.read_bytes(), name=subject.name)


def _pack(folder: Path, files: tuple[str, ...]) -> list[str]:
    """ZIP files of those that belong together."""
    for name, patterns in ARCHIVES.items():
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                if any(Path(file).match(pattern) for pattern in patterns):
                    archive.write(folder / file, file)
    return list(ARCHIVES)


def _put_in_place(context: JobContext, report: Report, folder: Path, names: list[str]) -> None:
    target = report_folder(report.pk)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.rmtree(target, ignore_errors=True)  # of an attempt that was killed before it could say so
    folder.rename(target)
    about = report.study or report.table
    assert about is not None  # noqa: S101  a constraint of the table
    with context.fenced():
        kept = Report.objects.filter(pk=report.pk).update(files=names, made_at=timezone.now())
        if kept:
            details = {"report": str(report.pk), "settings": report.settings}
            record_event(action="report.made", about=about, by=report.created_by_id, details=details)
    if not kept:
        shutil.rmtree(target, ignore_errors=True)
        raise JobError("The report was removed while it was being made.")
