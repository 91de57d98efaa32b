"""Whose reports and tables somebody may see. What is not one's own is not there: 404, never 403."""

from uuid import UUID

from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404

from config.accounts.models import User
from turing.models import AnswerTable, Report, Study


def tables_of(user: User) -> QuerySet[AnswerTable]:
    return AnswerTable.objects.filter(created_by=user)


def reports_of(user: User) -> QuerySet[Report]:
    """Of closed studies, and of the user's own tables; of a comparison both must be."""
    studies, own = Study.Status.CLOSED, Q(table__created_by=user)
    others = Q(other_table__created_by=user) | Q(other_study__status=studies)
    return Report.objects.filter(
        Q(study__status=studies) | own, others | Q(other_study=None, other_table=None)
    ).select_related("study", "table", "other_study", "other_table", "job", "created_by")


def get_report(user: User, report_id: UUID) -> Report:
    return get_object_or_404(reports_of(user), pk=report_id)


def get_table(user: User, table_id: UUID) -> AnswerTable:
    return get_object_or_404(tables_of(user), pk=table_id)
