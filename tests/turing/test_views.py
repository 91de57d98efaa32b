"""Pages of investigators."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.turing.builders import answer_next, make_dataset, make_draft, make_open_study, make_session
from turing.models import Study
from turing.services import close_study, create_invitations, follow_up_study, open_study
from turing.simulation import simulate_readers

pytestmark = pytest.mark.django_db


def page(response) -> str:
    """The text of a page, blanks made single."""
    return re.sub(r"\s+", " ", response.content.decode())


@pytest.fixture
def datasets():
    return make_dataset(n=6, labels=["normal", "lesion"]), make_dataset(origin="synthetic", n=5)


@pytest.fixture
def form(datasets):
    real, synthetic = datasets
    return {
        "name": "Chest study",
        "question": "Real or synthetic?",
        "instructions": "Read *calmly*.",
        "positive_class": "synthetic",
        "real_dataset": str(real.pk),
        "n_real": "3",
        "real_labels": ["lesion"],
        "synthetic_dataset": str(synthetic.pk),
        "n_synthetic": "4",
        "seed": "",
        "image_size": "",
    }


def test_the_empty_list_says_what_to_do(investigator_client):
    text = page(investigator_client.get(reverse("turing:study_list")))

    assert "No studies yet" in text
    assert f'href="{reverse("turing:study_create")}"' in text


def test_the_list_asks_the_same_queries_for_many(investigator_client, django_assert_max_num_queries):
    counts = []
    for _ in range(3):
        make_session(study=make_open_study())
        with django_assert_max_num_queries(20) as captured:
            investigator_client.get(reverse("turing:study_list"))
        counts.append(len(captured))

    assert counts[0] == counts[2]


def test_the_list_counts_readers_who_finished(investigator_client):
    study = make_open_study(n_real=1, n_synthetic=1)
    finished, _ = make_session(study=study), make_session(study=study)
    for _ in range(2):
        answer_next(finished)

    assert "1 of 2" in page(investigator_client.get(reverse("turing:study_list")))


def test_a_form_makes_a_draft(investigator_client, form, investigator):
    response = investigator_client.post(reverse("turing:study_create"), form)

    study = Study.objects.get()
    assert response.url == study.get_absolute_url()
    assert (study.name, study.question, study.instructions) == ("Chest study", "Real or synthetic?", "Read *calmly*.")
    assert (study.n_real, study.n_synthetic, study.positive_class) == (3, 4, "synthetic")
    assert (study.real_filters, study.synthetic_filters) == ({"labels": ["lesion"]}, {})
    assert (study.image_size, study.created_by) == (16, investigator)
    assert study.seed > 0


def test_the_form_offers_each_side_its_own_datasets(investigator_client, datasets):
    text = page(investigator_client.get(reverse("turing:study_create")))

    real_select, synthetic_select = (
        re.search(rf'<select name="{side}_dataset".*?</select>', text).group() for side in ("real", "synthetic")
    )
    assert datasets[0].name in real_select
    assert datasets[0].name not in synthetic_select
    assert datasets[1].name in synthetic_select


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_real": "4"}, "Not enough real images: the study asks for 4 and 3 in"),
        ({"n_real": "0"}, "Ensure this value is greater than or equal to 1."),
        ({"name": ""}, "This field is required."),
        ({"image_size": "5000"}, "Ensure this value is less than or equal to 2048."),
        ({"real_age_min": "50", "real_age_max": "20"}, "Filters of the real images: age_min 50 is above age_max 20"),
    ],
)
def test_what_cannot_be_drawn_comes_back_with_words_and_input(investigator_client, form, changes, message):
    response = investigator_client.post(reverse("turing:study_create"), {**form, **changes})

    assert response.status_code == 422
    assert message in page(response)
    assert "Read *calmly*." in page(response)
    assert Study.objects.count() == 0


def test_a_draft_is_changed_with_its_values_filled_in(investigator_client, form):
    investigator_client.post(reverse("turing:study_create"), form)
    study = Study.objects.get()
    url = reverse("turing:study_edit", args=[study.pk])

    text = page(investigator_client.get(url))
    investigator_client.post(url, {**form, "name": "Renamed", "seed": "5", "real_labels": []})

    assert 'value="Chest study"' in text
    assert f'value="{study.seed}"' in text
    assert re.search(r'name="real_labels" value="lesion"[^>]*checked', text)
    study.refresh_from_db()
    assert (study.name, study.seed, study.real_filters) == ("Renamed", 5, {})


def test_closing_by_button(investigator_client, investigator):
    study = make_open_study()

    opened = investigator_client.get(study.get_absolute_url())
    closed = investigator_client.post(reverse("turing:study_close", args=[study.pk]), follow=True)
    again = investigator_client.post(reverse("turing:study_open", args=[study.pk]), follow=True)

    study.refresh_from_db()
    assert (study.status, study.closed_by) == ("closed", investigator)
    assert "The study is open." in page(opened)
    assert study.protocol_sha256 in page(opened)
    assert "The study is closed. Its results can be seen now." in page(closed)
    assert "cannot be opened: it is closed already" in page(again)


class TestProtocolInWords:
    def facts(self, client, study) -> dict[str, str]:
        text = page(client.get(study.get_absolute_url()))
        return {
            name: re.sub(r"<[^>]*>", "", words).strip()
            for name, words in re.findall(r"<dt>(.*?)</dt> <dd>(.*?)</dd>", text)
        }

    def test_of_a_plain_study_only_what_is_on(self, investigator_client):
        facts = self.facts(investigator_client, make_draft())

        assert list(facts) == [
            *("Answers", "Order", "Image size", "Leak audit", "Positive class", "Equivalence margin", "Seed"),
            *("Question", "Real images", "Synthetic images"),
        ]
        assert facts["Equivalence margin"] == "None declared: the report claims no equivalence with chance"
        assert facts["Answers"] == "Two buttons, one for each kind; answers are final"
        assert facts["Order"] == "One random mix, the same for all readers"

    def test_everything_that_is_on(self, investigator_client):
        groups = [{"name": "Young", "from_years": 0}, {"name": "Old", "from_years": 5}]
        later = {"title": "Told", "instructions": "Look twice.", "n_real": 1, "n_synthetic": 2}
        study = make_draft(
            real_dataset=make_dataset(n=20),
            synthetic_dataset=make_dataset(origin="synthetic", n=20),
            n_real=6,
            n_synthetic=6,
            real_label="Usual",
            synthetic_label="Unusual",
            mark_kind="box",
            asks_comment=True,
            n_practice=1,
            n_repeats=2,
            order="blocks",
            block_size=4,
            break_every=5,
            exposure_limit_ms=1000,
            time_limit_ms=2500,
            shows_total=False,
            shows_score=True,
            consent="Agreed?",
            closing_text="Goodbye.",
            group_by="years",
            groups=groups,
            later_phases=[later],
        )

        facts = self.facts(investigator_client, study)
        text = page(investigator_client.get(study.get_absolute_url()))

        told = {
            "Marks": "Readers may mark with boxes what gave an image away",
            "Comment": "Readers may write one for each image",
            "Practice": "1 image first, without feedback; not part of the results",
            "Repeats": "2 images shown a second time, unannounced and never in a row; the first answer counts",
            "Breaks": "Offered after every 5 images",
            "Exposure": "An image is taken off the screen after 1 second",
            "Time limit": "2.5 seconds for an answer, then the next image comes",
            "Number of images": "Not told to readers",
            "Score": "Shown to readers who finished, once the study is closed",
            "Consent": "Asked before anything else",
            "Reader groups": "By years of experience, declared at the start: “Young” from 0 years; “Old” from 5 years",
            "Buttons": "“Usual” for real, “Unusual” for synthetic",
        }
        assert {name: facts.get(name) for name in told} == told
        assert facts["Order"].startswith("Blocks of about 4 images")
        assert "<h2>Phase 2: Told</h2>" in text
        assert all(words in text for words in ("Look twice.", "Agreed?", "Goodbye."))

    @pytest.mark.parametrize(
        ("changes", "answers"),
        [
            ({"scale": "confidence"}, "Six steps"),
            ({"scale": "percent"}, "0 to 100"),
            ({"scale": "pair"}, "Two images side by side"),
        ],
    )
    def test_scales(self, investigator_client, changes, answers):
        assert self.facts(investigator_client, make_draft(**changes))["Answers"].startswith(answers)


class TestCopies:
    def test_a_study_is_a_template(self, investigator_client, investigator):
        study = make_open_study(break_every=2)

        response = investigator_client.post(reverse("turing:study_clone", args=[study.pk]), follow=True)

        clone = Study.objects.exclude(pk=study.pk).get()
        assert (clone.status, clone.break_every, clone.created_by) == ("draft", 2, investigator)
        assert clone.seed != study.seed
        assert response.redirect_chain[-1][0] == reverse("turing:study_edit", args=[clone.pk])
        assert "a seed of its own" in page(response)

    def test_a_second_session_is_planned(self, investigator_client):
        session = make_session()
        first = session.study
        url = reverse("turing:second_session_create", args=[first.pk])

        response = investigator_client.post(url, {"name": "", "washout_days": "30"}, follow=True)

        second = Study.objects.exclude(pk=first.pk).get()
        assert (second.follows, second.washout_days, second.status) == (first, 30, "draft")
        text = page(response)
        assert f'Second session of <a href="{first.get_absolute_url()}">' in text
        assert "30 days after they finished the first" in text
        assert "Make links" not in text
        of_first = page(investigator_client.get(first.get_absolute_url()))
        assert f'Followed by a second session: <a href="{second.get_absolute_url()}">' in of_first
        assert "(draft, washout 30 days)" in of_first

    def test_its_readers_wait_for_the_washout(self, investigator_client):
        session = make_session()
        waiting = make_session(study=session.study)
        for _ in range(4):
            answer_next(session)
        second = open_study(study=follow_up_study(study=session.study, by=None, washout_days=30), by=None)

        text = page(investigator_client.get(second.get_absolute_url()))

        available = timezone.localdate() + timedelta(days=30)
        assert f"Can start on {available:%Y-%m-%d}" in text
        assert "Waits for the end of the first session" in text
        assert waiting.reader_code in text

    @pytest.mark.parametrize("days", ["", "-1", "4000"])
    def test_a_washout_that_cannot_be_is_named(self, investigator_client, days):
        study = make_open_study()

        response = investigator_client.post(
            reverse("turing:second_session_create", args=[study.pk]), {"washout_days": days}
        )

        assert response.status_code == 422
        assert "tr-field-error" in page(response)
        assert Study.objects.count() == 1

    def test_a_draft_has_no_second_session(self, investigator_client):
        study = make_draft()
        url = reverse("turing:second_session_create", args=[study.pk])

        text = page(investigator_client.post(url, {"washout_days": "3"}, follow=True))

        assert Study.objects.count() == 1
        assert "is a draft" in text


def test_a_draft_is_deleted_and_an_opened_study_is_not(investigator_client):
    draft, opened = make_draft(), make_open_study()

    for study in (draft, opened):
        investigator_client.post(reverse("turing:study_delete", args=[study.pk]))

    assert list(Study.objects.all()) == [opened]


def test_links_are_shown_once_and_work(investigator_client, client):
    study = make_open_study()
    url = reverse("turing:invitation_create", args=[study.pk])

    response = investigator_client.post(url, {"count": "2", "note": "ward B"})

    links = re.findall(r'value="(http://testserver/invite/[^"]+)"', page(response))
    assert len(set(links)) == 2
    assert response["Cache-Control"] == "no-store"
    detail = page(investigator_client.get(study.get_absolute_url()))
    assert detail.count("ward B") >= 2
    assert not any(link.rsplit("/", 2)[1] in detail for link in links)
    client.logout()
    assert client.get(links[0].removeprefix("http://testserver")).status_code == 200


def test_a_wrong_number_of_links_is_named(investigator_client):
    study = make_open_study()

    response = investigator_client.post(reverse("turing:invitation_create", args=[study.pk]), {"count": "0"})

    assert response.status_code == 422
    assert "Ensure this value is greater than or equal to 1." in page(response)


def test_an_invitation_is_withdrawn(investigator_client):
    ((invitation, _),) = create_invitations(study=make_open_study(), count=1, by=None)

    response = investigator_client.post(reverse("turing:invitation_revoke", args=[invitation.pk]), follow=True)

    invitation.refresh_from_db()
    assert invitation.state == "revoked"
    assert "its link does not work any more" in page(response)


def test_progress_is_asked_again_until_the_study_closes(investigator_client):
    session = make_session()
    answer_next(session)
    url = reverse("turing:study_progress", args=[session.study_id])

    while_open = investigator_client.get(url)
    close_study(study=session.study, by=None)
    at_the_end = investigator_client.get(url)

    assert (while_open.status_code, at_the_end.status_code) == (200, 286)
    assert f'hx-get="{url}"' in page(while_open)
    assert "hx-get" not in page(at_the_end)
    assert "1 of 4" in page(while_open)
    assert session.reader_code in page(while_open)
    assert "Not finished" in page(at_the_end)


def test_simulated_readers_and_phantoms_are_labelled(investigator_client):
    study = make_open_study(is_example=True)
    simulate_readers(study=study, n_readers=2, seed=1)
    study.real_dataset.__class__.objects.filter(pk=study.real_dataset_id).update(is_phantom=True)

    text = page(investigator_client.get(study.get_absolute_url()))

    assert text.count('<span class="tr-badge tr-badge-simulated">Simulated</span>') == 2
    assert "their answers are drawn by a program" in text
    assert "procedural phantoms, not from patients" in text
    assert "Simulated readers" in page(investigator_client.get(reverse("turing:study_list")))
    assert "Make links" not in text
