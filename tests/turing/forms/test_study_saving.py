"""The form of a study, filled in and sent: every choice arrives, and a mistake is said where it stands."""

import re

import pytest
from django.urls import reverse

from tests.turing.forms.study_form import CREATE, data_of, text_of
from turing.forms import StudyForm
from turing.models import Study
from turing.models.studies import DEFAULT_LEAK_LIMIT
from turing.services import create_study
from turing.services.studies import PHASE_FIELDS, PROTOCOL_FIELDS

pytestmark = pytest.mark.django_db


class TestSaving:
    def test_a_plain_study_is_as_the_service_makes_it(self, investigator_client, plain, datasets, investigator):
        expected = create_study(
            name="Other",
            real_dataset=datasets[0],
            synthetic_dataset=datasets[1],
            n_real=4,
            n_synthetic=4,
            created_by=investigator,
        )

        response = investigator_client.post(reverse(CREATE), plain)

        study = Study.objects.get(name="Chest study")
        assert response.url == study.get_absolute_url()
        same = [field for field in PROTOCOL_FIELDS if field not in ("name", "seed")]
        assert {field: getattr(study, field) for field in same} == {field: getattr(expected, field) for field in same}
        assert study.later_phases.count() == 0

    def test_every_choice_arrives(self, investigator_client, whole, datasets):
        response = investigator_client.post(reverse(CREATE), whole)

        assert response.status_code == 302, text_of(response)
        study = Study.objects.get()
        assert {field: getattr(study, field) for field in PROTOCOL_FIELDS if field != "instructions"} == {
            "name": "Chest study",
            "question": "How likely is it that this radiograph is synthetic?",
            "positive_class": "real",
            "real_dataset": datasets[0],
            "synthetic_dataset": datasets[1],
            "real_filters": {},
            "synthetic_filters": {},
            "n_real": 4,
            "n_synthetic": 4,
            "seed": 11,
            "image_size": 16,
            "bit_depth": 8,
            "leak_limit": 0.9,
            "scale": "percent",
            "real_label": "Usual",
            "synthetic_label": "Unusual",
            "mark_kind": "box",
            "asks_comment": True,
            "n_practice": 3,
            "practice_feedback": True,
            "n_repeats": 2,
            "order": "blocks",
            "block_size": 4,
            "break_every": 5,
            "exposure_limit_ms": 1500,
            "time_limit_ms": 20_000,
            "shows_total": False,
            "shows_score": True,
            "consent": "I *agree*.",
            "closing_text": "Goodbye.",
            "group_by": "years",
            "groups": [{"name": "Young", "from_years": 0}, {"name": "Old", "from_years": 7.5}],
            "follows": None,
            "washout_days": 0,
            "equivalence_margin": 0.07,
            "confidence_level": 0.9,
            "shortest_time_ms": 500,
            "longest_time_ms": 300_000,
            "outlier_mads": 3.5,
        }
        (phase,) = study.later_phases.all()
        assert {field: getattr(phase, field) for field in PHASE_FIELDS} == {
            "title": "Informed",
            "question": "And now?",
            "instructions": "Some are synthetic.",
            "real_label": "Real",
            "synthetic_label": "Synthetic",
            "real_dataset": datasets[0],
            "synthetic_dataset": datasets[1],
            "real_filters": {"labels": ["lesion"]},
            "synthetic_filters": {},
            "n_real": 3,
            "n_synthetic": 2,
        }

    def test_saving_without_a_change_changes_nothing(self, investigator_client, whole):
        investigator_client.post(reverse(CREATE), whole)
        study = Study.objects.get()
        before = {field: getattr(study, field) for field in PROTOCOL_FIELDS}
        phases_before = list(study.later_phases.values(*PHASE_FIELDS))

        response = investigator_client.post(
            reverse("turing:study_edit", args=[study.pk]), data_of(StudyForm(study=study))
        )

        assert response.status_code == 302, text_of(response)
        study.refresh_from_db()
        assert {field: getattr(study, field) for field in PROTOCOL_FIELDS} == before
        assert list(study.later_phases.values(*PHASE_FIELDS)) == phases_before

    def test_groups_by_grade(self, investigator_client, plain):
        groups = {
            "group_by": "grade",
            "group-0-name": "Training",
            "group-0-grades": ["student", "resident"],
            "group-2-name": "Trained",  # rows may be left out
            "group-2-grades": ["fellow", "radiologist", "other"],
        }

        investigator_client.post(reverse(CREATE), {**plain, **groups})

        assert Study.objects.get().groups == [
            {"name": "Training", "grades": ["student", "resident"]},
            {"name": "Trained", "grades": ["fellow", "radiologist", "other"]},
        ]

    def test_a_later_phase_without_filters_takes_those_of_the_first(self, investigator_client, plain):
        phase = {"phase-0-title": "Again", "phase-0-question": "?", "phase-0-n_real": "2", "phase-0-n_synthetic": "2"}
        labels = {"phase-0-real_label": "Real", "phase-0-synthetic_label": "Synthetic"}

        investigator_client.post(
            reverse(CREATE), {**plain, "real_labels": ["lesion"], "n_phases": "1", **phase, **labels}
        )

        assert Study.objects.get().later_phases.get().real_filters == {"labels": ["lesion"]}

    def test_words_on_buttons_are_dropped_with_the_buttons(self, investigator_client, plain):
        words = {"scale": "confidence", "real_label": "Usual", "synthetic_label": "Unusual"}

        investigator_client.post(reverse(CREATE), {**plain, **words})

        study = Study.objects.get()
        assert (study.real_label, study.synthetic_label) == ("Real", "Synthetic")


