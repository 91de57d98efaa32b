"""What is wrong with an installation's settings, taken together: each problem one sentence that begins with a name."""

import re
import zoneinfo
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from config.environment import Environment

DATABASES = ("sqlite", "postgres", "postgresql", "pgsql")
BROKERS = ("redis", "rediss", "redis+socket")
LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]"}
SECRET_KEY_LENGTH, SECRET_KEY_CHARACTERS = 50, 5  # what Django asks for (security.W009)


def find_problems(environment: "Environment") -> list[str]:
    """All at once, so that nobody has to start the site again for each."""
    return [*_addresses(environment), *_secrets(environment), *_public_site(environment), *_values(environment)]


def _addresses(environment: "Environment") -> Iterator[str]:
    for name, address, allowed in (
        ("DATABASE_URL", environment.database_url, DATABASES),
        ("REDIS_URL", environment.redis_url, BROKERS),
    ):
        scheme = address.partition("://")[0]
        if scheme not in allowed:
            yield f"{name}: begins with {scheme[:20]!r}; it must begin with {' or '.join(f'{s}://' for s in allowed)}."
    for origin in environment.trusted_origins:
        if urlsplit(origin).scheme not in ("http", "https"):
            yield f"TRUSTED_ORIGINS: {origin!r} must begin with https:// (or http://)."


def _secrets(environment: "Environment") -> Iterator[str]:
    key = environment.secret_key
    if len(key) < SECRET_KEY_LENGTH or len(set(key)) < SECRET_KEY_CHARACTERS or key.startswith("django-insecure-"):
        yield (
            f"SECRET_KEY: too easy to guess; use at least {SECRET_KEY_LENGTH} random characters "
            "(openssl rand -base64 48), or leave it out: then one is made and kept in DATA_DIR."
        )


def _public_site(environment: "Environment") -> Iterator[str]:
    if "*" in environment.allowed_hosts and not environment.debug:
        yield "ALLOWED_HOSTS: * lets anybody choose the name under which links are made; write the site's names."
    if environment.https and set(environment.allowed_hosts) <= LOCAL_HOSTS:
        yield "ALLOWED_HOSTS: HTTPS is on, so the site has a name; write it, e.g. ALLOWED_HOSTS=reader.example.org."
    if environment.https and environment.debug:
        yield "DEBUG: error pages would show data to everybody; switch it off where HTTPS is on."


def _values(environment: "Environment") -> Iterator[str]:
    if environment.max_upload_mb < 1:
        yield f"MAX_UPLOAD_MB: is {environment.max_upload_mb}; it must be 1 or more."
    if environment.accel_prefix and not re.fullmatch(r"/[a-z0-9_-]+/", environment.accel_prefix):
        yield f"ACCEL_PREFIX: {environment.accel_prefix!r} must be one word between slashes, such as /protected/."
    if environment.accel_prefix and not environment.proxy:
        yield "ACCEL_PREFIX: needs nginx in front (PROXY=true); without it nobody would get a file."
    if environment.time_zone not in zoneinfo.available_timezones():
        yield f"TIME_ZONE: {environment.time_zone!r} is not known; write e.g. Europe/Berlin or UTC."
