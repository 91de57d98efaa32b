"""Reading tables of answers: what is understood, and every kind of bad input by its message."""

import math

import numpy as np
import pytest

from turing.analysis import AnswersError, read_csv
from turing.analysis.answers import MISSING

HEADER = "reader,image,truth,answer,experience,seconds\n"
GOOD = (
    HEADER
    + "R1,a,real,real,less,2.5\nR1,b,synthetic,real,less,3\n"
    + "R2,a,real,synthetic,more,4\nR2,b,synthetic,synthetic,more,5\n"
)


def problems(text: str | bytes, **options) -> list[str]:
    with pytest.raises(AnswersError) as caught:
        read_csv(text.encode() if isinstance(text, str) else text, **options)
    return [str(problem) for problem in caught.value.problems]


def read(text: str | bytes, **options):
    return read_csv(text.encode() if isinstance(text, str) else text, **options)


def same(one, other) -> bool:
    columns = ("reader", "image", "truth", "answer", "seconds", "is_repeat")
    equal = all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=name == "seconds") for name in columns
    )
    return equal and (one.readers, one.images, one.groups) == (other.readers, other.images, other.groups)


def test_the_columns_of_the_reference_studies():
    answers = read(GOOD)

    assert (answers.readers, answers.images, answers.groups) == (("R1", "R2"), ("a", "b"), ("less", "more"))
    assert answers.truth.tolist() == [0, 1, 0, 1]
    assert answers.answer.tolist() == [0, 0, 1, 1]
    assert answers.seconds.tolist() == [2.5, 3, 4, 5]
    assert (answers.group_name, answers.notes) == ("experience", ())


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators(separator):
    assert same(read(GOOD.replace(",", separator)), read(GOOD))


def test_excel_in_german():
    """`sep=`, a byte order mark, semicolons, decimal commas, line ends of Windows, quotation marks, empty rows."""
    text = GOOD.replace(",", ";").replace("2.5", "2,5").replace("R1;a", '"R1";" a "').replace("\n", "\r\n")

    answers = read(b"\xef\xbb\xbf" + ("sep=;\r\n" + text + ";;;;;\r\n\r\n").encode())

    assert same(answers, read(GOOD))
    assert answers.notes == ("In column “seconds” the comma was read as a decimal comma.",)


def test_utf_16_and_old_line_ends():
    assert same(read(GOOD.encode("utf-16")), read(GOOD))
    assert same(read(GOOD.replace("\n", "\r")), read(GOOD))


def test_a_path_and_an_open_file(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text(GOOD)

    assert read_csv(path).source == "answers.csv"
    with path.open("rb") as file:
        assert same(read_csv(file, name="upload"), read(GOOD))
    with path.open() as file:
        assert same(read_csv(file), read(GOOD))


@pytest.mark.parametrize(
    "word", ["synthetic", "Fake", "GENERATED", "gan", "AI-generated", "artificial", "ai_generated"]
)
def test_words_for_synthetic(word):
    assert same(read(GOOD.replace("synthetic", word)), read(GOOD))


@pytest.mark.parametrize("word", ["Real", "authentic", "genuine", "original"])
def test_words_for_real(word):
    assert same(read(GOOD.replace("real", word)), read(GOOD))


@pytest.mark.parametrize("word", ["", "NA", "none", "n/a", "NaN", "-", "missing", "no answer"])
def test_words_for_an_answer_that_was_not_given(word):
    answers = read(GOOD.replace("R1,b,synthetic,real", f"R1,b,synthetic,{word}"))

    assert answers.answer.tolist() == [0, MISSING, 1, 1]


def test_zero_and_one_where_the_column_says_which_is_which():
    text = "rater,case,is_fake,said real\nR1,a,0,1\nR1,b,1,1\nR2,a,0,0\nR2,b,1,0\n"

    answers = read(text)

    assert answers.truth.tolist() == [0, 1, 0, 1]
    assert answers.answer.tolist() == [0, 0, 1, 1]


def test_zero_and_one_where_the_caller_says_it():
    text = GOOD.replace("synthetic", "1").replace("real", "0")

    assert same(read(text, labels={"0": "real", "1": "synthetic"}), read(GOOD))


def test_zero_and_one_are_not_guessed():
    first, second = problems(GOOD.replace("synthetic", "1").replace("real", "0"))

    assert first.startswith(
        "Row 2, column “truth”: “0”, “1” cannot be read as real or synthetic (the column holds 2 x “0”"
    )
    assert "Which of the two is synthetic? Say what each means" in first
    assert second.startswith("Row 2, column “answer”")


def test_unknown_words_are_listed_with_what_was_found():
    (problem,) = problems(GOOD.replace("R2,a,real,synthetic", "R2,a,real,unsure"))

    assert problem == (
        "Row 4, column “answer”: “unsure” cannot be read as real or synthetic (the column holds 2 x “real”, "
        "1 x “synthetic”, 1 x “unsure”). Use the words real and synthetic, or say what each of these means, such as "
        "unsure = synthetic."
    )
    with pytest.raises(ValueError, match="label unsure = maybe: it must stand for one of real, synthetic"):
        read(GOOD, labels={"unsure": "maybe"})


def test_columns_by_any_name():
    text = GOOD.replace(HEADER, "Arzt,Bild,Quelle,Urteil,Erfahrung,Zeit\n")
    mapped = {
        "reader": "Arzt",
        "image": "Bild",
        "truth": "Quelle",
        "answer": "Urteil",
        "group": "Erfahrung",
        "seconds": "Zeit",
    }

    assert same(read(text, columns=mapped), read(GOOD))
    assert read(text, columns=mapped).group_name == "Erfahrung"
    assert problems(text)[0] == (
        "Row 1: no column was found for “reader” (who read). Columns in the file: “Arzt”, “Bild”, “Quelle”, “Urteil”, "
        "“Erfahrung”, “Zeit”. Rename the column, or say which it is (reader=COLUMN)."
    )


def test_a_column_can_be_left_out():
    assert read(GOOD, columns={"group": ""}).groups == ()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"person": "reader"}, "there is no role “person”; the roles are: reader, image, truth"),
        ({"reader": "who"}, "Row 1, column “who”: there is no such column, to be taken as reader; there are: “reader”"),
        ({"reader": "image", "image": "image"}, "Row 1, column “image”: is taken as reader and as image"),
    ],
)
def test_a_mapping_that_cannot_be(columns, message):
    assert any(problem.startswith(message) for problem in problems(GOOD, columns=columns))


