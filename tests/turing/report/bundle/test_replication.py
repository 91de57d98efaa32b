"""The R script is run where R and its packages are; that it fits the other files is checked everywhere."""

import csv
import functools
import io
import json
import re
import shutil
import subprocess
import zipfile

import numpy as np
import pytest

from tests.turing.report.studies import SOME_NAMES, reference, simulated
from turing.analysis import Analysis, analyse, read_csv, to_json
from turing.report.building import build_document
from turing.report.bundle.archive import SCRIPT, bundle_bytes
from turing.report.bundle.tidy import codebook, tidy_data
from turing.report.facts import StudyFacts

PACKAGES = ("jsonlite", "glmmTMB", "lmerTest", "pROC")
TEXT = SCRIPT.read_text(encoding="utf-8")


def unpack(analysis: Analysis, folder):
    data = bundle_bytes(analysis, build_document(analysis), StudyFacts())
    zipfile.ZipFile(io.BytesIO(data)).extractall(folder)
    return folder / "replication"


@functools.cache
def reason_against_r() -> str:
    """Empty where Rscript and the packages are installed."""
    if shutil.which("Rscript") is None:
        return "Rscript is not installed"
    wanted = ", ".join(f'"{name}"' for name in PACKAGES)
    code = f"cat(setdiff(c({wanted}), rownames(installed.packages())))"
    missing = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=True).stdout.strip()
    return f"R has not the packages {missing}" if missing else ""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["paper_like", "separation", "tiny", "unbalanced", "two_readers", "graded", "names"])
def test_r_gets_the_same_numbers(name, tmp_path):
    if reason_against_r():
        pytest.skip(reason_against_r())
    made = {"graded": {"graded": True, "missing": 0.1}, "names": {"names": SOME_NAMES}}
    analysis = simulated(**made[name]) if name in made else reference(name)
    folder = unpack(analysis, tmp_path)

    done = subprocess.run(["Rscript", "replicate.R"], cwd=folder, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    compared = list(csv.DictReader((folder / "compared.csv").open()))
    assert len(compared) > 50
    assert {row["same"] for row in compared} <= {"TRUE", "NA"}


def code_without_texts() -> str:
    """The script without strings and comments."""
    return re.sub(r'"(?:\\.|[^"\\])*"|#[^\n]*', lambda found: '""' if found[0][0] == '"' else "", TEXT)


def test_brackets_of_the_script_close_in_order():
    opened = []
    for sign in re.findall(r"[()\[\]{}]", code_without_texts()):
        if sign in "([{":
            opened.append(sign)
        else:
            assert opened.pop() + sign in ("()", "[]", "{}")
    assert opened == []


def test_the_script_uses_columns_that_the_table_has():
    used = {name for _, name in re.findall(r"\b(answers|first|given|own|data|timed|x)\$(\w+)", code_without_texts())}
    columns = set(tidy_data(simulated(graded=True).answers).columns)

    assert used
    assert used <= columns
    assert {"reader", "image", "truth", "answer", "group"} <= set(re.findall(r"(\w+) = \"character\"", TEXT)) <= columns


def test_the_script_asks_for_settings_and_numbers_that_are_there(tmp_path):
    folder = unpack(simulated(graded=True), tmp_path)
    study, results = (json.loads((folder / f"{name}.json").read_text()) for name in ("study", "results"))

    assert set(re.findall(r"\bstudy\$(\w+)", code_without_texts())) <= set(study)
    assert set(re.findall(r"\bresults\$(\w+)", code_without_texts())) <= set(results)
    for part in ("all", "real", "synthetic"):
        assert {"estimable", "reason", "coef", "se", "p", "sd_image", "sd_reader", "loglik"} <= set(
            results["logistic"][part]
        )
        for model in ("crossed", "image_only"):
            assert {"coef", "se", "df", "p", "sd_residual", "reml_criterion"} <= set(results["linear"][part][model])
    assert {"name", "area"} <= set(results["graded"]["readers"][0])
    fleiss = {"kappa", "se_null", "se_gwet", "se_jackknife", "ci_null", "ci_gwet"}
    assert all(fleiss <= set(results[name]) for name in ("fleiss", "fleiss_real", "fleiss_synthetic"))


def test_levels_in_the_table_are_those_of_the_settings(tmp_path):
    folder = unpack(simulated(missing=0.2), tmp_path)
    study = json.loads((folder / "study.json").read_text())
    rows = list(csv.DictReader((folder / "answers.csv").open(newline="")))

    assert {row["group"] for row in rows} == set(study["groups"])
    assert {row["truth"] for row in rows} == set(study["classes"])
    assert {row["answer"] for row in rows} == {*study["classes"], ""}
    assert {row["reader"] for row in rows} == set(study["readers"])


def test_the_table_read_again_gives_the_same_analysis(tmp_path):
    analysis = simulated(missing=0.2, graded=True)
    again = analyse(read_csv(unpack(analysis, tmp_path) / "answers.csv"), analysis.options)

    ours, theirs = to_json(analysis), to_json(again)
    for name in ("readers", "fleiss", "fleiss_real", "linear"):
        assert _without_group(theirs[name]) == _without_group(ours[name])
    assert again.logistic["all"].effects[0].estimate == pytest.approx(
        analysis.logistic["all"].effects[0].estimate, abs=1e-9
    )
    assert np.array_equal(again.answers.seconds, analysis.answers.seconds)


def _without_group(value):
    """The group's column is named "group" in the bundle, whatever its name was."""
    text = json.dumps(value, sort_keys=True)
    return text.replace('"experience"', '"group"')


def test_the_codebook_explains_every_column():
    answers = simulated(graded=True).answers
    rows = codebook(answers).rows

    assert [row[0] for row in rows] == list(tidy_data(answers).columns)
    assert all(all(row) for row in rows)


def test_the_bundle_does_not_depend_on_the_order_of_the_source():
    answers = simulated(graded=True).answers
    shuffled = answers.rows(np.random.default_rng(1).permutation(len(answers)))

    assert tidy_data(shuffled) == tidy_data(answers)
