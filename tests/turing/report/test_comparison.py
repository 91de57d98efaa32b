import pytest

from tests.turing.report.studies import simulate_answers
from turing.analysis.comparing import compare_studies
from turing.report.comparison import comparison_document
from turing.report.formatting import ratio
from turing.report.writing import write_document


def compared(*, same_readers=True, same_images=True, **settings):
    studies = [simulate_answers(seed=seed, **settings) for seed in (1, 2)]
    return compare_studies(*studies, same_readers=same_readers, same_images=same_images)


def test_every_number_of_the_comparison_is_printed():
    comparison = compared(graded=True)
    tables = {table.key: table for table in comparison_document(comparison).tables()}

    share = comparison.shares[0].readers
    row = tables["differences"].rows[1].cells
    assert row[1:3] == (f"{100 * share.first:.1f}", f"{100 * share.second:.1f}")
    assert row[3].startswith(f"{100 * share.difference:.1f}".replace("-", "−"))
    effect = comparison.odds["all"].effect
    assert tables["odds-ratios"].rows[0].cells[1] == ratio(effect.odds_ratio)
    assert [row.cells[0] for row in tables["readers"].rows] == [one.reader for one in comparison.readers]
    assert [row.cells[0] for row in tables["differences"].rows[3:5]] == ["Fleiss’ κ", "mean AUC of the readers"]
    assert len(tables["differences"].data.rows) == 3 * len(comparison.shares) + 1


def test_other_readers_have_no_table_of_readers():
    document = comparison_document(compared(same_readers=False, same_images=False))

    assert "readers" not in [table.key for table in document.tables()]
    assert "Readers and images are others in each." in document.sections[0].blocks[1].text


def test_what_cannot_be_compared_says_why():
    document = comparison_document(compared(n_readers=1, n_images=1))

    for table in document.tables():
        for row in table.rows:
            assert not any("nan" in cell.lower().split() for cell in row.cells)
    cells = [cell for table in document.tables() for row in table.rows for cell in row.cells]
    assert any(cell.startswith("not estimable [") for cell in cells)


def test_files_of_a_comparison(tmp_path):
    names = write_document(comparison_document(compared()), tmp_path, formats=["html", "pdf", "docx", "latex", "csv"])

    assert set(names) == {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert "tables/differences.csv" in names
    with pytest.raises(ValueError, match="give some of html"):
        write_document(comparison_document(compared()), tmp_path, formats=["json"])