def test_right_or_wrong_can_stand_for_the_answer():
    text = "reader,image,truth,correct\nR1,a,real,1\nR1,b,synthetic,0\nR2,a,real,wrong\nR2,b,synthetic,\n"

    answers = read(text)

    assert answers.answer.tolist() == [0, 0, 1, MISSING]
    assert "taken from truth and whether it was right" in answers.notes[0]


def test_right_or_wrong_must_fit_answer_and_truth():
    text = "reader,image,truth,answer,correct\nR1,a,real,real,0\nR1,b,synthetic,real,1\nR2,a,real,real,maybe\n"

    assert problems(text) == [
        "Row 2, column “correct”: says wrong, but answer and truth are the same",
        "Row 3, column “correct”: says right, but answer and truth are different",
        "Row 4, column “correct”: “maybe” is neither 1 (right) nor 0 (wrong)",
    ]


def test_ratings_alone_need_a_cut():
    text = "reader,image,truth,rating\nR1,a,real,2\nR1,b,synthetic,5\nR2,a,real,4\nR2,b,synthetic,\n"

    assert "say above which rating" in problems(text)[0]
    assert read(text, rating_cut=3).answer.tolist() == [0, 1, 1, MISSING]
    turned = read(text, rating_cut=3, rating_high="real")
    assert turned.answer.tolist() == [1, 0, 0, MISSING]
    assert turned.rating.tolist()[:3] == [-2, -5, -4]


def test_ratings_the_wrong_way_round_are_refused():
    text = "reader,image,truth,answer,rating\nR1,a,real,real,5\nR1,b,synthetic,synthetic,1\n"

    assert problems(text) == [
        "Column “rating”: ratings are higher where the answer is real; high must mean synthetic: if it means real, say "
        "so"
    ]
    assert read(text, rating_high="real").rating.tolist() == [-5, -1]


def test_how_sure_a_reader_was_is_not_taken_for_a_rating():
    """Confidence in the answer, whatever it is: not guessed by its name; pointed out where it is called a rating."""
    text = (
        "reader,image,truth,answer,confidence\nR1,a,real,real,5\nR1,b,synthetic,synthetic,4\n"
        "R2,a,real,real,1\nR2,b,synthetic,synthetic,5\n"
    )

    assert read(text).rating is None
    called = read(text.replace("confidence", "rating"))
    assert called.notes[-1].startswith("Some answers “real” have a higher rating in column “rating” than some")
    graded = read("reader,image,truth,answer,rating\nR1,a,real,real,3\nR1,b,synthetic,synthetic,4\n")
    assert not any("higher rating" in note for note in graded.notes)


