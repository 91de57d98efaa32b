"""The preview: the readers' pages for an investigator, with images that no reader meets, stored in no table."""

import json
import uuid

import pytest
from django.apps import apps
from django.urls import reverse

from imaging.rendering import render_square
from imaging.storage import load_pixels
from tests.turing.builders import make_dataset, make_draft, make_open_study
from turing import stimuli
from turing.errors import StudyError
from turing.models import Study, TrialTruth
from turing.previews import begin_preview, pixels_of
from turing.services import close_study, follow_up_study, open_study, update_study

pytestmark = pytest.mark.django_db


def make_study(*, n: int = 30, **changes) -> Study:
    values = {"real_dataset": make_dataset(n=n), "synthetic_dataset": make_dataset(origin="synthetic", n=n), **changes}
    return make_draft(**values)


def with_everything(**changes) -> Study:
    later = {"title": "Told", "question": "And now?", "instructions": "Look *twice*.", "n_real": 2, "n_synthetic": 2}
    values = {"n_practice": 4, "practice_feedback": True, "break_every": 1, "consent": "I agree.", "group_by": "grade"}
    groups = [
        {"name": "A", "grades": ["student"]},
        {"name": "B", "grades": ["resident", "fellow", "radiologist", "other"]},
    ]
    return make_study(**{**values, "groups": groups, "later_phases": [later], "closing_text": "So *long*.", **changes})


class Page:
    """What the reading page does, by its endpoints."""

    def __init__(self, client, study):
        self.client, self.study = client, study
        self.attendance = ""

    def address(self, name, *more):
        return reverse(f"turing:preview_{name}", args=[self.study.pk, *more])

    def post(self, name, **body):
        body = {"attendance": self.attendance, **body}
        return self.client.post(self.address(name), json.dumps(body), content_type="application/json")

    def attend(self):
        told = self.post("attend").json()
        self.attendance = told["attendance"]
        return told["current"]

    def answer(self, state, **answer):
        answer = answer or {"value": "real"}
        return self.post("answer", token=state["token"], idempotency_key=str(uuid.uuid4()), **answer)

    def go_on(self):
        return self.post("continue").json()["current"]

    def pixels(self, state):
        return self.client.get(self.address("stimulus", state["token"]))


@pytest.fixture
def preview_of(investigator_client):
    return lambda study: Page(investigator_client, study)


def everything_stored() -> dict[str, list]:
    """Every row of the app, and of the images."""
    models = [*apps.get_app_config("turing").get_models(), *apps.get_app_config("imaging").get_models()]
    return {model._meta.label: list(model.objects.order_by("pk").values()) for model in models}


