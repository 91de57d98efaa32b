"""A plan as a job and its pages: run by the worker's own code, cancelled, resumed, shown, taken along."""

import csv
import io
import json
import re
from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.urls import reverse

from tests.generation.conftest import run_job
from turing.forms.planning import PlanForm
from turing.planning_job import PlanParameters, read_plan, run_planning, start_planning
from turing.stats.planning import Assumptions, plan_study
from worker.models import Job
from worker.registry import JobStopped
from worker.services import resume_job

pytestmark = pytest.mark.django_db(transaction=True)

SMALL = {"readers": [4, 5], "images": [20], "n_studies": 20, "seed": 3}


@pytest.fixture(autouse=True)
def media_root(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def job(investigator) -> Job:
    return start_planning(parameters=PlanParameters(**SMALL), by=investigator)


def text_of(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def typed(**changed) -> dict[str, object]:
    """What the form sends when nothing but `changed` is touched."""
    form = PlanForm()
    values = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    return {name: "" if value is None else value for name, value in (values | changed).items()}


def test_the_job_finds_what_the_calculation_finds(job, investigator):
    run_job(job)

    expected = plan_study(Assumptions(), readers=[4, 5], images=[20], n_studies=20, seed=3)
    assert job.state == "succeeded", job.error
    assert read_plan(job) == expected
    assert (job.progress_done, job.progress_total, job.progress_unit) == (40, 40, "simulated studies")
    assert job.result == {"sizes": 2, "simulated_studies": 40}
    assert sorted(job.artefacts.values_list("name", flat=True)) == ["plan.csv", "plan.json", "plan.svg"]
    assert (job.created_by, job.seed) == (investigator, 3)


class Context:
    """As much of a JobContext as the handler uses. Is told to stop before study number `stop_at`, counted from 1."""

    def __init__(self, directory: Path, stop_at: int) -> None:
        self.directory, self.left = directory, stop_at
        directory.mkdir(parents=True, exist_ok=True)
        self.studies: list[int] = []

    def progress(self, done, total, unit="", message="") -> None:
        self.studies.append(done)

    def should_stop(self) -> bool:
        self.left -= 1
        return self.left <= 0

    def raise_if_stopped(self) -> None:
        if self.left <= 0:
            raise JobStopped


def test_stopped_and_resumed_it_goes_on_with_the_next_size(job):
    context = Context(job.directory, stop_at=31)
    with pytest.raises(JobStopped):
        run_planning(context, PlanParameters(**SMALL))
    first = read_plan(job)
    Job.objects.filter(pk=job.pk).update(state=Job.State.CANCELLED)
    job.refresh_from_db()

    resume_job(job=job)
    run_job(job)

    assert [design.n_readers for design in first.designs] == [4]
    assert not first.is_complete
    assert context.studies == list(range(1, 31))
    assert read_plan(job) == plan_study(Assumptions(), readers=[4, 5], images=[20], n_studies=20, seed=3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"readers": list(range(2, 12)), "images": [10, 20, 30, 40, 50]}, "50 combinations of readers and images"),
        ({"n_studies": 10_001}, "n_studies = 10001"),
        ({"readers": [1]}, "readers = 1"),
        ({"assumptions": {"accuracy": 2.0}}, "accuracy = 2.0 is out of range"),
        ({"assumptions": {"skill": 2.0}}, "skill"),
    ],
)
def test_impossible_parameters_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        PlanParameters(**values)


def test_the_form_as_it_comes_is_the_defaults(investigator_client):
    page = text_of(investigator_client.get(reverse("turing:planning")))
    response = investigator_client.post(reverse("turing:planning"), typed())

    job = Job.objects.get()
    assert "No plans yet" in page
    assert response.url == reverse("turing:plan_detail", args=[job.pk])
    assert PlanParameters(**job.parameters) == PlanParameters()
    assert job.parameters["assumptions"] == pytest.approx(asdict(Assumptions()))


