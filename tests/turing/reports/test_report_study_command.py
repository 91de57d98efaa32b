"""The report of a study from the command line."""

import json

import pytest
from django.core.management import CommandError, call_command

from tests.turing.builders import make_open_study
from tests.turing.reports.test_study_answers import mostly_right
from tests.turing.results.readings import read
from turing.models import AuditEvent
from turing.services import close_study

pytestmark = pytest.mark.django_db


def test_every_file_is_written_and_named(tmp_path, capsys):
    study = make_open_study(name="Night study", n_real=4, n_synthetic=4)
    for seed in range(2):
        read(study, mostly_right(seed))
    close_study(study=study, by=None)
    out = tmp_path / "report"

    call_command("report_study", "Night study", "--out", str(out), "--margin", "0.2", "--json")

    said = json.loads(capsys.readouterr().out)
    assert said["folder"] == str(out)
    assert {"report.html", "report.pdf", "report.docx", "report.tex", "replication.zip"} <= set(said["files"])
    assert {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()} == set(said["files"])
    text = (out / "report.html").read_text(encoding="utf-8")
    assert study.protocol_sha256 in text
    assert "equivalence margin: 50 % ± 20 percentage points" in text
    assert "Chosen after the data were seen, not declared in the protocol" in text
    event = AuditEvent.objects.get(action="report.exported")
    assert (event.object_id, event.actor) == (str(study.pk), None)


def test_the_protocol_says_how_it_is_analysed(tmp_path):
    study = make_open_study(n_real=4, n_synthetic=4, equivalence_margin=0.15, longest_time_ms=90_000)
    for seed in range(2):
        read(study, mostly_right(seed))
    close_study(study=study, by=None)

    call_command("report_study", study.name, "--out", str(tmp_path / "report"), "--mad-factor", "3.5")

    numbers = json.loads((tmp_path / "report" / "results.json").read_text(encoding="utf-8"))
    assert numbers["chance"]["margin"] == 0.15
    assert numbers["chance"]["margin_origin"] == "declared in the protocol"
    settings = json.loads(AuditEvent.objects.get(action="report.exported").details)["settings"]["analysis"]
    assert (settings["confidence"], settings["max_seconds"], settings["mad_factor"]) == (0.95, 90, 3.5)
    text = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "Chosen after the data were seen, not declared in the protocol: outlying reading times further from" in text


def test_refusals_write_nothing(tmp_path):
    make_open_study(name="Open study")
    close_study(study=make_open_study(name="Unread study"), by=None)
    out = tmp_path / "report"

    for name, options, words in (
        ("Open study", [], "is not closed"),
        ("Unread study", [], "Nobody answered"),
        ("Unread study", ["--margin", "0.9"], r"margin = 0\.9 is out of range"),
        ("No study", [], "There is no study"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("report_study", name, "--out", str(out), *options)

    assert not out.exists()
    assert not AuditEvent.objects.filter(action="report.exported").exists()