def test_pairs():
    text = "reader,image,right image,truth,answer\nR1,a,b,left,right\nR1,c,d,right,right\nR2,a,b,left,none\n"

    answers = read(text)

    assert (answers.is_pairs, answers.class_names) == (True, ("left", "right"))
    assert answers.images == ("a | b", "c | d")
    assert answers.answer.tolist() == [1, 1, MISSING]
    mixed = problems(text.replace("c,d,right", "c,d,real"))
    assert mixed[0].startswith("Column “truth”: left and right (pairs) stand beside real and synthetic")


def test_our_own_export():
    """Practice is left out, repeats are marked, the position is that of the reader, flags doubt a time."""
    text = (
        "study,positive_class,reader,simulated,group,practice,repeat,position,reader_position,image,truth,label,answer,"
        "rating,seconds,flags\n"
        "S,real,R1,0,Junior,1,0,1,1,I9,real,,real,2,1.0,\n"
        "S,real,R1,0,Junior,0,0,1,2,I1,real,normal,real,2,2.0,\n"
        "S,real,R1,0,Junior,0,0,2,3,I2,synthetic,sinusitis,synthetic,5,3.0,hidden;late\n"
        "S,real,R1,0,Junior,0,1,3,4,I1,real,normal,synthetic,4,,\n"
        "S,real,R2,1,Senior,0,0,1,2,I1,real,normal,none,,,\n"
    )

    answers = read(text)

    assert answers.images == ("I1", "I2")
    assert answers.is_repeat.tolist() == [False, False, True, False]
    assert answers.flagged.tolist() == [False, True, False, False]
    assert answers.position.tolist() == [2, 3, 4, 2]
    assert (answers.group_name, answers.groups) == ("group", ("Junior", "Senior"))
    assert answers.rating.tolist()[:3] == [2, 5, 4]
    assert answers.covariates["label"].tolist() == ["normal", "sinusitis", "normal", "normal"]
    assert answers.notes[0] == "1 practice answer was left out."
    assert answers.notes[-1] == "1 reader is simulated by a program: R2."
    assert answers.positive_class == "real"
    turned = text.replace("S,real", "S,synthetic")
    assert read(turned).positive_class == "synthetic"
    assert read(turned, positive_class="real").positive_class == "real"
    assert problems(text.replace("S,real,R2", "S,synthetic,R2")) == [
        "Column “positive_class”: must be real or synthetic throughout, and holds real, synthetic"
    ]


def test_two_rows_of_a_reader_about_an_image():
    again = GOOD + "R1,a,real,synthetic,less,1\n"

    assert problems(again) == [
        "Row 6: reader “R1” answered image “a” in row 2 already: remove one, or mark the later one in a column “repeat”"
    ]
    assert problems(GOOD + "R1,a,real,real,less,2.5\n") == ["Row 6: the same as row 2: remove one of the two"]
    assert read(again, repeats=True).is_repeat.tolist() == [False] * 4 + [True]


def test_the_later_one_is_that_of_the_later_position():
    text = "reader,image,truth,answer,position\nR1,a,real,real,7\nR1,a,real,synthetic,2\n"

    assert read(text, repeats=True).is_repeat.tolist() == [True, False]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("-1", "-1 is not possible: a number of seconds from 0 to 86400 is needed"),
        ("90000", "90000 is not possible: a number of seconds from 0 to 86400 is needed"),
        ("inf", "inf is not possible: a number of seconds from 0 to 86400 is needed"),
        ("fast", "“fast” is not a number: a number of seconds is needed, or nothing"),
        ("1.234,5", "“1.234,5” is not a number: a number of seconds is needed, or nothing"),
    ],
)
def test_times_that_cannot_be(value, message):
    assert problems(GOOD.replace("2.5", f'"{value}"')) == [f"Row 2, column “seconds”: {message}"]


def test_times_of_zero_and_none():
    answers = read(GOOD.replace("2.5", "0").replace(",3\n", ",\n").replace(",4\n", ",NaN\n"))

    assert answers.seconds[0] == 0
    assert np.isnan(answers.seconds[1:3]).all()
    assert answers.notes == (
        "1 reading time is exactly 0 s and kept.",
        "2 answers have no reading time: left out of the analyses of time only.",
    )


def test_times_in_milliseconds():
    text = GOOD.replace("seconds", "Time (ms)").replace("2.5", "2500").replace(",3\n", ",3000\n")
    text = text.replace(",4\n", ",4000\n").replace(",5\n", ",5000\n")

    assert read(text, columns={"milliseconds": "Time (ms)"}).seconds.tolist() == [2.5, 3, 4, 5]
    (problem,) = problems(text, columns={"seconds": "Time (ms)"})
    assert problem.startswith("Column “Time (ms)”: half of the times are above 3500 s (58 min per image)")