def test_what_is_typed_is_what_is_computed(investigator_client):
    changed = {"readers": "6,4, 6", "images": "50", "odds_ratio": "", "accuracy": "60", "margin": "7.5", "seed": "9"}
    investigator_client.post(reverse("turing:planning"), typed(**changed))

    parameters = PlanParameters(**Job.objects.get().parameters)
    assert (parameters.readers, parameters.images, parameters.seed) == ([4, 6], [50], 9)
    assumptions = parameters.checked_assumptions
    assert (assumptions.odds_ratio, assumptions.accuracy, assumptions.margin) == (None, 0.6, 0.075)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"readers": "some"}, "Whole numbers with commas between"),
        ({"images": "1"}, "At least 2 of each."),
        ({"accuracy": "100"}, "Ensure this value is less than or equal to 99."),
        ({"readers": "900", "images": "900"}, "810,000 answers: at most 500,000 can be simulated."),
        ({"readers": ""}, "This field is required."),
    ],
)
def test_what_cannot_be_computed_is_said_at_the_form(investigator_client, changed, message):
    response = investigator_client.post(reverse("turing:planning"), typed(**changed))

    assert response.status_code == 422
    assert message in text_of(response)
    assert not Job.objects.exists()


def test_the_page_of_a_plan_shows_each_number_and_what_it_rests_on(investigator_client, job):
    address = reverse("turing:plan_detail", args=[job.pk])

    waiting = text_of(investigator_client.get(address))
    run_job(job)
    ended = text_of(investigator_client.get(address))

    assert f'id="job-panel-{job.pk}"' in waiting
    assert "The first numbers come when the first size is done." in waiting
    assert "job-panel" not in ended
    power = read_plan(job).designs[1].power_chance
    assert f"{100 * power.value:.0f} % ± {100 * power.error:.1f}" in ended
    assert '<th scope="row" class="text-nowrap">5 (3 + 2)</th>' in ended
    assert "<dt>Spread between readers</dt> <dd> 0.4 </dd>" in ended
    assert 'alt="Power and precision over the number of readers' in ended
    assert job.title in text_of(investigator_client.get(reverse("turing:planning")))


def test_a_plan_can_be_taken_along_and_started_from(investigator_client, job):
    run_job(job)

    svg, table, numbers = (
        investigator_client.get(reverse("turing:plan_file", args=[job.pk, kind])) for kind in ("svg", "csv", "json")
    )
    again = text_of(investigator_client.get(reverse("turing:planning"), {"from": str(job.pk)}))

    assert svg["Content-Type"] == "image/svg+xml"
    assert ElementTree.fromstring(svg.content).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 -- ours
    assert [row["readers"] for row in csv.DictReader(io.StringIO(table.content.decode()))] == ["4", "5"]
    assert json.loads(numbers.content)["seed"] == 3
    assert 'value="4, 5"' in again
    assert 'value="20"' in again


def test_there_are_no_files_before_the_first_size_and_no_plans_of_other_jobs(investigator_client, job):
    assert investigator_client.get(reverse("turing:plan_file", args=[job.pk, "svg"])).status_code == 404
    Job.objects.filter(pk=job.pk).update(kind="open_study")
    assert investigator_client.get(reverse("turing:plan_detail", args=[job.pk])).status_code == 404
    assert investigator_client.get(reverse("turing:planning"), {"from": "nonsense"}).status_code == 200


def test_a_cancelled_plan_without_a_size_says_so(investigator_client, job):
    Job.objects.filter(pk=job.pk).update(state=Job.State.CANCELLED)

    assert "This plan ended before its first size was done." in text_of(
        investigator_client.get(reverse("turing:plan_detail", args=[job.pk]))
    )


def test_the_page_of_the_job_has_the_settings_in_words_and_leads_to_the_plan(job, investigator_client):
    run_job(job)

    text = text_of(investigator_client.get(reverse("worker:job_detail", args=[job.pk])))

    assert f'href="{reverse("turing:plan_detail", args=[job.pk])}">The plan</a>' in text
    assert "<dt>Equivalence margin, percentage points</dt> <dd> 10 </dd>" in text
    assert "<dt>Seed</dt>" in text
    assert text.count("<dt>Seed</dt>") == 1
    for raw in ("accuracy_if_equivalent", "{", "<dt>Simulated studies</dt>"):
        assert raw not in text.split("<main")[1]


def test_settings_of_another_version_are_shown_as_they_are_stored(job, investigator_client):
    Job.objects.update(parameters={"patients": 12})

    text = text_of(investigator_client.get(reverse("worker:job_detail", args=[job.pk])))

    assert "<dt>Patients</dt> <dd> 12 </dd>" in text
