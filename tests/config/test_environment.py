"""Settings that cannot work stop the start: all at once, each with its name, and no secret is told."""

import os
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import _number_of_proxies, read_environment
from config.postgresql.base import DatabaseWrapper

STRONG = "q8Jx2vLr0ZtWm5Ny7Kb1Hc4Pd9Gs6Fa3Ue-Io_TyRwXzQvBnMkLjHg"
PRODUCTION = {
    "HTTPS": "true",
    "PROXY": "true",
    "ALLOWED_HOSTS": "reader.example.org",
    "TRUSTED_ORIGINS": "https://reader.example.org",
    "SECRET_KEY": STRONG,
}


@pytest.fixture
def set_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))

    def set_environment(**values: str):
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        return read_environment

    return set_environment


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"DATABASE_URL": "mysql://a:hunter2@b/c"}, "DATABASE_URL: begins with 'mysql'"),
        ({"REDIS_URL": "amqp://a:hunter2@b"}, "REDIS_URL: begins with 'amqp'"),
        ({"SECRET_KEY": "hunter2"}, "SECRET_KEY: too easy to guess"),
        ({"SECRET_KEY": "django-insecure-" + STRONG}, "SECRET_KEY: too easy to guess"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS: *"),
        ({**PRODUCTION, "ALLOWED_HOSTS": "localhost"}, "ALLOWED_HOSTS: HTTPS is on"),
        ({**PRODUCTION, "DEBUG": "true"}, "DEBUG: error pages would show data"),
        ({"TRUSTED_ORIGINS": "reader.example.org"}, "TRUSTED_ORIGINS: 'reader.example.org' must begin with"),
        ({"ACCEL_PREFIX": "protected", "PROXY": "1"}, "ACCEL_PREFIX: 'protected' must be one word between slashes"),
        ({"ACCEL_PREFIX": "/protected/"}, "ACCEL_PREFIX: needs nginx in front"),
        ({"MAX_UPLOAD_MB": "0"}, "MAX_UPLOAD_MB: is 0"),
        ({"MAX_UPLOAD_MB": "big"}, "MAX_UPLOAD_MB: "),
        ({"TIME_ZONE": "Middle/Earth"}, "TIME_ZONE: 'Middle/Earth'"),
        ({"SECRET_KEY_FILE": "/does/not/exist", "SECRET_KEY": ""}, "SECRET_KEY_FILE: /does/not/exist cannot be read"),
        ({"SECRET_KEY_FILE": "/dev/null", "SECRET_KEY": STRONG}, "SECRET_KEY: is set, and SECRET_KEY_FILE too"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value[:40],
)
def test_a_value_that_cannot_work_is_named(set_environment, values, problem):
    read = set_environment(**values)

    with pytest.raises(ImproperlyConfigured, match=r"^Environment: ") as raised:
        read()

    assert problem in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_all_problems_are_told_at_once(set_environment):
    read = set_environment(
        SECRET_KEY="short", MAX_UPLOAD_MB="big", DATABASE_URL="oracle://x", HTTPS="true", ALLOWED_HOSTS="localhost"
    )

    with pytest.raises(ImproperlyConfigured) as raised:
        read()

    names = [line.removeprefix("Environment: ").partition(":")[0] for line in str(raised.value).splitlines()]
    assert sorted(names) == ["ALLOWED_HOSTS", "DATABASE_URL", "MAX_UPLOAD_MB", "SECRET_KEY"]


def test_secrets_come_from_files(set_environment, tmp_path, monkeypatch):
    monkeypatch.delenv("SECRET_KEY")
    for name, text in (("key", STRONG), ("database", "p@ss:/word"), ("redis", "r3d!s"), ("mail", "m@il")):
        (tmp_path / name).write_text(f"{text}\n")
    read = set_environment(
        SECRET_KEY_FILE=str(tmp_path / "key"),
        DATABASE_URL="postgres://turing@database/turing?connect_timeout=5",
        DATABASE_PASSWORD_FILE=str(tmp_path / "database"),
        REDIS_URL="redis://broker:6379/0",
        REDIS_PASSWORD_FILE=str(tmp_path / "redis"),
        EMAIL_URL="smtp+tls://site@mail.example.org:587",
        EMAIL_PASSWORD_FILE=str(tmp_path / "mail"),
    )

    environment = read()

    assert environment.secret_key == STRONG
    assert environment.database_url == "postgres://turing:p%40ss%3A%2Fword@database/turing?connect_timeout=5"
    assert environment.redis_url == "redis://:r3d%21s@broker:6379/0"
    assert environment.email_url == "smtp+tls://site:m%40il@mail.example.org:587"
    assert "DATABASE_PASSWORD" not in os.environ


def test_an_old_postgresql_is_refused_in_words(monkeypatch):
    wrapper = DatabaseWrapper({"NAME": "x", "TIME_ZONE": None, "OPTIONS": {}}, "default")
    monkeypatch.setattr(wrapper, "get_database_version", lambda: (14, 9))

    with pytest.raises(ImproperlyConfigured, match=r"DATABASE_URL: PostgreSQL 15 or later is required \(found 14.9\)"):
        wrapper.check_database_version_supported()
    monkeypatch.setattr(wrapper, "get_database_version", lambda: (15, 0))
    wrapper.check_database_version_supported()


def test_django_finds_nothing_to_say_about_a_production_site(tmp_path):
    environment = os.environ | PRODUCTION | {"DATA_DIR": str(tmp_path), "STATIC_MANIFEST": "0"}
    del environment["DJANGO_ALLOW_ASYNC_UNSAFE"]  # of the browser tests

    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "INFO"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert (done.returncode, done.stdout.strip()) == (0, "System check identified no issues (0 silenced)."), done.stderr


@pytest.mark.parametrize(("text", "number"), [("false", 0), ("", 0), ("True", 1), ("1", 1), ("2", 2), (" on ", 1)])
def test_number_of_proxies(text, number):
    assert _number_of_proxies(text) == number


@pytest.mark.parametrize("text", ["nginx", "-1", "11", "1.5"])
def test_a_number_of_proxies_that_cannot_be(text):
    with pytest.raises(ValueError, match=r"PROXY='.*': give true, false, or the number of proxies"):
        _number_of_proxies(text)
