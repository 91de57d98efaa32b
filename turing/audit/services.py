"""Appends to the audit chain, inside the transaction of the service that did what is recorded: both or neither.

An event says what was done and how every row it wrote looks afterwards, so the chain alone tells what the tables must
hold. Code that serves readers imports this module: it knows no truth and no images.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from config.accounts.models import User
from config.prepared import Prepared, insert_row
from turing.audit.records import RowRecord, describe_row, moment
from turing.models.audit import AuditEvent
from turing.protocol import canonical_json

SCHEMA = 1
START = "0" * 64  # what the first event names as the hash before it
CHAIN_LOCK = 0x7455_7269_6E67  # number of PostgreSQL's advisory lock


@dataclass(frozen=True, kw_only=True)
class Event:
    """What happened, before it has a place in the chain.

    about : the row it is about
    actor : key of the user who did it; None on the command line, or for a simulated reader
    written : rows that it made or changed, as they are now
    removed : rows that it deleted
    details : further facts, JSON
    """

    action: str
    about: Model
    actor: int | None
    written: Sequence[Model | RowRecord] = ()
    removed: Sequence[Model] = ()
    details: dict[str, Any] = field(default_factory=dict)


def record_event(*, action: str, about: Model, by: User | int | None, **content: Any) -> AuditEvent:
    """Append one event; `content` as in `Event`. See `record_events`."""
    actor = by.pk if isinstance(by, User) else by
    (recorded,) = record_events([Event(action=action, about=about, actor=actor, **content)])
    return recorded


def record_events(events: Sequence[Event]) -> list[AuditEvent]:
    """Append `events` in their order.

    Call it last in a transaction: on PostgreSQL it holds a lock until the transaction ends, because the next event
    needs the hash of this one. So the lock lasts one insert and the commit, however long the transaction took before.
    (On SQLite, transactions follow one another anyway.)

    Raises TransactionManagementError outside a transaction: an event without its deed, or a deed without its event,
    would be worse than none.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "An audit event is recorded inside the transaction of what it tells of."
        )
    described = [(event, canonical_json(_details(event)).decode()) for event in events]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])
    # a statement of its own after the lock was given: it sees what the holder before has committed
    sequence, previous = _last_link.first() or (0, START)
    chain = []
    for event, details in described:
        sequence += 1
        link = AuditEvent(
            sequence=sequence,
            at=timezone.now(),
            actor=event.actor,
            action=event.action,
            object_type=event.about._meta.db_table,
            object_id=str(event.about.pk),
            details=details,
            previous_hash=previous,
        )
        link.hash = previous = event_hash(link)
        chain.append(link)
    return [insert_row(link) for link in chain]


@Prepared
def _last_link() -> "QuerySet[AuditEvent, tuple[int, str]]":
    return AuditEvent.objects.order_by("-sequence").values_list("sequence", "hash")[:1]


def event_hash(event: AuditEvent) -> str:
    """SHA-256, in hex, over the canonical JSON of everything else in the row; `details` enters as the text it is."""
    content = {
        "schema": SCHEMA,
        "sequence": event.sequence,
        "at": moment(event.at),
        "actor": event.actor,
        "action": event.action,
        "object_type": event.object_type,
        "object_id": event.object_id,
        "details": event.details,
        "previous_hash": event.previous_hash,
    }
    return hashlib.sha256(canonical_json(content)).hexdigest()


def _details(event: Event) -> dict[str, Any]:
    details = dict(event.details)
    if event.written:
        details["written"] = written = defaultdict[str, dict[str, Any]](dict)
        for row in event.written:
            record = row if isinstance(row, RowRecord) else describe_row(row)
            written[record.table][record.key] = record.columns
    if event.removed:
        details["removed"] = removed = defaultdict[str, list[str]](list)
        for row in event.removed:
            removed[row._meta.db_table].append(str(row.pk))
    return details
