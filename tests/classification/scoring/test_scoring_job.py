"""Scorings, run by the worker's own code: scores, resume after a cancel, what the classifier knew, and failures."""

import csv
import io
import time

import numpy as np
import pytest

from classification.cnn.config import SingleSettings
from classification.loading import open_classifier
from classification.models import ImageScore
from classification.scoring import scoring_job
from classification.scoring.export import export_scores
from classification.scoring.results import ScoringResults
from classification.scoring.services import start_scoring
from classification.services import start_experiment
from imaging.models import Image
from imaging.rendering import render_square
from imaging.storage import load_pixels
from tests.classification.conftest import CONFIG
from tests.classification.scoring.conftest import fill, write_classifier
from tests.factories import ClassifierFactory
from tests.generation.conftest import run_job
from turing.models import TrialTruth
from worker.execution.context import RunningJob
from worker.models import Job
from worker.services import request_cancel, resume_job

pytestmark = pytest.mark.django_db(transaction=True)


def scored(**of):
    scoring = start_scoring(**of, created_by=None)
    run_job(scoring.job)
    scoring.refresh_from_db()
    assert scoring.job.state == Job.State.SUCCEEDED, scoring.job.error
    return scoring, ScoringResults.from_dict(scoring.results)


def counting(study) -> set:
    truths = TrialTruth.objects.filter(trial__study=study, trial__is_practice=False, repeat_of=None)
    return set(truths.values_list("image_id", flat=True))


def counted(record, blocks):
    def counting_record(**values):
        blocks.append(len(values["scores"]))
        return record(**values)

    return counting_record


def test_every_image_that_counts_has_the_score_of_the_classifier(pneumonia_classifier, closed):
    scoring, results = scored(classifier=pneumonia_classifier, study=closed)

    scores = {one.image_id: one.score for one in scoring.scores.all()}
    assert set(scores) == counting(closed)
    assert (results.n, results.positive, results.negative) == (16, "pneumonia", "normal")
    extractor, head = open_classifier(pneumonia_classifier, device="cpu")
    for one in scoring.scores.select_related("image")[:3]:
        pixels = render_square(load_pixels(one.image), 32)[None]
        assert one.score == pytest.approx(head.scores(extractor(pixels))[0], abs=1e-6)
    assert len(set(scores.values())) > 10  # they tell images apart, so that an order could be wrong


def test_what_a_study_says_is_on_record(pneumonia_classifier, closed):
    scoring, results = scored(classifier=pneumonia_classifier, study=closed)

    titles = [area.title for area in results.areas]
    assert titles == [
        "all images: synthetic against real",
        "normal: synthetic against real",
        "pneumonia: synthetic against real",
        "real images: pneumonia against normal",
        "synthetic images: pneumonia against normal",
    ]
    made = {truth.image_id for truth in TrialTruth.objects.filter(trial__study=closed, origin="synthetic")}
    scores = dict(scoring.scores.values_list("image_id", "score"))
    pairs = [(scores[a], scores[b]) for a in scores if a in made for b in scores if b not in made]
    share = np.mean([(a > b) + (a == b) / 2 for a, b in pairs])
    assert results.areas[0].auc.value == pytest.approx(share, abs=1e-12)
    sizes = [area.n_positive + area.n_negative for area in results.areas]
    assert [sizes[0], sum(sizes[1:3]), *sizes[3:]] == [16, 16, 8, 8]
    assert [one.title for one in results.rho] == ["All images", "Real images", "Synthetic images"]
    assert [one.n for one in results.rho] == [16, 8, 8]
    assert (results.readers, results.learnt.n, results.areas_apart) == ((), 0, ())
    caught = {
        truth.trial.position
        for truth in TrialTruth.objects.filter(trial__study=closed, origin="synthetic").select_related("trial")
        if truth.repeat_of_id is None and not truth.trial.is_practice and truth.trial.position % 3
    }
    assert set(results.caught) == caught != set()
    names = {(one.kind, one.name) for one in scoring.job.artefacts.all()}
    for key in ("truth", "share", "decision"):
        assert {
            ("figure", f"figures/{key}.png"),
            ("file", f"figures/{key}.svg"),
            ("file", f"figures/{key}.pdf"),
        } <= names
    assert [figure.name for figure in results.figures] == ["figures/truth", "figures/share", "figures/decision"]


