from dataclasses import replace

import numpy as np

from tests.turing.report.studies import OPTIONS, simulate_answers, simulated
from turing.analysis import analyse, to_json
from turing.analysis.options import CHOSEN_AFTERWARDS
from turing.report.building import build_document
from turing.report.checklists import AUTHORS, CLAIM, GRRAS, STARD, checklist_tables
from turing.report.document import Listing, Paragraph, Table
from turing.report.facts import StudyFacts
from turing.report.methods import exclusions, methods_paragraphs
from turing.report.pictures import accuracy_figure
from turing.report.references import references
from turing.report.tables.chance import chance_table

FACTS = StudyFacts(
    title="Chest",
    question="Is this image real?",
    protocol_sha256="ab" * 32,
    leak_audit="The leak audit found nothing: AUC 0.51 (0.44–0.58)",
    is_blinded=True,
    rendering="512 × 512",
    exclusions=("one reader who stopped early",),
)


def test_everything_that_makes_the_numbers_again_is_printed():
    text = " ".join(methods_paragraphs(simulated(), FACTS))
    versions = simulated().versions

    for wanted in (versions.numpy, versions.scipy, versions.python, str(OPTIONS.seed), "ab" * 32, FACTS.leak_audit):
        assert wanted in text
    assert "Readers were asked: “Is this image real?”" in text
    assert "“less” is the reference group" in text


def test_what_is_not_known_is_not_claimed():
    text = " ".join(methods_paragraphs(simulated(), StudyFacts()))

    for absent in ("SHA-256", "leak audit", "Readers were asked", "answers were final", "opened"):
        assert absent not in text


def test_the_positive_class_and_the_margin_are_named():
    analysis = analyse(simulate_answers(positive_class="synthetic"), replace(OPTIONS, margin=0.07))
    text = " ".join(methods_paragraphs(analysis, FACTS))

    assert "sensitivity (synthetic called synthetic; the positive class is “synthetic”)" in text
    assert "7 percentage points around 50" in text


def test_a_margin_that_was_chosen_afterwards_is_called_so_wherever_it_is_printed():
    options = replace(OPTIONS, margin=0.4, margin_origin=CHOSEN_AFTERWARDS)
    analysis = analyse(simulate_answers(n_images=80), options)
    document = build_document(analysis, replace(FACTS, analysis_plan="The protocol declared no equivalence margin."))

    summary, methods = (" ".join(texts_of(document, key)) for key in ("summary", "methods"))
    assert "indistinguishable within the margin of 10" in summary
    assert CHOSEN_AFTERWARDS in summary
    assert f"(10\N{NO-BREAK SPACE}% to 90\N{NO-BREAK SPACE}%), {CHOSEN_AFTERWARDS}," in methods
    assert "The protocol declared no equivalence margin." in methods
    table = chance_table(analysis)
    assert CHOSEN_AFTERWARDS in table.notes[0]
    assert CHOSEN_AFTERWARDS in table.rows[-1].cells[-1]
    assert CHOSEN_AFTERWARDS in accuracy_figure(analysis).notes[0]
    assert to_json(analysis)["chance"]["margin_origin"] == CHOSEN_AFTERWARDS


def test_without_a_margin_nothing_is_called_equivalent():
    """Of readers who guess, whom a margin would call indistinguishable."""
    answers = simulate_answers(n_images=400, n_readers=6, groups=False)
    guesses = replace(answers, answer=np.random.default_rng(4).integers(0, 2, len(answers)))
    with_margin, without = (analyse(guesses, replace(OPTIONS, margin=margin)) for margin in (0.1, None))
    document = build_document(without, FACTS)

    everything = " ".join(text for section in document.sections for text in texts_of(document, section.key))
    assert with_margin.chance.overall.verdict.startswith("Indistinguishable")
    assert "indistinguishable within" not in everything.lower()
    assert "equivalence with chance was not tested" in everything
    assert "(50 per cent; no margin declared): no difference from chance was found" in everything
    assert "Schuirmann" not in " ".join(references(without))
    assert chance_table(without).rows[0].cells[4] == "not tested"
    assert accuracy_figure(without).notes[0] == "Dashed: chance. Diamonds: pooled answers."
    assert to_json(without)["chance"]["margin"] is None
    for row, other in zip(without.chance.readers, with_margin.chance.readers, strict=True):
        assert (row.equivalence.low, row.equivalence.high) == (other.equivalence.low, other.equivalence.high)
        assert (row.equivalence.holds, row.equivalence.is_defined) == (False, False)


def texts_of(document, key):
    section = next(section for section in document.sections if section.key == key)
    for block in section.blocks:
        if isinstance(block, Paragraph):
            yield block.text
        elif isinstance(block, Listing):
            yield from block.items
        elif isinstance(block, Table):
            yield from (cell for row in block.rows for cell in row.cells)


def test_exclusions_are_counted():
    analysis = simulated(missing=0.2)
    texts = exclusions(analysis, FACTS)

    assert texts[0] == "One reader who stopped early."
    assert texts[1].startswith(f"{analysis.size.n_missing} answers not given when the time was over")
    assert exclusions(simulated(), StudyFacts()) == ("Nothing was left out.",)


def test_simulated_readers_are_said_before_anything_else():
    document = build_document(simulated(), replace(FACTS, has_simulated_readers=True))

    assert "Simulated readers" in document.subtitle
    assert "simulated" in document.sections[0].blocks[0].items[0]


def test_a_checklist_leaves_to_the_authors_what_a_report_cannot_know():
    bare, known = (checklist_tables(simulated(), facts) for facts in (StudyFacts(), FACTS))
    left = [sum(row.cells[-1] == AUTHORS for table in tables for row in table.rows) for tables in (bare, known)]

    assert left[0] > left[1] > 0
    assert [len(table.rows) for table in bare] == [len(GRRAS), len(STARD), len(CLAIM)]


def test_checklists_point_to_tables_that_are_there():
    document = build_document(simulated(), FACTS)
    titles = {document.label(table): table.key for table in document.tables()}

    assert [titles[f"Table {number}"] for number in range(1, 5)] == [
        "accuracy",
        "agreement",
        "logistic",
        "reading-time",
    ]


def test_references_follow_what_was_computed():
    assert not any("DeLong" in text for text in references(simulated()))
    assert any("DeLong" in text for text in references(simulated(graded=True)))
