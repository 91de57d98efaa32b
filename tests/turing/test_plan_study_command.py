"""`manage.py plan_study`, which must do without a database: these tests have none."""

import csv
import json

import pytest
from django.core.management import CommandError, call_command

SMALL = ("--readers", "4", "6", "--images", "20", "--studies", "20")


def test_prints_the_table_and_writes_the_same_numbers(tmp_path, capsys):
    call_command("plan_study", *SMALL, "--accuracy", "0.8", "--seed", "3", "--out", str(tmp_path / "plan"))

    out = capsys.readouterr().out
    stored = json.loads((tmp_path / "plan" / "plan.json").read_text())
    with (tmp_path / "plan" / "plan.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (stored["assumptions"]["accuracy"], stored["seed"]) == (0.8, 3)
    assert [row["readers"] for row in rows] == ["4", "6"]
    for design, row in zip(stored["designs"], rows, strict=True):
        power = design["power_chance"]
        assert f"{100 * power['value']:.0f} % ± {100 * power['error']:.1f}" in out
        assert float(row["power_chance"]) == pytest.approx(power["value"], rel=1e-5)
    assert "4 (2 + 2)" in out
    assert "Each number comes from 20 simulated studies" in out
    assert (tmp_path / "plan" / "plan.svg").read_text().startswith("<?xml")


def test_one_group(capsys):
    call_command("plan_study", *SMALL, "--one-group")

    assert "Odds ratio" not in capsys.readouterr().out


def test_what_is_out_of_range_is_named(tmp_path):
    with pytest.raises(CommandError, match=r"margin = 0\.7 is out of range"):
        call_command("plan_study", *SMALL, "--margin", "0.7")
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="cannot be written to"):
        call_command("plan_study", *SMALL, "--out", str(tmp_path / "file"))
