"""The user. Who a reader is stands here and nowhere else; studies know readers by code."""

import uuid
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone


class User(AbstractUser):
    class Role(models.TextChoices):
        ADMINISTRATOR = "administrator", "Administrator"
        INVESTIGATOR = "investigator", "Investigator"
        ANNOTATOR = "annotator", "Annotator"
        READER = "reader", "Reader"

    role = models.CharField(max_length=16, choices=Role, default=Role.READER)

    erased_at = models.DateTimeField(null=True, blank=True, editable=False)  # the row has been nobody's since

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(
                condition=models.Q(role__in=["administrator", "investigator", "annotator", "reader"]),
                name="user_role_known",
            ),
        ]

    @property
    def is_administrator(self) -> bool:
        """Administrators reach what lies on the server itself: its folders, the PACS that it is connected to."""
        return self.is_active and (self.is_superuser or self.role == self.Role.ADMINISTRATOR)

    @property
    def is_investigator(self) -> bool:
        """Investigators and administrators build studies; only they see data, jobs and results."""
        return self.is_active and (self.is_superuser or self.role in (self.Role.INVESTIGATOR, self.Role.ADMINISTRATOR))

    @property
    def works_in_projects(self) -> bool:
        """Everybody but readers: annotators draw regions there, on the images given to them."""
        return self.is_investigator or (self.is_active and self.role == self.Role.ANNOTATOR)


class AccountInvitation(models.Model):
    """A link that makes one account. Only the hash of its secret is stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    secret_sha256 = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=16)  # of the account that it makes
    email = models.EmailField(blank=True)  # whom it is for
    was_sent = models.BooleanField(default=False)  # to that address, and the link shown to nobody
    note = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "id"]

    def __str__(self) -> str:
        return self.email or self.note or f"Invitation {self.pk}"

    @property
    def state(self) -> str:
        """One of used, revoked, expired, waiting."""
        if self.accepted_at is not None:
            return "used"
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= timezone.now() else "waiting"

    def get_role_display(self) -> str:
        return str(dict(User.Role.choices).get(self.role, self.role))


class SignIn(models.Model):
    """That somebody signed in, or tried to. Without an account: the name that was tried is not known here."""

    class Outcome(models.TextChoices):
        SIGNED_IN = "signed-in", "Signed in"
        WRONG_PASSWORD = "wrong-password", "Wrong name or password"
        WRONG_CODE = "wrong-code", "Wrong code of the second factor"

    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="sign_ins")
    outcome = models.CharField(max_length=16, choices=Outcome)
    address = models.CharField(max_length=48)  # shortened
    browser = models.CharField(max_length=60)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} {self.at:%Y-%m-%d %H:%M}"


class WebSession(AbstractBaseSession):
    """Somebody signed in with a browser, or about to. Written by `config.accounts.signed_in` alone."""

    session_key = models.CharField(max_length=64, primary_key=True)  # the hash of what the cookie holds
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="web_sessions")
    browser = models.CharField(max_length=60, blank=True)
    address = models.CharField(max_length=48, blank=True)  # shortened
    began_at = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)

    class Meta(AbstractBaseSession.Meta):
        abstract = False

    @classmethod
    def get_session_store_class(cls) -> type[Any]:
        from config.accounts.signed_in import SessionStore  # which imports this module

        return SessionStore
