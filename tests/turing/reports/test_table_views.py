"""Answers from elsewhere: from the file to the report, everything wrong with a file named, nobody else's business."""

import json
import os
import re
import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from config.accounts.models import User
from tests.factories import UserFactory
from tests.generation.conftest import run_job
from tests.turing.stats.oracle import FOLDER
from turing.analysis import AnalysisOptions, analyse, read_csv, to_json
from turing.audit.verification import verify_audit
from turing.models import AnswerTable, AuditEvent, Report
from turing.reports.files import find_file, pending_path, report_folder, sweep_files, table_path
from turing.reports.table_forms import MAX_MEGABYTES
from turing.reports.table_views import example_csv

pytestmark = pytest.mark.django_db(transaction=True)
GERMAN = (
    "Arzt;Bild;Herkunft;Urteil;Gruppe\r\n"
    "A1;1;echt;echt;jung\r\nA1;2;KI;echt;jung\r\nA1;3;echt;KI;jung\r\nA1;4;KI;KI;jung\r\n"
    "A2;1;echt;echt;alt\r\nA2;2;KI;KI;alt\r\nA2;3;echt;echt;alt\r\nA2;4;KI;echt;alt\r\n"
)


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.MEDIA_ROOT, settings.DATA_DIR = tmp_path / "media", tmp_path


def page_text(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def upload(client, text: str | bytes, name: str = "answers.csv"):
    content = text.encode() if isinstance(text, str) else text
    return client.post(reverse("turing:answer_tables"), {"file": SimpleUploadedFile(name, content)})


def filled(response, **changes) -> dict:
    """What a browser would send back of the page of columns, with some changes."""
    form = response.context["form"]
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in {**values, **changes}.items() if value not in (None, False)}


def store(client, text: str | bytes, name: str = "answers.csv", **changes) -> AnswerTable:
    address = upload(client, text, name).url
    response = client.post(address, filled(client.get(address), **changes))
    assert response.status_code == 302
    return AnswerTable.objects.get(pk=response.url.strip("/").split("/")[1])


class TestFromFileToReport:
    def test_the_report_has_the_numbers_of_the_command(self, investigator_client):
        path = FOLDER / "table1_counts.csv"
        table = store(investigator_client, path.read_bytes(), path.name, reference_group="less")
        assert (table.name, table.n_readers, table.n_images, table.n_answers) == ("table1_counts", 6, 200, 1200)

        response = investigator_client.post(table.get_absolute_url())
        report = Report.objects.get()
        job = run_job(report.job)

        assert (response.url, job.state) == (report.get_absolute_url(), "succeeded")
        report.refresh_from_db()
        found = json.loads(find_file(report, "results.json").read_text())
        expected = to_json(analyse(read_csv(path, reference_group="less"), AnalysisOptions()))
        for part in ("readers", "fleiss", "logistic", "linear"):
            assert found[part] == json.loads(json.dumps(expected[part]))
        text = page_text(investigator_client.get(report.get_absolute_url()))
        assert "Report on the answers in “table1_counts”" in text or "Report of table1_counts" in text
        assert table.sha256 in text

    def test_other_words_and_columns(self, investigator_client):
        address = upload(investigator_client, GERMAN, "Lesung 1.csv").url
        page = investigator_client.get(address)
        assert "A1 1 echt echt jung" in page_text(page)
        columns = {"reader": "Arzt", "image": "Bild", "truth": "Herkunft", "answer": "Urteil", "group": "Gruppe"}
        chosen = {f"column_{role}": column for role, column in columns.items()}

        asked = investigator_client.post(address, filled(page, **chosen))

        assert asked.status_code == 422
        text = page_text(asked)
        assert "Row 2, column “Herkunft”: “KI”, “echt” cannot be read as real or synthetic" in text
        assert not AnswerTable.objects.exists()
        words = {word: name for name, word in asked.context["form"].words.items()}
        meant = filled(asked, **{words["echt"]: "real", words["KI"]: "synthetic", "reference_group": "jung"})
        done = investigator_client.post(address, meant)
        table = AnswerTable.objects.get()
        assert done.url == table.get_absolute_url()
        assert table.reading["labels"] == {"KI": "synthetic", "echt": "real"}
        assert (table.name, table.file_name, table.n_answers) == ("Lesung 1", "Lesung 1.csv", 8)
        run_job(Report.objects.get(pk=investigator_client.post(done.url).url.split("/")[2]).job)
        report = Report.objects.get()
        numbers = json.loads((report_folder(report.pk) / "results.json").read_text())
        assert numbers["readers"]["A1"]["accuracy"]["k"] == 2
        assert numbers["readers"]["A2"]["accuracy"]["k"] == 3

    def test_the_example_can_be_uploaded_as_it_is(self, investigator_client):
        example = investigator_client.get(reverse("turing:answer_table_example")).content
        assert example.decode() == example_csv()

        table = store(investigator_client, example, "example-answers.csv")

        assert (table.n_readers, table.n_images, table.n_answers) == (4, 20, 80)

    def test_what_words_already_mean_is_filled_in(self, investigator_client):
        address = upload(investigator_client, "reader,image,is_fake,called_fake\nR1,a,1,0\nR1,b,0,0\n").url

        form = investigator_client.get(address).context["form"]

        assert {word: form[name].value() for name, word in form.words.items()} == {"0": "real", "1": "synthetic"}


