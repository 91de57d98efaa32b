"""The whole analysis: degenerate studies, identities, and that nothing depends on names or order."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.turing.analysis.studies import study
from turing.analysis import AnalysisOptions, Answers, analyse, make_answers, to_json

QUICK = AnalysisOptions(n_bootstrap_kappa=100, n_bootstrap=100)


def analysed(answers: Answers, options: AnalysisOptions = QUICK) -> dict:
    """As strict JSON, so that no NaN and no infinity gets through."""
    return json.loads(json.dumps(to_json(analyse(answers, options)), allow_nan=False))


def numbers_of(value: object, path: str = "") -> dict[str, float]:
    if isinstance(value, dict):
        return {key: item for name in value for key, item in numbers_of(value[name], f"{path}.{name}").items()}
    if isinstance(value, list):
        return {
            key: item for place, part in enumerate(value) for key, item in numbers_of(part, f"{path}.{place}").items()
        }
    return {path: value} if isinstance(value, int | float) and not isinstance(value, bool) else {}


def assert_same_numbers(one: dict, other: dict, *, tolerance: float = 1e-6) -> None:
    ours, theirs = numbers_of(one), numbers_of(other)
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        assert theirs[key] == pytest.approx(value, rel=tolerance, abs=tolerance), key


def rebuilt(answers: Answers, order: np.ndarray | None = None, **changed: object) -> Answers:
    """The same answers by their labels, rows in another order."""
    order = np.arange(len(answers)) if order is None else order
    values: dict = {
        "reader": [answers.readers[code] for code in answers.reader[order]],
        "image": [answers.images[code] for code in answers.image[order]],
        "group": [answers.reader_group[code] for code in answers.reader[order]],
    }
    for name in ("truth", "answer", "seconds", "rating", "position", "is_repeat", "flagged"):
        column = getattr(answers, name)
        values[name] = None if column is None else column[order]
    values |= {"group_name": answers.group_name, "positive_class": answers.positive_class, "is_pairs": answers.is_pairs}
    return make_answers(**(values | changed))


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_rows_does_not_matter(seed):
    answers = study(seed, n_images=20, missing=0.1, repeats=4, graded=True)
    order = np.random.default_rng(seed).permutation(len(answers))

    assert_same_numbers(analysed(answers), analysed(rebuilt(answers, order)))


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_names_of_readers_and_images_do_not_matter(seed):
    """New names in another order; results by reader are compared reader by reader."""
    answers = study(seed, n_images=20, missing=0.1, repeats=4)
    generator = np.random.default_rng(seed)
    new_readers = dict(zip(answers.readers, (f"X{code}" for code in generator.permutation(6)), strict=True))
    new_images = dict(zip(answers.images, (f"Y{code}" for code in generator.permutation(20)), strict=True))
    renamed = rebuilt(
        answers,
        reader=[new_readers[answers.readers[code]] for code in answers.reader],
        image=[new_images[answers.images[code]] for code in answers.image],
    )

    one, other = analysed(answers), analysed(renamed)

    for result in (one, other):
        del result["images"], result["pairwise_kappa"]["pairs"], result["times"]["readers"]
    for part in ("readers", "retest"):
        other[part] = {name: other[part][new] for name, new in new_readers.items() if new in other[part]}
    other["chance"]["readers"] = {name: other["chance"]["readers"][new] for name, new in new_readers.items()}
    assert_same_numbers(one, other)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_real_for_synthetic_mirrors_everything(seed):
    """Truth and answers swapped: the same readers, the other class. What is about classes changes places."""
    answers = study(seed, n_images=20)
    swapped = rebuilt(answers, truth=1 - answers.truth, answer=1 - answers.answer, positive_class="synthetic")

    one, other = analyse(answers, QUICK), analyse(swapped, QUICK)

    assert [row.shares.sensitivity for row in other.accuracy.readers] == [
        row.shares.sensitivity for row in one.accuracy.readers
    ]
    assert [row.real for row in other.accuracy.readers] == [row.synthetic for row in one.accuracy.readers]
    for part, turned in (("all", "all"), ("real", "synthetic"), ("synthetic", "real")):
        assert other.agreement.parts[turned].fleiss.kappa == pytest.approx(
            one.agreement.parts[part].fleiss.kappa, nan_ok=True
        )
        ours, theirs = one.logistic[part], other.logistic[turned]
        assert theirs.estimable == ours.estimable
        for effect, its in zip(ours.effects, theirs.effects, strict=True):
            assert its.estimate == pytest.approx(effect.estimate, abs=1e-6, nan_ok=True)
    for row, its in zip(one.chance.readers, other.chance.readers, strict=True):
        assert its.signal.d_prime.estimate == pytest.approx(row.signal.d_prime.estimate)
        assert its.signal.criterion.estimate == pytest.approx(-row.signal.criterion.estimate)
    assert other.chance.overall.p_chance == pytest.approx(one.chance.overall.p_chance, abs=1e-6, nan_ok=True)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_wrong_for_right_turns_the_signs(seed):
    answers = study(seed, n_images=20)
    turned = rebuilt(answers, answer=1 - answers.answer)

    one, other = analyse(answers, QUICK), analyse(turned, QUICK)

    for row, its in zip(one.accuracy.readers, other.accuracy.readers, strict=True):
        assert its.accuracy.k == its.accuracy.n - row.accuracy.k
        assert its.accuracy.low == pytest.approx(1 - row.accuracy.high, abs=1e-9)
    for ours, theirs in zip(one.logistic["all"].fit.coefficients, other.logistic["all"].fit.coefficients, strict=True):
        assert theirs.estimate == pytest.approx(-ours.estimate, abs=1e-6)
        assert theirs.se == pytest.approx(ours.se, abs=1e-6)
    assert other.chance.overall.marginal.estimate == pytest.approx(1 - one.chance.overall.marginal.estimate, abs=1e-6)
    for row, its in zip(one.chance.readers, other.chance.readers, strict=True):
        assert its.p_chance == pytest.approx(row.p_chance)
        assert its.equivalence.holds == row.equivalence.holds


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(2, 12), st.sampled_from([0.0, 0.4]))
def test_every_interval_contains_its_estimate(seed, n_readers, n_images, missing):
    result = analysed(study(seed, n_readers=n_readers, n_images=n_images, missing=missing, graded=True))

    def check(value: object, path: str) -> None:
        if isinstance(value, dict):
            estimate = next((value[name] for name in ("estimate", "mean", "median") if name in value), None)
            low, high = value.get("low"), value.get("high")
            if isinstance(low, int | float) and isinstance(estimate, int | float):
                assert low - 1e-9 <= estimate <= high + 1e-9, path
            for name, item in value.items():
                check(item, f"{path}.{name}")
        elif isinstance(value, list):
            for place, item in enumerate(value):
                check(item, f"{path}.{place}")

    check(result, "")
    for part in result["logistic"].values():
        if part["estimable"]:
            assert part["or_low"] <= part["or"] <= (part["or_high"] or math.inf)


def test_the_seed_makes_everything_again():
    answers = study(3, missing=0.1)

    again = [analysed(answers, AnalysisOptions(seed=seed, n_bootstrap_kappa=100)) for seed in (5, 5, 6)]

    for result in again:
        del result["options"]
    assert again[0] == again[1]
    assert again[0]["fleiss"]["ci_bootstrap"] != again[2]["fleiss"]["ci_bootstrap"]


def test_one_reader():
    result = analysed(study(4, n_readers=1))

    assert result["readers"]["R1"]["accuracy"]["n"] == 40
    assert result["fleiss"]["reason"] == "agreement needs at least two readers"
    assert result["logistic"]["all"]["reason"].startswith("there is only one reader")
    assert result["linear"]["all"]["crossed"]["reason"].startswith("every image has one answer")
    assert result["chance"]["overall"]["verdict"].startswith("Not tested: there is only one reader")
    assert result["chance"]["readers"]["R1"]["p_chance"] is not None
    assert "With 1 reader little can be said about readers in general." in result["notes"]


def test_two_readers_one_in_each_group():
    result = analysed(study(5, n_readers=2, n_images=60))

    codes = {warning["code"] for warning in result["logistic"]["all"]["warnings"]}
    assert {"two-readers", "one-reader-in-group"} <= codes
    small = result["logistic"]["all"]["small_sample"]["experiencemore"]
    assert "none is left to show how much readers of one group differ" in small["reason"]
    assert result["chance"]["groups"]["less"]["chance_test"] == "exact binomial test"


def test_no_answer_at_all():
    result = analysed(study(6, n_readers=2, n_images=3, missing=1.0))

    assert result["size"]["n_answers"] == 0
    assert result["readers"]["R1"]["accuracy"] == {"k": 0, "n": 0, "estimate": None, "low": 0, "high": 1}
    assert result["logistic"]["all"] == {
        **dict.fromkeys(("or", "or_low", "or_high", "or_low_small", "or_high_small")),
        "estimable": False,
        "reason": "there is no answer",
        "warnings": [],
        "small_sample": {},
        "formula": "correct ~ experience + (1 | image) + (1 | reader)",
    }
    assert result["times"]["reason"] == "there is no reading time"
    assert result["images"]["reason"] == "there is no answer"


@pytest.mark.parametrize("real", [0.0, 1.0])
def test_one_class_only(real):
    there, absent = ("real", "synthetic") if real else ("synthetic", "real")

    result = analysed(study(7, real=real))

    assert result["readers"]["R1"][there]["n"] == 40
    assert result["readers"]["R1"][absent] == {"k": 0, "n": 0, "estimate": None, "low": 0, "high": 1}
    assert result["logistic"][absent]["reason"] == "there is no answer"
    assert result["logistic"][there]["coef"] == result["logistic"]["all"]["coef"]
    for row in (*result["chance"]["readers"].values(), result["chance"]["overall"]):
        assert row["verdict"] == "Not tested: answers about both classes are needed."
        assert row["p_chance"] is None


def test_all_answers_equal():
    answers = study(8)
    result = analysed(rebuilt(answers, answer=np.zeros(len(answers), int)))

    for part in ("fleiss", "fleiss_real", "fleiss_synthetic"):
        assert (result[part]["kappa"], result[part]["reason"]) == (
            None,
            "all answers are equal, so chance agreement is 1 and kappa is 0/0",
        )
        assert result[part]["gwet"]["ac1"]["estimate"] == 1
    assert result["logistic"]["real"]["reason"] == "all answers are 1: there is nothing to explain"
    assert result["logistic"]["synthetic"]["reason"] == "all answers are 0: there is nothing to explain"
    signal = result["chance"]["readers"]["R1"]["signal_detection"]
    assert signal["d_prime"]["estimate"] == pytest.approx(0)
    assert signal["criterion"]["estimate"] > 1.9  # always says real


def test_one_image():
    result = analysed(study(9, n_images=1))

    assert result["readers"]["R1"]["accuracy"]["n"] == 1
    assert result["logistic"]["all"]["reason"] is not None
    assert "one image" in result["linear"]["all"]["crossed"]["reason"]


def test_answers_not_given_are_counted_and_left_out():
    answers = study(10, missing=0.2)
    n_missing = int((answers.answer == -1).sum())

    result = analysed(answers)

    assert result["size"]["n_missing"] == n_missing
    assert result["pooled"]["accuracy"]["n"] == len(answers) - n_missing == result["logistic"]["all"]["n"]
    assert any(note.startswith(f"{n_missing} answers were not given in time") for note in result["notes"])
    assert result["fleiss"]["images_used"] < result["fleiss"]["gwet"]["n_used"]


def test_unequal_groups_and_readers_without_a_group():
    answers = study(11)
    group = ["" if code == 0 else ("less", "more")[int(code > 1)] for code in answers.reader]

    result = analysed(rebuilt(answers, group=group))

    assert result["logistic"]["all"]["n"] == 200
    assert result["readers"]["R1"]["experience"] is None
    assert "1 reader belongs to no group and is in no comparison of groups." in result["notes"]
    assert "The groups are of different size (less: 1, more: 4)." in result["notes"]


def test_three_groups_have_an_odds_ratio_each():
    answers = study(12)
    result = analysed(rebuilt(answers, group=["abc"[code % 3] for code in answers.reader]))

    assert set(result["logistic"]["all"]["or"]) == {"experienceb", "experiencec"}
    assert set(result["logistic"]["all"]["or_low_small"]) == {"experienceb", "experiencec"}


def test_no_groups():
    answers = study(13)
    result = analysed(rebuilt(answers, group=None))

    assert (result["groups"], result["logistic"]["all"]["or"]) == ({}, None)
    assert result["logistic"]["all"]["formula"] == "correct ~ 1 + (1 | image) + (1 | reader)"
    assert set(result["logistic"]["all"]["small_sample"]) == {"(Intercept)"}


def test_repeats_are_for_the_agreement_of_readers_with_themselves_only():
    answers = study(14, repeats=10)

    with_repeats, without = analysed(answers), analysed(answers.first)

    assert {name: kappa["images_used"] for name, kappa in with_repeats["retest"].items()} == {
        f"R{code}": 10 for code in range(1, 7)
    }
    assert without["retest"] == {}
    for part in ("readers", "fleiss", "logistic", "linear", "chance", "times"):
        assert with_repeats[part] == without[part]


def test_a_reader_who_repeats_himself_exactly_agrees():
    answers = study(15, repeats=10)
    first = {(r, i): a for r, i, a, again in zip(answers.reader, answers.image, answers.answer, answers.is_repeat,
                                                strict=True) if not again}  # fmt: skip
    same = rebuilt(answers, answer=[first[r, i] for r, i in zip(answers.reader, answers.image, strict=True)])

    for kappa in analysed(same)["retest"].values():
        assert kappa["same"]["k"] == kappa["same"]["n"] == 10
        assert kappa["kappa"] in (1.0, None)


def test_unequal_classes_are_judged_by_the_balanced_accuracy():
    """A reader who always says real is right in 80 %, and knows nothing."""
    answers = study(16, n_images=100, real=0.8, n_readers=3)
    always = rebuilt(answers, answer=np.where(answers.reader == 0, 0, answers.answer))

    result = analysed(always)

    row = result["chance"]["readers"]["R1"]
    assert (row["k"], row["n"], row["equivalence"]["measure"]) == (80, 100, "balanced accuracy")
    assert row["equivalence"]["estimate"] == 0.5
    assert (row["chance_test"], row["p_chance"]) == ("Fisher's exact test", 1.0)
    assert row["verdict"].startswith("Indistinguishable within the margin of 40 % to 60 %")
    assert any("balanced accuracy" in note for note in result["notes"])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("skill", [0.0, 0.4, 3.0])
def test_indistinguishable_is_said_only_where_equivalence_holds(seed, skill):
    chance = analyse(study(seed, n_images=80, skill=skill), QUICK).chance

    rows = (*chance.readers, *chance.groups, chance.overall)
    for row in rows:
        assert ("ndistinguishable" in row.verdict) == row.equivalence.holds
        if row.equivalence.holds:
            assert 0.4 <= row.equivalence.low <= row.equivalence.high <= 0.6
    if skill == 3.0:
        assert chance.overall.verdict == "Better than chance."


def test_further_covariates_go_through_the_same_model():
    answers = study(17, n_images=60)
    phase = np.where(np.asarray(answers.position) > 30, "second", "first")
    options = dataclasses.replace(QUICK, models=("log(seconds + 1) ~ correct * truth", "correct ~ experience * phase"))

    models = analysed(rebuilt(answers, covariates={"phase": phase}), options)["covariates"]

    assert set(models) == {"class", "position", "position-group", "time", "column-phase", "model-1", "model-2"}
    assert set(models["class"]["coef"]) == {
        *("(Intercept)", "experiencemore", "truthsynthetic", "experiencemore:truthsynthetic")
    }
    assert models["position"]["terms"]["I(position / 10)"] == "position in the session, per 10 images"
    assert models["model-1"]["outcome"] == "log_seconds"
    assert "df" in models["model-1"]
    assert set(models["model-2"]["coef"]) == {
        *("(Intercept)", "experiencemore", "phasesecond", "experiencemore:phasesecond")
    }


def test_a_model_with_an_unknown_name_says_which_names_there_are():
    model = analysed(study(18), dataclasses.replace(QUICK, models=("correct ~ dose",)))["covariates"]["model-1"]

    assert model["estimable"] is False
    assert model["reason"].startswith("“dose” is not known here; there are: truth, correct")
    with pytest.raises(ValueError, match="a model is written as"):
        analyse(study(18), dataclasses.replace(QUICK, models=("dose",)))


def test_graded_answers():
    result = analysed(study(19, graded=True, n_images=60, missing=0.1))["graded"]

    assert result["scale"] == "steps, higher = more synthetic"
    assert [reader["name"] for reader in result["readers"]] == [f"R{code}" for code in range(1, 7)]
    areas = [reader["area"]["auc"] for reader in result["readers"]]
    assert result["averages"][0]["u_statistics"]["estimate"] == pytest.approx(np.mean(areas))
    assert [average["name"] for average in result["averages"]] == ["all", "less", "more"]
    assert result["readers"][0]["calibration"] is None


def test_percentages_are_calibrated():
    answers = study(20, graded=True)
    percent = np.clip(np.linspace(-10, 10, len(answers)) + 20 * np.asarray(answers.rating) - 20, 0, 100)

    reader = analysed(rebuilt(answers, rating=percent))["graded"]["readers"][0]

    assert 0 < reader["calibration"]["brier"] < 1
    assert sum(part["observed"]["n"] for part in reader["calibration"]["bins"]) == 40


def test_pairs():
    result = analysed(study(21, pairs=True, n_images=80))

    assert result["positive_class"] is None
    assert set(result["logistic"]) == set(result["linear"]) == {"all"}
    assert "fleiss_real" not in result
    row = result["readers"]["R1"]
    assert ("real" in row, row["chose_left"]["n"]) == (False, 80)
    average = result["graded"]["averages"][0]
    assert average["u_statistics"]["estimate"] == pytest.approx(result["pooled"]["accuracy"]["estimate"])
    assert average["obuchowski_rockette"] is None
    assert result["chance"]["overall"]["equivalence"]["measure"].startswith("proportion correct")
    assert "truth" not in str(result["covariates"].keys())


def test_declared_outliers_are_counted_and_the_models_made_without_them_too():
    answers = study(22)
    seconds = np.array(answers.seconds)
    seconds[:3] = 500.0

    result = analysed(rebuilt(answers, seconds=seconds), dataclasses.replace(QUICK, max_seconds=300.0))

    assert result["times"]["outliers"]["n_marked"] == 3
    assert result["linear"]["all"]["crossed"]["n"] == 240
    assert result["times"]["linear_without_outliers"]["all"]["crossed"]["n"] == 237
    assert result["times"]["trend"]["without_outliers"]["n_answers"] == 237


def test_progress_rises_to_one_and_can_stop():
    seen: list[tuple[float, str]] = []
    analyse(study(23), QUICK, progress=lambda done, what: seen.append((done, what)))

    shares = [done for done, _ in seen]
    assert shares == sorted(shares)
    assert (shares[0], seen[-1]) == (0.0, (1.0, "Done"))

    def stop(done: float, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyse(study(23), QUICK, progress=stop)
