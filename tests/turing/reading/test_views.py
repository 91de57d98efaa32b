"""Pages and endpoints of readers over HTTP."""

import json
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from config.accounts.models import User
from tests.factories import PASSWORD, UserFactory
from tests.turing.builders import answer_next, make_open_study, make_session, read_all
from turing.models import Answer, Attendance, Presentation, ReadingSession
from turing.services import close_study, create_invitations

pytestmark = pytest.mark.django_db


@pytest.fixture
def session():
    return make_session()


@pytest.fixture
def tab(session):
    client = Client()
    client.force_login(session.reader)
    return client


def url(name, session, *arguments):
    return reverse(f"turing:{name}", args=[session.pk, *arguments])


def post_answer(client, session, **changes):
    body = {
        "token": "",
        "value": "real",
        "idempotency_key": str(uuid.uuid4()),
        "reading_ms": 1000,
        "hidden_ms": 0,
        **changes,
    }
    return client.post(url("read_answer", session), json.dumps(body), content_type="application/json")


def load(client, session):
    current = client.get(url("read_current", session)).json()
    client.get(current["stimulus"])
    return current


def test_current_says_exactly_what_a_page_may_know(tab, session):
    response = tab.get(url("read_current", session))

    token, ahead = (Presentation.objects.get(trial__position=position).token for position in (1, 2))
    assert response.json() == {
        "state": "reading",
        "token": token,
        "stimulus": f"/read/{session.pk}/stimulus/{token}",
        "section": "study",
        "position": 1,
        "total": 4,
        "size": 16,
        "ahead": {"token": ahead, "stimulus": f"/read/{session.pk}/stimulus/{ahead}"},
    }
    assert response["Cache-Control"] == "no-store"


def test_answering_gives_the_next_image_and_the_same_again(tab, session):
    token, key = load(tab, session)["token"], str(uuid.uuid4())

    first = post_answer(tab, session, token=token, idempotency_key=key)
    again = post_answer(tab, session, token=token, idempotency_key=key)

    following = tab.get(url("read_current", session)).json()
    assert first.status_code == again.status_code == 200
    assert first.json() == {"stored": 1, "next": following}
    assert first.content == again.content
    assert following["position"] == 2


def test_the_last_answer_says_where_to_go(tab, session):
    read_all(session, ["real"] * 3)

    response = post_answer(tab, session, token=load(tab, session)["token"])

    assert response.json() == {"stored": 4, "next": {"state": "finished", "url": url("read_done", session)}}
    assert tab.get(url("read_current", session)).json() == {"state": "finished", "url": url("read_done", session)}


def test_refusals_have_a_status_a_code_and_words(tab, session):
    first = load(tab, session)
    answered = answer_next(session)
    cases = [
        (post_answer(tab, session, token=first["token"]), 409, "answered-already"),
        (post_answer(tab, session, token=answered.next.token), 409, "not-shown"),
        (post_answer(tab, session, token=answered.next.ahead), 409, "not-current"),
        (post_answer(tab, session, token="made-up"), 404, "unknown-image"),
        (post_answer(tab, session, token=first["token"], value="maybe"), 400, "invalid"),
        (post_answer(tab, session, token=3), 400, "invalid"),
        (post_answer(tab, session, idempotency_key="1"), 400, "invalid"),
        (tab.post(url("read_answer", session), "no", content_type="application/json"), 400, "invalid"),
        (tab.post(url("read_answer", session), "[]", content_type="application/json"), 400, "invalid"),
        (tab.get(url("read_stimulus", session, first["token"])), 404, "unknown-image"),
        (tab.get(url("read_stimulus", session, "made-up")), 404, "unknown-image"),
    ]

    for response, status, code in cases:
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert response.json()["error"].endswith(".")
        assert set(response.json()) == {"code", "error"}
    assert Answer.objects.count() == 1


