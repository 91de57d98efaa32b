"""What a protocol declares of its analysis, and what a report says of settings that are others."""

from dataclasses import replace

import pytest

from turing.analysis import AnalysisOptions
from turing.analysis.options import CHOSEN_AFTERWARDS, DECLARED
from turing.models import Study
from turing.reports.declared import declared_plan, default_settings, plan_in_sentences, with_origin
from turing.reports.settings import ReportSettings

NOTHING = "The protocol declared no rule for outlying reading times."


def study_with(**declared) -> Study:
    names = ("equivalence_margin", "confidence_level", "shortest_time_ms", "longest_time_ms", "outlier_mads")
    return Study(protocol={name: declared.get(name) for name in names})


def test_of_a_study_that_an_earlier_version_opened_nothing_is_declared():
    """Its columns are no part of what was hashed: a value in them declares nothing."""
    study = Study(protocol={"schema": 3}, equivalence_margin=0.1, confidence_level=0.95)

    assert default_settings(study).analysis == AnalysisOptions(margin=None)
    assert plan_in_sentences(study, default_settings(study).analysis) == (
        f"The protocol declared no equivalence margin: no equivalence is claimed. {NOTHING}"
    )


def test_times_are_in_seconds():
    plan = declared_plan(study_with(shortest_time_ms=1500, longest_time_ms=90_000))

    assert (plan.min_seconds, plan.max_seconds) == (1.5, 90)


def test_what_nobody_knows_of_is_not_called_declared():
    assert default_settings(None) == ReportSettings()
    assert ReportSettings().analysis.margin_origin == ""


@pytest.mark.parametrize(
    ("declared", "used", "origin"),
    [(0.07, 0.07, DECLARED), (0.07, 0.08, CHOSEN_AFTERWARDS), (None, 0.1, CHOSEN_AFTERWARDS), (0.07, None, "")],
)
def test_where_a_margin_comes_from(declared, used, origin):
    settings = ReportSettings(analysis=AnalysisOptions(margin=used))

    marked = with_origin(settings, study_with(equivalence_margin=declared))

    assert marked == replace(settings, analysis=replace(settings.analysis, margin_origin=origin))


def test_each_setting_is_said_to_be_declared_or_not():
    study = study_with(equivalence_margin=0.1, confidence_level=0.95, shortest_time_ms=500, outlier_mads=3.5)
    options = AnalysisOptions(
        margin=None, confidence=0.9, min_seconds=0.5, max_seconds=60, mad_factor=4, models=("correct ~ position",)
    )

    assert plan_in_sentences(study, options) == (
        "Declared in the protocol, before the first answer: outlying reading times below: 0.5 s. Chosen after the data "
        "were seen, not declared in the protocol: equivalence margin: none (declared: 50 % ± 10 percentage points); "
        "confidence: 90 % (declared: 95 %); outlying reading times above: 60 s; outlying reading times further from "
        "the reader’s own median than: 4 scaled MADs (declared: 3.5 scaled MADs); further mixed model: correct ~ "
        "position."
    )


def test_a_margin_without_a_declaration_makes_an_exploratory_claim():
    text = plan_in_sentences(study_with(), AnalysisOptions(margin=0.1))

    assert text == (
        f"The protocol declared no equivalence margin: a claim of equivalence is exploratory. {NOTHING} Chosen after "
        "the data were seen, not declared in the protocol: equivalence margin: 50 % ± 10 percentage points."
    )
