"""What was measured on the images goes along with a closed study, and with nothing else."""

import io
import json
import re
import uuid
import zipfile
from pathlib import Path

import pytest
from django.urls import reverse

from imaging.models import Dataset, DatasetReport
from imaging.reports import record_report, report_folder
from tests.generation.conftest import run_job
from tests.turing.builders import answer_next, make_draft, make_open_study, make_session, read_all, truths
from turing.errors import StudyError
from turing.models import Report, Study
from turing.reports.forms import default_settings
from turing.reports.image_measures import measure_sentences, write_measures
from turing.reports.services import start_report
from turing.services import close_study, open_study

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "Nearest-copy-4711"


@pytest.fixture(autouse=True)
def media_root(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


def measured(dataset: Dataset, *, words: str = SECRET, kind: str = "generation.measure") -> DatasetReport:
    key = uuid.uuid4()
    report_folder(key).mkdir(parents=True)
    (report_folder(key) / "measures.json").write_text(json.dumps({"word": words}))
    return record_report(
        pk=key, dataset=dataset, kind=kind, title=f"Measures of {dataset}", values={"summary": [f"{words}."]},
        files=["measures.json"], created_by=None,
    )  # fmt: skip


def read_study() -> Study:
    study = make_open_study()
    read_all(make_session(study=study), truths(study))
    return study


class TestExport:
    def test_the_newest_report_of_each_dataset_is_in_the_archive_and_in_the_words(self, investigator, client):
        study = read_study()
        measured(study.synthetic_dataset, words="An older one")
        measured(study.synthetic_dataset)
        measured(study.real_dataset, words="Of the real ones")
        measured(make_draft().synthetic_dataset, words="Of another study")
        close_study(study=study, by=investigator)
        report = start_report(about=study, settings=default_settings(study), by=investigator)

        run_job(report.job)

        client.force_login(investigator)
        data = b"".join(client.get(reverse("turing:report_file", args=[report.pk, "image-measures.zip"])))
        archive = zipfile.ZipFile(io.BytesIO(data))
        contents = {re.sub(r"^\d-.*/", "", name): archive.read(name).decode() for name in archive.namelist()}
        assert len(archive.namelist()) == 3
        assert SECRET in contents["README.md"]
        assert "Of the real ones" in contents["README.md"]
        assert "An older one" not in contents["README.md"]
        assert "Of another study" not in contents["README.md"]
        page = client.get(report.get_absolute_url()).content.decode()
        assert SECRET in page
        assert "Measures of the images" in page

    def test_without_measurements_there_is_no_archive(self, investigator):
        study = read_study()
        close_study(study=study, by=investigator)
        report = start_report(about=study, settings=default_settings(study), by=investigator)

        run_job(report.job)

        assert "image-measures.zip" not in Report.objects.get().files

    def test_the_same_reports_give_the_same_bytes(self, investigator, tmp_path):
        study = read_study()
        measured(study.synthetic_dataset)
        close_study(study=study, by=investigator)
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            write_measures(study, tmp_path / name)
        one, two = ((tmp_path / name / "image-measures.zip").read_bytes() for name in ("one", "two"))
        assert one == two


class TestBlinding:
    @pytest.mark.parametrize("is_open", [False, True])
    def test_nothing_is_exported_before_the_study_is_closed(self, is_open, tmp_path, investigator):
        study = make_draft()
        measured(study.synthetic_dataset)
        if is_open:
            study = open_study(study=study, by=None)

        with pytest.raises(StudyError, match="not closed"):
            write_measures(study, tmp_path)
        with pytest.raises(StudyError, match="not closed"):
            list(measure_sentences(study))
        with pytest.raises(StudyError, match="not closed"):
            start_report(about=study, settings=default_settings(study), by=investigator)
        assert not list(tmp_path.glob("*.zip"))

    def test_no_page_of_a_reader_has_a_word_of_it(self, client, reader):
        study = make_open_study()
        report = measured(study.synthetic_dataset)
        session = make_session(study=study, reader=reader)
        client.force_login(reader)
        pages = [reverse("turing:my_studies")] + [
            reverse(f"turing:{name}", args=[session.pk]) for name in ("read", "read_instructions", "read_current")
        ]

        for page in pages:
            response = client.get(page)
            assert response.status_code in (200, 302), page
            seen = b"".join(response) + str(response.headers).encode()
            assert SECRET.encode() not in seen
            assert str(report.pk).encode() not in seen
        answer_next(session)
        assert SECRET.encode() not in client.get(pages[-1]).content

    def test_a_reader_cannot_open_a_measurement(self, client, reader):
        study = make_open_study()
        report = measured(study.synthetic_dataset)
        addresses = [
            reverse("generation:dataset_measures", args=[study.synthetic_dataset_id]),
            reverse("generation:measure_detail", args=[report.pk]),
            reverse("generation:measure_pairs", args=[report.pk]),
            reverse("generation:measure_file", args=[report.pk, "measures.json"]),
        ]
        for address in addresses:
            assert client.get(address).status_code == 302
        client.force_login(reader)
        for address in addresses:
            assert client.get(address).status_code == 403
            assert client.post(address).status_code == 403
