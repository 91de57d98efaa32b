"""What the tests of the form that makes and changes a draft share."""

import re

from turing.forms import StudyForm

CREATE = "turing:study_create"


def text_of(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def data_of(form: StudyForm) -> dict:
    """What a browser would send back when nobody touches the form."""
    data = {"n_phases": str(len(form.phases))}
    for part in form.all_forms():
        for field in part:
            value = field.value()
            if value is not None and value is not False:
                data[field.html_name] = value
    return data
