"""The jobs' pages: what they show, to whom, and when polling ends."""

import itertools
import json
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.factories import JobFactory
from worker.lifecycle import claim_job, renew, succeed
from worker.models import Job, JobArtefact, JobLogLine, JobMetric
from worker.selectors import MAX_LOG_LINES, MAX_POINTS

State = Job.State
pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}


def url(name: str, job: Job, *more) -> str:
    return reverse(f"worker:{name}", args=[job.pk, *more])


def add_lines(job: Job, count: int, level: str = "info") -> list[JobLogLine]:
    return [
        JobLogLine.objects.create(job=job, attempt=1, at=timezone.now(), level=level, text=f"line {n}")
        for n in range(count)
    ]


@pytest.fixture
def artefact(media_root) -> JobArtefact:
    job = JobFactory()
    job.directory.mkdir(parents=True)
    (job.directory / "grid.png").write_bytes(b"\x89PNG picture")
    return JobArtefact.objects.create(job=job, name="grid.png", kind="grid", step=100)


# --- who ---


@pytest.mark.parametrize("method", ["get", "post"])
def test_only_investigators_get_any_page(client, reader, artefact, method):
    job = artefact.job
    pages = ["job_detail", "job_panel", "job_log", "job_log_file", "job_series", "job_series_file"]
    addresses = [reverse("worker:job_list"), *(url(page, job) for page in pages)]
    addresses += [url("job_artefact", job, artefact.pk), url("job_cancel", job), url("job_resume", job)]

    anonymous = {getattr(client, method)(address).url.split("?")[0] for address in addresses}
    client.force_login(reader)
    as_reader = {getattr(client, method)(address).status_code for address in addresses}

    assert anonymous == {reverse("account_login")}
    assert as_reader == {403}
    job.refresh_from_db()
    assert job.state == State.QUEUED


def test_the_permission_is_a_named_predicate(investigator, reader):
    assert investigator.has_perm("worker.control_job")
    assert not reader.has_perm("worker.control_job")


# --- list ---


def test_the_list_filters_by_state(investigator_client):
    for number, state in enumerate([State.QUEUED, State.SUCCEEDED, State.FAILED, State.CANCELLED]):
        JobFactory(title=f"Work {number}", state=state)

    def titles(query: str) -> list[str]:
        response = investigator_client.get(reverse("worker:job_list") + query)
        return [job.title for job in response.context["page_obj"]]

    assert titles("") == ["Work 3", "Work 2", "Work 1", "Work 0"]
    assert titles("?state=active") == ["Work 0"]
    assert titles("?state=failed") == ["Work 2"]
    assert titles("?state=nonsense") == ["Work 3", "Work 2", "Work 1", "Work 0"]


def test_the_list_is_narrowed_by_everything_that_is_chosen(investigator_client, investigator):
    mine = JobFactory(title="100% lung_2", queue="gpu", kind="count_gpu", created_by=investigator)
    other = JobFactory(title="100 lungs2")
    Job.objects.filter(pk=other.pk).update(created_at=timezone.now() - timedelta(days=40))

    def found(**query) -> list[Job]:
        return list(investigator_client.get(reverse("worker:job_list"), query).context["page_obj"])

    week_ago = (timezone.now() - timedelta(days=7)).date().isoformat()
    assert found(text="100%") == found(text="G_2") == found(text=mine.pk.hex[:12]) == [mine]
    assert found(queue="gpu") == found(kind="count_gpu") == found(person=investigator.pk) == [mine]
    assert found(since=week_ago) == [mine]
    assert found(until=week_ago) == [other]
    assert found(sort="title", text="lung") == [other, mine]
    assert found(queue="gpu", text="lungs") == []
    page = investigator_client.get(reverse("worker:job_list"), {"queue": "nonsense", "since": "then"})
    assert len(page.context["page_obj"]) == 2
    assert "nonsense is not one of the available choices" in page.content.decode()


def test_the_list_needs_the_same_queries_for_one_and_for_many(
    investigator_client, investigator, django_assert_num_queries
):
    JobFactory(created_by=investigator)
    with django_assert_num_queries(6):  # session, user, project, people to choose from, count, page
        investigator_client.get(reverse("worker:job_list"))
    JobFactory.create_batch(5, created_by=investigator)
    with django_assert_num_queries(6):
        investigator_client.get(reverse("worker:job_list"))


def test_an_empty_list_says_what_to_do(investigator_client):
    assert "No jobs yet" in investigator_client.get(reverse("worker:job_list")).content.decode()
    assert "No such jobs" in investigator_client.get(reverse("worker:job_list") + "?state=failed").content.decode()


# --- detail and panel ---


