"""Experiments, run by the worker's own code: records, resume after a cancel, and refusals in words."""

import json
import time

import pytest
from django.urls import reverse

from classification.cnn.checkpoint import load_classifier
from classification.experiment_job import POINTS
from classification.layer_choices import read_layers
from classification.models import Classifier, Experiment
from classification.results import read_results
from classification.selectors import design_of
from classification.services import start_experiment
from imaging.models import Image
from tests.classification.conftest import CONFIG
from tests.factories import TrainingRunFactory
from tests.generation.conftest import run_job
from worker.execution.context import RunningJob
from worker.models import Job
from worker.services import request_cancel, resume_job

pytestmark = pytest.mark.django_db(transaction=True)

ARMS = ["OD", "GCB", "GCB+CDA", "GCB+OMGDA"]


@pytest.fixture
def finished(experiment) -> Experiment:
    run_job(experiment.job)
    assert experiment.job.state == Job.State.SUCCEEDED, experiment.job.error
    experiment.refresh_from_db()
    return experiment


def test_what_is_kept_of_a_finished_experiment(finished, client, investigator):
    """One run for all of it: training and figures take their time."""
    four_arms_are_trained_tested_and_kept(finished)
    every_classifier_has_its_file(finished)
    the_curve_has_a_point_for_every_k(finished)
    figures_are_there_for_the_page_and_for_print(finished)
    the_page_shows_tables_figures_and_verdict(finished, client, investigator)


def four_arms_are_trained_tested_and_kept(finished):
    results = read_results(finished.results)

    assert [arm["name"] for arm in results.arms] == ARMS
    counts = {arm["name"]: [(one["real"], one["synthetic"]) for one in arm["counts"]] for arm in results.arms}
    best_k = results.sweep["best_k"]
    assert counts == {
        "OD": [(6, 0), (4, 0)],
        "GCB": [(6, 0), (4, 2)],
        "GCB+CDA": [(6, 0), (4, 2)],
        "GCB+OMGDA": [(6, 6 * best_k), (4, 2 + 6 * best_k)],
    }
    assert [one.name for one in results.test_sets] == ["test set", "external: Elsewhere"]
    for one in results.test_sets:
        assert [measured.name for measured in one.measures] == ARMS
        assert {measured.positive for measured in one.measures} == {"pneumonia"}
        assert [row.against.name for row in one.comparisons] == ARMS[1:]
    assert [one.measures[0].n_positive for one in results.test_sets] == [8, 6]
    assert results.summary[0] == results.sweep["words"]
    assert [sum(words.startswith(name) for words in results.summary) for name in ("Test set: GCB", "External: ")] == [
        3,
        4,
    ]


def every_classifier_has_its_file(finished):
    kept = list(Classifier.objects.all())

    assert sorted((one.arm, one.seed) for one in kept) == sorted((arm, seed) for arm in ARMS for seed in (3, 4))
    for one in kept:
        data = load_classifier(one.path, sha256=one.sha256)
        assert (data.seed, data.positive, data.about["arm"]) == (one.seed, "pneumonia", one.arm)
        sizes = [(layer.name, layer.rows, layer.is_usable) for layer in read_layers(one.layers)]
        assert sizes == [("layer4", 1, False), ("layer3", 2, True), ("layer2", 4, True), ("layer1", 8, True)]


def the_curve_has_a_point_for_every_k(finished):
    results = read_results(finished.results)
    steps = {metric.step: metric.values for metric in finished.job.metrics.all()}

    assert list(steps) == results.sweep["k"] == list(range(1, results.sweep["last_k"] + 1))
    assert [values["tuning_AUC"] for values in steps.values()] == results.sweep["mean"]
    assert {"test_AUC", "external: Elsewhere_AUC", "tuning_F1", "tuning_balanced accuracy"} <= set(steps[1])