class TestProblems:
    def test_every_one_is_listed_and_nothing_is_kept(self, investigator_client):
        rows = ["R1,a,real,real,3", ",b,real,perhaps,2", "R1,c,synthetic,real,-4", "R1,a,synthetic,real,x"]
        address = upload(investigator_client, "\n".join(["reader,image,truth,answer,seconds", *rows])).url

        response = investigator_client.post(address, filled(investigator_client.get(address)))

        assert response.status_code == 422
        text = page_text(response)
        for problem in (
            "Row 3, column “reader”: is empty",
            "column “answer”: “perhaps” cannot be read as real or synthetic",
            "Row 4, column “seconds”: -4 is not possible",
            "Row 5, column “seconds”: “x” is not a number",
            "Row 5, column “truth”:",
        ):
            assert problem in text
        assert not AnswerTable.objects.exists()
        assert not AuditEvent.objects.exists()

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "empty"),
            (b"\x89PNG\r\n\x1a\n\x00\x00", "not"),
            ("reader,image\nR\xe4,1".encode("latin-1"), "UTF-8"),
            (b"reader,reader\nR1,1", "reader"),
        ],
    )
    def test_a_file_that_is_no_table(self, investigator_client, content, words):
        response = upload(investigator_client, content)

        assert response.status_code == 422
        assert "This file cannot be analysed yet. Nothing was kept." in page_text(response)
        assert words in page_text(response)

    def test_one_that_is_too_large(self, investigator_client):
        response = upload(investigator_client, b"a" * (MAX_MEGABYTES * 2**20 + 1))

        assert response.status_code == 422
        assert f"The file has 20.0 MB; {MAX_MEGABYTES} MB are possible here." in page_text(response)

    def test_a_column_in_two_roles(self, investigator_client):
        address = upload(investigator_client, example_csv()).url
        page = investigator_client.get(address)

        response = investigator_client.post(address, filled(page, column_answer="truth"))

        assert "is taken as truth and as answer: one role per column" in page_text(response)

    def test_text_that_would_be_markup_is_shown_as_text(self, investigator_client):
        address = upload(investigator_client, "reader,image,truth,answer\n<b>R</b>,1,<script>,real\n").url

        response = investigator_client.post(address, filled(investigator_client.get(address)))

        assert b"<script>&" not in response.content
        assert b"&lt;script&gt;" in response.content
        assert b"<b>R</b>" not in response.content


class TestWhose:
    def test_others_find_nothing(self, client, investigator_client):
        table = store(investigator_client, example_csv())
        waiting = upload(investigator_client, example_csv()).url
        investigator_client.post(table.get_absolute_url())
        report = Report.objects.get()
        run_job(report.job)
        addresses = [
            table.get_absolute_url(), report.get_absolute_url(), waiting,
            reverse("turing:report_file", args=[report.pk, "report.pdf"]),
        ]  # fmt: skip
        verbs = [
            reverse("turing:answer_table_remove", args=[table.pk]),
            reverse("turing:report_remove", args=[report.pk]),
            f"{waiting}forget/",
        ]
        assert [investigator_client.get(address).status_code for address in addresses] == [200] * 4

        for role, status in ((User.Role.INVESTIGATOR, 404), (User.Role.ADMINISTRATOR, 404), (User.Role.READER, 403)):
            client.force_login(UserFactory(role=role, is_superuser=role == User.Role.ADMINISTRATOR))
            assert [client.get(address).status_code for address in addresses] == [status] * 4
            assert [client.post(address).status_code for address in verbs] == [status] * 3
            if status == 404:
                assert "No tables yet" in page_text(client.get(reverse("turing:answer_tables")))
        assert AnswerTable.objects.count() == Report.objects.count() == 1


class TestRemoval:
    def test_takes_the_file_and_its_reports(self, investigator_client, investigator):
        table = store(investigator_client, example_csv())
        investigator_client.post(table.get_absolute_url())
        report = Report.objects.get()
        run_job(report.job)
        assert table_path(table.pk).is_file()
        assert report_folder(report.pk).is_dir()

        investigator_client.post(reverse("turing:answer_table_remove", args=[table.pk]))

        assert not table_path(table.pk).exists()
        assert not report_folder(report.pk).exists()
        assert not Report.objects.exists()
        actions = list(AuditEvent.objects.values_list("action", "actor"))
        names = ("answers.uploaded", "report.made", "answers.removed")
        assert actions == [(name, investigator.pk) for name in names]
        assert verify_audit().is_whole

    def test_an_upload_can_be_forgotten(self, investigator_client):
        address = upload(investigator_client, example_csv()).url
        path = pending_path(address.strip("/").split("/")[-1])
        assert path.is_file()

        investigator_client.post(f"{address}forget/")

        assert not path.exists()
        assert investigator_client.get(address).status_code == 404

    def test_what_no_row_names_is_swept_once_it_is_a_day_old(self, investigator_client, tmp_path):
        """Not before: the row of a new file may be about to be committed."""
        table = store(investigator_client, example_csv())
        answers, reports = tmp_path / "media/answers", tmp_path / "media/reports"
        two_days_ago = time.time() - 2 * 24 * 3600
        for name in ("old", "new"):
            (reports / name).mkdir(parents=True)
            (answers / f"{name}.csv").write_text("x")
        for path in (table_path(table.pk), answers / "old.csv", reports / "old"):
            os.utime(path, (two_days_ago, two_days_ago))

        sweep_files()

        assert {path.name for path in answers.iterdir()} == {f"{table.pk}.csv", "new.csv"}
        assert [path.name for path in reports.iterdir()] == ["new"]
