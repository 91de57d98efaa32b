"""Jobs through the API."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories import JobFactory
from worker.models import Job, JobLogLine, JobMetric

pytestmark = pytest.mark.django_db


def test_a_list_is_filtered_and_paged_with_as_many_queries_for_one_job_as_for_many(api):
    JobFactory(state="succeeded")
    first = JobFactory()
    api.look("jobs/")  # the use of the token is noted
    with CaptureQueriesContext(connection) as few:
        assert [one["id"] for one in api.look("jobs/", state="queued").json()["results"]] == [str(first.pk)]
    for _ in range(3):
        JobFactory()
    with CaptureQueriesContext(connection) as many:
        found = api.look("jobs/", state="queued", page_size=2).json()
    assert (found["count"], len(found["results"])) == (4, 2)
    assert "page=2" in found["next"]
    assert len(few) == len(many)


def test_cancel_and_resume_are_those_of_the_pages(api):
    job = JobFactory()
    assert api.send(f"jobs/{job.pk}/cancel/").json()["state"] == "cancelled"
    again = api.send(f"jobs/{job.pk}/cancel/")
    assert (again.status_code, again.json()["title"]) == (200, again.json()["title"])
    assert api.send(f"jobs/{job.pk}/resume/").json()["state"] == "queued"
    refused = api.send(f"jobs/{job.pk}/resume/")
    assert refused.status_code == 409
    assert "only a failed or cancelled job" in refused.json()["detail"]
    assert Job.objects.get().state == "queued"


def test_log_and_curves_come_in_parts(api):
    job = JobFactory()
    for text in ("one", "two"):
        JobLogLine.objects.create(job=job, attempt=1, at=timezone.now(), text=text)
        JobMetric.objects.create(job=job, step=len(text) + ord(text[0]), values={"loss": 1.5})
    log = api.look(f"jobs/{job.pk}/log/").json()
    assert [line["text"] for line in log["lines"]] == ["one", "two"]
    assert api.look(f"jobs/{job.pk}/log/", after=log["last_id"]).json()["lines"] == []
    assert api.look(f"jobs/{job.pk}/metrics/").json()["values"] == {"loss": [1.5, 1.5]}


def test_no_path_of_the_server_is_told(api):
    job = JobFactory(parameters={"source": "/srv/secret/place.zip", "dataset_name": "Ward"})
    told = api.look(f"jobs/{job.pk}/").json()
    assert told["parameters"] == {"dataset_name": "Ward"}
