import pytest

from tests.turing.report.studies import simulate_answers
from turing.report.bundle.imrmc import imrmc_text


def test_the_file_has_truth_and_every_rating():
    answers = simulate_answers(n_readers=2, n_images=4, graded=True, names=("Dr. A, MD", "B"))
    lines = imrmc_text(answers).splitlines()
    start = lines.index("BEGIN DATA:")

    assert lines[1:start] == ["N0: 2", "N1: 2", "NR: 2", "NM: 1"]
    truth = [line.split(",") for line in lines[start + 1 :] if line.startswith("-1,")]
    assert truth == [["-1", f"I00{i}", "truth", str((i + 1) % 2)] for i in (1, 2, 3, 4)]
    scores = [line.split(",") for line in lines[start + 1 :] if not line.startswith("-1,")]
    assert len(scores) == 8
    assert all(len(line) == 4 for line in scores)
    assert {line[0] for line in scores} == {"Dr._A_MD", "B"}
    expected = {
        (answers.images[i], float(r)) for i, r, who in zip(answers.image, answers.rating, answers.reader, strict=True)
        if answers.readers[who] == "B"
    }  # fmt: skip
    assert {(line[1], float(line[3])) for line in scores if line[0] == "B"} == expected


def test_plain_answers_and_names_that_become_one_are_refused():
    with pytest.raises(ValueError, match="not graded"):
        imrmc_text(simulate_answers())
    with pytest.raises(ValueError, match="cannot tell apart: A_B"):
        imrmc_text(simulate_answers(graded=True, names=("A B", "A,B")))
