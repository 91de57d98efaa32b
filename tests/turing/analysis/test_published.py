"""Jang et al. 2023 (doi 10.1038/s41598-023-28175-1), Tables 1 and 2, from the counts of right answers per reader.

The counts are the paper's, in the reference studies `table1_counts` and `table2_counts`. The intervals below are exact
ones in percent (R's `binom.test`); the paper prints 35 of these 36 the same to two decimals. The 36th, the specificity
of reader 2 in Table 2, is printed with 36.26 as its lower limit, which no count of 100 has: a misprint of 35.98. In
these tables the positive class is *real*.
"""

import pytest

from tests.turing.stats.oracle import FOLDER, expected_of
from turing.analysis import AnalysisOptions, analyse, read_csv
from turing.stats.accuracy import clopper_pearson

# accuracy, sensitivity (real called real), specificity (synthetic called synthetic): percent, lower, upper limit
TABLES = {
    "table1_counts": {
        "R01": ((46.0, 38.95, 53.17), (59, 48.71, 68.74), (33, 23.92, 43.12)),
        "R02": ((56.5, 49.33, 63.48), (76, 66.43, 83.98), (37, 27.56, 47.24)),
        "R03": ((48.0, 40.90, 55.16), (59, 48.71, 68.74), (37, 27.56, 47.24)),
        "R04": ((89.5, 84.40, 93.38), (90, 82.38, 95.10), (89, 81.17, 94.38)),
        "R05": ((73.5, 66.81, 79.48), (86, 77.63, 92.13), (61, 50.73, 70.60)),
        "R06": ((91.0, 86.15, 94.58), (95, 88.72, 98.36), (87, 78.80, 92.89)),
    },
    "table2_counts": {
        "R01": ((52.0, 44.84, 59.10), (63, 52.76, 72.44), (41, 31.26, 51.29)),
        "R02": ((52.5, 45.34, 59.59), (59, 48.71, 68.74), (46, 35.98, 56.26)),
        "R03": ((90.5, 85.56, 94.18), (96, 90.07, 98.90), (85, 76.47, 91.35)),
        "R04": ((83.0, 77.06, 87.93), (67, 56.88, 76.08), (99, 94.55, 99.97)),
        "R05": ((50.5, 43.36, 57.63), (67, 56.88, 76.08), (34, 24.82, 44.15)),
        "R06": ((91.0, 86.15, 94.58), (96, 90.07, 98.90), (86, 77.63, 92.13)),
    },
}
MEAN_ACCURACY = {"table1_counts": 67.42, "table2_counts": 69.92}  # abstract of the paper


@pytest.fixture(scope="module", params=TABLES)
def table(request):
    expected_of(request.param)  # skips where the reference values are not there
    answers = read_csv(FOLDER / f"{request.param}.csv")
    return request.param, analyse(answers, AnalysisOptions(n_bootstrap_kappa=100)).accuracy


def test_every_interval_of_the_table(table):
    name, accuracy = table

    assert accuracy.positive_class == "real"
    for row in accuracy.readers:
        shares = (row.shares.accuracy, row.shares.sensitivity, row.shares.specificity)
        found = [tuple(round(100 * value, 2) for value in (one.estimate, one.low, one.high)) for one in shares]
        assert found == list(TABLES[name][row.name])
        assert (row.real, row.synthetic) == (row.shares.sensitivity, row.shares.specificity)


def test_mean_accuracy_of_the_abstract(table):
    name, accuracy = table

    assert round(100 * accuracy.pooled.mean_accuracy.mean, 2) == MEAN_ACCURACY[name]


def test_the_misprint_is_no_limit_of_any_count():
    assert round(100 * clopper_pearson(46, 100).low, 2) == 35.98
    assert all(round(100 * clopper_pearson(k, 100).low, 2) != 36.26 for k in range(101))
