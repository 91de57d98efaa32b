"""What is made of a plan: table, remarks, CSV, JSON, picture."""

import csv
import io
import json
import math
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from turing.planning_figure import describe_plan, draw_plan
from turing.planning_output import measures_of, plan_from_json, remarks_of, table_of, to_csv, to_json
from turing.stats.planning import Assumptions, MonteCarlo, Plan, PlannedDesign

SVG_TEXT = "{http://www.w3.org/2000/svg}text"


def make_design(n_readers: int = 6, n_images: int = 200, **changed) -> PlannedDesign:
    values = {
        "n_readers": n_readers, "n_second_group": n_readers // 2, "n_images": n_images, "n_studies": 500,
        "power_chance": MonteCarlo(0.914, 0.0125), "power_equivalence": MonteCarlo(0.38, 0.02),
        "power_group": MonteCarlo(0.25, 0.019), "accuracy_half_width": MonteCarlo(0.0935, 0.0034),
        "odds_ratio_factor": MonteCarlo(2.6, 0.1), "kappa": MonteCarlo(0.1476, 0.0047),
        "kappa_half_width": MonteCarlo(0.0513, 0.0004), "n_not_estimable": 0,
    }  # fmt: skip
    return PlannedDesign(**(values | changed))


def make_plan(*designs: PlannedDesign, is_complete: bool = True, **assumptions) -> Plan:
    return Plan(Assumptions(**assumptions), 7, designs or (make_design(),), is_complete)


def test_table_prints_every_number_with_its_monte_carlo_error():
    headings, rows = table_of(make_plan())

    assert rows == [
        ["6 (3 + 3)", "200", "91 % ± 1.2", "38 % ± 2.0", "25 % ± 1.9", "9.3 ± 0.3", "2.60 ± 0.10", "0.148 ± 0.0047",
         "0.051 ± 0.0004"]
    ]  # fmt: skip
    assert headings[:3] == ["Readers", "Images", "Power: not at chance"]


def test_one_group_has_no_column_of_a_group():
    one = make_design(n_second_group=0, power_group=MonteCarlo(math.nan, math.nan))

    headings, rows = table_of(make_plan(one, odds_ratio=None))

    assert rows[0][0] == "6"
    assert not [heading for heading in headings if "group" in heading.lower() or "odds" in heading.lower()]
    assert len(headings) == len(rows[0]) == 7


def test_explanations_name_the_assumed_numbers():
    texts = {measure.name: measure.explanation for measure in measures_of(Assumptions(margin=0.15, odds_ratio=3.0))}

    assert "between 35 and 65 %, if readers are right in 50 %" in texts["power_equivalence"]
    assert "right in 67 %" in texts["power_chance"]
    assert texts["power_group"].endswith("if it is 3.")


def test_remarks_say_what_the_table_cannot():
    plan = make_plan(make_design(n_not_estimable=4), make_design(2, reason="two readers"), is_complete=False)

    remarks = remarks_of(plan)

    assert remarks[0].startswith("Each number comes from 500 simulated studies")
    assert "Seed 7" in remarks[0]
    assert remarks[1].startswith("6 readers and 200 images: 4 of 500 studies had no finite estimate")
    assert remarks[2:] == [
        "2 readers and 200 images: two readers.", "The calculation was ended early: some sizes are missing."
    ]  # fmt: skip


def test_json_comes_back_and_holds_null_for_what_does_not_exist():
    plan = make_plan(make_design(), make_design(4, kappa=MonteCarlo(0.5, 0.25)))
    missing = make_plan(make_design(power_group=MonteCarlo(math.nan, math.nan)), odds_ratio=None)

    assert plan_from_json(json.loads(json.dumps(to_json(plan), allow_nan=False))) == plan
    stored = json.loads(json.dumps(to_json(missing), allow_nan=False))
    assert stored["designs"][0]["power_group"] == {"value": None, "error": None}
    assert table_of(plan_from_json(stored)) == table_of(missing)


def test_csv_has_values_and_errors_as_numbers():
    missing = make_design(4, power_chance=MonteCarlo(math.nan, math.nan))

    rows = list(csv.DictReader(io.StringIO(to_csv(make_plan(make_design(), missing)))))

    assert [row["readers"] for row in rows] == ["6", "4"]
    assert (rows[0]["power_chance"], rows[0]["power_chance_mc_error"]) == ("0.914", "0.0125")
    assert rows[1]["power_chance"] == ""


def test_picture_has_a_panel_for_each_measure_and_is_the_same_each_time():
    plan = make_plan(make_design(4, 100), make_design(6, 100), make_design(4), make_design(6))

    svg = draw_plan(plan)

    texts = [element.text for element in ElementTree.fromstring(svg).iter(SVG_TEXT)]  # noqa: S314 -- ours
    titles = [measure.title for measure in measures_of(plan.assumptions) if measure.name != "kappa"]
    assert [text for text in texts if text in titles] == titles
    assert {"100 images", "200 images"} <= set(texts)
    assert draw_plan(plan) == svg
    assert b"<dc:date>" not in svg


def test_picture_leaves_out_what_does_not_exist():
    nothing = MonteCarlo(math.nan, math.nan)
    plan = make_plan(make_design(2, power_group=nothing, odds_ratio_factor=nothing), make_design(4))

    assert draw_plan(plan) != draw_plan(make_plan(make_design(2), make_design(4)))


def test_picture_in_words_holds_the_smallest_and_the_largest_size():
    plan = make_plan(replace(make_design(12, 400), kappa=MonteCarlo(0.2, 0.001)), make_design(4, 100))

    text = describe_plan(plan)

    assert "Kappa: 0.148 ± 0.0047 with 4 readers and 100 images, 0.200 ± 0.0010 with 12 readers and 400 images." in text


def test_nothing_cannot_be_drawn():
    with pytest.raises(ValueError, match="nothing to draw"):
        draw_plan(Plan(Assumptions(), 1, (), False))