def test_an_empty_leak_limit_is_the_usual_one(investigator_client, plain):
    investigator_client.post(reverse(CREATE), {**plain, "leak_limit": ""})

    assert Study.objects.get().leak_limit == DEFAULT_LEAK_LIMIT


class TestMistakes:
    @pytest.mark.parametrize(
        ("changes", "section", "message"),
        [
            ({"order": "blocks"}, "order", "How many images does a block have?"),
            ({"practice_feedback": "on"}, "practice", "Feedback needs practice images: how many?"),
            ({"n_repeats": "5"}, "practice", "At most half of the 8 can be shown a second time: 4."),
            ({"exposure_limit": "0.1"}, "time", "greater than or equal to 0.2"),
            ({"exposure_limit": "9", "time_limit": "8"}, "time", "Longer than the time for an answer"),
            ({"equivalence_margin": "50"}, "analysis", "less than or equal to 49.9"),
            ({"shortest_time": "9", "longest_time": "9"}, "analysis", "every reading time would be an outlier"),
            ({"group_by": "years", "group-0-name": "All", "group-0-from_years": "0"}, "groups", "between 2 and 6"),
            ({"group_by": "grade", "group-0-name": "A" * 41}, "groups", "at most 40 characters"),
            ({"n_phases": "1", "phase-0-n_real": "2"}, "phases", "This field is required."),
        ],
    )
    def test_a_mistake_stands_in_its_section_which_is_open(self, investigator_client, plain, changes, section, message):
        response = investigator_client.post(reverse(CREATE), {**plain, **changes})

        assert response.status_code == 422
        sections = re.findall(
            r'<details class="tr-panel tr-section" id="(\w+)" (open)?.*?</summary>', text_of(response)
        )
        assert [name for name, is_open in sections if is_open] == [section]
        shown = re.search(
            rf'<details class="tr-panel tr-section" id="{section}".*?</details>\s*(?=<details class="tr-panel|<h2>)',
            text_of(response),
        ).group()
        assert re.search(rf'class="tr-field-error"[^>]*>[^<]*{re.escape(message)}', shown)
        assert Study.objects.count() == 0

    def test_pairs_need_as_many_of_each_kind(self, investigator_client, plain):
        response = investigator_client.post(reverse(CREATE), {**plain, "scale": "pair", "n_synthetic": "3"})

        assert "4 real images need 4 synthetic ones." in text_of(response)
        assert Study.objects.count() == 0

    def test_practice_needs_images_of_its_own(self, investigator_client, plain):
        response = investigator_client.post(reverse(CREATE), {**plain, "n_real": "19", "n_practice": "3"})

        assert "the study asks for 19 and 2 more for the practice and 20 in" in text_of(response)
        assert Study.objects.count() == 0

    def test_what_only_the_service_knows_is_said_above_the_form(self, investigator_client, plain):
        investigator_client.post(reverse(CREATE), plain)

        response = investigator_client.post(reverse(CREATE), plain)

        assert response.status_code == 422
        assert "There is a study called" in text_of(response)
