"""Two studies side by side, and the command that prints it."""

import csv
import json
import math
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from turing.analysis import make_answers
from turing.analysis.comparing import compare_studies, shared_names
from turing.stats.comparison import difference_of_kappas, difference_of_shares, paired_shares
from turing.stats.graded import compare_paired_areas
from turing.stats.mixed import fit_logistic


def study(seed, *, n_readers=4, n_images=30, level=0.6, readers="R", images="I", graded=False, **others):
    generator = np.random.default_rng(seed)
    image, reader = (part.ravel() for part in np.meshgrid(range(n_images), range(n_readers), indexing="ij"))
    truth = image % 2
    right = generator.random(len(image)) < level + 0.2 * np.sin(image)
    answer = np.where(right, truth, 1 - truth)
    if graded:
        others["rating"] = answer * 3 + generator.integers(1, 4, len(image)) + 0.0
    return make_answers(
        reader=[f"{readers}{code + 1}" for code in reader],
        image=[f"{images}{code + 1}" for code in image],
        truth=truth,
        answer=answer,
        **{"source": f"study {seed}"} | others,
    )


def test_shares_are_counted_by_kind_of_image():
    first, second = study(1), study(2, images="J", level=0.7)

    result = compare_studies(first, second, same_readers=True, same_images=False)

    assert [share.images for share in result.shares] == ["all", "real", "synthetic"]
    real = result.shares[1]
    chosen = [part.select(truth="real") for part in (first, second)]
    assert (real.first, real.second) == tuple((int(part.correct.sum()), len(part)) for part in chosen)
    assert real.pooled == difference_of_shares(*real.first, *real.second)
    by_reader = [[part.correct[part.reader == code].mean() for code in range(4)] for part in chosen]
    assert real.readers.difference == pytest.approx(np.mean(by_reader[1]) - np.mean(by_reader[0]))
    assert real.readers.method == "paired t over readers"
    assert math.isfinite(real.readers_log_odds.p)


def test_same_readers_and_images_are_compared_by_mcnemar_reader_by_reader():
    first, second = study(1), study(2)
    order = np.random.default_rng(3).permutation(len(second))

    result = compare_studies(first, second.rows(order), same_readers=True, same_images=True)

    for part in result.readers:
        own = [one.select(readers=[one.readers.index(part.reader)]).correct for one in (first, second)]
        assert part.paired == paired_shares(*own)
        assert part.difference.p == part.paired.p_mid
    tables = [part.select(truth="synthetic").table() for part in (first, second)]
    expected = difference_of_kappas(*tables, same_images=True)
    assert result.kappa["synthetic"].difference == pytest.approx(expected.difference)
    assert result.kappa["synthetic"].se == pytest.approx(expected.se)


def test_odds_ratio_is_that_of_the_mixed_model_of_both_studies():
    first, second = study(1), study(2, level=0.75)
    both = np.concatenate([first.correct, second.correct])
    design = np.column_stack([np.ones(240), np.repeat([0, 1], 120)])
    expected = fit_logistic(
        both, design, np.r_[first.image, second.image + 100], np.r_[first.reader, second.reader + 100], names=("a", "b")
    )

    result = compare_studies(first, second, same_readers=False, same_images=False)

    assert result.odds["all"].effect.estimate == pytest.approx(expected["b"].estimate, abs=1e-5)
    assert result.readers == ()
    assert "4 names of readers are in both files and were taken as different people." in result.notes


def test_graded_studies_have_areas_compared():
    first, second = study(1, graded=True), study(2, graded=True)

    result = compare_studies(first, second, same_readers=True, same_images=True)

    own = [part.select(readers=[0]) for part in (first, second)]
    sets = [part.rating[part.truth == kind] for part in own for kind in (1, 0)]
    assert result.readers[0].area.p == pytest.approx(compare_paired_areas(*sets).p)
    assert result.area.method == "paired t over readers"
    assert compare_studies(first, study(2), same_readers=True, same_images=True).area is None


def test_exchanging_the_studies_changes_the_sign_of_everything():
    first, second = study(1, graded=True), study(2, graded=True, level=0.7)

    forth, back = (
        compare_studies(*pair, same_readers=True, same_images=True) for pair in ((first, second), (second, first))
    )

    for one, other in zip(forth.shares, back.shares, strict=True):
        assert one.pooled.difference == pytest.approx(-other.pooled.difference)
        assert one.readers.p == pytest.approx(other.readers.p)
    assert forth.kappa["all"].difference == pytest.approx(-back.kappa["all"].difference)
    assert forth.odds["all"].effect.estimate == pytest.approx(-back.odds["all"].effect.estimate, abs=1e-5)
    assert forth.area.difference == pytest.approx(-back.area.difference)


