"""The studies that the demonstration makes, apart from the training before them."""

import pytest
from rich.console import Console

from config.demo.loop import SECOND_EXAMPLE, SECOND_EXAMPLE_IMAGES, _example, _report
from tests.generation.conftest import run_job
from tests.turing.builders import make_dataset
from turing.models import Report
from turing.reports.declared import default_settings
from turing.reports.services import start_report
from turing.results.selectors import study_results

pytestmark = pytest.mark.django_db


def test_the_second_example_shows_what_else_a_protocol_can_ask_for(investigator):
    study = _example(
        name="Example",
        real=make_dataset(n=SECOND_EXAMPLE_IMAGES + 1),
        synthetic=make_dataset(origin="synthetic", n=SECOND_EXAMPLE_IMAGES + 1),
        size=SECOND_EXAMPLE_IMAGES,
        by=investigator,
        **SECOND_EXAMPLE,
    )

    results = study_results(study)

    assert (study.status, study.is_example, results.whole.n_trials) == ("closed", True, 30)
    assert all(reader.is_simulated and reader.is_complete and reader.auc.is_defined for reader in results.whole.readers)
    assert [bool(group.members) for group in results.whole.groups] == [True, True]
    assert all(retest.answers.is_defined for retest in results.retests)
    assert all(count.n_marks for count in results.marks)
    assert sum(count.n_comments for count in results.marks) > 0


def test_the_report_of_an_example_is_made_once_and_labelled(transactional_db, investigator, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    study = _example(
        name="Example", real=make_dataset(n=6), synthetic=make_dataset(origin="synthetic", n=6), size=6, by=investigator
    )
    report = start_report(about=study, settings=default_settings(study), by=investigator)
    run_job(report.job)
    console = Console(record=True)

    _report(about=study, by=investigator, console=console)

    assert Report.objects.get() == report
    assert f"✓ Report of “{study.name}”" in console.export_text()
    text = (tmp_path / "reports" / str(report.pk) / "report.html").read_text(encoding="utf-8")
    assert "simulated" in text
    assert "Declared in the protocol, before the first answer: equivalence margin: 50 % ± 10 percentage points" in text
