"""What is taken along from an experiment: the numbers of the record, texts, one ZIP that has always the same bytes."""

import csv
import io
import json
import zipfile

import numpy as np
import pytest
from django.urls import reverse
from sklearn.metrics import roc_auc_score

from classification.exporting.files import archive_bytes, file_bytes
from classification.exporting.job_files import PREDICTIONS, SWEEP, predictions_table, sweep_table
from classification.results import read_results
from tests.classification.outcomes import DESIGNS
from turing.report.csv_files import csv_text

KINDS = tuple(DESIGNS)


@pytest.fixture
def with_files(ended, trained):
    """The same with the files that its job would have left."""

    def make(kind: str):
        experiment, outcome = ended(kind), trained[kind][0]
        folder = experiment.job.directory
        (folder / "figures").mkdir(parents=True)
        (folder / PREDICTIONS).write_bytes(csv_text(predictions_table(outcome)).encode())
        if outcome.sweep is not None:
            (folder / SWEEP).write_bytes(csv_text(sweep_table(outcome.sweep)).encode())
        (folder / "figures/test-1-roc.svg").write_bytes(b"<svg/>")
        figure = {"name": "figures/test-1-roc", "test_set": "test set", "title": "ROC curves", "alt": "Curves."}
        experiment.results = {**experiment.results, "figures": [figure]}
        experiment.save()
        return experiment

    return make


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


class TestPredictions:
    def test_give_the_areas_of_the_tables_again(self, with_files):
        experiment = with_files("kong")
        results = read_results(experiment.results)
        rows = rows_of(file_bytes(experiment, results, PREDICTIONS))

        for one in results.test_sets:
            own = [row for row in rows if row["set"] == one.name]
            truth = [row["truth"] == "disc" for row in own]
            for measured in one.measures:
                scores = [float(row[f"{measured.name}, seed 10"]) for row in own]
                assert roc_auc_score(truth, scores) == pytest.approx(measured.areas.auc.value)

    def test_have_every_tuning_and_test_image_with_a_number_for_its_patient(self, trained):
        outcome = trained["kong"][0]
        table = predictions_table(outcome)

        columns = [f"{arm.name}, seed {seed}" for arm in outcome.arms for seed in (10, 11)]
        assert table.columns == ("image", "set", "patient", "truth", *columns)
        assert {name: [row[1] for row in table.rows].count(name) for name in ("tuning", "test set")} == {
            "tuning": 20, "test set": 24,
        }  # fmt: skip
        assert [row[2] for row in table.rows] == list(range(1, len(table.rows) + 1))  # a patient each, no pseudonym
        assert all(row[0].startswith("I") and len(row[0]) == 13 for row in table.rows)


def test_the_sweep_has_every_k_seed_and_set(trained):
    found = trained["kong"][0].sweep
    table = sweep_table(found)

    assert len(table.rows) == found.last_k * 2 * 3
    chosen = {row[0] for row in table.rows if row[-2]}
    assert chosen == {found.best_k}
    assert {(row[1], row[0]) for row in table.rows if row[-1]} == set(found.best_k_by_seed.items())
    means = [
        np.mean([row[3] for row in table.rows if row[0] == k and row[2] == "tuning"])
        for k in range(1, found.last_k + 1)
    ]
    assert means == pytest.approx(found.curve("tuning", "auc").mean)


@pytest.mark.parametrize("kind", KINDS)
def test_the_archive_has_always_the_same_bytes(kind, with_files):
    experiment = with_files(kind)
    results = read_results(experiment.results)

    data = archive_bytes(experiment, results)

    assert data == archive_bytes(experiment, read_results(experiment.results))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = {name.removeprefix(f"tiny-{kind}/") for name in archive.namelist()}
    expected = {"README.md", "methods.md", "tables.md", "settings.json", "predictions.csv", "figures/test-1-roc.svg"}
    expected |= {f"tables/{name}.csv" for name in ("arms", "measures", "confusion", "calibration", "repetitions")}
    expected |= {"tables/comparisons.csv"} if kind in ("kong", "jang") else set()
    assert names == expected | ({"tables/sweep.csv"} if kind == "kong" else set())


def test_measures_are_not_rounded(with_files):
    experiment = with_files("jang")
    results = read_results(experiment.results)

    rows = rows_of(file_bytes(experiment, results, "measures.csv"))

    one = results.test_sets[1].measures[2]
    (area,) = [row for row in rows if (row["test set"], row["arm"], row["measure"]) == (
        "external: Elsewhere", "Larger", "auc")]  # fmt: skip
    assert [float(area[name]) for name in ("value", "low", "high")] == [
        one.areas.auc.value, one.areas.auc.low, one.areas.auc.high,
    ]  # fmt: skip
    found = [row for row in rows if row["test set"] == "test set" and row["arm"] == "Real"]
    assert len(found) == 3 + 3 * 6
    assert {row["positive"] for row in found} == {"disc"}