@pytest.mark.parametrize("time", [None, "soon", -1, 1e300, True, [1]])
def test_an_unusable_time_does_not_lose_the_answer(tab, session, time):
    token = load(tab, session)["token"]

    response = post_answer(tab, session, token=token, reading_ms=time, hidden_ms=time)

    assert response.status_code == 200
    assert (Answer.objects.get().reading_ms, Answer.objects.get().flags) == (None, ["missing"])


def test_stimuli_cannot_be_told_apart_by_headers_or_length(tab):
    """All images of a study with both kinds, read to the end: one set of headers, one length."""
    study = make_open_study(n_real=4, n_synthetic=4, size=20)
    session = make_session(study=study)
    tab.force_login(session.reader)
    headers, lengths, bodies = set(), set(), set()

    for _ in range(8):
        current = tab.get(url("read_current", session)).json()
        response = tab.get(current["stimulus"])
        headers.add(frozenset(response.headers.items()))
        lengths.add(len(response.content))
        bodies.add(response.content)
        post_answer(tab, session, token=current["token"])

    assert len(bodies) == 8
    assert lengths == {400}
    (common,) = headers
    assert dict(common)["Content-Type"] == "application/octet-stream"
    assert dict(common)["Cache-Control"] == "no-store"
    assert dict(common)["Content-Disposition"] == 'inline; filename="image"'
    assert not {"ETag", "Last-Modified", "Expires"} & {name for name, _ in common}


def test_an_image_fetched_ahead_cannot_be_told_from_the_current_one_nor_the_one_after_be_had(tab, session):
    current = tab.get(url("read_current", session)).json()

    responses = [tab.get(address) for address in (current["stimulus"], current["ahead"]["stimulus"])]

    assert [response.status_code for response in responses] == [200, 200]
    assert responses[0].headers == responses[1].headers
    assert len(responses[0].content) == len(responses[1].content)
    assert responses[0].content != responses[1].content
    assert len(current["token"]) == len(current["ahead"]["token"])
    # two ahead: no address has been made, whatever is asked for
    assert not Presentation.objects.filter(trial__position=3).exists()
    for trial in session.study.trials.filter(position__gte=3):
        for guess in (trial.pk, trial.position, trial.stimulus_file.split("/")[1], trial.stimulus_sha256):
            assert tab.get(url("read_stimulus", session, guess)).status_code == 404


def post_screen(client, session, body="{}"):
    return client.post(url("read_attend", session), body, content_type="application/json", headers={"User-Agent": "B"})


def test_a_newer_page_takes_over_and_the_older_one_is_told(tab, session):
    old, new = (post_screen(tab, session).json() for _ in range(2))
    current = tab.get(url("read_current", session)).json()
    assert old["current"] == new["current"] == current

    refused = (
        tab.get(current["stimulus"], headers={"X-Attendance": old["attendance"]}),
        tab.get(current["stimulus"]),
        post_answer(tab, session, token=current["token"], attendance=old["attendance"]),
    )
    served = tab.get(current["stimulus"], headers={"X-Attendance": new["attendance"]})
    stored = post_answer(tab, session, token=current["token"], attendance=new["attendance"])

    for response in refused:
        assert (response.status_code, response.json()["code"]) == (409, "elsewhere")
        assert "reading goes on there" in response.json()["error"]
    assert (served.status_code, stored.status_code) == (200, 200)


SCREEN = {
    "screen_width": 1920,
    "screen_height": 1080,
    "pixel_ratio": 1.5,
    "zoom_percent": 110,
    "stage_side": 1400,
    "sees_dark_patch": True,
    "sees_light_patch": False,
}


def test_what_a_page_says_of_its_screen_is_stored(tab, session):
    assert post_screen(tab, session, json.dumps(SCREEN)).status_code == 200

    row = Attendance.objects.get()
    assert {field: getattr(row, field) for field in SCREEN} == SCREEN
    assert row.browser == "B"


