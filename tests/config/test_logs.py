"""Log lines carry their request or job, and nothing that nobody may read."""

import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from config import logs
from config.logs import JsonFormatter, PlainFormatter, redact
from imaging.intake.parameters import KIND
from imaging.services import start_import
from tests.factories import PASSWORD, UserFactory
from tests.imaging.archives import GOOD, write_zip
from tests.turing.builders import make_open_study
from tests.turing.reading.test_leak import crawl_everything
from turing.services import create_invitations
from worker.execution.child import execute_job
from worker.lifecycle import claim_job
from worker.models import Job


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://site:p@ss!w0rd@db/turing is gone", "postgres://[secret]@db/turing is gone"),
        ("GET /invite/abcDEF123/ failed", "GET /invite/[secret]/ failed"),
        ("GET /join/abcdef/ failed", "GET /join/[secret]/ failed"),
        ("Not Found: /x/Zk3jq0Gd2Yc1Lr8Pw5Tt/y", "Not Found: /x/[secret]/y"),
        ("GET /datasets/?q=Muster&page=2 HTTP/1.1", "GET /datasets/?[left out] HTTP/1.1"),
        ("{'password': 'hunter2', 'n': 3}", "{'password': [secret], 'n': 3}"),
        ("Authorization: Bearer abc.def, next", "Authorization: [secret], next"),
        ("Cookie: sessionid=abc; csrftoken=def", "Cookie: [secret]; csrftoken=[secret]"),
        ("DETAIL:  Key (username)=(anna) already exists.", "DETAIL:  Key (username)=([left out]) already exists."),
        ("Failing row contains (1, Muster, null).", "Failing row contains ([left out])"),
        # what an operator needs stays
        (f"Stimulus file stimuli/{'0a' * 16} is damaged", f"Stimulus file stimuli/{'0a' * 16} is damaged"),
        ("Job 8c7d36f2-93a4-4c0c-9c4e-2b6a3f1d0e9a: lease", "Job 8c7d36f2-93a4-4c0c-9c4e-2b6a3f1d0e9a: lease"),
        ("Why? Because a = b", "Why? Because a = b"),
    ],
)
def test_redaction(text, expected):
    assert redact(text) == expected


@contextmanager
def captured(formatter: logging.Formatter) -> Iterator[io.StringIO]:
    """All that any logger says, debugging included."""
    stream = io.StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    handler.setFormatter(formatter)
    requests = logging.getLogger("config.operations.requests")
    levels = root.level, requests.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    requests.setLevel(logging.INFO)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        root.setLevel(levels[0])
        requests.setLevel(levels[1])


@pytest.mark.parametrize("formatter", [PlainFormatter, JsonFormatter])
def test_a_traceback_is_one_record_without_secrets(formatter):
    with captured(formatter()) as stream:
        try:
            raise ValueError("cannot open postgres://site:hunter2@db/turing")
        except ValueError:
            logging.getLogger("somewhere").exception("It failed", extra={"attempts": 3})

    text = stream.getvalue()
    assert "hunter2" not in text
    assert "Traceback" in text
    if formatter is JsonFormatter:
        (line,) = text.splitlines()
        found = json.loads(line)
        assert (found["level"], found["logger"], found["message"], found["attempts"]) == (
            *("ERROR", "somewhere", "It failed"),
            3,
        )


@pytest.mark.django_db
def test_a_full_walk_leaves_no_secret_in_the_log(client, settings, tmp_path, monkeypatch):
    """Sign in (wrong and right), import, a study, a reader from invitation to last answer; then every line is read."""
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setattr(logs, "_process_fields", {})
    user = UserFactory(username="marker-name", role="investigator")
    source = write_zip(tmp_path / "a.zip", {**GOOD, "normal/marker-patient.png": b"no picture"})
    study = make_open_study()
    ((_, secret),) = create_invitations(study=study, count=1, by=user)
    with captured(JsonFormatter()) as stream:
        for password in ("marker-wrong-password", PASSWORD):
            client.post("/accounts/login/?next=/marker-query/", {"login": user.username, "password": password})
        assert client.session["_auth_user_id"] == str(user.pk)
        client.get("/datasets/?q=marker-query")
        client.get("/nowhere/?q=marker-query")
        job = start_import(source=source, dataset_name="Chests", skip_bad=True, created_by=user)
        lease = claim_job(job_id=job.pk, worker_name="w")
        execute_job(job_id=job.pk, token=lease.token)
        crawl = crawl_everything(study, secret)
        client.get(f"/invite/{secret[:-1]}/")
    job.refresh_from_db()
    assert (job.kind, job.state) == (KIND, Job.State.SUCCEEDED), job.error

    text = stream.getvalue()
    cookies = [c.value for jar in (client.cookies, crawl.client.cookies) for c in jar.values() if len(c.value) > 8]
    tokens = {word for address, _ in crawl.received for word in re.findall(r"/stimulus/([^/\s]+)", address)}
    assert len(cookies) >= 2
    assert tokens
    for hidden in (PASSWORD, "marker-", secret, secret[:-1], "a good long password", *cookies, *tokens):
        assert hidden not in text
    lines = [json.loads(line) for line in text.splitlines()]
    walked = [line for line in lines if line["logger"] == "config.operations.requests"]
    assert {"account_login", "turing:invite", "turing:read_answer", "unmatched"} <= {line["route"] for line in walked}
    assert all(re.fullmatch(r"[0-9a-f]{32}", line["request_id"]) for line in walked)
    assert len({line["request_id"] for line in walked}) == len(walked)
    own = [line for line in walked if line["route"] == "imaging:dataset_list"]
    assert own[0]["user_id"] == user.pk
    missing = [line for line in lines if line["message"] == "Not Found: /nowhere/"]
    assert missing[0]["request_id"] in {line["request_id"] for line in walked}


@pytest.mark.django_db
def test_request_ids(client, settings):
    made = client.get("/accounts/login/", headers={"X-Request-Id": "from-the-browser"})["X-Request-Id"]
    assert re.fullmatch(r"[0-9a-f]{32}", made)

    settings.BEHIND_PROXY = True
    assert client.get("/", headers={"X-Request-Id": "from-the-proxy"})["X-Request-Id"] == "from-the-proxy"
    assert client.get("/", headers={"X-Request-Id": "no\tgood"})["X-Request-Id"] != "no\tgood"


def test_lines_of_a_job_name_it(monkeypatch):
    monkeypatch.setattr(logs, "_process_fields", {})
    logs.current_request.set(None)  # of an answer that no test has closed
    logs.describe_process(job_id="8c7d", attempt=2)
    with captured(JsonFormatter()) as as_json, captured(PlainFormatter()) as plain:
        logging.getLogger("worker").warning("Heartbeat not written")

    found = json.loads(as_json.getvalue())
    assert (found["job_id"], found["attempt"]) == ("8c7d", 2)
    assert plain.getvalue().endswith("worker: Heartbeat not written [job_id=8c7d attempt=2]\n")
