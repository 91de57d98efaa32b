"""A site of the first version becomes one of this version: nothing is lost, the audit chain holds, readers go on."""

import gzip
import json
import os
import secrets
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from django.db import connection

from config.environment import BASE_DIR
from tests.turing.reading.small_disks import postgresql_elsewhere
from tests.worker.site import database_url

pytestmark = pytest.mark.django_db(transaction=True)
DUMPS = Path(__file__).parent / "first_version"
HEADS = {  # of the audit chain, as that version's own check printed it
    "sqlite": "25:aa622c617fb7406e2b223e174ba9322179d7a6b6a04c302482ea8ad19f43a82c",
    "postgresql": "25:460b8b702403f309c4585a6ac4d35e2fd1a7c26d0b84c30e5571050caa66eb82",
}


@pytest.fixture
def old_site(tmp_path) -> Iterator[dict[str, str]]:
    """The environment of a site that holds the dump."""
    vendor = connection.vendor
    sql = gzip.decompress((DUMPS / f"{vendor}.sql.gz").read_bytes()).decode()
    with tarfile.open(DUMPS / f"{vendor}_media.tar.gz") as media:
        media.extractall(tmp_path / "media", filter="data")
    name, url = f"upgraded_{secrets.token_hex(4)}", f"sqlite:///{quote(str(tmp_path / 'db.sqlite3'))}"
    if vendor == "sqlite":
        with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database:
            database.executescript(sql)
    else:
        with closing(postgresql_elsewhere()) as server:
            server.execute(f"CREATE DATABASE {name}")
        url = urlsplit(database_url())._replace(path=f"/{name}").geturl()
        with psycopg.connect(url) as database:
            database.execute(sql)
    yield {**os.environ, "DATA_DIR": str(tmp_path), "DATABASE_URL": url}
    if vendor != "sqlite":
        with closing(postgresql_elsewhere()) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


MIGRATE_AND_READ_ON = """
import json, os
from django.core.management import call_command
call_command("migrate", interactive=False, verbosity=0)
from turing.audit.verification import verify_audit
noted = (int(os.environ["NOTED"].partition(":")[0]), os.environ["NOTED"].partition(":")[2])
first = verify_audit(noted=noted)
from turing.models import Answer, ReadingSession, Study
from generation.models import TrainingRun
from imaging.models import Image
from tests.turing.builders import answer_next
session = ReadingSession.objects.get(study__name="A study that is being read", reader__username="rita")
before = session.answers.count()
for value in ("real", "synthetic", "real", "synthetic"):
    answer_next(session, value)
session.refresh_from_db()
second = verify_audit(noted=noted)
print(json.dumps({
    "answers_compared": first.n_rows["turing_answer"],
    "problems": [str(problem) for problem in (*first.problems, *second.problems)],
    "before": before,
    "finished": session.finished_at is not None,
    "answers": Answer.objects.count(),
    "studies": {study.name: study.status for study in Study.objects.all()},
    "projects": Study.objects.filter(project__isnull=True).count(),
    "images": Image.objects.filter(dataset__name="Chests", patient_pseudonym="a3f0c1d2", age_years=61).count(),
    "run": TrainingRun.objects.get().checkpoints.count(),
}))
"""


def test_the_first_version_migrates_to_this_one(old_site):
    """One process, which imports everything once."""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports"],
        cwd=BASE_DIR,
        env={**old_site, "NOTED": HEADS[connection.vendor]},
        input=MIGRATE_AND_READ_ON,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "answers_compared": 10,
        "problems": [],
        "before": 2,
        "finished": True,
        "answers": 14,
        "studies": {"A study that was read": "closed", "A study that is being read": "open", "A draft": "draft"},
        "projects": 0,
        "images": 4,
        "run": 1,
    }
