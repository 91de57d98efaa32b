"""`manage.py analyse FILE --json -` against every reader study that R analysed, at the README's tolerances there."""

import functools
import io
import json
import math

import pytest
from django.core.management import call_command

from tests.turing.stats.oracle import FOLDER, READER_SETS, expected_of
from turing.analysis import AnalysisOptions, analyse, read_csv

PARTS = ("all", "real", "synthetic")
CASES = [(name, part) for name in READER_SETS for part in PARTS]
NOT_ESTIMABLE = {
    **{("separation", part): "quasi-complete separation" for part in PARTS},
    ("tiny", "real"): "quasi-complete separation",
    ("tiny", "synthetic"): "the standard deviation between images grows without end",
}
COEF, SE, SD, LOGLIK = 2e-5, 3e-6, 2e-5, 3e-8  # glmmTMB; below 1e-3 its standard deviations mean 0
LMER_COEF, LMER_SE, LMER_SD, LMER_CRITERION, LMER_DF = 1e-8, 1e-7, 4e-7, 3e-9, 4e-6  # lmerTest, tight; df relative


@functools.cache
def printed(name: str) -> dict:
    expected_of(name)  # skips where the reference values are not there
    out = io.StringIO()
    call_command("analyse", str(FOLDER / f"{name}.csv"), json="-", stdout=out)
    return json.loads(out.getvalue(), parse_constant=lambda word: pytest.fail(f"not strict JSON: {word}"))


@pytest.mark.parametrize("name", READER_SETS)
def test_readers(name):
    readers = expected_of(name)["readers"]

    assert set(printed(name)["readers"]) == set(readers)
    for reader, expected in readers.items():
        ours = printed(name)["readers"][reader]
        assert ours["experience"] == expected["experience"]
        for share in ("accuracy", "real", "synthetic"):
            assert ours[share] == pytest.approx(expected[share], abs=1e-11)
        assert (ours["sensitivity"], ours["specificity"]) == (ours["real"], ours["synthetic"])  # positive: real


@pytest.mark.parametrize("name", READER_SETS)
@pytest.mark.parametrize("part", ["fleiss", "fleiss_real", "fleiss_synthetic"])
def test_fleiss(name, part):
    ours, expected = printed(name)[part], expected_of(name)[part]

    names = {field: field for field in ("kappa", "se_null", "se_gwet", "se_jackknife", "ci_null", "p_null")}
    for field, theirs in (names | {"ci_gwet": "ci_gwet_normal"}).items():
        assert ours[field] == _near(expected[theirs], 1e-11), field
    assert (ours["readers"], ours["images_used"]) == (expected["readers"], expected["images_used"])


@pytest.mark.parametrize(("name", "part"), [case for case in CASES if case not in NOT_ESTIMABLE])
def test_logistic(name, part):
    ours, expected = printed(name)["logistic"][part], expected_of(name)["glmer"][part]["glmmtmb"]

    assert (ours["estimable"], ours["reason"]) == (True, None)
    assert set(ours["coef"]) == {"(Intercept)", "experiencemore"}
    assert ours["coef"] == _near(expected["coef"], COEF)
    assert ours["se"] == _near(expected["se"], SE)
    for sd in ("sd_image", "sd_reader"):
        assert ours[sd] == (0 if expected[sd] < 1e-3 else _near(expected[sd], SD))
    assert ours["loglik"] == _near(expected["loglik"], LOGLIK)
    for term, z in ours["z"].items():
        assert z == pytest.approx(
            expected["coef"][term] / expected["se"][term], abs=(COEF + abs(z) * SE) / ours["se"][term]
        )
        assert ours["p"][term] == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), rel=1e-9)
    log_odds, error = expected["coef"]["experiencemore"], expected["se"]["experiencemore"]
    for field, z in (("or", 0), ("or_low", -1.959964), ("or_high", 1.959964)):
        assert math.log(ours[field]) == _near(log_odds + z * error, COEF + 2 * SE)
    low, high = ours["or_low_small"], ours["or_high_small"]
    if name == "two_readers":
        assert (low, high) == (None, None)
        assert "none is left to show how much readers" in ours["small_sample"]["experiencemore"]["reason"]
    else:
        assert 0 < low < ours["or"] < high


@pytest.mark.parametrize(("name", "part"), NOT_ESTIMABLE)
def test_logistic_without_estimate(name, part):
    ours = printed(name)["logistic"][part]

    assert ours["estimable"] is False
    assert ours["reason"].startswith(NOT_ESTIMABLE[name, part])
    numbers = [ours[field] for field in ("or", "or_low", "or_high", "or_low_small", "or_high_small", "loglik")]
    numbers += [ours["sd_image"], ours["sd_reader"], *ours["coef"].values(), *ours["se"].values(), *ours["p"].values()]
    assert set(numbers) == {None}
    assert any(
        f"{part} images: not estimable: {NOT_ESTIMABLE[name, part]}" in text for text in printed(name)["problems"]
    )


