"""Reports on datasets: kept once, found again, and no file outside their folder."""

import uuid

import pytest

from imaging.models import DatasetReport
from imaging.reports import find_report_file, newest_reports, record_report, remove_dataset_report, report_folder
from tests.factories import DatasetFactory

pytestmark = pytest.mark.django_db


def record(dataset, *, kind="k", words="x", pk=None, files=("a.csv",)) -> DatasetReport:
    key = pk or uuid.uuid4()
    report_folder(key).mkdir(parents=True, exist_ok=True)
    (report_folder(key) / "a.csv").write_text(words)
    return record_report(
        pk=key, dataset=dataset, kind=kind, title="T", values={"summary": [words]}, files=files, created_by=None
    )


def test_recorded_again_after_a_crash_nothing_changes():
    dataset = DatasetFactory()
    report = record(dataset, words="first")

    again = record(dataset, words="second", pk=report.pk)

    assert again == report
    assert DatasetReport.objects.get().values == {"summary": ["first"]}


def test_a_file_that_is_not_there_and_values_without_words_are_refused():
    dataset = DatasetFactory()
    with pytest.raises(ValueError, match=r"has no b\.csv"):
        record(dataset, files=("a.csv", "b.csv"))
    with pytest.raises(ValueError, match="needs a summary"):
        record_report(pk=uuid.uuid4(), dataset=dataset, kind="k", title="", values={}, files=(), created_by=None)
    assert not DatasetReport.objects.exists()


def test_only_files_of_the_record_from_inside_the_folder(tmp_path):
    report = record(DatasetFactory())
    (report_folder(report.pk) / "other.csv").write_text("x")
    report.files = ["a.csv", "../secret", "lost.csv"]
    (report_folder(report.pk).parent / "secret").write_text("x")

    assert find_report_file(report, "a.csv").read_text() == "x"
    for name in ("other.csv", "../secret", "lost.csv"):
        assert find_report_file(report, name) is None


def test_the_newest_of_each_kind_and_dataset():
    one, two, other = DatasetFactory(name="1"), DatasetFactory(name="2"), DatasetFactory(name="3")
    record(one, words="old")
    newest = record(one, words="new")
    second_kind = record(one, kind="z")
    of_two = record(two)
    record(other)

    assert newest_reports([two.pk, one.pk]) == [newest, second_kind, of_two]


def test_a_removed_report_takes_its_files(django_capture_on_commit_callbacks):
    report = record(DatasetFactory())
    folder = report_folder(report.pk)
    with django_capture_on_commit_callbacks(execute=True):
        remove_dataset_report(report=report)
    assert not folder.exists()
    assert not DatasetReport.objects.exists()
