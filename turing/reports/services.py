"""Verbs on reports and on answers from elsewhere: make, look at, remove. Each leaves an event in the audit chain."""

import hashlib

from django.db import transaction

from config.accounts.models import User
from turing.analysis.answers import Answers
from turing.audit.services import record_event
from turing.errors import StudyError
from turing.models import AnswerTable, Report, Study
from turing.reports.declared import with_origin
from turing.reports.files import remove_files, sweep_files, table_path, write_whole
from turing.reports.parameters import KIND, ReportParameters
from turing.reports.reading import TableReading
from turing.reports.settings import ReportSettings
from worker.models import Job
from worker.services import enqueue_job, request_cancel

Subject = Study | AnswerTable
MOST_TABLES = 100  # of one person


@transaction.atomic
def start_report(*, about: Subject, settings: ReportSettings, by: User | None, other: Subject | None = None) -> Report:
    """Queue the making of a report; one with the same settings that is being made is not made twice.

    `other`: what `about` is compared with; the report then is of the difference. The settings of a study's report are
    marked with whether its protocol declared them. Raises StudyError for a study that is not closed.
    """
    for subject in (about, other):
        if isinstance(subject, Study) and subject.status != Study.Status.CLOSED:
            raise StudyError(f"“{subject}” is not closed: its report can be made once it is.")
    if isinstance(about, Study) and other is None:
        settings = with_origin(settings, about)
    fields = {**_field("", about), **(_field("other_", other) if other is not None else {})}
    same = Report.objects.filter(
        **{"study": None, "table": None, "other_study": None, "other_table": None, **fields},
        settings=settings.to_dict(), made_at=None, job__state__in=Job.ACTIVE,
    ).first()  # fmt: skip
    if same is not None:
        return same
    title = f"{about}" if other is None else f"{about} and {other}"
    report = Report(**fields, title=title, settings=settings.to_dict(), created_by=by)
    report.job = enqueue_job(
        kind=KIND,
        parameters=ReportParameters(report_id=str(report.pk)),
        title=f"{'Report of' if other is None else 'Comparison of'} “{title}”",
        created_by=by,
        seed=settings.analysis.seed,
    )
    report.save()
    return report


def _field(prefix: str, subject: Subject) -> dict[str, Subject]:
    return {f"{prefix}{'study' if isinstance(subject, Study) else 'table'}": subject}


@transaction.atomic
def note_look(*, report: Report, by: User, file: str = "") -> None:
    """Record that somebody saw, or took along, the results of a study. One's own uploads are not recorded."""
    for study in (report.study, report.other_study):
        if study is not None:
            details = {"report": str(report.pk)} | ({"file": file} if file else {})
            action = "report.downloaded" if file else "report.viewed"
            record_event(action=action, about=study, by=by, details=details)


@transaction.atomic
def remove_report(*, report: Report, by: User) -> None:
    """With its files; while it is being made, the job is cancelled."""
    if report.job is not None and report.job.can_cancel:
        request_cancel(job=report.job)
    about = report.study or report.table
    assert about is not None  # noqa: S101  a constraint of the table
    record_event(action="report.removed", about=about, by=by, details={"report": str(report.pk)})
    key = report.pk
    report.delete()
    transaction.on_commit(lambda: remove_files(reports=[key]))


@transaction.atomic
def store_table(
    *, name: str, file_name: str, content: bytes, reading: TableReading, answers: Answers, by: User
) -> AnswerTable:
    """Keep a table that was read without problems. Raises StudyError when somebody has too many."""
    if AnswerTable.objects.filter(created_by=by).count() >= MOST_TABLES:
        raise StudyError(f"You have {MOST_TABLES} tables of answers. Remove one first.")
    sweep_files()
    table = AnswerTable.objects.create(
        name=name,
        file_name=file_name[-200:],
        sha256=hashlib.sha256(content).hexdigest(),
        reading=reading.to_dict(),
        n_readers=len(answers.readers),
        n_images=len(answers.images),
        n_answers=int(answers.given.sum()),
        created_by=by,
    )
    record_event(action="answers.uploaded", about=table, by=by, details={"sha256": table.sha256})
    write_whole(table_path(table.pk), content)
    return table


@transaction.atomic
def remove_table(*, table: AnswerTable, by: User) -> None:
    """With its file and every report about it."""
    record_event(action="answers.removed", about=table, by=by, details={"sha256": table.sha256})
    reports = list(Report.objects.filter(table=table) | Report.objects.filter(other_table=table))
    for report in reports:
        if report.job is not None and report.job.can_cancel:
            request_cancel(job=report.job)
    keys, key = [report.pk for report in reports], table.pk
    table.delete()
    transaction.on_commit(lambda: remove_files(reports=keys, tables=[key]))
