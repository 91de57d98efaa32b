"""Job kinds and their parameters."""

import pytest

from tests.worker.counting.jobs import CountParameters
from worker.registry import get_job_kind, parameters_from_dict, parameters_to_dict, register_job


def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match="Job kind 'count' is registered twice"):
        register_job("count", parameters=CountParameters)(lambda context, parameters: {})


def test_parameters_survive_storage():
    parameters = CountParameters(steps=4, journal="j")

    stored = parameters_to_dict(parameters)

    assert parameters_from_dict(get_job_kind("count"), stored) == parameters
