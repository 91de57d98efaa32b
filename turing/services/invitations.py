"""Links that let readers in. A secret is shown once, when it is made; afterwards only its hash is known."""

import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from config.accounts.models import User
from turing.audit.services import Event, record_event, record_events
from turing.errors import StudyError
from turing.models import Invitation, Study
from turing.reading.enrolment import invitation_sha256

VALID_FOR = timedelta(days=30)
MAX_AT_ONCE = 100


@transaction.atomic
def create_invitations(*, study: Study, count: int, by: User | None, note: str = "") -> list[tuple[Invitation, str]]:
    """`count` new invitations, each with the secret of its link. Raises StudyError for a closed study, an
    example, or a second session."""
    if not 1 <= count <= MAX_AT_ONCE:
        raise StudyError(f"Number of invitations {count} is out of range: it must lie between 1 and {MAX_AT_ONCE}.")
    study = Study.objects.select_for_update().get(pk=study.pk)
    if study.status == Study.Status.CLOSED:
        raise StudyError(f"“{study}” is closed: nobody can be invited any more.")
    if study.is_example:
        raise StudyError(f"“{study}” is an example with simulated readers: people cannot be invited to it.")
    if study.follows_id is not None:
        raise StudyError(f"“{study}” is a second session: the readers of the first take part, and nobody else.")
    made = []
    for _ in range(count):
        secret = secrets.token_urlsafe(32)
        invitation = Invitation.objects.create(
            study=study,
            secret_sha256=invitation_sha256(secret),
            note=note,
            created_by=by,
            expires_at=timezone.now() + VALID_FOR,
        )
        made.append((invitation, secret))
    actor = None if by is None else by.pk
    record_events(
        [
            Event(action="invitation.created", about=invitation, actor=actor, written=[invitation])
            for invitation, _ in made
        ]
    )
    return made


@transaction.atomic
def revoke_invitation(*, invitation: Invitation, by: User | None = None) -> Invitation:
    """Make a link useless. Raises StudyError when it was used already. Revoking twice changes nothing."""
    invitation = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
    if invitation.accepted_at is not None:
        raise StudyError("This invitation was used already: the reader has joined the study.")
    if invitation.revoked_at is None:
        invitation.revoked_at = timezone.now()
        invitation.save(update_fields=["revoked_at"])
        record_event(action="invitation.revoked", about=invitation, by=by, written=[invitation])
    return invitation