def test_a_median_of_an_hour_is_another_unit():
    text = GOOD.replace("2.5", "4000").replace(",3\n", ",5000\n").replace(",4\n", ",6000\n")

    (problem,) = problems(text)

    assert problem.startswith("Column “seconds”: half of the times are above 4500 s (75 min per image)")


def test_every_problem_at_once():
    text = HEADER + (
        "R1,a,real,real,less,2\n,b,synthetic,real,less,-3\nR2,a,synthetic,real,more,4\nR2,b,,real,less,x\n"
    )

    assert problems(text) == [
        "Row 3, column “reader”: is empty: every answer needs its reader",
        "Row 3, column “seconds”: -3 is not possible: a number of seconds from 0 to 86400 is needed",
        "Row 4, column “truth”: image “a” has another truth here than in row 2",
        "Row 5, column “truth”: is empty: what the image is must be known for every answer",
        "Row 5, column “seconds”: “x” is not a number: a number of seconds is needed, or nothing",
        "Row 5, column “experience”: reader “R2” is in group “less” here and in “more” in row 4: a reader belongs to "
        "one group",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (HEADER.encode(), "the file has a header and no answers below it"),
        (
            b"reader\nR1\n",
            "Row 1: only one column was found (“reader”): separate columns by commas, semicolons or tabs",
        ),
        (GOOD.replace("R2", "Müller").encode("latin-1"), "Row 4: the file is not UTF-8 (byte 0xFC), probably Latin-1"),
        (b"PK\x03\x04...", "this is a spreadsheet or a ZIP file, not a CSV file"),
        (GOOD.encode() + b"\x00", "the file holds zero bytes, so it is not a text file"),
        (b"\xff\xfea", "the file says it is UTF-16 and is not"),
        (GOOD.replace("R2,a", '"R2,a').encode(), "Row 4: the quotation marks are wrong from here on"),
        (GOOD.replace("image", "reader", 1).encode(), "Row 1, column “reader”: two columns have this name"),
        (GOOD.replace("image", "", 1).encode(), "Row 1: column 2 has no name"),
        (GOOD.replace(",less,2.5", "").encode(), "Row 2: has 4 fields, the header has 6"),
        (GOOD.replace("2.5", "2,5").encode(), "Row 2: has 7 fields, the header has 6"),
    ],
)
def test_files_that_are_no_table(content, message):
    assert problems(content)[0].startswith(message)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(AnswersError, match=r"nothing\.csv cannot be read: No such file or directory"):
        read_csv(tmp_path / "nothing.csv")


def test_years_are_no_groups():
    text = GOOD.replace("less", "3").replace("more", "12.5") + "R3,a,real,real,7,1\n"

    answers = read(text)

    assert answers.groups == ()
    assert answers.covariates["experience"].tolist() == [3, 3, 12.5, 12.5, 7]
    assert answers.notes == ("Column “experience” holds 3 different numbers: used as a covariate, not as groups.",)


def test_one_group_and_no_group():
    assert read(GOOD.replace("more", "less")).groups == ()
    partly = read(GOOD.replace("more", ""))
    assert (partly.groups, partly.reader_group) == (("less",), ("less", ""))


def test_names_that_differ_by_capitals_only_are_pointed_out():
    assert read(GOOD + "r1,b,synthetic,real,less,1\n").notes == (
        "The readers “R1” and “r1” are spelled alike and were counted as different.",
    )


def test_covariates_are_kept_when_asked_for():
    text = "reader,image,truth,answer,phase,dose\nR1,a,real,real,1,\nR1,b,synthetic,real,2,1.5\n"

    assert set(read(text).covariates) == {"phase"}
    both = read(text, covariates=["dose"]).covariates
    assert math.isnan(both["dose"][0])
    assert problems(text, covariates=["size"]) == [
        "Row 1, column “size”: there is no such column; there are: reader, image, truth, answer, phase, dose"
    ]


@pytest.mark.parametrize(
    ("cell", "message"),
    [("0", "0 is not possible: a whole number from 1"), ("1.5", "1.5 is not possible"), ("x", "“x” is not a number")],
)
def test_positions_that_cannot_be(cell, message):
    text = f"reader,image,truth,answer,position\nR1,a,real,real,1\nR1,b,real,real,{cell}\n"

    assert problems(text)[0].startswith(f"Row 3, column “position”: {message}")


def test_options_that_cannot_be():
    with pytest.raises(ValueError, match="positive_class = fake: it must be real or synthetic"):
        read(GOOD, positive_class="fake")
