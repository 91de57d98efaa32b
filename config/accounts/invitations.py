"""Invitations of people to the site: made by an administrator, used once. Only the hash of a link's secret is stored.

Invitations of readers to one study are `turing.services.invitations`. Whoever ties more to an invitation (a project)
keeps a row beside it and acts on the signal `invitation_accepted`, which is sent within the transaction.
"""

import hashlib
import logging
import secrets
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.dispatch import Signal
from django.template.loader import render_to_string
from django.utils import timezone

from config.accounts.errors import AccountError
from config.accounts.models import AccountInvitation, User
from config.accounts.services import create_user

DEFAULT_DAYS = 14
MOST_DAYS = 90
NOT_SENT = ("console", "dummy")  # e-mail backends that send nothing; the first writes the link into the log

invitation_accepted = Signal()  # arguments: invitation, user

logger = logging.getLogger(__name__)


@transaction.atomic
def invite_user(
    *, role: str, by: User | None, email: str = "", note: str = "", days: int = DEFAULT_DAYS
) -> tuple[AccountInvitation, str]:
    """A new invitation with the secret of its link. `days` from 1 to 90 until it expires.

    Raises AccountError for an unknown role, days out of range, or an e-mail address that has an account.
    """
    if role not in User.Role.values:
        raise AccountError(f"Role “{role}” is not known. Choose one of: {', '.join(User.Role.values)}.")
    if not 1 <= days <= MOST_DAYS:
        raise AccountError(f"{days} days are out of range: an invitation works for 1 to {MOST_DAYS} days.")
    if email and User.objects.filter(email__iexact=email).exists():
        raise AccountError(f"{email} has an account already. Find it in the list of people.")
    secret = secrets.token_urlsafe(32)
    invitation = AccountInvitation.objects.create(
        secret_sha256=invitation_sha256(secret),
        role=role,
        email=email,
        note=note,
        created_by=by,
        expires_at=timezone.now() + timedelta(days=days),
    )
    logger.info("Invitation %s (%s) made by user %s", invitation.pk, role, by.pk if by else "command line")
    return invitation, secret


def invitation_sha256(secret: str) -> str:
    """What is stored of a link's secret (32 random bytes: no salt needed)."""
    return hashlib.sha256(secret.encode()).hexdigest()


def can_send_emails() -> bool:
    return not any(f".{name}." in settings.EMAIL_BACKEND for name in NOT_SENT)


def send_invitation(*, invitation: AccountInvitation, link: str) -> None:
    """E-mail the link. Raises AccountError when e-mail is not set up or the mail server refuses."""
    if not can_send_emails():
        raise AccountError("This site sends no e-mails yet (its operator sets EMAIL_URL).")
    context = {"link": link, "site_name": settings.SITE_NAME, "invitation": invitation}
    subject = f"Your account on {settings.SITE_NAME}"
    try:
        send_mail(subject, render_to_string("accounts/invitation_email.txt", context), None, [invitation.email])
    except OSError as error:  # smtplib's errors are among them
        logger.warning("Invitation %s was not sent: %s", invitation.pk, type(error).__name__)
        raise AccountError("The mail server did not take the e-mail.") from error


def find_invitation(secret: str) -> AccountInvitation | None:
    return AccountInvitation.objects.filter(secret_sha256=invitation_sha256(secret)).first()


def invitation_problem(invitation: AccountInvitation | None) -> str:
    """Why it cannot be used, for the invited person to read; empty when nothing stands in the way."""
    if invitation is None:
        return "This invitation link is not known. Check that you copied all of it."
    return {
        "used": "This invitation was used already. If it was you, sign in; else ask for a new link.",
        "revoked": "This invitation was withdrawn. Ask the person who invited you for a new link.",
        "expired": "This invitation has expired. Ask the person who invited you for a new link.",
        "waiting": "",
    }[invitation.state]


@transaction.atomic
def accept_invitation(*, secret: str, username: str, password: str, email: str = "") -> User:
    """The account of the invited person; the link is used up. An address that the invitation was sent to counts as
    verified.

    Raises AccountError when the link cannot be used, ValidationError when the account cannot be made.
    """
    invitation = AccountInvitation.objects.select_for_update().filter(secret_sha256=invitation_sha256(secret)).first()
    problem = invitation_problem(invitation)
    if invitation is None or problem:
        raise AccountError(problem)
    user = create_user(username=username, password=password, email=email, role=invitation.role)
    if email and invitation.was_sent and email.lower() == invitation.email.lower():
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    invitation.accepted_at = timezone.now()
    invitation.accepted_by = user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    invitation_accepted.send(sender=AccountInvitation, invitation=invitation, user=user)
    logger.info("Invitation %s accepted: user %s", invitation.pk, user.pk)
    return user


@transaction.atomic
def revoke_invitation(*, invitation: AccountInvitation, by: User | None = None) -> AccountInvitation:
    """Make a link useless. Raises AccountError when it was used already. Revoking twice changes nothing."""
    invitation = AccountInvitation.objects.select_for_update().get(pk=invitation.pk)
    if invitation.accepted_at is not None:
        raise AccountError("This invitation was used already. Deactivate the account instead.")
    if invitation.revoked_at is None:
        invitation.revoked_at = timezone.now()
        invitation.save(update_fields=["revoked_at"])
        logger.info("Invitation %s withdrawn by user %s", invitation.pk, by.pk if by else "command line")
    return invitation
