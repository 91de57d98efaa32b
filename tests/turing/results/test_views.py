"""The results page says every number with its name."""

import re

import pytest
from django.urls import reverse

from tests.turing.builders import make_dataset, make_open_study, make_session, read_all, truths
from tests.turing.results.readings import in_turn, read, truthful
from turing.services import close_study, follow_up_study, open_study
from turing.simulation import simulate_readers

pytestmark = pytest.mark.django_db


def results_page(client, study) -> str:
    response = client.get(reverse("turing:study_results", args=[study.pk]))
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.mark.parametrize(
    ("positive_class", "sensitivity", "specificity"),
    [
        ("real", "Sensitivity (real called real)", "Specificity (synthetic called synthetic)"),
        ("synthetic", "Sensitivity (synthetic called synthetic)", "Specificity (real called real)"),
    ],
)
def test_the_positive_class_is_named(investigator_client, positive_class, sensitivity, specificity):
    study = make_open_study(positive_class=positive_class)
    read_all(make_session(study=study), ["real"] * 4)
    close_study(study=study, by=None)

    text = results_page(investigator_client, study)

    assert sensitivity in text
    assert specificity in text
    assert f"The positive class is {positive_class}." in text


def test_numbers_by_hand(investigator_client):
    """4 of 4 right has the exact interval [0.025^(1/4), 1] = [39.8 %, 100 %]; 2 of 4 [6.8 %, 93.2 %] (binom.test)."""
    study = make_open_study()
    read_all(make_session(study=study), truths(study), reading_ms=1500)
    read_all(make_session(study=study), ["real"] * 4, reading_ms=500)
    close_study(study=study, by=None)

    text = results_page(investigator_client, study)

    assert (
        "R01 4 of 4 100.0 % (39.8 to 100.0) 4 of 4 100.0 % (15.8 to 100.0) 2 of 2 100.0 % (15.8 to 100.0) 2 of 2 1.5 s"
        in text
    )
    assert (
        "R02 4 of 4 50.0 % (6.8 to 93.2) 2 of 4 100.0 % (15.8 to 100.0) 2 of 2 0.0 % (0.0 to 84.2) 0 of 2 0.5 s" in text
    )
    assert "All readers 8 of 8 75.0 % (34.9 to 96.8) 6 of 8" in text
    # observed 1/2, shares 3/4 and 1/4, chance 5/8: kappa = -1/3
    assert "All 2 4 of 4 −0.333" in text
    assert "Real 2 2 of 2 Not defined: all answers are equal" in text
    assert "8 × longer-than-server" in text


def test_incomplete_readers_are_marked(investigator_client):
    study = make_open_study()
    read_all(make_session(study=study), ["real"])
    close_study(study=study, by=None)

    text = results_page(investigator_client, study)

    assert "R01 1 of 4 Incomplete" in text
    assert "0 of 1 reader answered all of them" in text
    assert "Left out, because not finished: R01." in text


def test_simulated_readers_are_labelled_in_every_row(investigator_client):
    study = make_open_study(n_real=5, n_synthetic=5, is_example=True)
    simulate_readers(study=study, n_readers=3, seed=2)
    close_study(study=study, by=None)

    text = results_page(investigator_client, study)

    for name in ("R01", "R02", "R03", "All readers"):
        assert f"{name} Simulated" in text
    assert "These answers were drawn by a program, not given by people." in text


def test_before_closing_there_is_progress_but_no_truth(investigator_client):
    study = make_open_study(
        n_real=2, n_synthetic=2, real_dataset=make_dataset(n=3, labels=["markerlabel"], name="markerdataset")
    )
    read_all(make_session(study=study), ["real"])

    response = investigator_client.get(reverse("turing:study_results", args=[study.pk]))

    assert response.status_code == 403
    html = response.content.decode()
    assert "No results before the study is closed" in html
    assert "1 of 4" in html
    assert not any(word in html for word in ("marker", "Accuracy", "Sensitivity", "%", "kappa"))


def test_a_changed_record_is_shouted(investigator_client):
    study = close_study(study=make_open_study(), by=None)
    image = study.trials.select_related("truth__image").first().truth.image
    image.pixel_sha256 = "f" * 64
    image.save()

    assert "The record of this study was changed after it was opened" in results_page(investigator_client, study)


def test_a_study_that_nobody_read(investigator_client):
    study = close_study(study=make_open_study(), by=None)

    assert "Nobody read this study" in results_page(investigator_client, study)


