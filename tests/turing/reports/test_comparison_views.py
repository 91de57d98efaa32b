"""Two studies against each other: from the page to the files. The numbers: tests/turing/analysis."""

import json
import re

import pytest
from django.urls import reverse

from tests.factories import UserFactory
from tests.generation.conftest import run_job
from tests.turing.builders import make_open_study
from tests.turing.reports.test_study_answers import mostly_right
from tests.turing.reports.test_table_views import store
from tests.turing.results.readings import read
from turing.models import AuditEvent, Report
from turing.reports.files import find_file
from turing.reports.table_views import example_csv
from turing.services import close_study


@pytest.mark.django_db(transaction=True)
class TestPage:
    @pytest.fixture(autouse=True)
    def folders(self, settings, tmp_path):
        settings.MEDIA_ROOT, settings.DATA_DIR = tmp_path / "media", tmp_path

    def make_study(self, name, seed):
        study = make_open_study(name=name, n_real=6, n_synthetic=6)
        for reader in range(3):
            read(study, mostly_right(seed + reader))
        return close_study(study=study, by=None)

    def test_two_studies(self, investigator_client):
        first, second = self.make_study("First test", 1), self.make_study("Second test", 50)
        values = {"first": f"study:{first.pk}", "second": f"study:{second.pk}", "confidence": 90}

        response = investigator_client.post(reverse("turing:comparisons"), values)
        report = Report.objects.get()
        job = run_job(report.job)
        page = investigator_client.get(response.url).content.decode()

        assert (job.state, job.error) == ("succeeded", "")
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
        assert "Table 1. " in text
        assert "Differences are second minus first" in text
        assert "90 % CI" in text
        report.refresh_from_db()
        numbers = json.loads(find_file(report, "results.json").read_text())
        assert (numbers["first"], numbers["second"]) == ("First test", "Second test")
        assert (
            investigator_client.get(reverse("turing:report_file", args=[report.pk, "report.docx"])).status_code == 200
        )
        seen = AuditEvent.objects.filter(action="report.viewed").values_list("object_id", flat=True)
        assert set(seen) == {str(first.pk), str(second.pk)}
        removed = investigator_client.post(reverse("turing:report_remove", args=[report.pk]))
        assert removed.url == reverse("turing:comparisons")

    def test_a_study_and_a_table_that_others_do_not_see(self, investigator_client, client):
        study, table = self.make_study("Here", 1), store(investigator_client, example_csv(), name="Kept to myself")
        values = {"first": f"study:{study.pk}", "second": f"table:{table.pk}", "confidence": 95}
        investigator_client.post(reverse("turing:comparisons"), values)
        report = Report.objects.get()
        assert run_job(report.job).state == "succeeded"

        assert investigator_client.get(report.get_absolute_url()).status_code == 200

        client.force_login(UserFactory(role="investigator"))  # the same client from here on

        assert client.get(report.get_absolute_url()).status_code == 404
        assert table.name not in client.get(reverse("turing:comparisons")).content.decode()
        assert client.post(reverse("turing:comparisons"), values).status_code == 422
        assert Report.objects.count() == 1

    def test_with_itself(self, investigator_client):
        study = self.make_study("Here", 1)
        self.make_study("There", 2)
        values = {"first": f"study:{study.pk}", "second": f"study:{study.pk}", "confidence": 95}

        response = investigator_client.post(reverse("turing:comparisons"), values)

        assert response.status_code == 422
        assert "nothing differs from itself" in response.content.decode()
