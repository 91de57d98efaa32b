"""The tidy CSV."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.turing.builders import make_dataset, make_open_study, make_session, read_all, truths
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
        "reader": "R01",
        "simulated": "0",
        "position": "1",
        "image": f"I{truth.image.pixel_sha256[:12]}",
        "truth": truth.origin,
        "label": "normal",
        "answer": "real",
        "correct": "1" if truth.origin == "real" else "0",
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
