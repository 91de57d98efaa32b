"""Results of every kind of experiment, from real trainings of tiny networks: record, page, exports."""

import json

import numpy as np
import pytest
from django.urls import reverse
from sklearn.metrics import roc_auc_score

from classification.exporting.files import list_downloads
from classification.results import read_results
from tests.classification.outcomes import DESIGNS
from tests.factories import ClassifierFactory

KINDS = tuple(DESIGNS)


@pytest.mark.parametrize("kind", KINDS)
def test_json_holds_the_record(kind, stored):
    again = json.loads(json.dumps(stored[kind], allow_nan=False))

    assert again == stored[kind]
    assert read_results(again).summary == stored[kind]["summary"]


def test_sets_keep_their_order_whatever_a_database_makes_of_the_keys(stored):
    values = stored["kong"] | {"test_sets": dict(reversed(stored["kong"]["test_sets"].items()))}

    assert len(values["test_sets"]) > 1
    assert [one.name for one in read_results(values).test_sets] == values["set_names"]


def test_a_record_of_another_version_is_refused_in_words(stored):
    values = {name: value for name, value in stored["single"].items() if name != "seeds"}

    with pytest.raises(ValueError, match="no 'seeds': another version of Turing Reader wrote them"):
        read_results(values)


@pytest.mark.parametrize(("kind", "reference", "others"), [
    ("kong", "OD", ["GCB", "GCB+CDA", "GCB+OMGDA"]), ("jang", "Real", ["Real + synthetic", "Larger"]),
    ("single", "", []), ("origin", "", []),
])  # fmt: skip
def test_the_first_arm_is_what_others_are_compared_with(kind, reference, others, stored):
    for one in read_results(stored[kind]).test_sets:
        assert (one.reference, [row.against.name for row in one.comparisons]) == (reference, others)


@pytest.mark.parametrize(("kind", "columns"), [
    ("kong", ["normal, real", "normal, synthetic", "disc, real", "disc, synthetic"]),
    ("single", ["normal", "disc"]), ("origin", ["real", "synthetic"]),
])  # fmt: skip
def test_the_table_of_arms_has_the_columns_that_its_kind_needs(kind, columns, stored, trained):
    results = read_results(stored[kind])

    assert results.columns == columns
    arm = trained[kind][0].arms[0]
    assert sum(results.arm_rows[0][1]) == sum(arm.real.values()) + sum(arm.synthetic.values())


def test_repetitions_are_the_areas_of_every_seed(stored, trained):
    outcome = trained["kong"][0]
    one = read_results(stored["kong"]).test_sets[0]

    for place, row in enumerate(one.seeds):
        assert row.seed == outcome.seeds[place]
        for arm, area in zip(outcome.arms, row.areas, strict=True):
            said = arm.predictions("test set", repetition=place)
            assert area == pytest.approx(roc_auc_score(said.is_positive, said.scores))
    for place, row in enumerate(one.areas):
        areas = [seed.areas[place] for seed in one.seeds]
        assert row.repetitions["mean"] == pytest.approx(np.mean(areas))
        assert row.repetitions["sd"] == pytest.approx(np.std(areas, ddof=1))
        assert row.auc.value == areas[0]  # tables are of the first


def test_the_search_says_what_each_seed_alone_would_have_chosen(stored, trained):
    found, points = trained["kong"][0].sweep, {}
    for point in found.points:
        points[point.k, point.seed] = point.measured["tuning"]["auc"]
    rows = stored["kong"]["sweep"]["by_seed"]

    assert [row["seed"] for row in rows] == [10, 11]
    for row in rows:
        own = [points[k, row["seed"]] for k in range(1, found.last_k + 1)]
        assert row["best_k"] == 1 + int(np.argmax(own))
        assert (row["at_own"], row["at_common"]) == (max(own), points[found.best_k, row["seed"]])


class TestPage:
    @pytest.mark.parametrize("kind", KINDS)
    def test_has_tables_of_every_kind(self, kind, ended, investigator_client):
        experiment = ended(kind)

        page = investigator_client.get(experiment.get_absolute_url()).content.decode()

        positive = experiment.positive
        for words in (
            "What it comes to", f"AUC (positive: {positive})", "AUC, bootstrap by patient", "(95 % CI)",
            f"Average precision (positive: {positive})", "Confusion matrices", "Calibration",
            "Temperature T, from the tuning set", f"{positive} called {positive}",
            "exact intervals (Clopper and Pearson)",
        ):  # fmt: skip
            assert words in page
        assert ("Against " in page) is (kind in ("kong", "jang"))
        assert ("The search for K" in page) is (kind == "kong")
        assert ("<summary>AUC of every repetition" in page) is (kind != "origin")  # it was trained once

    def test_leads_to_its_classifiers(self, ended, investigator_client):
        experiment = ended("single")
        classifier = ClassifierFactory(experiment=experiment)

        page = investigator_client.get(experiment.get_absolute_url()).content.decode()

        assert f'href="{classifier.get_absolute_url()}"' in page

    def test_numbers_are_those_of_the_record(self, ended, investigator_client):
        experiment = ended("jang")
        one = read_results(experiment.results).test_sets[1]

        page = investigator_client.get(experiment.get_absolute_url()).content.decode()

        area, table = one.areas[1].auc_bootstrap, one.calibration[1].given.table
        page = page.replace("\N{NO-BREAK SPACE}", " ")  # an interval stays on one line
        assert f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f})" in page
        assert f"{table.brier:.3f} ({table.brier_low:.3f} to {table.brier_high:.3f})" in page
        confusion = one.tables[1].rows[2].confusion
        cells = "".join(f'<td class="tr-number">{count}</td>' for row in confusion.rows for count in row)
        assert cells in "".join(line.strip() for line in page.splitlines())

    def test_results_of_another_version_are_not_shown_and_the_page_says_why(self, ended, investigator_client):
        experiment = ended("single")
        experiment.results = {name: value for name, value in experiment.results.items() if name != "seeds"}
        experiment.save()

        page = investigator_client.get(experiment.get_absolute_url()).content.decode()
        archive = investigator_client.get(reverse("classification:experiment_archive", args=[experiment.pk]))

        assert "another version of Turing Reader wrote them. Run the experiment again" in page
        assert "What it comes to" not in page
        assert archive.status_code == 404

    def test_files_are_listed(self, ended, investigator_client):
        experiment = ended("single")

        page = investigator_client.get(experiment.get_absolute_url()).content.decode()

        assert reverse("classification:experiment_archive", args=[experiment.pk]) in page
        listed = list_downloads(experiment, read_results(experiment.results))
        assert {one.name for one in listed} >= {"methods.md", "measures.csv", "settings.json"}
        assert not {one.name for one in listed} & {"comparisons.csv", "predictions.csv", "sweep.csv"}
        for one in listed:
            assert reverse("classification:experiment_file", args=[experiment.pk, one.name]) in page
