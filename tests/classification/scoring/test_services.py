"""Scorings: what may be scored and when, and what is kept of scores."""

import pytest
from django.db import IntegrityError, transaction

from classification.models import Scoring
from classification.scoring.services import record_scores, record_scoring_results, start_scoring
from classification.services import ClassificationError
from imaging.services import DatasetError, delete_dataset
from tests.factories import ClassifierFactory, DatasetFactory, ImageFactory, ScoringFactory
from tests.turing.builders import make_draft
from turing.services import close_study, open_study
from worker.models import Job

pytestmark = pytest.mark.django_db


def test_a_study_is_scored_once_it_is_closed_and_not_before():
    study = make_draft()
    classifier = ClassifierFactory()
    words = "is not closed. A score can tell which images are synthetic"
    with pytest.raises(ClassificationError, match=words):
        start_scoring(classifier=classifier, study=study, created_by=None)
    open_study(study=study, by=None)
    with pytest.raises(ClassificationError, match=words):
        start_scoring(classifier=classifier, study=study, created_by=None)
    assert not Scoring.objects.exists()
    assert not Job.objects.filter(kind="classification.scoring").exists()
    close_study(study=study, by=None)

    scoring = start_scoring(classifier=classifier, study=study, created_by=None)  # the caller's record is older

    assert (scoring.study_id, scoring.dataset, scoring.job.kind) == (study.pk, None, "classification.scoring")
    assert scoring.job.parameters == {"scoring_id": str(scoring.pk), "device": "auto"}


def test_a_dataset_is_frozen_and_cannot_be_deleted_under_its_scores():
    dataset = ImageFactory().dataset

    start_scoring(classifier=ClassifierFactory(), dataset=dataset, created_by=None)

    dataset.refresh_from_db()
    assert dataset.frozen_at is not None
    with pytest.raises(DatasetError, match="it is used by scoring"):
        delete_dataset(dataset=dataset)


def test_what_cannot_be_scored_is_refused_in_words():
    classifier, empty = ClassifierFactory(), DatasetFactory(name="Empty")

    with pytest.raises(ClassificationError, match="“Empty” has no images"):
        start_scoring(classifier=classifier, dataset=empty, created_by=None)
    with pytest.raises(ValueError, match="give one of the two"):
        start_scoring(classifier=classifier, created_by=None)
    with pytest.raises(ValueError, match="must be one of auto, cpu, cuda"):
        start_scoring(classifier=classifier, dataset=ImageFactory().dataset, device="tpu", created_by=None)
    assert not Scoring.objects.exists()


def test_the_same_scores_are_not_computed_twice_at_a_time():
    classifier, dataset = ClassifierFactory(), ImageFactory().dataset
    first = start_scoring(classifier=classifier, dataset=dataset, created_by=None)

    with pytest.raises(ClassificationError, match="being computed already"):
        start_scoring(classifier=classifier, dataset=dataset, created_by=None)
    start_scoring(classifier=ClassifierFactory(), dataset=dataset, created_by=None)
    Job.objects.filter(pk=first.job_id).update(state=Job.State.FAILED)
    start_scoring(classifier=classifier, dataset=dataset, created_by=None)

    assert Scoring.objects.count() == 3


def test_scores_are_kept_once():
    scoring = ScoringFactory()
    first, second = ImageFactory.create_batch(2, dataset=scoring.dataset)

    kept = record_scores(scoring=scoring, scores={first.pk: 0.25}, learnt=frozenset({first.pk}))
    again = record_scores(scoring=scoring, scores={first.pk: 0.75, second.pk: 1.0})

    assert (kept, again) == (1, 1)
    rows = {one.image_id: (one.score, one.was_learnt) for one in scoring.scores.all()}
    assert rows == {first.pk: (0.25, True), second.pk: (1.0, False)}


@pytest.mark.parametrize("score", [-0.01, 1.01, float("nan")])
def test_a_score_out_of_range_is_refused(score):
    scoring = ScoringFactory()
    image = ImageFactory(dataset=scoring.dataset)

    with pytest.raises(ValueError, match="must lie in"):
        record_scores(scoring=scoring, scores={image.pk: score})

    assert not scoring.scores.exists()


def test_results_are_kept_once():
    scoring = ScoringFactory()

    record_scoring_results(scoring=scoring, results={"n": 1})
    record_scoring_results(scoring=scoring, results={"n": 2})

    scoring.refresh_from_db()
    assert scoring.results == {"n": 1}


def test_a_scoring_is_of_a_study_or_of_a_dataset():
    study = make_draft()
    for wrong in ({"study": study}, {"dataset": None}):
        with pytest.raises(IntegrityError, match="scoring_of_one"), transaction.atomic():
            ScoringFactory(**wrong)
    ScoringFactory(study=study, dataset=None)
