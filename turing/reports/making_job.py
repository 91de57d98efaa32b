"""Making a report as a job: models are fitted and files written, which is too long for a request.

All or nothing: the files are written to the job's own folder and take their place when all are there.
"""

import shutil
import zipfile
from pathlib import Path
from typing import Any

from django.urls import reverse
from django.utils import timezone

from turing.analysis import Analysis, AnswersError, analyse
from turing.audit.services import record_event
from turing.errors import StudyError
from turing.models import Report
from turing.report.document import Figure
from turing.report.facts import StudyFacts
from turing.report.html_page import body_html, contents_html
from turing.report.writing import write_report
from turing.reports.facts import study_facts
from turing.reports.files import report_folder, table_path
from turing.reports.parameters import BODY, ReportParameters
from turing.reports.reading import TableReading
from turing.reports.settings import ReportSettings
from turing.reports.study_answers import study_answers
from worker.registry import JobContext, JobError

STEPS = 100
ANALYSED = 60  # steps, when the analysis is done
ARCHIVES = {  # name -> files in it
    "report-latex.zip": ("report.tex", "figures/*.pdf"),
    "tables-csv.zip": ("tables/*.csv",),
    "figures.zip": ("figures/*",),
}


def run_report(context: JobContext, parameters: ReportParameters) -> dict[str, Any]:
    """May be run again after a crash at any point."""
    report = Report.objects.select_related("study", "table").filter(pk=parameters.report_id).first()
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
        analysis, facts = _analysed(report, progress)
    except (StudyError, AnswersError, ValueError) as error:
        raise JobError(str(error)) from error
    made = write_report(
        analysis, folder, facts=facts,
        progress=lambda done, total, what: progress(
            ANALYSED + (STEPS - ANALYSED) * done / (total + 1), f"Writing: {what}" if what else "Packing"
        ),
    )  # fmt: skip
    names = [*made.files, *_pack(folder, made.files)]

    def address_of(figure: Figure) -> str:
        return reverse("turing:report_file", args=[report.pk, f"figures/{figure.key}.svg"])

    page = f"{contents_html(made.document)}{body_html(made.document, address_of=address_of)}"
    (folder / BODY).write_text(page, encoding="utf-8")
    progress(STEPS, "Done")
    _put_in_place(context, report, folder, names)
    return {"files": len(names), "seconds_of_analysis": round(analysis.seconds_taken, 2)}


def _analysed(report: Report, progress: Any) -> tuple[Analysis, StudyFacts]:
    settings = ReportSettings.from_dict(report.settings)
    if report.study is not None:
        answers = study_answers(report.study, include_simulated=settings.include_simulated, phase=settings.phase)
        facts = study_facts(report.study, settings)
    else:
        assert report.table is not None  # noqa: S101  a constraint of the table
        answers = TableReading.from_dict(report.table.reading).read(
            table_path(report.table.pk).read_bytes(), name=report.table.name
        )
        facts = StudyFacts(answers_sha256=report.table.sha256)
    analysis = analyse(answers, settings.analysis, progress=lambda done, what: progress(ANALYSED * done, what))
    return analysis, facts


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
