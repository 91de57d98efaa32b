"""Rows as the audit chain writes them down: plain JSON values, the same on every database."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Model

from turing.models.reading import Answer
from turing.models.studies import Invitation

# The note of an invitation and the comment of a reader may name a person. The chain keeps a hash of them: a change is
# seen, and no name is kept in a record that nothing can be removed from. Another column of the row serves as salt.
HASHED = {
    (Invitation._meta.db_table, "note"): "secret_sha256",
    (Answer._meta.db_table, "comment"): "idempotency_key",
}


@dataclass(frozen=True)
class RowRecord:
    """One row: its table, its key as text, and its columns."""

    table: str
    key: str
    columns: dict[str, Any]


def describe_row(row: Model, *, only: Collection[str] = ()) -> RowRecord:
    """All columns of `row`, or those named in `only`. Raises ValueError or ValidationError for a wrong type."""
    meta = row._meta
    columns = {
        field.attname: _column(row, field) for field in meta.concrete_fields if not only or field.attname in only
    }
    return RowRecord(table=meta.db_table, key=str(row.pk), columns=columns)


def _column(row: Model, field: Any) -> Any:
    value = field.to_python(getattr(row, field.attname))
    salt = HASHED.get((row._meta.db_table, field.attname))
    if salt is not None:
        return hashlib.sha256(f"{getattr(row, salt)}:{value}".encode()).hexdigest()
    return plain_value(value)


def plain_value(value: Any) -> Any:
    """`value` as JSON knows it. Moments are UTC with microseconds. Raises TypeError for what JSON cannot say."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, UUID):
        return str(value)
    return json.loads(json.dumps(value, allow_nan=False))  # tuples become lists, choices their strings


def moment(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
