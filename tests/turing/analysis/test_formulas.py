"""Formulas of mixed models and their design matrices."""

import numpy as np
import pytest

from turing.analysis import make_answers
from turing.analysis.formulas import POSITION, Formula, build_design, parse_formula


def answers(**changed: object):
    values: dict = {
        "reader": ["A", "A", "B", "B", "C", "C"],
        "image": ["1", "2", "1", "2", "1", "2"],
        "truth": [0, 1, 0, 1, 0, 1],
        "answer": [0, 0, 1, 1, -1, 1],
        "seconds": [1.0, 2.0, 3.0, np.nan, 5.0, 6.0],
        "group": ["less", "less", "more", "more", "most", "most"],
        "group_name": "experience",
        "position": [1, 2, 1, 2, 1, 2],
        "covariates": {"phase": ["x", "", "x", "y", "y", "x"], "body mass": [1.0, np.nan, 3.0, 4.0, 5.0, 6.0]},
    }
    return make_answers(**(values | changed))


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("correct ~ 1", ()),
        ("correct~a+b", (("a",), ("b",))),
        ("correct ~ a * b", (("a",), ("b",), ("a", "b"))),
        ("correct ~ b:a + a + b", (("a",), ("b",), ("b", "a"))),
        ("correct ~ a * b * c", (("a",), ("b",), ("c",), ("b", "c"), ("a", "c"), ("a", "b"), ("a", "b", "c"))),
        ("correct ~ a * I(position/10)", (("a",), (POSITION,), ("a", POSITION))),
        ("correct ~ log(seconds+1) + `body mass`", (("log(seconds + 1)",), ("body mass",))),
    ],
)
def test_formulas_are_read_as_r_reads_them(text, terms):
    formula = parse_formula(text)

    assert formula.outcome == "correct"
    assert {frozenset(term) for term in formula.terms} == {frozenset(term) for term in terms}
    assert [len(term) for term in formula.terms] == sorted(len(term) for term in terms)
    assert parse_formula(str(formula).removesuffix(" + (1 | image) + (1 | reader)")) == formula


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("right ~ a", "a model is written as correct ~"),
        ("correct", "a model is written as correct ~"),
        ("correct ~ a +", "a name is missing"),
        ("correct ~ a : ", "a name is missing"),
        ("correct ~ a + (1|reader)", "images and readers are random in every model; leave “\\(1|reader\\)” out"),
    ],
)
def test_what_is_no_formula(text, message):
    with pytest.raises(ValueError, match=message):
        parse_formula(text)


def test_factors_have_treatment_contrasts_named_as_in_r():
    design = build_design(answers(), parse_formula("correct ~ experience * truth"))

    assert design.names == (
        *("(Intercept)", "experiencemore", "experiencemost", "truthsynthetic"),
        *("experiencemore:truthsynthetic", "experiencemost:truthsynthetic"),
    )
    assert design.words["experiencemost:truthsynthetic"] == "most against less x synthetic against real"
    assert design.matrix[:, 1:4].tolist() == [[0, 0, 0], [0, 0, 1], [1, 0, 0], [1, 0, 1], [0, 1, 1]]
    assert design.outcome.tolist() == [1, 0, 0, 1, 1]  # the answer that was not given is left out


def test_answers_without_what_a_formula_names_are_left_out():
    times = build_design(answers(), parse_formula("log(seconds + 1) ~ correct"))
    assert times.outcome == pytest.approx(np.log([2, 3, 4, 7]))
    assert times.matrix[:, 1].tolist() == [1, 0, 0, 1]
    phases = build_design(answers(), parse_formula("correct ~ phase + `body mass`"))
    assert phases.names == ("(Intercept)", "phasey", "body mass")
    assert phases.matrix[:, 2].tolist() == [1, 3, 4, 6]


def test_a_reference_level_is_the_first_group_that_answered():
    chosen = answers(reference_group="more")
    assert build_design(chosen, Formula("correct", (("experience",),))).names[1:] == (
        "experienceless",
        "experiencemost",
    )
    without = chosen.rows(chosen.group != 0)
    assert build_design(without, Formula("correct", (("group",),))).names[1:] == ("groupmost",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("correct ~ size", "“size” is not known here; there are: truth, correct, log\\(seconds \\+ 1\\), position"),
        ("correct ~ kind", "“kind” has the same value in all answers"),
        ("correct ~ code", "“code” has 13 different values; a factor may have 12"),
    ],
)
def test_what_cannot_be_a_covariate(text, message):
    n = 13
    many = make_answers(
        reader=["A"] * n,
        image=[str(i) for i in range(n)],
        truth=[0] * n,
        answer=[0, 1] + [0] * 11,
        position=np.arange(1, n + 1),
        covariates={"kind": ["a"] * n, "code": [f"c{i}" for i in range(n)]},
    )
    with pytest.raises(ValueError, match=message):
        build_design(many, parse_formula(text))
