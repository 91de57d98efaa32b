"""A protocol in words: what the analysis declares."""

import pytest
from django.urls import reverse

from tests.turing.builders import make_draft, make_open_study
from turing.describing import describe_protocol
from turing.services import close_study

pytestmark = pytest.mark.django_db
PLAN = ("Equivalence margin", "Confidence", "Outlying times")


def plan_of(study) -> dict[str, str]:
    return {name: words for name, words in describe_protocol(study) if name in PLAN}


def test_that_no_margin_is_declared_is_said():
    assert plan_of(make_draft()) == {
        "Equivalence margin": "none declared: the report claims no equivalence with chance"
    }


def test_what_is_declared_is_said_with_its_limits():
    study = make_draft(
        equivalence_margin=0.07, confidence_level=0.9, shortest_time_ms=1000, longest_time_ms=90_500, outlier_mads=3.5
    )

    assert plan_of(study) == {
        "Equivalence margin": "50 % ± 7 percentage points: readers who are shown to be right in 43 % to 57 % count as "
        "unable to tell (two one-sided tests, each at α = 0.1)",
        "Confidence": "90 % for intervals",
        "Outlying times": "below 1 second, or above 90.5 seconds, or further than 3.5 scaled MADs from the reader’s "
        "own median; the answers count, and models of reading time are fitted with and without these times",
    }


def test_the_page_of_an_opened_study_shows_it(investigator_client):
    study = make_open_study(equivalence_margin=0.1)

    text = investigator_client.get(reverse("turing:study_detail", args=[study.pk])).content.decode()

    assert "50 % ± 10 percentage points" in text
    assert "95 % for intervals" in text


def test_the_page_of_a_closed_study_leads_to_its_reports(investigator_client):
    study = make_open_study()
    link = f'href="{reverse("turing:study_reports", args=[study.pk])}">Reports</a>'
    page = reverse("turing:study_detail", args=[study.pk])
    before = investigator_client.get(page).content.decode()

    close_study(study=study, by=None)

    assert (link in before, link in investigator_client.get(page).content.decode()) == (False, True)
