"""What time removes: identities of readers whose studies are over, sign-ins, invitations and sessions.

RETENTION_DAYS says how long they are kept; 0, the default, keeps all but expired sessions, which open nothing.
"""

import logging
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from config.accounts.errors import AccountError
from config.accounts.models import AccountInvitation, SignIn, User, WebSession
from config.accounts.personal import personal_data
from config.privacy.erasing import erase_person

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Removal:
    """How many of each; names of nobody. Of a study's invitations that nobody used, the notes are removed."""

    identities: int
    sign_ins: int
    invitations: int
    sessions: int

    def to_dict(self) -> dict[str, int]:
        return asdict(self)


def readers_to_erase() -> list[User]:
    """Readers whose identity nothing has needed for RETENTION_DAYS, and who have not signed in since."""
    if not settings.RETENTION_DAYS:
        return []
    before = timezone.now() - timedelta(days=settings.RETENTION_DAYS)
    asked = [set(part.done_with(before)) for part in personal_data() if part.done_with is not None]
    readers = User.objects.filter(role=User.Role.READER, is_superuser=False, erased_at=None, date_joined__lt=before)
    readers = readers.filter(Q(last_login=None) | Q(last_login__lt=before))
    return list(readers.filter(pk__in=set.intersection(*asked) if asked else set()).order_by("pk"))


def apply_retention() -> Removal:
    """Remove all that is due; each identity in a transaction of its own. Safe at any time, again changes nothing."""
    identities = 0
    for user in readers_to_erase():
        try:
            erase_person(user=user, by=None)
            identities += 1
        except AccountError as error:
            logger.warning("User %s was not erased: %s", user.pk, error)
    now = timezone.now()
    with transaction.atomic():
        sessions, _ = WebSession.objects.filter(expire_date__lt=now).delete()
        sign_ins = invitations = 0
        if settings.RETENTION_DAYS:
            before = now - timedelta(days=settings.RETENTION_DAYS)
            sign_ins, _ = SignIn.objects.filter(at__lt=before).delete()
            over = Q(accepted_at__lt=before) | Q(revoked_at__lt=before) | Q(accepted_at=None, expires_at__lt=before)
            invitations, _ = AccountInvitation.objects.filter(over).delete()
            invitations += sum(part.forget(before) for part in personal_data() if part.forget is not None)
    return Removal(identities=identities, sign_ins=sign_ins, invitations=invitations, sessions=sessions)
