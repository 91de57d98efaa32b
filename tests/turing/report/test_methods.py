from dataclasses import replace

from tests.turing.report.studies import OPTIONS, simulate_answers, simulated
from turing.analysis import analyse
from turing.report.building import build_document
from turing.report.checklists import AUTHORS, CLAIM, GRRAS, STARD, checklist_tables
from turing.report.facts import StudyFacts
from turing.report.methods import exclusions, methods_paragraphs
from turing.report.references import references

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
