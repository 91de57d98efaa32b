"""Reads the reference values that R computed (see the README beside them). Absent: the tests that need them skip."""

import csv
import functools
import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "oracle"
READER_SETS = (
    *("paper_like", "weak_effect", "table1_counts", "table2_counts", "medium_20x400", "separation", "zero_reader_var"),
    *("zero_image_var", "two_readers", "unbalanced", "one_vs_five", "one_reader_perfect", "zero_seconds", "tiny"),
)


@functools.cache
def answers_of(name: str) -> list[dict[str, str]]:
    with _path(f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@functools.cache
def expected_of(name: str) -> dict[str, Any]:
    return json.loads(_path(f"{name}.json").read_text())


def _path(file_name: str) -> Path:
    path = FOLDER / file_name
    if not path.exists():
        pytest.skip(f"the reference values made with R are not there: {path}")
    return path
