"""A backup becomes a site elsewhere, in processes of its own, and a reader goes on reading there."""

import json
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from django.db import connection

from config.environment import BASE_DIR
from config.operations.backup.making import complete_backups, make_backup
from config.operations.backup.manifest import hash_file
from tests.config.operations.test_backup import TOOLS, silent, site  # noqa: F401  a fixture
from tests.factories import DatasetFactory, ImageFactory, JobFactory
from tests.turing.builders import make_open_study, make_session
from tests.turing.reading.small_disks import postgresql_elsewhere
from tests.turing.reading.web_server import PageClient, WebServer, sign_in
from tests.worker.site import database_url, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def other(tmp_path) -> Iterator[dict[str, str]]:
    """The environment of an empty site with a database of its own."""
    data_dir = tmp_path / "other"
    url = f"sqlite:///{quote(str(data_dir / 'db.sqlite3'))}"
    name = f"restored_{secrets.token_hex(4)}"
    if connection.vendor == "postgresql":
        with closing(postgresql_elsewhere()) as server:
            server.execute(f"CREATE DATABASE {name}")
        url = urlsplit(database_url())._replace(path=f"/{name}").geturl()
    yield {**os.environ, "DATA_DIR": str(data_dir), "DATABASE_URL": url, "POSTGRES_TOOLS": str(TOOLS)}
    if connection.vendor == "postgresql":
        with closing(postgresql_elsewhere()) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def hashes(folder: Path) -> dict[str, tuple[str, int]]:
    return {p.relative_to(folder).as_posix(): hash_file(p) for p in folder.rglob("*") if p.is_file()}


def restored_rows(environment: dict[str, str], sql: str) -> list:
    url = environment["DATABASE_URL"]
    if connection.vendor == "postgresql":
        with psycopg.connect(url) as database:
            return database.execute(sql).fetchall()
    with closing(sqlite3.connect(Path(environment["DATA_DIR"]) / "db.sqlite3")) as database:
        return database.execute(sql).fetchall()


def test_a_reader_goes_on_reading_on_the_restored_site(site, other, tmp_path):  # noqa: F811
    """Study half read, dataset, a job with its checkpoint; all hashes equal; then again with --overwrite."""
    study = make_open_study(n_real=2, n_synthetic=2)
    session = make_session(study=study)
    job = JobFactory(title="A training", state="succeeded")
    (site / "media" / "jobs" / str(job.pk)).mkdir()
    (site / "media" / "jobs" / str(job.pk) / "checkpoint.pt").write_bytes(os.urandom(5000))
    ImageFactory(dataset=DatasetFactory(name="Chests"))
    cookie = sign_in(session)
    folder = make_backup(target=tmp_path / "backups", with_secrets=True, progress=silent).folder
    before = {name: hashes(site / name) for name in ("media", "secrets")}

    done = manage(other, "restore", str(folder), "--json")

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["audit_problems"], found["missing"]) == ([], [])
    assert found["audit_events"] > 0
    there = Path(other["DATA_DIR"])
    assert {name: hashes(there / name) for name in before} == before
    assert restored_rows(other, "SELECT title FROM worker_job") == [("A training",)]
    with WebServer(there, other["DATABASE_URL"]) as server:
        page = PageClient(server.port, session, cookie=cookie)
        page.read_all()
    assert len(page.acknowledged) == 4
    answers = "SELECT COUNT(*) FROM turing_answer"
    assert restored_rows(other, answers)[0][0] == session.answers.count() + 4  # there, and not here

    refused = manage(other, "restore", str(folder))
    assert (refused.returncode, "There is a site in" in refused.stderr) == (1, True)
    again = manage(other, "restore", str(folder), "--overwrite", "--json")
    assert again.returncode == 0, again.stderr
    aside = [Path(path) for path in json.loads(again.stdout)["aside"]]
    assert all(path.exists() for path in aside)
    assert restored_rows(other, answers)[0][0] == 0
    assert {name: hashes(there / name) for name in before} == before
    old_media = next(path for path in aside if path.name.startswith("media-replaced-"))
    assert hashes(old_media) == before["media"]


@pytest.mark.faults
def test_a_killed_backup_is_never_taken_for_one(site, tmp_path):  # noqa: F811
    many = site / "media" / "jobs" / str(uuid.uuid4())
    many.mkdir()
    for number in range(4000):
        (many / f"{number}.bin").write_bytes(os.urandom(2000))
    target = tmp_path / "backups"
    environment = {**os.environ, "DATA_DIR": str(site), "DATABASE_URL": database_url(), "POSTGRES_TOOLS": str(TOOLS)}
    process = subprocess.Popen([sys.executable, "manage.py", "backup", str(target)], cwd=BASE_DIR, env=environment)
    try:
        wait_until(lambda: list(target.glob(".incomplete-*/media/jobs/*/*.bin")), 90, "it copies files")
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()

    assert complete_backups(target) == []
    assert list(target.glob(".incomplete-*"))
    made = make_backup(target=target, with_secrets=True, progress=silent)
    assert complete_backups(target) == [made.folder]
    assert not list(target.glob(".incomplete-*"))
