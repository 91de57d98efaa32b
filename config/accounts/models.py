"""The user. Who a reader is stands here and nowhere else; studies know readers by code."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    class Role(models.TextChoices):
        ADMINISTRATOR = "administrator", "Administrator"
        INVESTIGATOR = "investigator", "Investigator"
        ANNOTATOR = "annotator", "Annotator"
        READER = "reader", "Reader"

    role = models.CharField(max_length=16, choices=Role, default=Role.READER)

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