@pytest.mark.parametrize("value", [None, "wide", -1, 0, 1e300, True, [1], {}])
def test_an_odd_screen_keeps_nobody_from_reading(tab, session, value):
    numbers = dict.fromkeys(("screen_width", "screen_height", "pixel_ratio", "zoom_percent", "stage_side"), value)

    for body in (json.dumps(numbers), json.dumps([value]), "not json", '{"pixel_ratio": NaN}'):
        assert post_screen(tab, session, body).status_code == 200
    for row in Attendance.objects.all():
        assert {getattr(row, field) for field in numbers} == {None}


def test_nobody_attends_the_session_of_another(session, client):
    client.force_login(make_session(study=session.study).reader)

    assert post_screen(client, session).status_code == 404
    assert Attendance.objects.count() == 0


def test_stopping_and_coming_back(tab, session):
    stopped = post_answer(tab, session, token=load(tab, session)["token"], stop=True).json()
    assert stopped == {"stored": 1, "next": {"state": "stopped", "url": "/my-studies/"}}

    current = tab.get(url("read_current", session)).json()

    assert (current["state"], current["position"]) == ("reading", 2)
    assert post_answer(tab, session, token=load(tab, session)["token"]).status_code == 200


def test_pixels_are_not_given_in_parts_or_by_other_methods(tab, session):
    address = tab.get(url("read_current", session)).json()["stimulus"]

    assert tab.get(address, headers={"range": "bytes=0-3"}).status_code == 200
    assert len(tab.get(address, headers={"range": "bytes=0-3"}).content) == 256
    assert tab.head(address).status_code == 405
    assert tab.post(address).status_code == 405


def test_answers_need_the_csrf_token(session):
    client = Client(enforce_csrf_checks=True)
    client.force_login(session.reader)
    token = load(client, session)["token"]

    assert post_answer(client, session, token=token).status_code == 403
    assert Answer.objects.count() == 0


def test_the_way_of_a_reader_through_the_pages(client):
    session = make_session(started=False)
    client.force_login(session.reader)

    assert client.get(url("read_done", session)).url == url("read", session)
    assert client.get(url("read", session)).url == url("read_instructions", session)
    assert "Start reading" in client.get(url("read_instructions", session)).content.decode()
    assert client.post(url("read_instructions", session)).url == url("read", session)
    assert client.get(url("read", session)).status_code == 200
    assert "Go on with image 1" in client.get(url("read_instructions", session)).content.decode()
    read_all(session, ["real"] * 4)
    assert client.get(url("read", session)).url == url("read_done", session)
    assert "you have read all 4 images" in client.get(url("read_done", session)).content.decode()
    assert "You have read all images" in client.get(url("read_instructions", session)).content.decode()


def test_the_reading_page_works_without_inline_code(tab, session):
    html = tab.get(url("read", session)).content.decode()

    assert "style=" not in html
    assert "onclick" not in html
    assert '<script type="module" src="/static/js/reading.js"></script>' in html


def test_a_closed_study_says_so(tab, session):
    answer_next(session)
    token = load(tab, session)["token"]
    close_study(study=session.study, by=None)

    for name in ("read", "read_done"):
        page = tab.get(url(name, session), follow=True)
        assert page.status_code == 403
        words = " ".join(page.content.decode().split())
        assert "takes no more answers. The 1 you gave of 4 are stored." in words
    for response in (
        tab.get(url("read_current", session)),
        tab.get(url("read_stimulus", session, token)),
        post_answer(tab, session, token=token),
    ):
        assert (response.status_code, response.json()["code"]) == (403, "closed")


def test_a_reader_who_finished_still_sees_the_done_page_after_closing(tab, session):
    read_all(session, ["real"] * 4)
    close_study(study=session.study, by=None)

    assert tab.get(url("read", session), follow=True).status_code == 200


