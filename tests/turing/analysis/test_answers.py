"""The checked table of answers."""

import pickle

import numpy as np
import pytest

from turing.analysis import Answers, AnswersError, Problem, make_answers
from turing.analysis.answers import MISSING


def answers(**changed: object) -> Answers:
    """R2 and R10 read images a and b; R10 not a second time in time, R2 image b twice."""
    values: dict = {
        "reader": ["R10", "R2", "R10", "R2", "R2"],
        "image": ["a", "a", "b", "b", "b"],
        "truth": [0, 0, 1, 1, 1],
        "answer": [0, 1, MISSING, 1, 0],
        "seconds": [3.0, 4.0, np.nan, 0.0, 2.0],
        "group": ["more", "less", "more", "less", "less"],
        "is_repeat": [False, False, False, False, True],
        "covariates": {"phase": ["1", "1", "2", "2", "2"]},
    }
    return make_answers(**(values | changed))


def test_names_are_coded_in_natural_order():
    made = answers()

    assert (made.readers, made.images, made.groups) == (("R2", "R10"), ("a", "b"), ("less", "more"))
    assert made.reader.tolist() == [1, 0, 1, 0, 0]
    assert made.reader_group == ("less", "more")
    assert made.group.tolist() == [1, 0, 1, 0, 0]


def test_what_is_right_is_not_known_for_an_answer_that_was_not_given():
    assert answers().correct.tolist()[:2] == [1.0, 0.0]
    assert np.isnan(answers().correct[2])
    assert answers().given.tolist() == [True, True, False, True, True]


def test_the_table_holds_first_answers():
    assert answers().table().tolist() == [[1, 0], [1, MISSING]]  # images a, b; readers R2, R10
    assert answers().table(readers=(1,)).tolist() == [[0], [MISSING]]
    assert len(answers().first) == 4


def test_a_selection_keeps_the_codes():
    chosen = answers().select(truth="synthetic", group="less", given=True, timed=True)

    assert (len(chosen), chosen.readers, chosen.images) == (2, ("R2", "R10"), ("a", "b"))
    assert chosen.covariates["phase"].tolist() == ["2", "2"]
    assert answers().select(readers=(1,), timed=False).answer.tolist() == [MISSING]


@pytest.mark.parametrize(("by", "message"), [({"truth": "left"}, "truth = 'left'"), ({"group": "x"}, "group = 'x'")])
def test_an_unknown_selection_is_refused(by, message):
    with pytest.raises(ValueError, match=message):
        answers().select(**by)


def test_the_reference_group_comes_first():
    assert answers(reference_group="more").groups == ("more", "less")
    with pytest.raises(AnswersError, match="no reader is in the reference group “most”; the groups are: less, more"):
        answers(reference_group="most")


def test_nothing_can_be_written_into_it():
    made = answers()

    for column in (made.truth, made.seconds, made.covariates["phase"]):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 0
    with pytest.raises(TypeError):
        made.covariates["phase"] = np.zeros(5)


def test_it_can_be_sent_to_another_process():
    again = pickle.loads(pickle.dumps(answers()))  # noqa: S301 -- our own

    assert again.readers == answers().readers
    np.testing.assert_array_equal(again.seconds, answers().seconds)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"answer": [0, 1, 2, 1, 0]}, "codes from 0 to 2; -1 to 1 are possible"),
        ({"truth": [0, 0, -1, 1, 1]}, "Column “truth”: codes from -1 to 1; 0 to 1 are possible"),
        ({"truth": [0, 0, 0.5, 1, 1]}, "codes must be whole numbers"),
        ({"truth": ["a", 0, 1, 1, 1]}, "numbers are needed"),
        ({"seconds": [1, 2, 3]}, "has shape \\(3,\\); one value for each of the 5 answers"),
        ({"seconds": [-1, 2, 3, 4, 5]}, "Row 2, column “seconds”: -1 is no reading time"),
        ({"seconds": [1, np.inf, 3, 4, 5]}, "Row 3, column “seconds”: inf is no reading time"),
        ({"truth": [0, 1, 1, 1, 1]}, "Row 3, column “truth”: image “a” has another truth here"),
        ({"is_repeat": [False] * 5}, "Row 6: reader “R2” has a second answer to image “b” that is not marked"),
        ({"group": ["more", "less", "less", "less", "less"]}, "reader “R10” is in group “more” and in group “less”"),
        ({"reader": ["", "R2", "R10", "R2", "R2"], "group": None}, "none may be empty"),
        ({"positive_class": "fake"}, "“fake” must be real or synthetic"),
        ({"covariates": {"phase": [1]}}, "Column “phase”: has shape"),
    ],
)
def test_what_cannot_be_is_refused(changed, message):
    with pytest.raises(AnswersError, match=message):
        answers(**changed)


def test_every_problem_is_named_up_to_fifty():
    problems = [Problem(row, "seconds", "wrong") for row in range(2, 80)]

    error = AnswersError(problems)

    assert (len(error.problems), error.n_problems) == (50, 78)
    assert str(error).splitlines()[-1] == "... and 28 more problems like these"
    assert str(Problem(None, None, "the file is empty")) == "the file is empty"
    assert str(Problem(3, "seconds", "x")) == "Row 3, column “seconds”: x"