class TestTheWayThrough:
    def test_every_part_in_its_order_and_nothing_stored(self, preview_of, investigator_client):
        study = with_everything()
        before = everything_stored()
        reader = preview_of(study)

        seen, feedback = [], []
        state = reader.attend()
        while state["state"] != "finished":
            if state["state"] == "reading":
                seen.append(f"{state['section']} {state['position']} of {state['total']}")
                assert len(reader.pixels(state).content) == 16 * 16
                told = reader.answer(state).json()
                state = told["next"]
                if "feedback" in told:
                    feedback.append(told["feedback"])
            else:
                seen.append(state["kind"])
                if state["kind"] == "phase":
                    assert "Look <em>twice</em>." in investigator_client.get(state["url"]).content.decode()
                    investigator_client.post(state["url"])
                    state = reader.client.get(reader.address("current")).json()
                else:
                    state = reader.go_on()

        assert seen == [
            *("practice 1 of 2", "practice 2 of 2", "practice-over"),
            *("study 1 of 6", "study 2 of 6", "break", "study 3 of 6"),
            *("phase", "study 4 of 6", "study 5 of 6", "study 6 of 6"),
        ]
        assert sorted(told["answer"] for told in feedback) == ["real", "synthetic"]
        assert all(told["correct"] is (told["answer"] == "real") for told in feedback)
        assert "So <em>long</em>." in investigator_client.get(state["url"]).content.decode()
        assert everything_stored() == before

    def test_a_plain_study_shows_six_images(self, preview_of):
        reader = preview_of(make_study())

        state = reader.attend()
        n_shown = 0
        while state["state"] == "reading":
            n_shown += 1
            state = reader.answer(state).json()["next"]

        assert (n_shown, state["state"]) == (6, "finished")

    def test_pixels_are_rendered_as_readers_get_them(self, preview_of):
        study = make_study(image_size=8)
        reader = preview_of(study)
        state = reader.attend()

        content = reader.pixels(state).content

        rendered = {
            stimuli.encode_stimulus(render_square(load_pixels(image), 8))
            for dataset in (study.real_dataset, study.synthetic_dataset)
            for image in dataset.images.all()
        }
        assert content in rendered

    def test_a_pair_comes_in_one_response(self, preview_of):
        study = make_study(scale="pair", practice_feedback=True, n_practice=2)
        reader = preview_of(study)
        state = reader.attend()
        real = {
            stimuli.encode_stimulus(render_square(load_pixels(image), 16)) for image in study.real_dataset.images.all()
        }

        content = reader.pixels(state).content
        told = reader.answer(state, value="left").json()

        assert len(content) == 2 * 16 * 16
        left_is_real, right_is_real = content[:256] in real, content[256:] in real
        assert left_is_real is not right_is_real
        assert told["feedback"] == {"answer": "left" if left_is_real else "right", "correct": left_is_real}

    def test_the_total_is_hidden_where_readers_do_not_see_it(self, preview_of):
        state = preview_of(make_study(shows_total=False, n_practice=2)).attend()

        assert state["total"] is None

    def test_a_reload_shows_the_same_image_and_an_end_begins_anew(self, preview_of, investigator_client):
        study = make_study(n=8)
        reader = preview_of(study)
        first = reader.attend()
        second = reader.answer(first).json()["next"]

        again = reader.attend()
        while again["state"] == "reading":
            again = reader.answer(again).json()["next"]
        investigator_client.get(reverse("turing:preview", args=[study.pk]))
        anew = reader.attend()

        assert second["token"] != first["token"]
        assert anew["position"] == 1
        assert anew["token"] not in (first["token"], second["token"])

    def test_stopping_leads_back_to_the_study(self, preview_of):
        study = make_study()
        reader = preview_of(study)

        told = reader.answer(reader.attend(), value="real", stop=True).json()

        assert told["next"] == {"state": "stopped", "url": study.get_absolute_url()}


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "answer"),
        [
            ({}, {"value": "left"}),
            ({}, {"value": "none"}),
            ({}, {"rating": 3}),
            ({"scale": "percent"}, {"rating": 50}),
            ({"scale": "confidence"}, {"rating": 7}),
            ({"mark_kind": "point"}, {"value": "real", "marks": [{"x": 400, "y": 1}]}),
            ({}, {"value": "real", "comment": "Why not"}),
        ],
    )
    def test_answers_are_checked_as_real_ones(self, preview_of, changes, answer):
        reader = preview_of(make_study(**changes))
        state = reader.attend()

        response = reader.answer(state, **answer)

        assert (response.status_code, response.json()["code"]) == (400, "invalid")
        assert reader.client.get(reader.address("current")).json() == state

    def test_only_the_current_image_is_answered_and_one_ahead_is_sent(self, preview_of):
        reader = preview_of(make_study())
        first = reader.attend()
        ahead = {"token": first["ahead"]["token"]}

        assert reader.pixels(ahead).status_code == 200
        assert reader.answer(ahead).json()["code"] == "not-current"
        second = reader.answer(first).json()["next"]
        third = second["ahead"]["token"]
        assert (second["token"], reader.pixels({"token": third}).status_code) == (ahead["token"], 200)
        assert reader.answer(first).json()["code"] == "answered-already"
        assert reader.pixels(first).status_code == 404
        assert reader.pixels({"token": "made-up"}).status_code == 404

    def test_the_newest_page_goes_on(self, preview_of):
        reader = preview_of(make_study())
        state = reader.attend()
        old = reader.attendance
        reader.attend()
        reader.attendance = old

        response = reader.answer(state)

        assert (response.status_code, response.json()["code"]) == (409, "elsewhere")

    def test_a_draft_that_was_changed_is_previewed_anew(self, preview_of):
        study = make_study()
        reader = preview_of(study)
        state = reader.attend()
        update_study(study=study, scale="pair", question="Which?")

        refused = reader.answer(state)
        anew = reader.attend()

        assert refused.status_code == 404
        assert len(reader.pixels(anew).content) == 2 * 16 * 16

    def test_a_closed_study_has_none(self, preview_of, investigator_client):
        study = open_study(study=make_study(), by=None)
        reader = preview_of(study)
        reader.attend()
        close_study(study=study, by=None)

        shown = investigator_client.get(reverse("turing:preview", args=[study.pk]), follow=True)

        assert "there is nothing left to preview" in shown.content.decode()
        assert reader.post("attend").status_code == 403


