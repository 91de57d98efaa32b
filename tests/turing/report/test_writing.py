import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.turing.report.studies import simulated
from turing.analysis import to_json
from turing.report.writing import FORMATS, write_report

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_report(simulated(graded=True), tmp_path_factory.mktemp("report"))


def test_every_format_and_every_table_and_figure_has_its_files(written):
    names = set(written.files)

    assert {"report.html", "report.pdf", "report.docx", "report.tex", "results.json", "replication.zip"} <= names
    assert {f"tables/{table.key}.csv" for table in written.document.tables()} <= names
    for figure in written.document.figures():
        assert {f"figures/{figure.key}.{kind}" for kind in ("svg", "pdf", "csv", "txt")} <= names
        assert figure.alt in (written.folder / f"figures/{figure.key}.txt").read_text()
    assert {str(p.relative_to(written.folder)) for p in written.folder.rglob("*") if p.is_file()} == names
    assert all((written.folder / name).stat().st_size > 0 for name in names)


def test_the_numbers_are_those_of_the_analysis(written):
    assert json.loads((written.folder / "results.json").read_text()) == to_json(simulated(graded=True))


def test_latex_brings_the_figures_it_needs(tmp_path):
    written = write_report(simulated(), tmp_path, formats=["latex"])

    assert (tmp_path / "report.tex").exists()
    for figure in written.document.figures():
        assert (tmp_path / f"figures/{figure.key}.pdf").read_bytes().startswith(b"%PDF-")


def test_only_what_is_asked_for(tmp_path):
    assert write_report(simulated(), tmp_path / "deep" / "down", formats=["json", "json"]).files == ("results.json",)


@pytest.mark.parametrize("formats", [[], ["html", "xls"]])
def test_an_unknown_format_is_refused_before_anything_is_written(tmp_path, formats):
    with pytest.raises(ValueError, match=r"give some of html, pdf"):
        write_report(simulated(), tmp_path, formats=formats)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_replaced_leaves_nothing_half_done(tmp_path):
    (tmp_path / "results.json").mkdir()

    with pytest.raises(OSError, match=r"results\.json"):
        write_report(simulated(), tmp_path, formats=["json"])

    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_progress_goes_from_nothing_to_everything(tmp_path):
    steps = []
    write_report(simulated(), tmp_path, formats=["json", "csv"], progress=lambda *step: steps.append(step))

    assert steps == [(0, 2, "json"), (1, 2, "csv"), (2, 2, "")]


def test_another_process_writes_the_same_bytes(tmp_path):
    """Of everything, whatever the order of hashes; so a report can be made again and compared."""
    code = (
        "import sys; from tests.turing.report.studies import simulated; from turing.report.writing import write_report;"
        "write_report(simulated(graded=True), sys.argv[1])"
    )
    found = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, env=environment, check=True)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        found.append({str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files})

    assert found[0] == found[1]
    assert len(found[0]) > len(FORMATS)


def test_the_bundle_is_a_folder_of_its_own(written):
    with zipfile.ZipFile(written.folder / "replication.zip") as archive:
        assert archive.testzip() is None
        assert {name.split("/")[0] for name in archive.namelist()} == {"replication"}
