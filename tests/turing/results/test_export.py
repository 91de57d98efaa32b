"""The tidy CSV."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.turing.builders import make_dataset, make_open_study, make_session, read_all, truths
from tests.turing.results.readings import in_turn, read
from tests.turing.stats.oracle import answers_of
from turing.errors import StudyError
from turing.models import Answer
from turing.results.export import COLUMNS, defuse, export_csv
from turing.results.selectors import study_results
from turing.services import close_study
from turing.simulation import simulate_readers
from turing.stats.accuracy import reader_accuracy


def rows_of(study):
    return list(csv.DictReader(io.StringIO(export_csv(study), newline="")))


@pytest.mark.django_db
def test_one_row_per_answer_with_every_column():
    study = make_open_study(n_real=1, n_synthetic=1)
    read_all(make_session(study=study), ["real", "real"], reading_ms=1234, hidden_ms=60)
    close_study(study=study, by=None)

    rows = rows_of(study)

    assert list(rows[0]) == list(COLUMNS)
    assert [row["position"] for row in rows] == ["1", "2"]
    answer = Answer.objects.get(trial__position=1)
    truth = study.trials.select_related("truth__image").get(position=1).truth
    assert rows[0] == {
        "study": study.name,
        "protocol_sha256": study.protocol_sha256,
        "scale": "binary",
        "positive_class": "real",
        "reader": "R01",
        "simulated": "0",
        "group": "",
        "years": "",
        "grade": "",
        "phase": "1",
        "block": "",
        "practice": "0",
        "repeat": "0",
        "position": "1",
        "reader_position": "1",
        "image": f"I{truth.image.pixel_sha256[:12]}",
        "right_image": "",
        "truth": truth.origin,
        "label": "normal",
        "right_label": "",
        "answer": "real",
        "rating": "",
        "correct": "1" if truth.origin == "real" else "0",
        "marks": "",
        "comment": "",
        "seconds": "1.234",
        "server_seconds": f"{answer.server_ms / 1000:.3f}",
        "hidden_seconds": "0.060",
        "paused_seconds": "0.000",
        "flags": "longer-than-server;hidden",
        "answered_at": answer.answered_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


@pytest.mark.django_db
def test_the_file_alone_gives_the_results_page():
    study = make_open_study(n_real=8, n_synthetic=8, is_example=True)
    simulate_readers(study=study, n_readers=3, seed=5)
    close_study(study=study, by=None)

    rows, results = rows_of(study), study_results(study).whole

    assert {row["simulated"] for row in rows} == {"1"}
    for result in results.readers:
        mine = [row for row in rows if row["reader"] == result.reader]
        assert result.accuracy == reader_accuracy(
            [row["truth"] for row in mine], [row["answer"] for row in mine], positive_class="real"
        )


def test_columns_have_the_names_that_the_reference_sets_use():
    assert set(answers_of("tiny")[0]) - {"experience"} <= set(COLUMNS)


@pytest.mark.django_db
def test_a_missing_time_is_empty_not_zero():
    study = make_open_study(n_real=1, n_synthetic=1)
    read_all(make_session(study=study), ["real"], reading_ms=None)
    close_study(study=study, by=None)

    assert [(row["seconds"], row["flags"]) for row in rows_of(study)] == [("", "missing")]


@pytest.mark.django_db
def test_a_pair_has_two_images_and_a_side_for_its_truth():
    study = make_open_study(n_real=2, n_synthetic=2, scale="pair", positive_class="synthetic", time_limit_ms=9000)
    read(study, in_turn(["left", "none"]))
    close_study(study=study, by=None)

    first, second = rows_of(study)

    truth = study.trials.select_related("truth__image", "truth__right_image").get(position=1).truth
    assert (first["image"], first["right_image"]) == (
        f"I{truth.image.pixel_sha256[:12]}",
        f"I{truth.right_image.pixel_sha256[:12]}",
    )
    side = "left" if truth.origin == "synthetic" else "right"
    assert (first["truth"], first["answer"], first["correct"]) == (side, "left", str(int(side == "left")))
    assert (first["label"], first["right_label"], first["scale"]) == ("normal", "normal", "pair")
    assert (second["answer"], second["correct"]) == ("none", "")


@pytest.mark.django_db
def test_ratings_marks_comments_and_what_a_reader_declared():
    study = make_open_study(scale="confidence", mark_kind="box", asks_comment=True)
    mark = {"image": 0, "x": 1.5, "y": 2, "width": 3, "height": 4}
    said = {"rating": 5, "marks": [mark], "comment": "=1+1\nsmooth"}
    read(study, lambda trial, times: said, reader_group="-More", years_experience=7.5, grade="fellow")
    close_study(study=study, by=None)

    row = rows_of(study)[0]

    assert (row["rating"], row["answer"], json.loads(row["marks"])) == ("5", "synthetic", [mark])
    assert row["comment"] == "'=1+1\nsmooth"
    assert (row["group"], row["years"], row["grade"]) == ("'-More", "7.5", "fellow")


@pytest.mark.django_db
def test_practice_and_later_answers_are_there_and_marked():
    """The columns practice and repeat alone are enough to get at the answers of the results page."""
    study = make_open_study(
        n_real=4,
        n_synthetic=4,
        real_dataset=make_dataset(n=8),
        synthetic_dataset=make_dataset(origin="synthetic", n=8),
        n_practice=2,
        n_repeats=3,
        order="blocks",
        block_size=4,
    )
    read(study, lambda trial, times: trial.truth.origin if times == 1 and not trial.is_practice else "real")
    close_study(study=study, by=None)

    rows = rows_of(study)

    assert [row["reader_position"] for row in rows] == [str(place) for place in range(1, 14)]
    assert [row["practice"] for row in rows] == ["1"] * 2 + ["0"] * 11
    assert [row["repeat"] for row in rows].count("1") == 3
    assert {row["block"] for row in rows[:2]} == {""}
    assert {row["block"] for row in rows[2:]} <= {"1", "2", "3"}
    counting = [row for row in rows if (row["practice"], row["repeat"]) == ("0", "0")]
    (result,) = study_results(study).whole.readers
    assert [row["correct"] for row in counting] == ["1"] * 8
    assert (result.accuracy.accuracy.k, result.accuracy.accuracy.n) == (8, 8)
    assert {row["image"] for row in rows if row["repeat"] == "1"} <= {row["image"] for row in counting}


@pytest.mark.django_db
def test_names_that_look_like_formulas_are_defused():
    real = make_dataset(labels=['=HYPERLINK("x")'])
    study = make_open_study(name="@SUM(A1)", n_real=2, n_synthetic=1, real_dataset=real)
    read_all(make_session(study=study), truths(study))
    close_study(study=study, by=None)

    rows = rows_of(study)

    assert {row["study"] for row in rows} == {"'@SUM(A1)"}
    assert {row["label"] for row in rows} == {'\'=HYPERLINK("x")', "normal"}
    for row in rows:
        assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r")) for value in row.values())


@given(st.text(max_size=20))
def test_defused_text_never_starts_a_formula_and_keeps_its_content(text):
    safe = defuse(text)

    assert not safe.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert safe in (text, f"'{text}")


@pytest.mark.django_db
def test_no_export_before_closing():
    with pytest.raises(StudyError, match="is not closed"):
        export_csv(make_open_study())
