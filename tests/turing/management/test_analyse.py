"""`manage.py analyse`. No test here may use a database: pytest-django would stop it."""

import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.turing.analysis.studies import study

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def answers_csv(tmp_path) -> Path:
    """Six readers, 20 images, in German and with German words."""
    answers = study(31, n_images=20, missing=0.05)
    path = tmp_path / "antworten.csv"
    words = {0: "echt", 1: "künstlich", -1: ""}
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["Arzt", "Bild", "Quelle", "Urteil", "Gruppe", "Sekunden"])
        for row in range(len(answers)):
            writer.writerow(
                [
                    answers.readers[answers.reader[row]],
                    answers.images[answers.image[row]],
                    words[int(answers.truth[row])],
                    words[int(answers.answer[row])],
                    answers.reader_group[answers.reader[row]],
                    f"{answers.seconds[row]:.2f}".replace(".", ","),
                ]
            )
    return path


GERMAN = {
    "column": ["reader=Arzt", "image=Bild", "truth=Quelle", "answer=Urteil", "group=Gruppe", "seconds=Sekunden"],
    "label": ["echt=real", "künstlich=synthetic"],
}


def run(*arguments: object, **options: object) -> str:
    out = io.StringIO()
    call_command("analyse", *map(str, arguments), stdout=out, **options)
    return out.getvalue()


def test_columns_and_words_of_the_file_are_mapped(answers_csv):
    numbers = json.loads(run(answers_csv, json="-", **GERMAN))

    assert numbers["source"] == "antworten.csv"
    assert list(numbers["readers"]) == [f"R{code}" for code in range(1, 7)]
    assert numbers["readers"]["R1"]["Gruppe"] == "less"
    assert set(numbers["logistic"]["all"]["coef"]) == {"(Intercept)", "Gruppemore"}
    assert numbers["size"]["n_missing"] > 0


def test_options_reach_the_analysis(answers_csv):
    numbers = json.loads(
        run(
            answers_csv, json="-", positive_class="synthetic", margin=0.2, confidence=0.9, seed=5, max_seconds=30.0,
            reference_group="more", model=["correct ~ Gruppe * truth"], **GERMAN,
        )
    )  # fmt: skip

    assert numbers["positive_class"] == "synthetic"
    reader = numbers["readers"]["R1"]
    assert (reader["sensitivity"], reader["specificity"]) == (reader["synthetic"], reader["real"])
    assert (numbers["chance"]["margin"], numbers["chance"]["alpha"]) == (0.2, 0.1)
    assert (numbers["options"]["seed"], numbers["options"]["max_seconds"]) == (5, 30)
    assert set(numbers["logistic"]["all"]["coef"]) == {"(Intercept)", "Gruppeless"}
    assert "model-1" in numbers["covariates"]


def test_json_goes_to_a_file_too(answers_csv, tmp_path):
    target = tmp_path / "numbers.json"

    said = run(answers_csv, json=str(target), **GERMAN)

    assert said == f"Numbers written to {target}\n"
    assert json.loads(target.read_text(encoding="utf-8")) == json.loads(run(answers_csv, json="-", **GERMAN))
    assert set(tmp_path.iterdir()) == {answers_csv, target}


def test_the_main_numbers_are_shown(answers_csv):
    shown = run(answers_csv, **GERMAN)

    numbers = json.loads(run(answers_csv, json="-", **GERMAN))
    assert shown.startswith("antworten.csv: 6 readers, 20 images (10 real, 10 synthetic), ")
    share = numbers["readers"]["R1"]["accuracy"]
    assert f"{100 * share['estimate']:.1f} % ({100 * share['low']:.1f}-{100 * share['high']:.1f})" in shown
    assert "Group less" in shown
    assert f"Fleiss' kappa {numbers['fleiss']['kappa']:.2f}" in shown
    assert f"That is of the {numbers['fleiss']['images_used']} of 20 images that every reader answered" in shown
    assert f"Odds ratio Gruppemore: {numbers['logistic']['all']['or']:.2f}" in shown


def test_the_report_is_written(answers_csv, tmp_path):
    out = tmp_path / "report"

    said = run(answers_csv, out=out, formats="html,json,bundle", title="From a drawer", **GERMAN)

    assert {path.name for path in out.iterdir()} == {"report.html", "results.json", "replication.zip"}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "From a drawer" in page
    assert sha256(answers_csv.read_bytes()).hexdigest() in page
    assert json.loads((out / "results.json").read_text()) == json.loads(run(answers_csv, json="-", **GERMAN))
    assert zipfile.ZipFile(out / "replication.zip").testzip() is None
    assert said == f"3 files written to {out}: report.html, results.json, replication.zip\n"


def test_a_table_with_problems_names_them_all(answers_csv):
    with pytest.raises(CommandError) as caught:
        run(answers_csv, json="-", column=GERMAN["column"], label=["echt=real"])

    message = str(caught.value)
    assert message.startswith(f"{answers_csv} cannot be analysed:\nRow ")
    assert message.count("“künstlich” cannot be read as real or synthetic") == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"margin": 0.7}, "margin = 0.7 is out of range"),
        ({"column": ["Arzt"]}, "--column Arzt: it is written as --column NAME=VALUE"),
        ({"label": ["echt=genuine"]}, "label echt = genuine: it must stand for one of real, synthetic"),
        ({"model": ["correct"]}, "a model is written as correct ~"),
        ({"out": "x", "formats": "word"}, "Formats word: give some of html, pdf"),
    ],
)
def test_options_that_cannot_be(answers_csv, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(CommandError, match=message):
        run(answers_csv, **(GERMAN | options))
    assert list(tmp_path.iterdir()) == [answers_csv]


def test_what_cannot_be_written_leaves_nothing(answers_csv, tmp_path):
    with pytest.raises(CommandError, match=r"cannot be written: No such file or directory\. Choose"):
        run(answers_csv, json=str(tmp_path / "absent" / "numbers.json"), **GERMAN)
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match=r"cannot be written to: Not a directory\. Choose"):
        run(answers_csv, out=tmp_path / "file" / "report", formats="json", **GERMAN)


def test_as_a_process_of_its_own(answers_csv, tmp_path):
    """Exit status, clean standard output, and no database made or looked for."""
    data = tmp_path / "data"
    command = [sys.executable, "manage.py", "analyse", str(answers_csv), "--json", "-"]
    mapping = [part for name, values in GERMAN.items() for value in values for part in (f"--{name}", value)]
    environment = {**os.environ, "DATA_DIR": str(data), "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}

    done = subprocess.run([*command, *mapping], cwd=ROOT, env=environment, capture_output=True, check=False)
    failed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)

    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert json.loads(done.stdout)["size"]["n_readers"] == 6
    assert (failed.returncode, failed.stdout) == (1, b"")
    assert "no column was found for “reader”" in failed.stderr.decode()
    assert not list(data.rglob("*.sqlite3"))