def test_instructions_of_a_study_closed_before_the_start(client):
    session = make_session(started=False)
    client.force_login(session.reader)
    close_study(study=session.study, by=None)

    assert client.get(url("read_instructions", session)).status_code == 403
    assert client.post(url("read_instructions", session)).status_code == 403


def test_signed_out_endpoints_answer_401_and_pages_ask_to_sign_in(session):
    client = Client()

    for response in (client.get(url("read_current", session)), post_answer(client, session)):
        assert (response.status_code, response.json()["code"]) == (401, "signed-out")
    assert client.get(url("read", session)).url == f"/accounts/login/?next={url('read', session)}"


def test_my_studies_lists_my_own(client):
    mine, theirs = make_session(), make_session()
    client.force_login(mine.reader)

    html = client.get(reverse("turing:my_studies")).content.decode()

    assert mine.study.name in html
    assert theirs.study.name not in html
    assert "0 of 4 images answered" in html


def test_my_studies_needs_the_same_queries_for_many(client, django_assert_max_num_queries):
    reader = UserFactory()
    client.force_login(reader)
    counts = []
    for _ in range(2):
        make_session(reader=reader)
        with django_assert_max_num_queries(20) as captured:
            client.get(reverse("turing:my_studies"))
        counts.append(len(captured))

    assert counts[0] == counts[1]


class TestInvitation:
    @pytest.fixture
    def study(self):
        return make_open_study(name="Chest reading")

    @pytest.fixture
    def link(self, study):
        ((_, secret),) = create_invitations(study=study, count=1, by=None)
        return reverse("turing:invite", args=[secret])

    def register(self, client, link, **changes):
        form = {"username": "newcomer", "email": "", "password": PASSWORD, "password_again": PASSWORD, **changes}
        return client.post(link, form)

    def test_opening_the_link_changes_nothing(self, client, link):
        assert "Chest reading" in client.get(link).content.decode()
        assert client.get(link)["Cache-Control"] == "no-store"
        assert (User.objects.count(), ReadingSession.objects.count()) == (0, 0)

    def test_a_newcomer_registers_and_is_signed_in(self, client, link):
        response = self.register(client, link)

        session = ReadingSession.objects.get()
        assert response.url == url("read", session)
        assert (session.reader.username, session.reader.role) == ("newcomer", "reader")
        assert client.get(url("read_instructions", session)).status_code == 200

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"password_again": "another one 123"}, "The two passwords are not the same"),
            ({"password": "short", "password_again": "short"}, "This password is too short"),
            ({"username": "taken"}, "A user with that username already exists."),
            ({"username": "no spaces allowed"}, "Enter a valid username."),
            ({"email": "nonsense"}, "Enter a valid email address."),
        ],
    )
    def test_mistakes_are_named_and_the_link_stays_good(self, client, link, changes, message):
        UserFactory(username="taken")

        response = self.register(client, link, **changes)

        assert message in response.content.decode()
        assert ReadingSession.objects.count() == 0
        assert self.register(client, link).status_code == 302

    def test_a_signed_in_reader_accepts(self, client, link, reader):
        client.force_login(reader)

        assert "Take part" in client.get(link).content.decode()
        response = client.post(link)

        assert response.url == url("read", ReadingSession.objects.get())

    def test_an_investigator_is_told_to_sign_out(self, client, link, investigator):
        client.force_login(investigator)

        for response in (client.get(link), client.post(link)):
            assert response.status_code == 410
            assert "You are signed in as an investigator" in response.content.decode()

    def test_a_link_works_once(self, client, link):
        self.register(client, link)

        response = Client().get(link)

        assert response.status_code == 410
        assert "was used already" in response.content.decode()

    def test_an_unknown_link_is_not_found(self, client):
        assert client.get("/invite/made-up/").status_code == 404

    def test_a_link_to_a_closed_study_says_so(self, client, link, study):
        close_study(study=study, by=None)

        assert "The study is closed" in client.get(link).content.decode()
