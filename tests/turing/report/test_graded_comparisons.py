"""Tables of areas compared and of what each rating was worth: the numbers are those of the analysis."""

from dataclasses import replace

import numpy as np

from tests.turing.report.studies import OPTIONS, simulate_answers, simulated
from turing.analysis import analyse, make_answers
from turing.report.building import build_document
from turing.report.facts import StudyFacts
from turing.report.methods import methods_paragraphs
from turing.report.tables.graded_comparisons import area_comparisons_table, steps_table


def with_steps():
    """Ratings from 0 to 100 put into six steps."""
    answers = simulate_answers(graded=True)
    return make_answers(
        reader=[answers.readers[code] for code in answers.reader],
        image=[answers.images[code] for code in answers.image],
        truth=answers.truth,
        answer=answers.answer,
        rating=np.minimum(answers.rating // 17, 5) + 1,
    )


def test_every_group_and_pair_has_a_row_with_its_numbers():
    analysis = simulated(graded=True)

    table = area_comparisons_table(analysis)

    assert [row.cells[0] for row in table.rows[:2]] == ["Group more against less", "R02 against R01"]
    assert len(table.rows) == 1 + 6
    pair = analysis.graded.pairs_of_readers[0]
    kind, first, second, difference, _, low, high, p, p_holm, reason = table.data.rows[1]
    assert (kind, first, second, reason) == ("readers", "R01", "R02", "")
    assert (difference, p, p_holm) == (-pair.comparison.difference, pair.comparison.p, pair.p_holm)
    assert low < difference < high
    assert not any(note.startswith("[") for note in table.notes)


def test_steps_are_shown_for_scales_in_words_only():
    assert steps_table(simulated(graded=True)) is None
    analysis = analyse(with_steps(), OPTIONS)

    table = steps_table(analysis)

    assert table.columns == ("Reader", "1", "2", "3", "4", "5", "6")
    step = analysis.graded.readers[0].steps[0]
    assert table.data.rows[0] == (
        "R01",
        1.0,
        step.synthetic.k,
        step.synthetic.n,
        step.synthetic.low,
        step.synthetic.high,
    )
    assert all(cell for row in table.rows for cell in row.cells)


def test_without_ratings_there_are_no_such_tables():
    assert area_comparisons_table(simulated()) is None
    assert steps_table(simulated()) is None


def test_both_are_in_the_report():
    document = build_document(analyse(with_steps(), OPTIONS))

    section = next(section for section in document.sections if section.key == "graded-answers")
    keys = [block.key for block in section.blocks if hasattr(block, "key")]
    assert keys[-2:] == ["graded-comparisons", "graded-steps"]


def test_a_declared_rule_by_mad_is_in_the_methods():
    analysis = replace(simulated(), options=replace(OPTIONS, max_seconds=60, mad_factor=3.5))

    text = " ".join(methods_paragraphs(analysis, StudyFacts()))

    assert "above 60 s or further than 3.5 scaled median absolute deviations" in text
