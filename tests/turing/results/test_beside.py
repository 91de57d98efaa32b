"""What other apps may lay beside the readers' answers: each image once, what readers called it, readers' results."""

import pytest

from tests.turing.builders import make_draft, make_open_study
from tests.turing.results.readings import read
from turing.errors import StudyError
from turing.models import TrialTruth
from turing.results.beside import read_images, readers_on_synthetic
from turing.results.links import StudyLink, register_study_link, study_links
from turing.services import close_study, open_study

pytestmark = pytest.mark.django_db


def closed(study):
    close_study(study=study, by=None)
    study.refresh_from_db()
    return study


def test_each_image_has_its_record_and_how_many_called_it_synthetic():
    study = open_study(study=make_draft(n_real=3, n_synthetic=3, n_practice=2, n_repeats=2), by=None)
    read(study, lambda trial, times: trial.truth.origin if times == 1 else "real")  # the second showing is not counted
    read(study, lambda trial, times: "synthetic")
    read(study, lambda trial, times: "real" if trial.position <= 4 else None)  # stopped; the first two are practice
    begun = study.trials.filter(position__lte=4).select_related("truth")
    pictures = {trial.truth.repeat_of_id or trial.pk for trial in begun}

    images = read_images(closed(study))

    truths = TrialTruth.objects.filter(trial__study=study, trial__is_practice=False, repeat_of=None)
    truths = truths.select_related("trial").order_by("trial__position")
    expected = [(truth.trial.position, truth.image_id, truth.origin) for truth in truths]
    assert [(one.position, one.image_id, one.origin) for one in images] == expected
    assert len(expected) == 6
    for one, truth in zip(images, truths, strict=True):
        assert one.n_answers == (3 if truth.pk in pictures else 2)
        assert one.n_synthetic == (2 if one.is_synthetic else 1)
        assert one.share_synthetic == one.n_synthetic / one.n_answers


@pytest.mark.parametrize("positive", ["real", "synthetic"])
def test_of_pairs_the_chosen_image_is_of_the_class_that_was_asked_for(positive):
    study = open_study(study=make_draft(n_real=3, n_synthetic=3, scale="pair", positive_class=positive), by=None)
    read(study, lambda trial, times: "left")

    images = read_images(closed(study))

    assert len(images) == 6
    for one in images:
        left_called = positive == "synthetic"
        assert one.n_synthetic == (left_called if one.side == 0 else not left_called)
        assert one.n_answers == 1


def test_readers_are_judged_on_synthetic_whatever_the_study_calls_positive():
    study = open_study(study=make_draft(n_real=2, n_synthetic=4, positive_class="real"), by=None)
    read(study, lambda trial, times: "synthetic")

    (reader,) = readers_on_synthetic(closed(study))

    parts = (reader.accuracy.accuracy, reader.accuracy.sensitivity, reader.accuracy.specificity)
    assert [(part.k, part.n) for part in parts] == [(4, 6), (4, 4), (0, 2)]
    assert reader.accuracy.positive_class == "synthetic"


def test_ratings_give_an_area():
    study = open_study(study=make_draft(n_real=2, n_synthetic=2, scale="percent"), by=None)
    read(study, lambda trial, times: 90 if trial.truth.origin == "synthetic" else 10)

    (reader,) = readers_on_synthetic(closed(study))

    assert reader.auc.auc == 1


def test_nothing_is_told_of_a_study_that_is_open():
    study = make_open_study()

    for tell in (read_images, readers_on_synthetic):
        with pytest.raises(StudyError, match="is not closed"):
            tell(study)


def test_a_page_that_is_registered_twice_is_linked_once():
    before = study_links()
    assert StudyLink(title="Scores of classifiers", url_name="classification:study_scores") in before

    register_study_link(title="Scores of classifiers", url_name="classification:study_scores")

    assert study_links() == before
