"""/livez and /readyz in this process: what is asked, what is said, who may ask."""

import threading

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from config.operations.bounded import Bounded, NoAnswerError
from config.operations.health import ReadinessProbe

pytestmark = pytest.mark.django_db(transaction=True)


def test_ready_when_every_part_works(broker):
    readiness = ReadinessProbe()()

    assert readiness.as_json() == {
        "ready": True,
        "checks": {name: {"ok": True} for name in ("database", "broker", "storage", "disk")},
    }


def test_a_killed_broker_is_named(broker):
    probe = ReadinessProbe()
    assert probe().is_ready
    broker.process.kill()
    broker.process.wait()

    fresh = ReadinessProbe()()

    assert fresh.problems == {"database": "", "broker": "cannot be reached", "storage": "", "disk": ""}


def test_a_database_of_another_version_is_not_ready():
    last = MigrationRecorder(connection).migration_qs.filter(app="turing").order_by("-name").first()
    last.delete()
    try:
        problem = ReadinessProbe()().problems["database"]
    finally:
        last.save(force_insert=True)

    assert problem == "is not migrated to this version: run manage.py migrate"


def test_a_folder_that_cannot_be_written(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "file"
    settings.MEDIA_ROOT.write_text("not a folder")

    assert ReadinessProbe()().problems["storage"] == "files cannot be written"


def test_less_room_than_the_limit(settings):
    settings.MIN_FREE_BYTES = 2**60

    assert "MIN_FREE_GB" in ReadinessProbe()().problems["disk"]


def test_probes_need_neither_sign_in_nor_name_nor_tls(client, settings):
    settings.ALLOWED_HOSTS = ["reader.example.org"]
    settings.SECURE_SSL_REDIRECT = True

    response = client.get("/livez", headers={"host": "10.0.0.7"})

    assert (response.status_code, response.json()) == (200, {"alive": True})
    assert not response.cookies
    assert client.get("/readyz", headers={"host": "10.0.0.7"}).status_code == 503  # there is no broker here
    assert client.post("/livez").status_code == 405


def test_a_question_that_hangs_is_asked_once():
    let_go, asked = threading.Event(), []

    def hang() -> str:
        asked.append(1)
        let_go.wait(30)
        return "at last"

    question = Bounded(hang, seconds=0.05)
    for _ in range(5):
        with pytest.raises(NoAnswerError):
            question()

    assert asked == [1]
    let_go.set()
