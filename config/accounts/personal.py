"""What the site holds about a person. Each part of it registers its own, so that export and erasure leave nothing out.

The account itself, and what hangs on it here, is below; studies register in `turing.personal`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from config.accounts.models import AccountInvitation, SignIn, User, WebSession


@dataclass(frozen=True, kw_only=True)
class PersonalData:
    """Of one part of the site.

    collect : a user -> documents by file name, of values that JSON can hold (and times)
    erase : a user -> nothing; removes what says who it is, within the transaction of the erasure
    forget : a time -> how many words about people it removed that nothing has needed since before it
    done_with : a time -> keys of readers whose identity nothing here has needed since before it
    """

    name: str
    collect: Callable[[User], dict[str, Any]]
    erase: Callable[[User], None]
    forget: Callable[[datetime], int] | None = None
    done_with: Callable[[datetime], Iterable[int]] | None = None


_PARTS: dict[str, PersonalData] = {}


def register_personal_data(part: PersonalData) -> None:
    """A part of the same name takes the place of the one before."""
    _PARTS[part.name] = part


def personal_data() -> list[PersonalData]:
    return [_PARTS[name] for name in sorted(_PARTS)]


def _collect(user: User) -> dict[str, Any]:
    account = ("username", "email", "first_name", "last_name", "role", "is_active", "date_joined", "last_login")
    return {
        "account.json": {
            **{name: getattr(user, name) for name in account},
            "has_second_factor": Authenticator.objects.filter(user=user).exists(),
            "has_single_sign_on": SocialAccount.objects.filter(user=user).exists(),
            "addresses": list(EmailAddress.objects.filter(user=user).values("email", "verified")),
        },
        "sign-ins.json": list(SignIn.objects.filter(user=user).values("at", "outcome", "browser", "address")),
        "sessions.json": list(
            WebSession.objects.filter(user=user).values("browser", "address", "began_at", "last_seen_at")
        ),
        "invitation-to-the-site.json": list(
            AccountInvitation.objects.filter(accepted_by=user).values("email", "note", "created_at", "accepted_at")
        ),
    }


def _erase(user: User) -> None:
    for model in (EmailAddress, Authenticator, SocialAccount, SignIn, WebSession):
        model.objects.filter(user=user).delete()
    invited = Q(accepted_by=user) | (Q(email__iexact=user.email) if user.email else Q(pk=None))
    AccountInvitation.objects.filter(invited).update(email="", note="")
    of_users = ContentType.objects.get_for_model(User)
    LogEntry.objects.filter(content_type=of_users, object_id=str(user.pk)).update(object_repr="erased account")


register_personal_data(PersonalData(name="account", collect=_collect, erase=_erase))
