"""The form that makes and changes a draft: the whole protocol, its sections, phases and groups."""

import re

import pytest
from django.urls import reverse

from tests.turing.builders import make_dataset, make_draft, make_open_study
from turing.forms import StudyForm
from turing.models import Study
from turing.models.studies import DEFAULT_LEAK_LIMIT
from turing.services import create_study, follow_up_study, open_study
from turing.services.studies import PHASE_FIELDS, PROTOCOL_FIELDS
from turing.texts import DEFAULT_INSTRUCTIONS, DEFAULT_QUESTION, default_instructions

pytestmark = pytest.mark.django_db
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


@pytest.fixture
def datasets():
    return make_dataset(n=20, labels=["normal", "lesion"]), make_dataset(origin="synthetic", n=20)


@pytest.fixture
def plain(datasets):
    """The fewest answers that make a study."""
    real, synthetic = datasets
    return {
        "name": "Chest study",
        "question": DEFAULT_QUESTION,
        "instructions": DEFAULT_INSTRUCTIONS,
        "positive_class": "real",
        "real_dataset": str(real.pk),
        "n_real": "4",
        "synthetic_dataset": str(synthetic.pk),
        "n_synthetic": "4",
    }


@pytest.fixture
def whole(plain):
    """Something in every section."""
    return {
        **plain,
        "scale": "percent",
        "real_label": "Usual",
        "synthetic_label": "Unusual",
        "mark_kind": "box",
        "asks_comment": "on",
        "n_practice": "3",
        "practice_feedback": "on",
        "n_repeats": "2",
        "order": "blocks",
        "block_size": "4",
        "break_every": "5",
        "exposure_limit": "1.5",
        "time_limit": "20",
        "hides_total": "on",
        "shows_score": "on",
        "consent": "I *agree*.",
        "closing_text": "Goodbye.",
        "group_by": "years",
        "group-0-name": "Young",
        "group-0-from_years": "0",
        "group-1-name": "Old",
        "group-1-from_years": "7.5",
        "equivalence_margin": "7",
        "confidence_level": "90",
        "shortest_time": "0.5",
        "longest_time": "300",
        "outlier_mads": "3.5",
        "bit_depth": "8",
        "leak_limit": "0.9",
        "seed": "11",
        "image_size": "16",
        "n_phases": "1",
        "phase-0-title": "Informed",
        "phase-0-question": "And now?",
        "phase-0-instructions": "Some are synthetic.",
        "phase-0-real_label": "Real",
        "phase-0-synthetic_label": "Synthetic",
        "phase-0-real_labels": ["lesion"],
        "phase-0-n_real": "3",
        "phase-0-n_synthetic": "2",
    }


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
        assert "Study with this Name already exists." in text_of(response)


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


class TestMatching:
    def ask(self, client, side="real", **query) -> str:
        response = client.get(reverse("turing:matching_count", args=[side]), query)
        return re.sub(r"<[^>]*>|\s+", " ", response.content.decode()).replace("  ", " ").strip()

    def test_counts_follow_the_filters(self, investigator_client, datasets):
        real = str(datasets[0].pk)

        assert self.ask(investigator_client, real_dataset=real, n_real="5") == "20 images match ."
        assert self.ask(investigator_client, real_dataset=real, real_labels=["lesion"]) == "10 images match ."
        assert "too few for 30" in self.ask(investigator_client, real_dataset=real, n_real="30")
        assert "Choose a dataset" in self.ask(investigator_client, real_dataset="", n_real="5")
        assert "Choose a dataset" in self.ask(investigator_client, real_dataset=real, real_age_min="x")

    def test_a_later_phase_counts_in_the_images_of_the_first(self, investigator_client, datasets):
        first = {"base": "phase-0-", "real_dataset": str(datasets[0].pk), "real_labels": ["lesion"]}

        assert self.ask(investigator_client, **first).startswith("10 images")
        assert self.ask(investigator_client, **first, **{"phase-0-real_labels": ["normal", "lesion"]}).startswith("20")

    def test_datasets_of_the_other_side_do_not_count(self, investigator_client, datasets):
        assert "Choose a dataset" in self.ask(investigator_client, real_dataset=str(datasets[1].pk))

    @pytest.mark.parametrize(("side", "base"), [("all", ""), ("real", "phase-"), ("real", "x'\"")])
    def test_made_up_addresses_are_not_there(self, investigator_client, side, base):
        url = reverse("turing:matching_count", args=[side])

        assert investigator_client.get(url, {"base": base}).status_code == 404

    def test_the_number_stands_there_without_javascript_too(self, investigator_client):
        study = make_draft(n_real=2, n_synthetic=3)

        text = text_of(investigator_client.get(reverse("turing:study_edit", args=[study.pk])))

        assert "<strong>3 images match</strong>" in text
        assert "<strong>4 images match</strong>" in text


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


def test_the_form_asks_no_more_queries_for_more_phases(whole, django_assert_max_num_queries):
    counts = []
    for n_phases in (1, 2):
        with django_assert_max_num_queries(60) as captured:
            StudyForm({**whole, "n_phases": str(n_phases)})
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_an_empty_leak_limit_is_the_usual_one(investigator_client, plain):
    investigator_client.post(reverse(CREATE), {**plain, "leak_limit": ""})

    assert Study.objects.get().leak_limit == DEFAULT_LEAK_LIMIT
