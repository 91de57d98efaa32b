"""Checks that need Django but no test database: system check, deployment check, missing migrations."""

import importlib
import os
import subprocess
import sys

importlib.import_module("tests.environment")  # an own data directory, before anything reads the settings

CHECKS = (
    (["makemigrations", "--check", "--dry-run"], {}),
    (["check", "--fail-level", "WARNING"], {}),
    (["check", "--deploy", "--fail-level", "WARNING"], {"HTTPS": "1"}),
)


def main() -> int:
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")  # for the browser tests only; a deployment must not have it
    for arguments, extra in CHECKS:
        print("manage.py", *arguments, flush=True)  # noqa: T201
        done = subprocess.run([sys.executable, "manage.py", *arguments], env={**os.environ, **extra}, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
