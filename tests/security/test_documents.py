"""The threat model and the table of the standard say what is tested: what they name must be there."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("threat-model.md", "asvs.md")
# Requirements of levels 1 and 2 in each chapter of OWASP ASVS 5.0.0 (5.0/docs_en/..._5.0.0_en.csv of OWASP/ASVS)
COUNTS = {
    1: (8, 19), 2: (4, 8), 3: (8, 11), 4: (2, 8), 5: (4, 5), 6: (13, 22), 7: (6, 12), 8: (4, 3), 9: (4, 3),
    10: (5, 24), 11: (3, 11), 12: (3, 6), 13: (1, 12), 14: (2, 7), 15: (3, 10), 16: (0, 16), 17: (0, 7),
}  # fmt: skip
ROW = re.compile(r"^\| V(\d+)\.(\d+)\.(\d+) \| ([12]) \| (.+?) \| (met|not met|n/a) \| (.+) \|$", re.MULTILINE)


def text_of(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def problems_with(text: str) -> list[str]:
    """Tests that are named and are not there."""
    found = []
    for path, test in re.findall(r"`([\w/]+/test_\w+\.py)(?:::(\w+))?`", text):
        file = ROOT / "tests" / path
        if not file.is_file():
            found.append(path)
        elif test and not re.search(rf"^ *def {test}\(", file.read_text(encoding="utf-8"), re.MULTILINE):
            found.append(f"{path}::{test}")
    return found


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_test_that_is_named_exists(name):
    assert problems_with(text_of(name)) == []
    assert len(re.findall(r"`[\w/]+/test_\w+\.py", text_of(name))) > 40


def test_a_name_that_is_none_would_be_found():
    text = "`security/test_documents.py::test_of_nothing`, `security/test_nothing.py`"

    assert problems_with(text) == ["security/test_documents.py::test_of_nothing", "security/test_nothing.py"]


def test_every_other_file_that_is_named_exists():
    for name in DOCUMENTS:
        links = [link.partition("#")[0] for link in re.findall(r"\]\(([\w.-]+\.md[^)]*)\)", text_of(name))]
        assert [link for link in links if not (ROOT / "docs" / link).is_file()] == []


def test_every_requirement_of_both_levels_stands_once():
    rows = ROW.findall(text_of("asvs.md"))
    ids = [row[:3] for row in rows]
    counted = Counter((int(row[0]), int(row[3])) for row in rows)

    assert {chapter: (counted[chapter, 1], counted[chapter, 2]) for chapter in COUNTS} == COUNTS
    assert len(set(ids)) == len(ids)
    assert sorted(ids, key=lambda one: tuple(map(int, one))) == ids


def test_every_status_has_its_evidence_or_its_reason():
    rows = ROW.findall(text_of("asvs.md"))
    counted = Counter((row[3], row[5]) for row in rows)
    summary = re.findall(r"^\| ([12]) \| (\d+) \| (\d+) \| (\d+) \|$", text_of("asvs.md"), re.MULTILINE)

    told = {
        (level, status): int(number)
        for level, *numbers in summary
        for status, number in zip(("met", "not met", "n/a"), numbers, strict=True)
    }
    assert told == {pair: counted[pair] for pair in told}
    assert len(told) == 6
    assert [row[:3] for row in rows if len(row[6].strip()) < 3] == []
