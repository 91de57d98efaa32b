"""The studies that the demonstration makes, apart from the training before them."""

import pytest

from config.demo.loop import SECOND_EXAMPLE, SECOND_EXAMPLE_IMAGES, _example
from tests.turing.builders import make_dataset
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