def test_the_detail_page_shows_the_record(investigator_client, investigator):
    job = JobFactory(
        title="Night <run>",
        state=State.FAILED,
        error="row 3: no label",
        created_by=investigator,
        seed=41,
        versions={"torch": "2.11.0"},
        parameters={"batch_size": 64},
    )
    add_lines(job, 2)

    page = investigator_client.get(url("job_detail", job)).content.decode()

    assert "Night &lt;run&gt;" in page
    for text in ("row 3: no label", investigator.username, "41", "2.11.0", "Batch size", "64", "line 1", "Start again"):
        assert text in page


@pytest.mark.parametrize(
    ("state", "status", "polls", "buttons"),
    [
        (State.QUEUED, 200, True, ["Cancel"]),
        (State.SUCCEEDED, 286, False, []),
        (State.FAILED, 286, False, ["Resume where it stopped"]),
        (State.CANCELLED, 286, False, ["Resume where it stopped"]),
    ],
)
def test_the_panel_polls_until_the_job_has_ended(investigator_client, state, status, polls, buttons):
    job = JobFactory(state=state, progress_done=5, progress_total=10)

    response = investigator_client.get(url("job_panel", job), **HTMX)

    page = response.content.decode()
    assert response.status_code == status
    assert ("hx-get" in page) == polls
    names = ("Cancel", "Resume where it stopped", "Start again")
    assert [name for name in names if f">{name}</button>" in page] == buttons
    assert ("job-ended" in response.headers.get("HX-Trigger", "")) == (not polls)


def test_the_panel_shows_progress_and_time_left(investigator_client, running_job):
    job, lease = running_job
    Job.objects.filter(pk=job.pk).update(
        attempt_progress=100, attempt_progress_at=timezone.now() - timedelta(seconds=60)
    )
    renew(lease=lease, progress_done=200, progress_total=1400, progress_unit="steps", message="Training")

    page = investigator_client.get(url("job_panel", job), **HTMX).content.decode()

    assert "200 of 1,400 steps (14 %)" in " ".join(page.split())
    assert "about 12 min" in page
    assert "Training" in page


def test_the_end_comes_to_a_page_that_polls(investigator_client, running_job):
    job, lease = running_job
    assert investigator_client.get(url("job_panel", job), **HTMX).status_code == 200

    succeed(lease=lease, result={})

    response = investigator_client.get(url("job_panel", job), **HTMX)
    assert response.status_code == 286
    assert json.loads(response.headers["HX-Trigger"]) == {"job-ended": {"job": str(job.pk), "state": "succeeded"}}


# --- log ---


def test_the_log_continues_where_the_page_is(investigator_client):
    job = JobFactory()
    lines = add_lines(job, 3)
    JobLogLine.objects.create(job=JobFactory(), attempt=1, at=timezone.now(), text="of another job")

    response = investigator_client.get(url("job_log", job), {"after": lines[0].pk})

    page = response.content.decode()
    assert response.status_code == 200
    assert [text for text in ("line 0", "line 1", "line 2") if text in page] == ["line 1", "line 2"]
    assert f"after={lines[2].pk}" in page
    assert "of another job" not in page


def test_the_log_of_an_ended_job_is_sent_to_its_last_line(investigator_client):
    job = JobFactory(state=State.SUCCEEDED)
    lines = add_lines(job, MAX_LOG_LINES + 1)

    first = investigator_client.get(url("job_log", job), {"after": 0})
    second = investigator_client.get(url("job_log", job), {"after": lines[-2].pk})

    assert (first.status_code, second.status_code) == (200, 286)
    assert f"line {MAX_LOG_LINES}<" in second.content.decode()
    assert "hx-get" not in second.content.decode()


@pytest.mark.parametrize("after", ["", "x", "-1", "9" * 30, "²"])
def test_a_strange_position_in_the_log_means_the_start(investigator_client, after):
    job = JobFactory()
    add_lines(job, 1)

    assert "line 0" in investigator_client.get(url("job_log", job), {"after": after}).content.decode()


def test_the_whole_log_is_a_file(investigator_client):
    job = JobFactory()
    add_lines(job, 2, level="error")

    text = b"".join(investigator_client.get(url("job_log_file", job)).streaming_content).decode()

    assert [line.split(" attempt ")[1] for line in text.splitlines()] == ["1 error: line 0", "1 error: line 1"]


# --- curves ---


def test_series_are_aligned_with_gaps(investigator_client):
    job = JobFactory(attempt=2)
    JobMetric.objects.create(job=job, step=20, values={"d_loss": 0.5, "fid": 30.0})
    JobMetric.objects.create(job=job, step=10, values={"d_loss": None})

    answer = investigator_client.get(url("job_series", job)).json()

    assert answer["steps"] == [10, 20]
    assert answer["values"] == {"d_loss": [None, 0.5], "fid": [None, 30.0]}
    assert (answer["attempt"], answer["final"], answer["from"]) == (2, False, 0)


