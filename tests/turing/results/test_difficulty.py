"""Images in the order of the mixed model, on the page of images."""

import re

import pytest
from django.urls import reverse

from tests.turing.builders import make_open_study
from tests.turing.reports.test_study_answers import mostly_right
from tests.turing.results.readings import read
from turing.analysis import AnalysisOptions, analyse
from turing.report.tables.images import ranked_images
from turing.reports.study_answers import study_answers
from turing.results.difficulty import rank_by_difficulty
from turing.results.images import study_images
from turing.services import close_study

pytestmark = pytest.mark.django_db


def make_read_study(n_readers: int = 4, **changes):
    study = make_open_study(n_real=8, n_synthetic=8, **changes)
    for seed in range(n_readers):
        read(study, mostly_right(seed))
    return close_study(study=study, by=None)


def page_text(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_the_order_and_the_numbers_are_those_of_the_report():
    study = make_read_study()

    ranking = rank_by_difficulty(study_images(study))

    analysis = analyse(study_answers(study), AnalysisOptions(n_bootstrap_kappa=100, small_sample=False))
    expected = {one.counted.image: (one.share, one.low, one.high) for one in ranked_images(analysis)}
    found = {
        f"I{image.sides[0].pixel_sha256[:12]}": (image.expected.share, image.expected.low, image.expected.high)
        for image in ranking.images
    }
    assert found == {name: pytest.approx(values) for name, values in expected.items()}
    shares = [image.expected.share for image in ranking.images]
    assert shares == sorted(shares)
    assert len(set(shares)) > 2
    assert ranking.reliability == pytest.approx(analysis.images.difficulty.reliability)


def test_the_page_has_both_orders_and_keeps_what_else_was_chosen(investigator_client):
    study = make_read_study(mark_kind="point")
    address = reverse("turing:study_images", args=[study.pk])
    ranked = rank_by_difficulty(study_images(study)).images

    plain = investigator_client.get(address, {"show": "all", "page": "2", "marks": "heat"})
    ordered = investigator_client.get(address, {"order": "expected"})

    assert "Expected:" not in page_text(plain)
    assert 'href="?show=all&amp;marks=heat&amp;order=expected"' in plain.content.decode()
    text = page_text(ordered)
    places = [int(place) for place in re.findall(r"Image (\d+): \d+ of 4 right", text)]
    assert places == [image.position for image in ranked[:12]]
    first = ranked[0].expected
    assert f"Expected: {100 * first.share:.1f} % ({100 * first.low:.1f} to {100 * first.high:.1f})" in text
    assert "Reliability of the order" in text


def test_where_there_is_no_ranking_the_page_says_why(investigator_client):
    study = make_open_study()
    read(study, lambda trial, times: {"value": trial.truth.origin})
    close_study(study=study, by=None)
    address = reverse("turing:study_images", args=[study.pk])

    text = page_text(investigator_client.get(address, {"order": "expected"}))

    assert "No ranking by shrunken difficulty: " in text
    assert "Image 1: 1 of 1 right" in text


def test_nobody_answered():
    study = close_study(study=make_open_study(), by=None)

    assert rank_by_difficulty(study_images(study)).reason == "there is no answer"