def test_a_machine_reader_sits_beside_the_readers(machine_reader, closed):
    scoring, results = scored(classifier=machine_reader, study=closed)

    machine, *people = results.readers
    assert (machine.name, machine.is_machine, machine.n) == ("Machine reader", True, 16)
    truth = dict(TrialTruth.objects.filter(trial__study=closed).values_list("image_id", "origin"))
    called = {one.image_id: "synthetic" if one.score >= 0.5 else "real" for one in scoring.scores.all()}
    found = sum(called[key] == "synthetic" == truth[key] for key in called)
    passed = sum(called[key] == "real" == truth[key] for key in called)
    assert [(share.k, share.n) for share in machine.shares] == [(found + passed, 16), (found, 8), (passed, 8)]
    assert machine.auc == results.areas[0].auc
    assert [one.is_machine for one in people] == [False] * 3
    counts = [[(share.k, share.n) for share in one.shares] for one in people]
    assert counts[0] == [(16, 16), (8, 8), (8, 8)]
    assert counts[1] == [(8, 16), (8, 8), (0, 8)]  # everything called synthetic: the positive class here
    assert all(one.auc is None for one in people)


def test_a_cancelled_scoring_goes_on_with_the_images_that_are_left(machine_reader, closed, monkeypatch):
    whole, results = scored(classifier=machine_reader, study=closed)
    again = start_scoring(classifier=machine_reader, study=closed, created_by=None)
    monkeypatch.setattr(scoring_job, "LEAST_BLOCK", 1)
    monkeypatch.setattr(scoring_job.Extractor, "batch_size", lambda extractor, side: 4)
    real_record, blocks = scoring_job.record_scores, []

    def cancel_after_the_second(*, scoring, scores, learnt):
        blocks.append(len(scores))
        if len(blocks) == 2:
            request_cancel(job=Job.objects.get(pk=scoring.job_id))
        return real_record(scoring=scoring, scores=scores, learnt=learnt)

    real_raise = RunningJob.raise_if_stopped

    def wait_for_the_heartbeat(context):
        while len(blocks) >= 2 and not context.should_stop():  # until it has told of the cancel
            time.sleep(0.05)
        real_raise(context)

    monkeypatch.setattr(scoring_job, "record_scores", cancel_after_the_second)
    monkeypatch.setattr(RunningJob, "raise_if_stopped", wait_for_the_heartbeat)
    run_job(again.job)
    assert (again.job.state, again.scores.count()) == (Job.State.CANCELLED, 8)
    kept = set(again.scores.values_list("pk", flat=True))
    monkeypatch.setattr(RunningJob, "raise_if_stopped", real_raise)
    blocks.clear()
    monkeypatch.setattr(scoring_job, "record_scores", counted(real_record, blocks))
    resume_job(job=again.job)
    again.job.refresh_from_db()
    run_job(again.job)
    again.refresh_from_db()

    assert again.job.state == Job.State.SUCCEEDED, again.job.error
    assert sum(blocks) == 8  # the others were not scored again
    assert kept < set(again.scores.values_list("pk", flat=True))
    pairs = [dict(one.scores.values_list("image_id", "score")) for one in (whole, again)]
    assert pairs[0] == pairs[1]
    assert ScoringResults.from_dict(again.results).areas == results.areas


