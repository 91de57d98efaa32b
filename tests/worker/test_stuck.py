"""Stuck jobs: who may look, what is said, and that no action takes a job from a worker that may still run it."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from config.accounts.models import User
from config.operations.jobs import CLEAN_UP
from tests.factories import JobFactory, UserFactory
from worker.lifecycle import Lease, claim_job, renew, succeed
from worker.models import Job
from worker.room import WAITING

pytestmark = pytest.mark.django_db
PAGE = "/operations/stuck-jobs/"


@pytest.fixture
def administrator(client):
    user = UserFactory(role=User.Role.ADMINISTRATOR)
    client.force_login(user)
    return client


def held(*, silent_for: float, lease_left: float, title: str = "A training") -> tuple[Job, Lease]:
    job = JobFactory(title=title)
    lease = claim_job(job_id=job.pk, worker_name="heavy@gpu1")
    now = timezone.now()
    Job.objects.filter(pk=job.pk).update(
        heartbeat_at=now - timedelta(seconds=silent_for),
        lease_expires_at=now + timedelta(seconds=lease_left),
    )
    job.refresh_from_db()
    return job, lease


def steer(client, job: Job, verb: str) -> str:
    """The words on the page afterwards; `job` is refreshed."""
    response = client.post(f"{PAGE}{job.pk}/{verb}/", follow=True)
    assert response.status_code == 200
    job.refresh_from_db()
    return " ".join(str(message) for message in response.context["messages"])


def test_each_reason_in_words(administrator):
    long_ago = timezone.now() - timedelta(hours=3)
    held(silent_for=3600, lease_left=-3500, title="abandoned")
    held(silent_for=15, lease_left=600, title="silent")
    held(silent_for=-600, lease_left=900, title="healthy")
    JobFactory(title="nobody works", queue="heavy", queued_at=long_ago)
    JobFactory(title="its turn comes", queue="light", queued_at=long_ago)  # the healthy one is of this queue
    JobFactory(title="no room", message=f"{WAITING}: 5 GB", queued_at=long_ago)
    JobFactory(title="given up", state="failed", crashes=3, finished_at=timezone.now())
    JobFactory(title="crashed", crashes=1)

    shown = {one.job.title: one for one in administrator.get(PAGE).context["stuck"]}

    assert set(shown) == {"abandoned", "silent", "nobody works", "no room", "given up", "crashed"}
    assert "no sign of life for 1 hour, and no other worker has taken" in shown["abandoned"].reason
    assert "Wait half a minute" in shown["silent"].advice
    assert "No worker works on the queue “heavy”; it has waited for 3 hours" in shown["nobody works"].reason
    assert "disk" in shown["no room"].reason
    assert "crashed 3 times in a row" in shown["given up"].reason
    assert "It has crashed 1 time in a row" in shown["crashed"].reason
    allowed = {title: (one.can_requeue, one.can_fail, one.can_cancel) for title, one in shown.items()}
    assert allowed["abandoned"] == (True, True, True)
    assert allowed["silent"] == (False, False, True)
    assert allowed["nobody works"] == (False, True, True)
    assert allowed["given up"] == (True, False, False)


@pytest.mark.parametrize("verb", ["requeue", "fail"])
def test_a_worker_that_may_still_run_it_keeps_it(administrator, verb):
    job, lease = held(silent_for=15, lease_left=600)

    words = steer(administrator, job, verb)

    assert "still has the right to run" in words
    assert job.state == "running"
    assert succeed(lease=lease, result={})


@pytest.mark.parametrize(("verb", "state"), [("requeue", "queued"), ("fail", "failed"), ("cancel", "cancelled")])
def test_an_abandoned_job_is_freed_and_its_old_holder_writes_nothing(administrator, verb, state):
    job, lease = held(silent_for=100, lease_left=-80)

    steer(administrator, job, verb)

    assert (job.state, job.lease_token) == (state, None)
    assert renew(lease=lease) is None
    assert not succeed(lease=lease, result={})
    assert "administrator" in job.log_lines.last().text or "administrator" in job.log_lines.first().text


def test_a_failed_job_goes_back_and_a_waiting_one_is_ended(administrator):
    failed = JobFactory(state="failed", crashes=3, finished_at=timezone.now())
    waiting = JobFactory(queued_at=timezone.now() - timedelta(hours=1))

    steer(administrator, failed, "requeue")
    steer(administrator, waiting, "fail")

    assert (failed.state, failed.crashes) == ("queued", 0)
    assert waiting.state == "failed"
    assert "Resume it when the cause is gone" in waiting.error


def test_tidying_up_is_one_job_at_a_time(administrator):
    for _ in range(2):
        assert administrator.post(reverse("operations:tidy_up")).status_code == 302

    assert Job.objects.filter(kind=CLEAN_UP).count() == 1


def test_nobody_else_gets_in(client, investigator, reader):
    job, _ = held(silent_for=100, lease_left=-80)
    for user in (investigator, reader):
        client.force_login(user)
        assert client.get(PAGE).status_code == 403
        assert client.post(f"{PAGE}{job.pk}/fail/").status_code == 403
        assert client.post("/operations/tidy-up/").status_code == 403
    client.logout()
    assert client.get(PAGE).status_code == 302
    job.refresh_from_db()
    assert job.state == "running"


def test_as_many_queries_for_many_jobs(administrator, django_assert_max_num_queries):
    JobFactory(crashes=1)
    with django_assert_max_num_queries(20) as few:
        administrator.get(PAGE)
    for _ in range(5):
        JobFactory(crashes=1)
    with django_assert_max_num_queries(len(few)):
        assert len(administrator.get(PAGE).context["stuck"]) == 6
