"""A rule of reader groups leaves nobody out and puts nobody into two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turing.errors import StudyError
from turing.grouping import MOST_YEARS, clean_groups, group_of
from turing.models import Grade

YEARS = [{"name": "Less experienced", "from_years": 0}, {"name": "More experienced", "from_years": 5}]
GRADES = [
    {"name": "Training", "grades": ["student", "resident", "fellow"]},
    {"name": "Trained", "grades": ["radiologist", "other"]},
]


def test_groups_have_one_spelling():
    assert clean_groups("years", [{**YEARS[0], "name": " Less experienced ", "note": 1}, YEARS[1]]) == YEARS
    assert clean_groups("grade", GRADES) == GRADES
    assert clean_groups("", YEARS) == []


@pytest.mark.parametrize(
    ("years", "group"),
    [(0, "Less experienced"), (4.9, "Less experienced"), (5, "More experienced"), (70, "More experienced")],
)
def test_years_decide(years, group):
    assert group_of("years", YEARS, years=years, grade="") == group


def test_grades_decide():
    assert [group_of("grade", GRADES, years=None, grade=grade) for grade in ("resident", "other")] == [
        "Training",
        "Trained",
    ]
    assert group_of("", [], years=3, grade="other") == ""


@pytest.mark.parametrize(
    ("group_by", "years", "grade", "message"),
    [
        ("years", None, "", "a number between 0 and 70"),
        ("years", -1, "", "a number between 0 and 70"),
        ("years", 71, "", "a number between 0 and 70"),
        ("years", float("nan"), "", "a number between 0 and 70"),
        ("grade", None, "", "Grade: one of the list"),
        ("grade", None, "professor", "Grade: one of the list"),
    ],
)
def test_what_was_not_declared_is_refused(group_by, years, grade, message):
    groups = YEARS if group_by == "years" else GRADES
    with pytest.raises(ValueError, match=message):
        group_of(group_by, groups, years=years, grade=grade)


@pytest.mark.parametrize(
    ("group_by", "groups", "message"),
    [
        ("years", None, "between 2 and 6 are needed"),
        ("years", YEARS[:1], "between 2 and 6 are needed"),
        ("years", [*YEARS, *({"name": str(n), "from_years": n} for n in range(6, 11))], "between 2 and 6 are needed"),
        ("years", ["less", "more"], "each is an object"),
        ("years", [YEARS[0], {"name": "", "from_years": 5}], "each needs a name of its own"),
        ("years", [YEARS[0], {"name": "LESS experienced", "from_years": 5}], "each needs a name of its own"),
        ("years", [YEARS[0], {"name": "x" * 41, "from_years": 5}], "of at most 40 characters"),
        ("years", [YEARS[0], {"name": "More"}], "each needs the years of experience it starts from"),
        ("years", [YEARS[0], {"name": "More", "from_years": True}], "each needs the years"),
        ("years", [YEARS[0], {"name": "More", "from_years": float("nan")}], "these start from 0, nan"),
        ("years", [{"name": "Less", "from_years": 1}, YEARS[1]], "the first starts from 0 years"),
        ("years", [YEARS[0], {"name": "More", "from_years": 0}], "each later one from more"),
        ("years", [YEARS[0], {"name": "More", "from_years": 71}], "up to 70"),
        ("grade", [GRADES[0], {"name": "Trained", "grades": ["radiologist"]}], "each grade belongs into one group"),
        ("grade", [GRADES[0], {"name": "B", "grades": [*GRADES[1]["grades"], "fellow"]}], "belongs into one group"),
        ("grade", [*GRADES, {"name": "Nobody", "grades": []}], "each group needs a grade"),
        ("grade", [GRADES[0], {"name": "B", "grades": "other"}], "each needs a list of grades"),
        ("grade", [GRADES[0], {"name": "B", "grades": [["other"]]}], "each needs a list of grades"),
        ("grade", [GRADES[0], {"name": "B"}], "each needs a list of grades"),
    ],
)
def test_a_rule_that_is_not_clear_is_refused(group_by, groups, message):
    with pytest.raises(StudyError, match=message):
        clean_groups(group_by, groups)


@given(starts=st.lists(st.floats(0.1, MOST_YEARS), min_size=1, max_size=5, unique=True), years=st.floats(0, MOST_YEARS))
def test_everybody_is_in_exactly_the_group_whose_stretch_it_is(starts, years):
    rule = [{"name": f"from {start}", "from_years": start} for start in [0, *sorted(starts)]]

    group = group_of("years", clean_groups("years", rule), years=years, grade="")

    later = [start for start in starts if start > years]
    assert group == f"from {max(start for start in [0, *starts] if start not in later)}"


@given(st.permutations(Grade.values), st.integers(1, len(Grade.values) - 1))
def test_every_grade_has_its_group(grades, cut):
    rule = clean_groups("grade", [{"name": "A", "grades": grades[:cut]}, {"name": "B", "grades": grades[cut:]}])

    for grade in Grade.values:
        assert group_of("grade", rule, years=None, grade=grade) == ("A" if grade in grades[:cut] else "B")
