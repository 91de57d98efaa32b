"""Settings of an analysis."""

import pytest

from turing.analysis import AnalysisOptions


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("confidence", value) for value in (0, 1, 95, float("nan"))),
        *(("margin", value) for value in (0, 0.5, -0.1, float("nan"))),
        *(("seed", value) for value in (-1, 1.5, True)),
        *(("n_bootstrap", value) for value in (99, 100_001, 1000.0)),
        *(("n_bootstrap_kappa", value) for value in (0, 100_001)),
        *(("min_seconds", value) for value in (-1, float("inf"))),
        *(("max_seconds", value) for value in (-1, float("nan"))),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"^{name} = {value} is out of range: it must be "):
        AnalysisOptions(**{name: value})


def test_limits_of_time_that_leave_nothing_are_refused():
    with pytest.raises(ValueError, match="min_seconds = 5 must be below max_seconds = 5"):
        AnalysisOptions(min_seconds=5, max_seconds=5)
    assert AnalysisOptions(min_seconds=0.5, max_seconds=600).max_seconds == 600