def test_images_that_it_learnt_from_are_counted_and_left_out_beside(closed):
    """Two images of the study are in the training, and one more is of a patient from there."""
    shown = list(Image.objects.filter(pk__in=counting(closed), dataset__origin="real").order_by("pixel_sha256"))
    classifier = ClassifierFactory(
        arm="Machine reader",
        experiment__kind="origin",
        experiment__classes=["real", "synthetic"],
        experiment__positive="synthetic",
        experiment__config=CONFIG.to_dict(),
    )
    experiment = classifier.experiment
    for image in shown[:2]:
        copy = Image.objects.get(pk=image.pk)
        copy.pk, copy.dataset, copy.split = None, experiment.dataset, "train"
        copy.save(force_insert=True)
    fill(experiment.dataset, 1, first=700, split="train", patient_pseudonym=shown[2].patient_pseudonym)
    fill(experiment.dataset, 1, first=710, split="tune")
    fill(experiment.dataset, 1, first=720, split="test")
    fill(experiment.synthetic, 5, first=730)
    write_classifier(classifier)

    scoring, results = scored(classifier=classifier, study=closed)

    assert (results.learnt.n_same, results.learnt.n_patients, results.learnt.n) == (2, 1, 3)
    flagged = set(scoring.scores.filter(was_learnt=True).values_list("image_id", flat=True))
    assert flagged == {image.pk for image in shown[:3]}
    machine, apart = [row for row in results.readers if row.is_machine]
    assert (machine.n, apart.n) == (16, 13)
    assert [share.n for share in apart.shares] == [13, 8, 5]
    assert next(area.n_positive + area.n_negative for area in results.areas_apart) == 13
    rows = list(csv.DictReader(io.StringIO(export_scores(scoring))))
    assert sum(int(row["learnt_from"]) for row in rows) == 3


def test_a_machine_reader_that_was_trained_here_is_told_its_own_images(real, synthetic, closed):
    """The normal images of the study are also in training or tuning, pixel for pixel; the others are new."""
    experiment = start_experiment(
        name="Who is real?",
        kind="origin",
        dataset=real,
        synthetic=synthetic,
        positive="synthetic",
        config=CONFIG,
        design=SingleSettings(),
        weights={"kind": "none"},
        created_by=None,
    )
    run_job(experiment.job)
    assert experiment.job.state == Job.State.SUCCEEDED, experiment.job.error

    scoring, results = scored(classifier=experiment.classifiers.get(), study=closed)

    learnt = real.images.filter(split__in=["train", "tune"]).values("pixel_sha256")
    expected = Image.objects.filter(pk__in=counting(closed), pixel_sha256__in=learnt)
    assert set(expected.values_list("label", flat=True)) == {"normal"}
    known = scoring.scores.filter(was_learnt=True)
    assert set(known.values_list("image_id", flat=True)) == set(expected.values_list("pk", flat=True)) != set()
    assert (results.learnt.n_same, results.learnt.n_patients) == (expected.count(), 0)
    assert [row.n for row in results.readers if row.is_machine] == [16, 16 - expected.count()]


def test_a_dataset_is_scored_whole(pneumonia_classifier, real_images):
    scoring, results = scored(classifier=pneumonia_classifier, dataset=real_images)

    assert (results.n, scoring.scores.count()) == (10, 10)
    (area,) = results.areas
    assert (area.title, area.n_positive, area.n_negative) == ("images: pneumonia against normal", 5, 5)
    assert [(group.title, group.n) for group in results.groups] == [("normal", 5), ("pneumonia", 5)]
    assert [figure.name for figure in results.figures] == ["figures/label"]
    rows = list(csv.DictReader(io.StringIO(export_scores(scoring))))
    assert {(row["label"], row["score_of"]) for row in rows} == {("normal", "pneumonia"), ("pneumonia", "pneumonia")}
    assert sorted(float(row["score"]) for row in rows) == sorted(scoring.scores.values_list("score", flat=True))


def test_a_dataset_with_other_labels_has_no_area_and_says_why(machine_reader, real_images):
    _, results = scored(classifier=machine_reader, dataset=real_images)

    assert results.areas == ()
    assert "normal, pneumonia" in results.no_areas
    assert "real, synthetic" in results.no_areas


def test_a_missing_file_is_said_in_words(pneumonia_classifier, real_images):
    pneumonia_classifier.path.unlink()
    scoring = start_scoring(classifier=pneumonia_classifier, dataset=real_images, created_by=None)

    run_job(scoring.job)

    assert scoring.job.state == Job.State.FAILED
    assert "is missing; restore the file from a backup" in scoring.job.error
    assert not ImageScore.objects.exists()
