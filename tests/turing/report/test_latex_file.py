"""There is no TeX in the tests: structure is checked as strictly as it can be without."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.turing.report.studies import SOME_NAMES, simulated
from turing.report.building import build_document
from turing.report.latex_file import escape, latex_document

SPECIAL = re.compile(r"(?<!\\)[#$%&_^~]")


@pytest.fixture(scope="module")
def document():
    return build_document(simulated(names=SOME_NAMES))


@pytest.fixture(scope="module")
def text(document):
    return latex_document(document)


def without_comments(text):
    return re.sub(r"(?<!\\)%.*", "", text)


def balance_of(text):
    depth = 0
    for sign in re.findall(r"\\.|[{}]", text):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    return depth


def test_braces_and_environments_close_in_order(text):
    assert balance_of(without_comments(text)) == 0
    opened = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []


def test_every_row_has_as_many_cells_as_the_table_has_columns(text, document):
    tables = re.findall(r"\\begin\{longtable\}(.*?)\\end\{longtable\}", text, re.DOTALL)

    assert len(tables) == len(document.tables())
    for latex, table in zip(tables, document.tables(), strict=True):
        assert latex.count("arraybackslash") == len(table.columns)
        body = latex.partition("\\endlastfoot")[2]
        for line in body.strip().splitlines():
            if "\\multicolumn" not in line and "\\addlinespace" not in line:
                assert line.endswith(" \\\\")
                assert len(re.findall(r"(?<!\\)&", line)) == len(table.columns) - 1
        assert all(rule in latex for rule in ("\\toprule", "\\midrule", "\\bottomrule"))


def test_columns_fill_the_line(text):
    tables = re.findall(r"\\begin\{longtable\}(.*?)\\toprule", text, re.DOTALL)

    assert tables
    for latex in tables:
        shares = re.findall(r"p\{\\dimexpr ([0-9.]+)\\dimexpr", latex)
        assert sum(map(float, shares)) == pytest.approx(1, abs=0.001)


def test_an_interval_is_not_broken_at_its_dash(text):
    cells = [line for line in text.splitlines() if line.endswith(r" \\") and "multicolumn" not in line]

    assert any(r"\mbox{--}" in line for line in cells)
    assert not any(re.search("[0-9]--[0-9]", line) for line in cells)


def test_figures_stand_where_they_are_and_as_large_as_they_were_drawn(text, document):
    """A figure that floats to the foot of a page runs off it when a long table ends there (compiled: it did)."""
    placed = re.findall(r"\\begin\{figure\}\[(\w)\].*?width=([0-9.]+)\\linewidth", text, re.DOTALL)

    assert [place for place, _ in placed] == ["H"] * len(document.figures())
    for (_, share), figure in zip(placed, document.figures(), strict=True):
        assert float(share) == pytest.approx(min(1, figure.size[0] * 25.4 / 166), abs=0.001)


def test_a_heading_asks_for_room_for_what_follows(text, document):
    headings = re.findall(r"\\needroom\{(\d+)\\baselineskip\}\n\\section\*", text)

    assert len(headings) == len(document.sections)
    assert {int(lines) for lines in headings} == {4, 10}


def test_a_hash_can_be_broken():
    broken = escape(f"SHA-256 {'0123456789abcdef' * 4}, an ordinary sentence")

    assert broken.count(r"\allowbreak{}") == 7
    assert broken.replace(r"\allowbreak{}", "") == f"SHA-256 {'0123456789abcdef' * 4}, an ordinary sentence"
    assert r"\allowbreak" not in escape("Incomprehensibilities of counterrevolutionaries")


def test_figures_are_those_of_the_report(text, document):
    assert re.findall(r"\\includegraphics\[[^]]*\]\{([^}]*)\}", text) == [
        f"figures/{figure.key}.pdf" for figure in document.figures()
    ]


def test_pdflatex_knows_every_sign(text):
    """Latin letters are in T1 fonts; everything else must have become a command."""
    assert [sign for sign in without_comments(text) if ord(sign) > 0x17F] == []


@given(st.text(st.characters(max_codepoint=0x2FF, exclude_categories=["Cc"])))
def test_escaped_text_has_no_command_of_its_own(raw):
    escaped = escape(raw)

    assert balance_of(escaped) == 0
    plain = re.sub(r"\\(text\w+|[a-zA-Z]+)\{\}|(?<!\\)\$(\\.|[^$\\])*\$", "", escaped)
    assert not set(SPECIAL.findall(plain)) - {"~"}
    assert escaped.count("~") == raw.count("\N{NO-BREAK SPACE}")


def test_known_signs():
    assert escape("κ 0.10 (−0.03 to 0.12), p < 0.05, 50 %_x") == (
        r"$\kappa$ 0.10 ($-$0.03 to 0.12), p \textless{} 0.05, 50 \%\_x"
    )