def test_while_k_is_looked_for_the_values_of_k_are_counted(experiment, monkeypatch):
    said = []
    real_progress = RunningJob.progress

    def listen(context, done, total, unit="", message="", seconds_left=None):
        said.append((done, total, unit, message))
        real_progress(context, done, total, unit, message, seconds_left)

    monkeypatch.setattr(RunningJob, "progress", listen)
    run_job(experiment.job)

    counted = [one[:2] for one in said if one[2] == "values of K"]
    assert [done for done, _ in counted] == sorted(done for done, _ in counted)
    assert {done for done, _ in counted} == set(range(1, counted[-1][1] + 1))
    assert any("Training K=2" in message and (done, unit) == (1, "values of K") for done, _, unit, message in said)


def figures_are_there_for_the_page_and_for_print(finished):
    names = {(one.kind, one.name) for one in finished.job.artefacts.all()}

    assert {("file", "predictions.csv"), ("file", "sweep.csv")} <= names
    for figure in ("sweep", "test-1-roc", "test-1-precision-recall", "test-1-confusion", "test-2-reliability"):
        expected = {
            ("figure", f"figures/{figure}.png"),
            ("file", f"figures/{figure}.svg"),
            ("file", f"figures/{figure}.pdf"),
        }
        assert expected <= names


def the_page_shows_tables_figures_and_verdict(finished, client, investigator):
    client.force_login(investigator)

    page = client.get(finished.get_absolute_url()).content.decode()

    for words in (
        "What it comes to",
        "Sensitivity (pneumonia called pneumonia)",
        "GCB+OMGDA",
        "External: Elsewhere",
        "Against OD",
        "p (DeLong)",
        "of 2 repetitions",
        finished.results["summary"][0].replace("&", "&amp;"),
    ):
        assert words in page
    for artefact in finished.job.artefacts.filter(name__startswith="figures/"):
        assert reverse("worker:job_artefact", args=[finished.job_id, artefact.pk]) in page
    for classifier in finished.classifiers.all():
        assert f'href="{classifier.get_absolute_url()}"' in page


def test_a_cancelled_search_goes_on_and_finds_the_same(finished, real, synthetic, elsewhere, monkeypatch):
    again = start_experiment(
        name="Once more",
        kind="kong",
        dataset=real,
        synthetic=synthetic,
        external=[elsewhere],
        positive="pneumonia",
        config=CONFIG,
        design=design_of(finished),
        weights={"kind": "none"},
        created_by=None,
    )
    real_metric = RunningJob.metric

    def cancel_after_the_second(context, step, **values):
        real_metric(context, step, **values)
        if step == 2:
            if not context.should_stop():
                request_cancel(job=Job.objects.get(pk=context.job_id))
            while not context.should_stop():  # until the heartbeat has told it
                time.sleep(0.05)

    monkeypatch.setattr(RunningJob, "metric", cancel_after_the_second)
    run_job(again.job)
    assert again.job.state == Job.State.CANCELLED
    tried = {point["k"] for point in json.loads((again.job.directory / POINTS).read_text())}
    monkeypatch.undo()
    resume_job(job=again.job)
    again.job.refresh_from_db()
    run_job(again.job)
    again.refresh_from_db()

    assert again.job.state == Job.State.SUCCEEDED, again.job.error
    assert {1, 2} <= tried
    assert again.results == finished.results
    kept = [sorted(one.classifiers.values_list("arm", "seed")) for one in (finished, again)]
    assert kept[0] == kept[1]


def test_a_generator_that_saw_test_images_is_refused_with_their_names(experiment, real, synthetic):
    run = TrainingRunFactory(dataset=real)  # on all of its images
    synthetic.images.update(provenance={"run": str(run.pk)})

    run_job(experiment.job)

    experiment.refresh_from_db()
    assert (experiment.job.state, experiment.results) == (Job.State.FAILED, {})
    assert "These images may not be used together." in experiment.job.error
    tested = Image.objects.filter(dataset=real, split="test").values_list("pixel_sha256", flat=True)
    assert any(sha256[:12] in experiment.job.error for sha256 in tested)
    assert not Classifier.objects.exists()


def test_too_few_synthetic_images_are_counted_in_words(experiment, synthetic):
    synthetic.images.filter(pk__in=synthetic.images.filter(label="normal").values("pk")[:22]).delete()

    run_job(experiment.job)

    assert experiment.job.state == Job.State.FAILED
    assert "6 of normal (there are 4)" in experiment.job.error
