"""Rules of inclusion: their order, what is counted, and that nothing unknown passes silently."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.inclusion import (
    age_rule,
    apply_rules,
    burned_in_rule,
    jang_rules,
    manufacturer_rule,
    one_of_rule,
    year_rule,
)

ADULT = {"age_years": 45, "view_position": "PA", "manufacturer": "GE Healthcare", "burned_in_annotation": "no"}


def test_each_step_counts_what_the_ones_before_left():
    subjects = [
        ADULT,
        {**ADULT, "age_years": 12, "view_position": "AP"},  # both: the first rule takes it
        {**ADULT, "age_years": None},
        {**ADULT, "view_position": "ap"},
        {**ADULT, "manufacturer": "Siemens"},
    ]
    outcome = apply_rules(jang_rules(), subjects)

    assert outcome.reasons == ("", "age", "age", "view", "manufacturer")
    assert [(step.name, step.excluded, step.missing, step.left) for step in outcome.steps] == [
        ("burned_in_annotation", 0, 0, 5),
        ("age", 2, 1, 3),
        ("view", 1, 0, 2),
        ("manufacturer", 1, 0, 1),
    ]


@pytest.mark.parametrize(("age", "reason"), [(18.99, "age"), (19, ""), (89, ""), (90, "age"), (None, "")])
def test_limits_of_age_are_included_and_unknown_passes_only_when_said(age, reason):
    rule = age_rule(youngest=19, oldest=89, missing_passes=True)
    assert apply_rules([rule], [{"age_years": age}]).reasons == (reason,)


@pytest.mark.parametrize(
    ("first", "last", "words", "passing"),
    [
        (2015, 2019, "2015 to 2019", [2015, 2017, 2019]),
        (2017, 2017, "2017", [2017]),
        (2019, None, "2019 or later", [2019, 2020]),
        (None, 2015, "2015 or earlier", [2014, 2015]),
    ],
)
def test_limits_of_the_year_are_included(first, last, words, passing):
    rule = year_rule(first=first, last=last)
    years = [2014, 2015, 2017, 2019, 2020, None]
    reasons = apply_rules([rule], [{"study_year": year} for year in years]).reasons
    assert [year for year, reason in zip(years, reasons, strict=True) if not reason] == passing
    assert rule.words == words


@pytest.mark.parametrize(
    ("name", "passes"),
    [("GE", True), ("GE MEDICAL SYSTEMS", True), ("ge healthcare", True), ("GEMS", False), ("Agfa GE", False)],
)
def test_a_manufacturer_is_known_by_its_first_words(name, passes):
    assert (apply_rules([manufacturer_rule(["GE"])], [{"manufacturer": name}]).reasons == ("",)) is passes


def test_what_a_header_does_not_say_about_annotation_does_not_pass():
    subjects = [{"burned_in_annotation": value} for value in ("no", "yes", "unknown", "")]
    assert apply_rules([burned_in_rule()], subjects).reasons == ("", *["burned_in_annotation"] * 3)


def test_rules_that_nothing_could_pass_are_refused():
    with pytest.raises(ValueError, match="youngest is 30 and oldest 20"):
        age_rule(youngest=30, oldest=20)
    with pytest.raises(ValueError, match="the first year is 2020 and the last 2019"):
        year_rule(first=2020, last=2019)
    with pytest.raises(ValueError, match="View: name at least one value"):
        one_of_rule("view", "view_position", [])
    with pytest.raises(ValueError, match="Manufacturer: name at least one"):
        manufacturer_rule([" "])


@given(st.lists(st.fixed_dictionaries({
    "age_years": st.one_of(st.none(), st.floats(0, 120)),
    "view_position": st.sampled_from(["PA", "AP", ""]),
    "manufacturer": st.sampled_from(["GE", "Other", ""]),
    "burned_in_annotation": st.sampled_from(["no", "yes", "unknown"]),
})))  # fmt: skip
def test_the_numbers_of_the_flow_chart_add_up(subjects):
    outcome = apply_rules(jang_rules(), subjects)
    left = len(subjects)
    for step in outcome.steps:
        left -= step.excluded
        assert step.left == left
        assert 0 <= step.missing <= step.excluded
    assert left == outcome.reasons.count("")
