"""What tables print, against reference values made with R and against the analysis they are made from."""

import math
import re
from dataclasses import replace

import pytest

from tests.turing.report.studies import OPTIONS, SOME_NAMES, reference, simulate_answers, simulated
from tests.turing.stats import oracle
from turing.analysis import analyse
from turing.report.building import build_document
from turing.report.document import Document, Figure, Listing, Paragraph, Table
from turing.report.formatting import p_value, ratio, ratio_interval
from turing.report.tables.accuracy import accuracy_table
from turing.report.tables.agreement import agreement_table
from turing.report.tables.chance import chance_table
from turing.report.tables.graded import averages_table, graded_table
from turing.report.tables.models import covariates_table, linear_table, logistic_table
from turing.report.tables.notes import Notes, sentence


def cells(table, name):
    return next(row.cells for row in table.rows if row.cells[0].startswith(name))


def texts(document: Document):
    for section in document.sections:
        yield section.title
        for block in section.blocks:
            if isinstance(block, Paragraph):
                yield block.text
            elif isinstance(block, Listing):
                yield from block.items
            elif isinstance(block, Table):
                yield from (document.caption(block), *block.columns, *block.notes)
                yield from (cell for row in block.rows for cell in row.cells)
            elif isinstance(block, Figure):
                yield from (document.caption(block), block.alt, *block.notes)


@pytest.mark.parametrize("name", oracle.READER_SETS)
def test_no_report_prints_a_hole_a_nan_or_a_negative_zero(name):
    for text in texts(build_document(reference(name))):
        assert text.strip()
        assert not re.search(r"\bnan\b|NaN|None|[−-]0\.0+(?![0-9])|\binf\b", text), text


@pytest.mark.parametrize(
    "study",
    [
        {"n_readers": 1},
        {"n_images": 1, "n_readers": 2},
        {"groups": False, "times": False},
        {"graded": True, "missing": 0.3},
        {"pairs": True},
        {"names": SOME_NAMES, "positive_class": "synthetic"},
    ],
    ids=str,
)
def test_nor_does_one_of_an_odd_study(study):
    for text in texts(build_document(simulated(**study))):
        assert text.strip()
        assert not re.search(r"\bnan\b|NaN|None|[−-]0\.0+(?![0-9])|\binf\b", text), text


def test_table_1_of_jang_2023():
    table = accuracy_table(reference("table1_counts"))

    assert table.columns[1:] == (
        "Accuracy, %",
        "Sensitivity (real called real), %",
        "Specificity (synthetic called synthetic), %",
    )
    assert cells(table, "R01")[1:] == (
        "46.0 (38.9–53.2); 92/200",
        "59.0 (48.7–68.7); 59/100",
        "33.0 (23.9–43.1); 33/100",
    )
    assert cells(table, "R06")[1:] == (
        "91.0 (86.1–94.6); 182/200",
        "95.0 (88.7–98.4); 95/100",
        "87.0 (78.8–92.9); 87/100",
    )


def test_the_positive_class_changes_sides():
    real, synthetic = (accuracy_table(simulated(positive_class=name)) for name in ("real", "synthetic"))

    assert synthetic.columns[2] == "Sensitivity (synthetic called synthetic), %"
    assert cells(synthetic, "R01")[2:] == cells(real, "R01")[:1:-1]


def test_table_2_has_the_headline_interval_and_the_papers_kind():
    expected = oracle.expected_of("paper_like")["fleiss"]
    row = cells(agreement_table(reference("paper_like")), "Fleiss")

    assert (
        row[1] == f"{expected['kappa']:.2f} ({expected['ci_gwet_normal'][0]:.2f}–{expected['ci_gwet_normal'][1]:.2f})"
    )
    assert row[2] == f"{expected['ci_jackknife'][0]:.2f}–{expected['ci_jackknife'][1]:.2f}"
    assert row[4] == f"{expected['ci_null'][0]:.2f}–{expected['ci_null'][1]:.2f}"


