"""The file that a closed study gives is read by the analysis, and its numbers are those of the results page."""

import pytest

from tests.turing.builders import make_open_study
from turing.analysis import AnalysisOptions, analyse, read_csv
from turing.results.export import export_csv
from turing.results.selectors import study_results
from turing.services import close_study
from turing.simulation import simulate_readers

QUICK = AnalysisOptions(n_bootstrap_kappa=100, n_bootstrap=100)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "protocol",
    [
        {"n_practice": 2, "n_repeats": 4, "positive_class": "synthetic"},
        {"scale": "confidence"},
        {"scale": "percent"},
        {"scale": "pair", "positive_class": "synthetic"},
    ],
    ids=["binary", "confidence", "percent", "pairs"],
)
def test_numbers_of_the_results_page(protocol):
    study = make_open_study(n_real=8, n_synthetic=8, is_example=True, **protocol)
    simulate_readers(study=study, n_readers=3, seed=6)
    close_study(study=study, by=None)
    page = study_results(study)

    analysis = analyse(read_csv(export_csv(study).encode(), name=study.name), QUICK)

    assert [row.shares for row in analysis.accuracy.readers] == [reader.accuracy for reader in page.whole.readers]
    assert analysis.agreement.parts["all"].fleiss.kappa == pytest.approx(
        page.whole.agreement[0].kappa.kappa, nan_ok=True
    )
    for row, reader in zip(analysis.times.readers, page.whole.readers, strict=True):
        assert row.distribution.median == pytest.approx(reader.time.median)
    assert [retest.kappa for retest in analysis.agreement.retest] == [
        retest.answers for retest in page.retests if protocol.get("n_repeats")
    ]
    if analysis.answers.rating is not None:
        assert [reader.area for reader in analysis.graded.readers] == [reader.auc for reader in page.whole.readers]
    assert any("3 readers are simulated by a program" in note for note in analysis.notes)
