"""Making a report: run by the worker's own code, looked at in the page, every file of it read back."""

import io
import json
import re
import zipfile
from pathlib import Path

import pytest
from django.urls import reverse

from tests.factories import UserFactory
from tests.generation.conftest import run_job
from tests.turing.builders import make_open_study, make_session, read_all, truths
from tests.turing.reports.test_study_answers import mostly_right
from tests.turing.results.readings import read
from tests.turing.test_opening_job import Context
from turing.audit.verification import verify_audit
from turing.errors import StudyError
from turing.models import AuditEvent, Report
from turing.reports.declared import default_settings
from turing.reports.files import report_folder
from turing.reports.making_job import run_report
from turing.reports.parameters import ReportParameters
from turing.reports.services import remove_report, start_report
from turing.results.selectors import study_results
from turing.services import close_study
from worker.models import Job
from worker.registry import JobError, JobStopped

pytestmark = pytest.mark.django_db(transaction=True)
QUICK = {"n_bootstrap": 100, "n_bootstrap_kappa": 100, "margin": 12.5, "confidence": 90, "seed": 3}


@pytest.fixture(autouse=True)
def media_root(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


def make_read_study(**changes):
    study = make_open_study(n_real=6, n_synthetic=6, **changes)
    for seed in range(3):
        read(study, mostly_right(seed))
    return close_study(study=study, by=None)


def report_at(address: str) -> Report:
    return Report.objects.get(pk=address.split("/")[2])


def page_text(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


class TestOneClick:
    def test_from_the_button_to_every_file(self, investigator_client, investigator):
        study = make_read_study()

        response = investigator_client.post(reverse("turing:study_reports", args=[study.pk]))
        report = Report.objects.get()
        waiting = investigator_client.get(response.url)
        job = run_job(Job.objects.get())
        shown = investigator_client.get(response.url)

        assert response.url == report.get_absolute_url()
        assert f'id="job-panel-{job.pk}"' in waiting.content.decode()
        assert (job.state, job.progress_done, job.progress_total) == ("succeeded", 100, 100)
        text = page_text(shown)
        pooled = study_results(study).whole.pooled.accuracy.accuracy
        assert "Table 1. " in text
        assert f"Of all answers {100 * pooled.estimate:.1f}" in text
        for fact in (
            study.protocol_sha256,
            study.manifest_sha256,
            "The protocol declared no equivalence margin: no equivalence is claimed.",
        ):
            assert fact in text
        assert "style=" not in shown.content.decode()
        contents = {
            name: b"".join(investigator_client.get(reverse("turing:report_file", args=[report.pk, name])))
            for name in Report.objects.get().files
        }
        assert contents["report.pdf"].startswith(b"%PDF")
        numbers = json.loads(contents["results.json"])
        assert numbers["readers"]["R01"]["accuracy"]["n"] == 12
        inside = {
            name: set(zipfile.ZipFile(io.BytesIO(contents[name])).namelist())
            for name in contents
            if name.endswith((".zip", ".docx"))
        }
        assert "word/document.xml" in inside["report.docx"]
        assert "report.tex" in inside["report-latex.zip"]
        assert "replication/replicate.R" in inside["replication.zip"]
        assert inside["tables-csv.zip"] == {name for name in contents if name.startswith("tables/")} != set()
        assert inside["figures.zip"] == {name for name in contents if name.startswith("figures/")} != set()
        for address in re.findall(r'src="(/reports/[^"]+)"', shown.content.decode()):
            picture = investigator_client.get(address)
            assert (picture.status_code, picture["Content-Type"]) == (200, "image/svg+xml")

    def test_what_the_protocol_declares_is_what_one_click_takes(self, investigator_client):
        study = make_read_study(equivalence_margin=0.2, confidence_level=0.9, shortest_time_ms=1, outlier_mads=4.0)
        address = reverse("turing:study_reports", args=[study.pk])

        report = report_at(investigator_client.post(address).url)
        run_job(report.job)

        analysis = report.settings["analysis"]
        assert (analysis["margin"], analysis["margin_origin"]) == (0.2, "declared in the protocol")
        assert (analysis["confidence"], analysis["min_seconds"], analysis["max_seconds"]) == (0.9, 0.001, None)
        assert analysis["mad_factor"] == 4
        text = page_text(investigator_client.get(report.get_absolute_url()))
        assert (
            "Declared in the protocol, before the first answer: equivalence margin: 50 % ± 20 percentage points; "
            "confidence: 90 %; outlying reading times below: 0.001 s; outlying reading times further from the reader’s "
            "own median than: 4 scaled MADs." in text
        )
        assert "Chosen after the data were seen" not in text
        assert "50 % ± 20 points, declared in the protocol" in text

    def test_another_margin_is_printed_as_chosen_afterwards(self, investigator_client):
        study = make_read_study(equivalence_margin=0.2)
        address = reverse("turing:study_reports", args=[study.pk])
        form = page_text(investigator_client.get(address))

        report = report_at(investigator_client.post(address, QUICK | {"confidence": 95, "max_seconds": "60"}).url)
        run_job(report.job)

        assert "The protocol declares 20: another one is printed as chosen after the data were seen." in form
        text = page_text(investigator_client.get(report.get_absolute_url()))
        for words in (
            "Chosen after the data were seen, not declared in the protocol: equivalence margin: 50 % ± 12.5 percentage "
            "points (declared: 50 % ± 20 percentage points); outlying reading times above: 60 s.",
            "Declared in the protocol, before the first answer: confidence: 95 %.",
            "50 % ± 12.5 points, chosen after the data were seen, not declared in the protocol",
        ):
            assert words in text
        numbers = json.loads((report_folder(report.pk) / "results.json").read_text(encoding="utf-8"))
        assert numbers["chance"]["margin_origin"] == "chosen after the data were seen, not declared in the protocol"

    def test_the_chain_knows_who_made_saw_and_took_it(self, investigator_client, investigator):
        study = make_open_study()
        read_all(make_session(study=study), truths(study))
        close_study(study=study, by=investigator)
        report = start_report(about=study, settings=default_settings(study), by=investigator)
        run_job(report.job)

        investigator_client.get(report.get_absolute_url())
        investigator_client.get(reverse("turing:report_file", args=[report.pk, "report.pdf"]))
        investigator_client.get(reverse("turing:report_file", args=[report.pk, "figures/accuracy.svg"]))
        investigator_client.post(reverse("turing:report_remove", args=[report.pk]))

        events = AuditEvent.objects.filter(action__startswith="report.")
        assert [event.action for event in events] == [
            *("report.made", "report.viewed", "report.downloaded", "report.removed")
        ]
        assert {(event.actor, event.object_id) for event in events} == {(investigator.pk, str(study.pk))}
        assert json.loads(events[0].details)["settings"]["analysis"]["margin"] is None
        assert verify_audit().is_whole

    def test_other_settings_make_another_report_and_the_old_one_stays(self, investigator_client):
        study = make_read_study()
        address = reverse("turing:study_reports", args=[study.pk])
        investigator_client.post(address)

        investigator_client.post(address, QUICK)
        for job in Job.objects.all():
            run_job(job)

        new, old = Report.objects.all()
        assert (old.settings["analysis"]["margin"], new.settings["analysis"]["margin"]) == (None, 0.125)
        both = page_text(investigator_client.get(address))
        assert "none: no claim of equivalence" in both
        assert "50 % ± 12.5 points, chosen after the data were seen" in both
        assert "90 %" in page_text(investigator_client.get(new.get_absolute_url()))

    def test_asking_twice_makes_one(self, investigator_client, investigator):
        study = make_read_study()
        address = reverse("turing:study_reports", args=[study.pk])

        first, second = (investigator_client.post(address).url for _ in range(2))

        assert first == second
        assert Job.objects.count() == 1

    def test_settings_out_of_range_are_named(self, investigator_client):
        study = make_read_study()
        values = QUICK | {"margin": 60, "models": "wrong ~ position", "min_seconds": 5, "max_seconds": 2}

        response = investigator_client.post(reverse("turing:study_reports", args=[study.pk]), values)

        assert response.status_code == 422
        text = page_text(response)
        assert "Ensure this value is less than or equal to 49.9." in text
        assert "a model is written as correct ~ ... or log(seconds + 1) ~ ..." in text
        assert not Report.objects.exists()


class TestWhatCannotBeReported:
    def test_before_closing(self, investigator_client):
        study = make_open_study()
        read(study, mostly_right(1))

        response = investigator_client.get(reverse("turing:study_reports", args=[study.pk]))

        assert response.status_code == 403
        assert "No results before the study is closed" in page_text(response)
        with pytest.raises(StudyError, match="its report can be made once it is"):
            start_report(about=study, settings=default_settings(), by=None)

    def test_nobody_answered(self, investigator_client):
        study = close_study(study=make_open_study(), by=None)
        address = reverse("turing:study_reports", args=[study.pk])

        assert "Nobody answered before this study was closed." in page_text(investigator_client.get(address))
        report = Report.objects.get(pk=investigator_client.post(address).url.split("/")[2])
        job = run_job(report.job)
        assert job.state == "failed"
        assert job.error == f"Nobody answered “{study}”: there is nothing to report."
        assert "Nobody answered" in page_text(investigator_client.get(report.get_absolute_url()))

    def test_one_reader_has_a_report(self, investigator_client):
        study = make_open_study(n_real=3, n_synthetic=3)
        read(study, mostly_right(1))
        close_study(study=study, by=None)

        report = start_report(about=study, settings=default_settings(), by=None)
        job = run_job(report.job)

        assert (job.state, job.error) == ("succeeded", "")
        assert "agreement needs at least two readers" in page_text(investigator_client.get(report.get_absolute_url()))


class TestLeavingEarly:
    def test_a_cancelled_one_leaves_no_files(self):
        report = start_report(about=make_read_study(), settings=default_settings(), by=None)

        context = Context(report.job, lambda done, total: context.stop("Cancelled") if done >= 30 else None)

        with pytest.raises(JobStopped):
            run_report(context, ReportParameters(report_id=str(report.pk)))

        report.refresh_from_db()
        assert (report.made_at, report.files) == (None, [])
        assert not report_folder(report.pk).exists()

    def test_one_that_is_removed_while_it_is_made(self, investigator):
        report = start_report(about=make_read_study(), settings=default_settings(), by=None)
        parameters = ReportParameters(report_id=str(report.pk))
        context = Context(report.job, lambda done, total: Report.objects.all().delete() if done >= 60 else None)

        with pytest.raises(JobError, match="was removed while it was being made"):
            run_report(context, parameters)

        assert not report_folder(report.pk).exists()

    def test_an_attempt_after_the_last_step_changes_nothing(self):
        report = start_report(about=make_read_study(), settings=default_settings(), by=None)
        context, parameters = Context(report.job), ReportParameters(report_id=str(report.pk))
        run_report(context, parameters)
        made_at = Report.objects.get().made_at

        run_report(context, parameters)

        assert Report.objects.get().made_at == made_at
        assert AuditEvent.objects.filter(action="report.made").count() == 1

    def test_removing_it_takes_the_files(self, investigator):
        report = start_report(about=make_read_study(), settings=default_settings(), by=None)
        run_job(report.job)
        folder = report_folder(report.pk)
        assert folder.is_dir()

        remove_report(report=Report.objects.get(), by=investigator)

        assert not folder.exists()
        assert not Report.objects.exists()


class TestFiles:
    def test_only_those_of_the_report_and_only_to_investigators(self, investigator_client, client, media_root):
        report = start_report(about=make_read_study(), settings=default_settings(), by=None)
        run_job(report.job)
        (media_root / "secret.txt").write_text("secret")
        files = reverse("turing:report_file", args=[report.pk, "x"]).removesuffix("x")
        names = ("../../secret.txt", "body.html", "figures", "figures/../body.html", "/etc/passwd", "report.exe")

        assert [investigator_client.get(files + name).status_code for name in names] == [404] * 6
        assert investigator_client.get(f"{files}report.pdf").status_code == 200
        client.force_login(UserFactory())
        for address in (report.get_absolute_url(), f"{files}report.pdf"):
            assert client.get(address).status_code == 403
