"""As Django's, but for PostgreSQL 15 and newer: at the first connection of any process, in words."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import NotSupportedError
from django.db.backends.postgresql import base, features

MINIMUM_VERSION = (15,)


class DatabaseFeatures(features.DatabaseFeatures):
    minimum_database_version = MINIMUM_VERSION


class DatabaseWrapper(base.DatabaseWrapper):
    features_class = DatabaseFeatures

    def check_database_version_supported(self, *args: Any) -> None:
        try:
            super().check_database_version_supported(*args)
        except NotSupportedError as error:
            raise ImproperlyConfigured(f"DATABASE_URL: {error} Upgrade the server: docs/operators.md.") from error
