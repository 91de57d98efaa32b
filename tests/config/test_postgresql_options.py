"""What DATABASE_URL says about PostgreSQL comes before the site's own choices."""

import json
import os
import subprocess
import sys

import pytest


def options_of(database_url: str) -> dict:
    code = "import json; from django.conf import settings; print(json.dumps(settings.DATABASES['default']['OPTIONS']))"
    environment = os.environ | {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("written", "threshold"), [("", 5), ("?prepare_threshold=none", None), ("?prepare_threshold=2", 2)]
)
def test_statements_are_prepared_unless_the_address_says_otherwise(written, threshold):
    options = options_of(f"postgres://site@database/turing{written}")

    assert options["prepare_threshold"] == threshold
    assert options["server_side_binding"] is True


def test_an_option_of_the_address_comes_first():
    assert options_of("postgres://site@database/turing?connect_timeout=20")["connect_timeout"] == 20