@pytest.mark.parametrize("part", ["all", "real", "synthetic"])
def test_table_3_has_walds_interval_as_r_gives_it(part):
    expected = oracle.expected_of("paper_like")["glmer"][part]["glmmtmb"]
    coefficient, se = expected["coef"]["experiencemore"], expected["se"]["experiencemore"]
    row = cells(logistic_table(reference("paper_like")), {"all": "All"}.get(part, part.capitalize()))

    assert row[1] == "more against less"
    assert row[2].split(" [")[0] == ratio(math.exp(coefficient))
    assert row[3] == ratio_interval(math.exp(coefficient - 1.959964 * se), math.exp(coefficient + 1.959964 * se))
    assert row[5] != row[3]


def test_what_is_not_estimable_says_so_with_its_reason():
    table = logistic_table(reference("separation"))

    for row in table.rows:
        marks = {cell.removeprefix("not estimable ") for cell in row.cells[2:]}
        assert len(marks) == 1
        mark = marks.pop()
        note = next(note for note in table.notes if note.startswith(mark))
        assert "separation" in note
        assert "experience: more" in note


def test_table_4_has_satterthwaites_p_with_and_without_the_reader_effect():
    expected = oracle.expected_of("paper_like")["lmer"]["all"]
    rows = [row.cells for row in linear_table(reference("paper_like")).rows][1:3]

    for row, model in zip(rows, ("crossed", "image_only"), strict=True):
        tight = expected[model]["tight"]
        assert row[1].startswith(f"{tight['coef']['correct']:.3f}".replace("-", "−"))
        assert row[4] == f"{tight['df_satterthwaite']['correct']:.1f}"
        assert row[5] == p_value(tight["p_satterthwaite"]["correct"])


def test_indistinguishable_is_printed_only_where_equivalence_holds():
    analysis = reference("paper_like")
    rows = [*analysis.chance.readers, *analysis.chance.groups, analysis.chance.overall]

    for row, printed in zip(rows, chance_table(analysis).rows, strict=True):
        assert ("ndistinguishable" in printed.cells[-1]) == row.equivalence.holds
    assert any(row.equivalence.holds for row in rows)


def test_graded_answers_have_tables_and_plain_ones_have_none():
    graded = simulated(graded=True)

    assert [row.cells[0] for row in graded_table(graded).rows] == list(graded.answers.readers)
    assert averages_table(graded).rows[0].cells[0] == "All readers"
    assert graded_table(simulated()) is None
    assert averages_table(simulated()) is None


def test_data_are_not_rounded():
    table = accuracy_table(simulated())
    share = simulated().accuracy.readers[0].accuracy
    row = dict(zip(table.data.columns, table.data.rows[0], strict=True))

    assert (row["accuracy_low"], row["accuracy_high"]) == (share.low, share.high)


def test_outliers_are_said_and_the_models_are_printed_without_them_too():
    analysis = analyse(simulate_answers(), replace(OPTIONS, min_seconds=4.0))
    keys = [table.key for table in build_document(analysis).tables()]

    assert "reading-time-without-outliers" in keys
    assert "reading-time-without-outliers" not in [table.key for table in build_document(simulated()).tables()]


def test_further_models_have_their_warnings_and_reasons_in_words():
    table = covariates_table(reference("paper_like"))
    separated = covariates_table(reference("separation"))

    warned = [model for model in reference("paper_like").covariates if model.fit.warnings]
    assert warned
    for model in warned:
        assert cells(table, model.title)[0].endswith("]")
        assert any(model.title in note and note.startswith("[") for note in table.notes)
    reasons = " ".join(note for note in separated.notes if note.startswith("["))
    assert "along more against less, more against less x synthetic against real" in reasons
    assert "experiencemore" not in reasons
    remarks = " ".join(texts(build_document(reference("separation"))))
    assert "experiencemore" not in remarks


def test_notes_with_the_same_text_share_a_letter():
    notes = Notes("General.")

    assert [notes.mark("One", "A"), notes.mark("Two."), notes.mark("One.", "B")] == ["[a]", "[b]", "[a]"]
    assert notes.texts == ("General.", "[a] A; B: One.", "[b] Two.")
    assert sentence("at 50 %") == "At 50\N{NO-BREAK SPACE}%."