@pytest.mark.parametrize(
    ("second", "same_readers", "same_images", "message"),
    [
        (study(2, readers="S"), True, False, "The readers are said to be the same, but no name is in both files"),
        (study(2, images="J"), False, True, "The images are said to be the same, but no name is in both files"),
        (study(2, is_pairs=True), False, False, "One study is of pairs of images"),
        (make_answers(reader=["R1"], image=["I1"], truth=[1], answer=[1]), False, True, "“I1” has another truth"),
    ],
)
def test_studies_that_cannot_be_compared_so_are_refused(second, same_readers, same_images, message):
    with pytest.raises(ValueError, match=message):
        compare_studies(study(1), second, same_readers=same_readers, same_images=same_images)


def test_shared_names():
    assert shared_names(study(1), study(2, images="J")) == (("R1", "R2", "R3", "R4"), ())


def written(path, answers):
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["reader", "image", "truth", "answer"])
        for row in range(len(answers)):
            names = answers.readers[answers.reader[row]], answers.images[answers.image[row]]
            rows.writerow([*names, *(answers.class_names[part[row]] for part in (answers.truth, answers.answer))])
    return str(path)


def printed(*arguments):
    out = StringIO()
    call_command("compare_answers", *arguments, stdout=out)
    return out.getvalue()


def test_command_writes_the_numbers_as_json(tmp_path):
    first, second = study(1), study(2, images="J")
    files = [written(tmp_path / name, part) for name, part in (("a.csv", first), ("b.csv", second))]

    result = json.loads(printed(*files, "--same-readers", "--json", "-"))

    expected = compare_studies(first, second, same_readers=True, same_images=False)
    assert (result["first"], result["second"], result["same_readers"]) == ("a.csv", "b.csv", True)
    assert result["shares"][0]["pooled"]["difference"] == pytest.approx(expected.shares[0].pooled.difference)
    assert result["kappa"]["all"]["p"] == pytest.approx(expected.kappa["all"].p)
    assert result["odds"]["all"]["same_images"] is False
    assert printed(*files, "--same-readers", "--json", str(tmp_path / "out.json")).startswith("Numbers written to")
    assert json.loads((tmp_path / "out.json").read_text()) == result


def test_command_prints_the_main_differences(tmp_path):
    files = [written(tmp_path / name, study(seed)) for seed, name in ((1, "a.csv"), (2, "b.csv"))]

    text = printed(*files, "--same-readers", "--same-images")

    assert text.startswith("b.csv compared with a.csv (second - first):")
    assert "Real images: " in text
    assert "R1: " in text
    assert "McNemar, mid-p" in text


def test_command_asks_whether_equal_names_are_the_same(tmp_path):
    files = [written(tmp_path / name, study(seed)) for seed, name in ((1, "a.csv"), (2, "b.csv"))]

    with pytest.raises(CommandError, match=r"4 names of readers .*\(R1, R2, R3 \.\.\.\): say --same-readers"):
        printed(*files)
    with pytest.raises(CommandError, match="30 names of images are in both files"):
        printed(*files, "--other-readers")


def test_command_names_the_file_that_cannot_be_read(tmp_path):
    good = written(tmp_path / "a.csv", study(1))
    (tmp_path / "b.csv").write_text("reader,image,truth,answer\nR1,I1,real,maybe\n")

    with pytest.raises(CommandError, match=r"b\.csv cannot be analysed"):
        printed(good, str(tmp_path / "b.csv"))


def test_command_writes_the_tables_as_files(tmp_path):
    files = [written(tmp_path / name, study(seed)) for seed, name in ((1, "a.csv"), (2, "b.csv"))]

    text = printed(*files, "--same-readers", "--same-images", "--out", str(tmp_path / "out"))

    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"report.html", "report.pdf", "report.docx", "report.tex", "tables"} <= names
    assert "files written to" in text
    assert "McNemar" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    (tmp_path / "file").write_text("here already")
    with pytest.raises(CommandError, match="Choose another folder"):
        printed(*files, "--same-readers", "--same-images", "--out", str(tmp_path / "file"))
