"""/metrics: who may read it, and that its numbers are those of the database and of the requests."""

from datetime import timedelta

import pytest
from django.urls import get_resolver
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from config.operations.job_metrics import job_metrics
from config.operations.metrics import _job_metrics
from tests.factories import JobFactory
from tests.turing.builders import make_open_study, make_session
from worker.lifecycle import claim_job, succeed

pytestmark = pytest.mark.django_db(transaction=True)


def read(client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    response = client.get("/metrics")
    assert response.status_code == 200
    families = text_string_to_metric_families(response.content.decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_jobs_in_numbers(client):
    old = timezone.now() - timedelta(seconds=100)
    JobFactory(queued_at=old)
    JobFactory(queued_at=timezone.now())
    done = claim_job(job_id=JobFactory(queue="gpu").pk, worker_name="w")
    succeed(lease=done, result={})
    claim_job(job_id=JobFactory(queue="gpu").pk, worker_name="w")

    found = {(s.name, tuple(sorted(s.labels.items()))): s.value for family in job_metrics() for s in family.samples}

    def of(name: str, **labels: str) -> float:
        return found[name, tuple(sorted(labels.items()))]

    assert of("turing_jobs", kind="count", queue="light", state="queued") == 2
    assert of("turing_jobs", kind="count", queue="gpu", state="running") == 1
    assert 100 <= of("turing_jobs_oldest_waiting_seconds", queue="light") < 1000
    assert of("turing_jobs_oldest_waiting_seconds", queue="gpu") == 0
    assert of("turing_job_seconds_count", kind="count", state="succeeded") == 1
    assert 0 <= of("turing_jobs_heartbeat_age_seconds", queue="gpu") < 1000


def test_requests_are_counted_by_the_name_of_their_page(client):
    _job_metrics()
    key = ("turing_requests_total", (("method", "GET"), ("route", "account_login"), ("status", "200")))
    odd = ("turing_requests_total", (("method", "other"), ("route", "unmatched"), ("status", "405")))
    before = read(client)

    client.get("/accounts/login/?next=/secret")
    client.generic("BREW", "/accounts/login/")

    after = read(client)
    assert after[key] == before.get(key, 0) + 1
    assert after[odd] == before.get(odd, 0) + 1
    assert after["turing_request_seconds_count", (("route", "account_login"),)] >= 1
    assert after["turing_database_up", ()] == 1
    assert after["turing_data_disk_free_bytes", ()] > 0


def test_labels_are_names_from_the_code(client):
    """No id, no account, no class of images: a study is read, then every label is looked at."""
    session = make_session(study=make_open_study())
    client.force_login(session.reader)
    client.get(f"/read/{session.pk}/current")
    client.get(f"/invite/{'x' * 30}/")
    JobFactory(title="Import “Anna Muster”", created_by=session.reader)

    allowed = {
        "route": {"unmatched", "unnamed", *_view_names()},
        "method": {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"},
        "state": {"queued", "running", "cancelling", "succeeded", "failed", "cancelled"},
    }
    for (name, labels), _ in read(client).items():
        for label, value in labels:
            assert label in ("route", "method", "status", "le", "kind", "queue", "state"), name
            assert value in allowed.get(label, {value}), name
            assert str(session.pk) not in value


def _view_names(patterns=None, namespace: str = "") -> set[str]:
    found = set()
    for one in get_resolver().url_patterns if patterns is None else patterns:
        if hasattr(one, "url_patterns"):
            found |= _view_names(one.url_patterns, f"{namespace}{one.namespace}:" if one.namespace else namespace)
        elif one.name:
            found.add(namespace + one.name)
    return found


def test_who_may_read(client, settings):
    assert client.get("/metrics").status_code == 200  # the test's client is on this machine
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 403
    assert client.get("/metrics", REMOTE_ADDR="").status_code == 403
    assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 403

    settings.BEHIND_PROXY = True
    assert client.get("/metrics").status_code == 403  # it may ask for anybody

    settings.METRICS_TOKEN = "a long metrics token"
    for given, status in (("Bearer a long metrics token", 200), ("Bearer other", 403), ("Bearer é", 403), ("", 403)):
        response = client.get("/metrics", REMOTE_ADDR="192.0.2.7", headers={"Authorization": given})
        assert response.status_code == status