def test_series_of_the_same_attempt_continue_and_of_another_start_anew(investigator_client):
    job = JobFactory(attempt=2)
    for step in (10, 20, 30):
        JobMetric.objects.create(job=job, step=step, values={"loss": 1.0})

    same = investigator_client.get(url("job_series", job), {"attempt": 2, "from": 20}).json()
    other = investigator_client.get(url("job_series", job), {"attempt": 1, "from": 20}).json()

    assert (same["steps"], same["from"]) == ([20, 30], 20)
    assert (other["steps"], other["from"]) == ([10, 20, 30], 0)


def test_long_series_are_thinned_and_keep_their_end(investigator_client):
    job = JobFactory()
    JobMetric.objects.bulk_create(JobMetric(job=job, step=n, values={"loss": n}) for n in range(1, 5002))

    answer = investigator_client.get(url("job_series", job)).json()

    steps = answer["steps"]
    assert MAX_POINTS / 2 < len(steps) <= MAX_POINTS
    assert steps[-1] == 5001
    assert {b - a for a, b in itertools.pairwise(steps)} == {3}
    assert answer["values"]["loss"] == steps


def test_series_as_csv(investigator_client):
    job = JobFactory()
    JobMetric.objects.create(job=job, step=1, values={"d_loss": 0.5})
    JobMetric.objects.create(job=job, step=2, values={"d_loss": None, "g_loss": 2.0})

    text = b"".join(investigator_client.get(url("job_series_file", job)).streaming_content).decode()

    assert text.split() == ["step,d_loss,g_loss", "1,0.5,", "2,,2.0"]


# --- files ---


def test_a_grid_is_shown(investigator_client, artefact):
    response = investigator_client.get(url("job_artefact", artefact.job, artefact.pk))

    assert b"".join(response.streaming_content) == b"\x89PNG picture"
    assert response.headers["Content-Type"] == "image/png"
    assert investigator_client.get(url("job_series", artefact.job)).json()["grids"] == [
        {"step": 100, "url": url("job_artefact", artefact.job, artefact.pk)}
    ]


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "weights.pt"])
def test_other_files_are_downloads(investigator_client, media_root, name):
    job = JobFactory()
    job.directory.mkdir(parents=True)
    (job.directory / name).write_text("<script>alert(1)</script>")
    file = JobArtefact.objects.create(job=job, name=name, kind="file")

    response = investigator_client.get(url("job_artefact", job, file.pk))

    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'


def test_nothing_outside_the_directory_is_served(investigator_client, artefact, media_root):
    job = artefact.job
    (media_root / "secret.png").write_bytes(b"secret")
    (job.directory / "link.png").symlink_to(media_root / "secret.png")
    outside = [
        JobArtefact.objects.create(job=job, name=name, kind="grid")
        for name in ("../../secret.png", "link.png", str(media_root / "secret.png"), "gone.png")
    ]

    statuses = {investigator_client.get(url("job_artefact", job, file.pk)).status_code for file in outside}
    other_job = investigator_client.get(url("job_artefact", JobFactory(), artefact.pk)).status_code

    assert (statuses, other_job) == ({404}, 404)


# --- buttons ---


def test_cancel_without_javascript_leads_back(investigator_client):
    job = JobFactory()

    response = investigator_client.post(url("job_cancel", job), headers={"referer": "http://testserver/generators/1/"})

    job.refresh_from_db()
    assert job.state == State.CANCELLED
    assert (response.status_code, response.url) == (302, "http://testserver/generators/1/")


def test_a_foreign_referer_is_not_followed(investigator_client):
    job = JobFactory()

    response = investigator_client.post(url("job_cancel", job), headers={"referer": "https://example.org/"})

    assert response.url == job.get_absolute_url()


def test_cancel_with_htmx_answers_with_the_panel(investigator_client):
    job = JobFactory()
    claim_job(job_id=job.pk, worker_name="w")

    page = investigator_client.post(url("job_cancel", job), **HTMX).content.decode()

    assert 'data-job-state="cancelling"' in page
    assert Job.objects.get(pk=job.pk).state == State.CANCELLING


def test_a_button_that_comes_too_late_says_so(investigator_client):
    job = JobFactory(state=State.SUCCEEDED, title="Quick one", finished_at=Now())

    with_htmx = investigator_client.post(url("job_cancel", job), **HTMX).content.decode()
    without = investigator_client.post(url("job_cancel", job), follow=True).content.decode()

    for page in (with_htmx, without):
        assert "“Quick one” cannot be cancelled: it has already succeeded." in page


def test_resume_puts_the_job_back(investigator_client):
    job = JobFactory(state=State.FAILED)

    page = investigator_client.post(url("job_resume", job), **HTMX).content.decode()

    assert 'data-job-state="queued"' in page


def test_buttons_need_the_token(investigator):
    client = Client(enforce_csrf_checks=True)
    client.force_login(investigator)
    job = JobFactory()

    assert client.post(url("job_cancel", job)).status_code == 403
    assert Job.objects.get(pk=job.pk).state == State.QUEUED
