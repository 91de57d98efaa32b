"""results.json: the numbers under the names of docs/statistics.md, and what R needs to know of the study."""

import json

from turing.analysis import to_json
from turing.analysis.parts import Analysis


def results_json(analysis: Analysis) -> str:
    """A number that does not exist is null; there is no NaN in JSON."""
    return _text(to_json(analysis))


def study_json(analysis: Analysis) -> str:
    """How the columns of answers.csv are to be read."""
    answers = analysis.answers
    return _text(
        {
            "source": answers.source,
            "classes": list(answers.class_names),
            "is_pairs": answers.is_pairs,
            "is_graded": answers.rating is not None,
            "positive_class": answers.positive_class,
            "readers": list(answers.readers),
            "group_name": answers.group_name,
            "groups": list(answers.groups),
            "confidence": analysis.options.confidence,
        }
    )


def _text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