class TestImagesOfReaders:
    """What readers of an open study judge is shown to nobody: with as many images as the study has, none is left."""

    def drawn(self, study: Study) -> set[str]:
        return {sha256 for _ in range(20) for step in begin_preview(study).steps for sha256 in step.pixels}

    def in_study(self, study: Study) -> set[str]:
        rows = TrialTruth.objects.filter(trial__study=study).values_list(
            "image__pixel_sha256", "right_image__pixel_sha256"
        )
        return {sha256 for row in rows for sha256 in row if sha256}

    @pytest.mark.parametrize("changes", [{}, {"scale": "pair"}, {"n_practice": 4}])
    def test_none_of_an_open_study_is_drawn(self, changes):
        study = open_study(study=make_study(n=12, n_real=8, n_synthetic=8, **changes), by=None)

        drawn = self.drawn(study)

        assert drawn
        assert drawn & self.in_study(study) == set()

    def test_none_of_the_first_session_is_drawn_for_the_second(self):
        first = open_study(study=make_study(n=12, n_real=8, n_synthetic=8), by=None)
        second = follow_up_study(study=first, by=None, washout_days=1)

        drawn = self.drawn(second)
        opened = self.drawn(open_study(study=second, by=None))

        assert drawn
        assert (drawn | opened) & self.in_study(first) == set()

    def test_when_none_is_left_the_study_says_so(self, preview_of, investigator_client):
        study = make_open_study(
            real_dataset=make_dataset(n=2), synthetic_dataset=make_dataset(origin="synthetic", n=2), n_real=2
        )

        with pytest.raises(StudyError, match="no image left for a preview"):
            begin_preview(study)
        shown = investigator_client.get(reverse("turing:preview", args=[study.pk]), follow=True)
        response = preview_of(study).post("attend")

        assert shown.redirect_chain[-1][0] == study.get_absolute_url()
        assert "There is no image left for a preview" in shown.content.decode()
        assert response.status_code == 403

    def test_no_image_comes_twice(self):
        study = with_everything()

        for _ in range(20):
            shown = [sha256 for step in begin_preview(study).steps for sha256 in step.pixels]
            assert len(set(shown)) == len(shown)

    def test_two_previews_differ(self):
        study = make_study()

        assert len({tuple(step.pixels[0] for step in begin_preview(study).steps) for _ in range(5)}) > 1


class TestInstructions:
    def test_as_a_reader_finds_them_and_back_to_the_first_image(self, investigator_client):
        study = with_everything(instructions="Read *calmly*.")
        url = reverse("turing:preview_instructions", args=[study.pk])
        before = everything_stored()

        page = investigator_client.get(url).content.decode()
        refused = investigator_client.post(url, {})
        accepted = investigator_client.post(url, {"consents": "on", "grade": "fellow"})

        assert "Read <em>calmly</em>." in page
        assert "Nothing that you do here is stored." in page
        assert refused.status_code == 422
        assert accepted.url == reverse("turing:preview", args=[study.pk])
        assert everything_stored() == before

    def test_they_begin_anew(self, preview_of, investigator_client):
        study = make_study()
        reader = preview_of(study)
        first = reader.attend()
        reader.answer(first)

        investigator_client.post(reverse("turing:preview_instructions", args=[study.pk]))

        assert reader.attend()["position"] == 1


def test_pixels_of_a_pair_are_left_then_right():
    study = make_study(scale="pair")
    step = begin_preview(study).steps[0]

    left, right = (
        stimuli.encode_stimulus(render_square(load_pixels(sha256), study.image_size)) for sha256 in step.pixels
    )

    assert pixels_of(study, step) == left + right
