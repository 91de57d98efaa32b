"""The phases in the form of a study, and the form of a second session."""

import re

import pytest
from django.urls import reverse

from tests.turing.builders import make_open_study
from tests.turing.forms.study_form import CREATE, data_of, text_of
from turing.forms import StudyForm
from turing.models import Study
from turing.services import follow_up_study, open_study

pytestmark = pytest.mark.django_db


class TestPhases:
    """Adding and removing are submits that save nothing, so that they work without JavaScript."""

    def test_adding_one_keeps_what_was_typed(self, investigator_client, whole):
        typed = {**whole, "name": "", "n_real": "many", "phase-0-title": "Inf", "add_phase": "1"}

        response = investigator_client.post(reverse(CREATE), typed)

        text = text_of(response)
        assert response.status_code == 200
        assert 'name="n_phases" value="2"' in text
        assert 'name="n_real" value="many"' in text
        assert 'name="phase-0-title" value="Inf"' in text
        assert re.search(r'name="phase-0-real_labels" value="lesion"[^>]*checked', text)
        assert re.search(r'name="hides_total"[^>]*checked', text)
        assert 'name="phase-1-title"' in text
        assert "tr-field-error" not in text
        assert Study.objects.count() == 0

    def test_removing_one_moves_the_others_up(self, investigator_client, whole):
        second = {key.replace("phase-0", "phase-1"): value for key, value in whole.items() if key.startswith("phase-0")}
        typed = {**whole, **second, "phase-1-title": "Told", "n_phases": "2"}

        response = investigator_client.post(reverse(CREATE), {**typed, "remove_phase": "0"})

        text = text_of(response)
        assert 'name="n_phases" value="1"' in text
        assert 'name="phase-0-title" value="Told"' in text
        assert "phase-1-" not in text

    def test_no_more_than_six(self, investigator_client, plain):
        text = text_of(investigator_client.post(reverse(CREATE), {**plain, "n_phases": "5", "add_phase": "1"}))

        assert 'name="n_phases" value="5"' in text
        assert 'name="add_phase"' not in text

    def test_all_phases_of_a_draft_are_taken_away(self, investigator_client, whole):
        investigator_client.post(reverse(CREATE), whole)
        study = Study.objects.get()
        data = {key: value for key, value in whole.items() if not key.startswith("phase-")}

        investigator_client.post(reverse("turing:study_edit", args=[study.pk]), {**data, "n_phases": "0"})

        assert study.later_phases.count() == 0

    @pytest.mark.parametrize("number", ["-1", "99999999999", "x", ""])
    def test_a_made_up_number_of_phases_does_no_harm(self, investigator_client, plain, number):
        response = investigator_client.post(reverse(CREATE), {**plain, "n_phases": number, "add_phase": "1"})

        assert response.status_code == 200


def test_the_form_asks_no_more_queries_for_more_phases(whole, django_assert_max_num_queries):
    counts = []
    for n_phases in (1, 2):
        with django_assert_max_num_queries(60) as captured:
            StudyForm({**whole, "n_phases": str(n_phases)})
        counts.append(len(captured))

    assert counts[0] == counts[1]


class TestSecondSession:
    def test_its_images_cannot_be_chosen_and_the_rest_can(self, investigator_client):
        first = make_open_study()
        second = follow_up_study(study=first, by=None, washout_days=28)
        url = reverse("turing:study_edit", args=[second.pk])

        text = text_of(investigator_client.get(url))
        response = investigator_client.post(
            url, {**data_of(StudyForm(study=second)), "washout_days": "14", "break_every": "2"}
        )

        assert 'name="real_dataset"' not in text
        assert f'<a href="{first.get_absolute_url()}">' in text
        assert response.status_code == 302, text_of(response)
        second.refresh_from_db()
        assert (second.follows, second.washout_days, second.break_every, second.n_real) == (first, 14, 2, 2)

    def test_the_words_of_its_later_phases_can_be_changed_and_their_images_cannot(self, investigator_client):
        phases = [
            {"title": "Informed", "question": "Now?", "n_real": 1, "n_synthetic": 1},
            {"n_real": 2, "n_synthetic": 1},
        ]
        first = make_open_study(later_phases=phases)
        second = follow_up_study(study=first, by=None, washout_days=28)
        url = reverse("turing:study_edit", args=[second.pk])
        changes = {
            "phase-0-question": "And today?",
            "phase-0-instructions": "It is the second time.",
            "phase-1-title": "Last",
            "phase-1-real_label": "Usual",
            "phase-1-synthetic_label": "Odd",
        }
        forged = {"phase-0-n_real": "9", "phase-0-real_dataset": str(first.synthetic_dataset_id), "n_phases": "1"}

        text = text_of(investigator_client.get(url))
        for tried in ({"add_phase": "1"}, {"remove_phase": "0"}, {}):
            response = investigator_client.post(url, {**data_of(StudyForm(study=second)), **changes, **forged, **tried})
            assert response.status_code == 302, text_of(response)

        for name in ("add_phase", "remove_phase", "phase-0-n_real", "phase-0-real_dataset"):
            assert f'name="{name}"' not in text
        assert 'name="phase-1-question"' in text
        before, (one, two) = first.later_phases.all(), second.later_phases.all()
        assert (one.question, one.instructions, one.title) == ("And today?", "It is the second time.", "Informed")
        assert (two.title, two.real_label, two.synthetic_label) == ("Last", "Usual", "Odd")
        for same, phase in zip(before, (one, two), strict=True):
            assert (phase.n_real, phase.n_synthetic) == (same.n_real, same.n_synthetic)
            assert (phase.real_dataset, phase.synthetic_dataset) == (same.real_dataset, same.synthetic_dataset)
        assert open_study(study=second, by=None).status == "open"

    def test_a_second_session_of_one_phase_has_no_section_of_phases(self, investigator_client):
        second = follow_up_study(study=make_open_study(), by=None, washout_days=28)

        text = text_of(investigator_client.get(reverse("turing:study_edit", args=[second.pk])))

        assert 'id="phases"' not in text