@pytest.mark.parametrize(("name", "part"), CASES)
@pytest.mark.parametrize("model", ["crossed", "image_only"])
def test_linear(name, part, model):
    ours, expected = printed(name)["linear"][part][model], expected_of(name)["lmer"][part][model]["tight"]

    assert set(ours["coef"]) == {"(Intercept)", "correct"}
    assert ours["coef"] == _near(expected["coef"], LMER_COEF)
    assert ours["se"] == _near(expected["se"], LMER_SE)
    assert ours["df"] == pytest.approx(expected["df_satterthwaite"], rel=LMER_DF)
    assert ours["p"] == pytest.approx(expected["p_satterthwaite"], rel=3e-5)
    for sd in ("sd_image", "sd_residual"):
        assert ours[sd] == _near(expected[sd], LMER_SD)
    assert ours["sd_reader"] == (_near(expected["sd_reader"], LMER_SD) if model == "crossed" else None)
    assert ours["reml_criterion"] == _near(expected["reml_criterion"], LMER_CRITERION)


def test_interactions_and_covariates_of_answers_are_those_of_r():
    """Values: R 4.2.2 on weak_effect; glmmTMB 1.1.5 (rel.tol 1e-13) and lmerTest 3.1-3 (bobyqa, rhoend 1e-10), with
    crossed random intercepts of image and reader. Terms are ordered as R orders them."""
    expected_of("weak_effect")  # skips where the reference values are not there
    logistic = "correct ~ experience * truth + log(seconds + 1)"
    linear = "log(seconds + 1) ~ experience * truth + correct"
    options = AnalysisOptions(models=(logistic, linear), n_bootstrap_kappa=100)
    right, time = (model.fit for model in analyse(read_csv(FOLDER / "weak_effect.csv"), options).covariates[-2:])

    assert {c.name: c.estimate for c in right.coefficients} == _near(
        {
            "(Intercept)": 1.98062207080,
            "experiencemore": 0.06943298817,
            "truthsynthetic": -0.64805244517,
            "log(seconds + 1)": -0.63069161382,
            "experiencemore:truthsynthetic": 0.21041030695,
        },
        COEF,
    )
    errors = [0.5740668100, 0.5906643468, 0.2098867769, 0.1429654890, 0.2594480269]
    assert [c.se for c in right.coefficients] == _near(errors, SE)
    assert right.loglik == _near(-760.360170441, LOGLIK)
    assert [c.estimate for c in time.coefficients] == _near(
        [2.77824960002, -0.27551842524, 0.03274800117, -0.13378127254, -0.05666122140], LMER_COEF
    )
    assert [c.se for c in time.coefficients] == _near(
        [0.17009924774, 0.23856253064, 0.04278513753, 0.02911680109, 0.05259857499], LMER_SE
    )
    degrees = [4.237512292, 4.098860101, 485.350174901, 1192.417453832, 993.606103951]
    assert [c.df for c in time.coefficients] == pytest.approx(degrees, rel=LMER_DF)
    assert time.reml_criterion == _near(1652.94171501, 1e-8)  # printed with eight decimals


def test_a_variance_on_the_boundary_and_groups_of_one_are_said():
    assert [warning["code"] for warning in printed("paper_like")["logistic"]["all"]["warnings"]] == ["singular-reader"]
    assert [warning["code"] for warning in printed("one_vs_five")["logistic"]["all"]["warnings"]] == [
        "one-reader-in-group"
    ]


def test_missing_answers_are_kept_or_dropped_and_it_is_said_which():
    """Unbalanced: 17 of 180 images have all seven answers. With missing answers kept: R irrCAC's way, run in Python
    (irrCAC 0.4.4 from PyPI, `CAC(table).fleiss()`, `.gwet()`)."""
    ours = printed("unbalanced")["fleiss"]

    assert (ours["images_used"], ours["gwet"]["n_used"]) == (17, 178)
    assert "left out" in ours["missing_answers"]
    assert ours["gwet"]["kappa"]["estimate"] == pytest.approx(0.056487496398, abs=1e-12)
    assert ours["gwet"]["ac1"]["se"] == pytest.approx(0.035945262801, abs=1e-12)


def _near(value, tolerance):
    return None if value is None else pytest.approx(value, abs=tolerance, rel=0)
