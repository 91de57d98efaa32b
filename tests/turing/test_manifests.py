"""The manifest is rebuilt from the rows by the schema that the study was opened with."""

import hashlib
import json

import pytest

from tests.turing.builders import make_open_study
from turing.manifests import manifest_sha256
from turing.models import Study
from turing.results.selectors import record_problems

pytestmark = pytest.mark.django_db


def as_of_before(study: Study) -> str:
    """Written out from the program as it was before there was a second schema."""
    trials = [
        {
            "position": trial.position,
            "origin": trial.truth.origin,
            "label": trial.truth.label,
            "pixel_sha256": trial.truth.image.pixel_sha256,
            "stimulus_sha256": trial.stimulus_sha256,
        }
        for trial in study.trials.select_related("truth__image").order_by("position")
    ]
    document = {"schema": 1, "study": str(study.pk), "image_size": study.image_size, "trials": trials}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_study_of_before_keeps_its_hash():
    study = make_open_study()
    protocol = {name: value for name, value in study.protocol.items() if name != "manifest_schema"}
    old = Study(pk=study.pk, image_size=study.image_size, protocol=protocol)

    assert manifest_sha256(old) == as_of_before(study)
    assert manifest_sha256(study) != as_of_before(study)


@pytest.mark.parametrize("scale", ["binary", "pair"])
def test_it_is_the_same_from_the_rows_as_it_was_at_the_opening(scale):
    later = [{"n_real": 2, "n_synthetic": 2}]
    study = make_open_study(scale=scale, n_practice=2, n_repeats=2, order="blocks", block_size=2, later_phases=later)

    assert manifest_sha256(study) == study.manifest_sha256
    assert record_problems(study) == []


def test_a_manifest_of_a_later_program_is_a_problem_and_no_crash():
    study = make_open_study()
    study.protocol["manifest_schema"] = 3

    with pytest.raises(ValueError, match="Manifest schema 3 is not known"):
        manifest_sha256(study)