def test_the_download_has_a_name_and_a_type(investigator_client):
    study = close_study(study=make_open_study(name="Chest & more"), by=None)

    response = investigator_client.get(reverse("turing:study_answers_csv", args=[study.pk]))

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="chest-more-answers.csv"'
    assert response["Cache-Control"] == "no-store"


def test_pairs_have_no_sensitivity(investigator_client):
    study = make_open_study(n_real=4, n_synthetic=4, scale="pair", positive_class="synthetic", time_limit_ms=5000)
    read(study, lambda trial, times: "left" if trial.truth.origin == "synthetic" else "right")
    read(study, in_turn(["none", "left", "left", "left"]))
    close_study(study=study, by=None)

    text = results_page(investigator_client, study)

    assert "4 pairs of a real and a synthetic image. 2 of 2 readers answered all of them." in text
    assert "Share of pairs in which the synthetic image was chosen" in text
    assert "it equals the AUC that graded answers about single images would have" in text
    assert "R01 4 of 4 100.0 % (39.8 to 100.0) 4 of 4" in text
    assert "R02 4 of 4 1 not in time" in text
    assert "These pairs are counted as answered, and are no part of the shares, reading times and kappa." in text
    assert "which image of each pair was chosen" in text
    assert not any(word in text for word in ("Sensitivity", "Specificity", "positive class"))


def test_the_note_on_answers_that_came_too_late(investigator_client):
    study = make_open_study(time_limit_ms=5000)
    read(study, in_turn(["none", "real", "real", "real"]))
    close_study(study=study, by=None)

    text = results_page(investigator_client, study)

    assert "R01 4 of 4 1 not in time" in text
    assert "no part of accuracy, sensitivity, specificity, reading times and kappa." in text


def test_graded_answers_have_an_area_and_a_picture(investigator_client):
    study = make_open_study(n_real=3, n_synthetic=3, scale="confidence", n_repeats=2)
    ratings = {"real": [1, 3, 4], "synthetic": [4, 5, 2]}
    coming = {origin: iter(values) for origin, values in ratings.items()}
    read(study, lambda trial, times: next(coming[trial.truth.origin]) if times == 1 else 6)
    read(study, lambda trial, times: 6 if trial.truth.origin == "synthetic" else 1)
    close_study(study=study, by=None)

    response = investigator_client.get(reverse("turing:study_results", args=[study.pk]))
    text = results_page(investigator_client, study)

    # roc_area([4, 5, 2], [1, 3, 4]): 6.5 of 9
    assert "0.722" in text
    assert "1.000 no interval" in text
    assert "0.861 mean of readers" in text
    assert "2 images were shown twice: of two answers of a reader the earlier counts" in text
    assert "Agreement of each reader with himself or herself" in text
    assert "Weighted kappa (of the ratings)" in text
    assert response.content.decode().count('class="tr-ratings-real"') == 4
    assert 'style="' not in response.content.decode()


def test_phases_groups_and_both_sessions_are_told_apart(investigator_client):
    study = make_open_study(
        real_dataset=make_dataset(n=8),
        synthetic_dataset=make_dataset(origin="synthetic", n=8),
        later_phases=[{"title": "Told the clues", "n_real": 2, "n_synthetic": 2}],
        group_by="years",
        groups=[{"name": "Less", "from_years": 0}, {"name": "More", "from_years": 5}],
    )
    for group in ("Less", "More"):
        read(study, truthful, reader_group=group)
    second = open_study(study=follow_up_study(study=study, by=None, name="Again", washout_days=0), by=None)
    close_study(study=study, by=None)

    text = results_page(investigator_client, study)
    assert text.index("Phase 1") < text.index("Phase 2: Told the clues") < text.index("All phases together")
    assert "Less R01 8 of 8" in text
    assert "Its second session is Again (open for reading)." in text

    for session in second.sessions.all():
        read(second, truthful, session=session)
    close_study(study=second, by=None)
    assert "agreement between the sessions" in results_page(investigator_client, study)
    text = results_page(investigator_client, second)
    assert f"This is a second session of {study.name}" in text
    assert "Agreement with the first session" in text
    assert "R02 8 of 8 100.0 % (63.1 to 100.0) 8 of 8 1.000" in text


def test_the_page_of_a_plain_study_has_nothing_of_the_variants(investigator_client):
    study = make_open_study()
    read(study, truthful)
    close_study(study=study, by=None)

    text = results_page(investigator_client, study)

    for word in ("AUC of", "Phase", "second session", "himself", "Marks and", "Ratings", "practice", "not in time"):
        assert word not in text