def test_comparisons_and_confusions_are_those_of_the_record(with_files):
    experiment = with_files("kong")
    results = read_results(experiment.results)

    compared = rows_of(file_bytes(experiment, results, "comparisons.csv"))
    confused = rows_of(file_bytes(experiment, results, "confusion.csv"))

    first = results.test_sets[0].comparisons[0]
    assert (compared[0]["arm"], compared[0]["reference"]) == ("GCB", "OD")
    assert float(compared[0]["AUC p, Holm"]) == first.holm
    assert float(compared[0]["McNemar p, mid-p"]) == first.against.decisions.p_mid
    counts = ("true positive", "false negative", "false positive", "true negative")
    assert {sum(int(row[name]) for name in counts) for row in confused if row["test set"] == "test set"} == {24}


def test_tables_in_markdown_have_what_the_page_has(with_files):
    experiment = with_files("kong")
    results = read_results(experiment.results)

    lines = file_bytes(experiment, results, "tables.md").decode().splitlines()

    one = results.test_sets[0]
    auc = one.areas[3].auc
    row = next(line for line in lines if line.startswith("| GCB+OMGDA | ") and f"{auc.value:.3f} (" in line)
    assert f"{auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})" in row
    header = lines[lines.index("### Against OD") + 2]
    widths = {line.count("|") for line in lines[lines.index("### Against OD") + 2 :][:5]}
    assert widths == {header.count("|")}


class TestMethods:
    @pytest.mark.parametrize(("kind", "there", "not_there"), [
        ("kong", ["sliding window", "none of the last 2 values", "corrected by Holm", "Kong HJ"], ["Jang M"]),
        ("jang", ["they were chosen by chance", "Real + synthetic: ", "Jang M"], ["sliding window", "Kong HJ"]),
        ("single", ["The classifier learnt from 10 real normal and 6 real disc images"], ["Holm", "Synthetic"]),
        ("origin", ["to tell synthetic from real images", "It was trained once, with seed 10."], ["Holm", "sliding"]),
    ])  # fmt: skip
    def test_say_what_was_done_and_nothing_else(self, kind, there, not_there, with_files):
        experiment = with_files(kind)

        text = file_bytes(experiment, read_results(experiment.results), "methods.md").decode()

        assert [words for words in there if words not in text] == []
        assert [words for words in not_there if words in text] == []
        assert "  " not in text.replace("\n", "")
        assert "DeLong ER" in text

    def test_settings_are_those_of_the_record(self, with_files):
        experiment = with_files("single")

        values = json.loads(file_bytes(experiment, read_results(experiment.results), "settings.json"))

        assert values["classifier"] == experiment.config
        assert (values["design"], values["seeds"], values["synthetic"]) == (experiment.design, [10, 11], None)


class TestDownloads:
    def test_come_as_files(self, with_files, investigator_client):
        experiment = with_files("kong")
        address = reverse("classification:experiment_file", args=[experiment.pk, "predictions.csv"])

        answer = investigator_client.get(address)

        assert answer.headers["Content-Disposition"] == 'attachment; filename="tiny-kong-predictions.csv"'
        assert answer.content == (experiment.job.directory / PREDICTIONS).read_bytes()
        archive = investigator_client.get(reverse("classification:experiment_archive", args=[experiment.pk]))
        assert archive.content == archive_bytes(experiment, read_results(experiment.results))

    @pytest.mark.parametrize("name", ["points.json", "..%2Fpoints.json", "comparisons.csv", "README.md"])
    def test_other_files_of_the_job_are_not_served(self, name, with_files, investigator_client):
        experiment = with_files("single")
        (experiment.job.directory / "points.json").write_text("[]")

        assert investigator_client.get(f"{experiment.get_absolute_url()}files/{name}").status_code == 404

    def test_are_for_investigators_and_for_what_has_ended(self, with_files, client, reader, investigator):
        experiment = with_files("single")
        addresses = [
            reverse("classification:experiment_archive", args=[experiment.pk]),
            reverse("classification:experiment_file", args=[experiment.pk, "measures.csv"]),
        ]

        anonymous = [client.get(address).status_code for address in addresses]
        client.force_login(reader)
        forbidden = [client.get(address).status_code for address in addresses]
        client.force_login(investigator)
        allowed = [client.get(address).status_code for address in addresses]
        experiment.results = {}
        experiment.save()
        too_early = [client.get(address).status_code for address in addresses]

        assert (anonymous, forbidden, allowed, too_early) == ([302] * 2, [403] * 2, [200] * 2, [404] * 2)
