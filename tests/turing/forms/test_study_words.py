"""The words that the form of a study proposes: they follow the protocol until somebody writes others."""

import re

import pytest
from django.urls import reverse

from tests.turing.forms.study_form import CREATE, text_of
from turing.models import Study
from turing.texts import DEFAULT_QUESTION, default_instructions

pytestmark = pytest.mark.django_db


class TestProposedWords:
    @pytest.mark.parametrize(
        ("changes", "question"),
        [
            ({"scale": "pair"}, "Which of the two is real?"),
            ({"scale": "pair", "positive_class": "synthetic"}, "Which of the two is synthetic?"),
            ({"scale": "percent"}, "How likely is it that this radiograph is synthetic?"),
            ({"scale": "confidence"}, DEFAULT_QUESTION),
            ({"scale": "binary", "question": "Which of the two is real?"}, DEFAULT_QUESTION),
            ({"scale": "pair", "question": "Mine?"}, "Mine?"),
        ],
    )
    def test_the_question_follows_the_scale_unless_somebody_wrote_one(
        self, investigator_client, plain, changes, question
    ):
        investigator_client.post(reverse(CREATE), {**plain, **changes})

        assert Study.objects.get().question == question

    def test_so_do_those_of_later_phases(self, investigator_client, whole):
        changes = {"scale": "pair", "n_real": "4", "phase-0-n_real": "2", "phase-0-question": DEFAULT_QUESTION}
        investigator_client.post(reverse(CREATE), {**whole, **changes})

        assert Study.objects.get().later_phases.get().question == "Which of the two is real?"

    def test_a_new_phase_asks_what_the_first_one_asks(self, investigator_client, plain):
        text = text_of(investigator_client.post(reverse(CREATE), {**plain, "question": "Mine?", "add_phase": "1"}))

        assert re.search(r'name="phase-0-question" value="Mine\?"', text)

    def test_instructions_follow_until_they_are_touched(self, investigator_client, plain):
        changes = {"scale": "pair", "time_limit": "30", "n_practice": "2", "practice_feedback": "on"}
        investigator_client.post(reverse(CREATE), {**plain, **changes})
        investigator_client.post(reverse(CREATE), {**plain, **changes, "name": "Own", "instructions": "Mine."})

        assert Study.objects.get(name="Chest study").instructions == default_instructions(
            scale="pair", is_timed=True, has_feedback=True
        )
        assert Study.objects.get(name="Own").instructions == "Mine."

    def test_the_proposed_words_say_what_is_so(self):
        plain, other = default_instructions(), default_instructions(scale="pair", is_timed=True, has_feedback=True)

        assert ("no time limit" in plain, "no time limit" in other) == (True, False)
        assert ("one at a time" in plain, "side by side" in other) == (True, True)
        assert ("practice" in plain, "practice" in other) == (False, True)
