"""The part of an analysis about single images."""

import numpy as np

from turing.analysis import AnalysisOptions, make_answers
from turing.analysis.describing import describe_images


def study(seed=1, *, n_readers=5, n_images=40, answer=None, pairs=False):
    generator = np.random.default_rng(seed)
    reader, image = np.repeat(range(n_readers), n_images), np.tile(range(n_images), n_readers)
    truth = image % 2
    right = generator.random(len(image)) < np.linspace(0.2, 0.95, n_images)[image]
    return make_answers(
        reader=[f"R{code + 1}" for code in reader],
        image=[f"I{code + 1:02d}" for code in image],
        truth=truth,
        answer=np.where(right, truth, 1 - truth) if answer is None else answer(truth),
        is_pairs=pairs,
    )


def test_images_are_named_and_the_hardest_come_first():
    answers = study()

    result, reason = describe_images(answers, AnalysisOptions())

    assert (reason, result.difficulty_formula) == ("", "correct ~ truth + (1|image) + (1|reader)")
    ranked = [part.image for part in result.difficulty.images]
    assert set(ranked) == set(answers.images)
    first, last = (np.mean([int(name[1:]) for name in part]) for part in (ranked[:10], ranked[-10:]))
    assert first < last - 10
    for part in result.difficulty.images:
        rows = np.array(answers.images)[answers.image] == part.image
        assert (part.observed.k, part.observed.n) == (answers.correct[rows].sum(), rows.sum())


def test_unanimous_images_are_those_with_equal_answers():
    answers = study()
    codes, truth = answers.table(), answers.truth[answers.reader == 0]

    result, _ = describe_images(answers, AnalysisOptions())

    for kind in result.unanimous.kinds:
        expected = [
            answers.images[row] for row in range(40) if truth[row] == kind.truth and set(codes[row]) == {kind.answer}
        ]
        assert list(kind.images) == expected


def test_one_class_has_a_model_without_the_class():
    result, _ = describe_images(study().select(truth="real"), AnalysisOptions())

    assert result.difficulty_formula == "correct ~ 1 + (1|image) + (1|reader)"
    assert result.difficulty.is_defined


def test_separation_by_class_falls_back_to_the_model_without_it():
    """Everybody calls every image synthetic: synthetic ones are always right, real ones never."""
    result, _ = describe_images(study(answer=np.ones_like), AnalysisOptions())

    assert result.difficulty.is_defined is False or result.difficulty_formula.startswith("correct ~ 1")
    assert [kind.n for kind in result.unanimous.kinds] == [20, 0, 0, 20]


def test_all_right_is_not_estimable_and_says_so():
    result, _ = describe_images(study(answer=lambda truth: truth), AnalysisOptions())

    assert result.difficulty.is_defined is False
    assert "all answers are 1" in result.difficulty.reason


def test_pairs_have_difficulty_only():
    result, _ = describe_images(study(pairs=True), AnalysisOptions())

    assert result.difficulty.is_defined
    assert (result.unanimous, result.unanimous_reason != "") == (None, True)


def test_no_answer_says_so():
    assert describe_images(study(answer=lambda truth: np.full_like(truth, -1)), AnalysisOptions()) == (
        None,
        "there is no answer",
    )
