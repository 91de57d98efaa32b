"""What a protocol can ask for, from the reader's side: scales, marks, practice, interludes, limits, consent, groups,
second sessions.
"""

import json
import re
import uuid
from datetime import timedelta
from unittest import mock

import pytest
from django.test import Client
from django.utils import timezone

from tests.factories import UserFactory
from tests.turing.builders import answer_next, make_open_study, make_session, read_all, truths
from turing.audit.verification import verify_audit
from turing.errors import StudyError
from turing.models import Answer, Presentation, ReadingSession
from turing.reading.enrolment import enrol_reader
from turing.reading.errors import InvalidAnswer, InvalidDeclaration, NotAvailableYet
from turing.reading.selectors import Rest, current_of, sessions_of, study_for_reader
from turing.reading.services import attend, end_interlude, resume_reading, start_phase, start_reading
from turing.services import close_study, follow_up_study, open_study
from turing.stimuli import load_stimulus

pytestmark = pytest.mark.django_db


def browser_of(session):
    client = Client()
    client.force_login(session.reader)
    return client


def post(client, session, name, body):
    return client.post(f"/read/{session.pk}/{name}", json.dumps(body), content_type="application/json")


def send_answer(client, session, **said):
    current = client.get(f"/read/{session.pk}/current").json()
    client.get(current["stimulus"])
    body = {"token": current["token"], "idempotency_key": str(uuid.uuid4()), "reading_ms": 800, **said}
    return post(client, session, "answer", body)


# --- scales -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scale", "rating", "value"),
    [
        ("confidence", 1, "real"),
        ("confidence", 3, "real"),
        ("confidence", 4, "synthetic"),
        ("confidence", 6, "synthetic"),
        ("percent", 0, "real"),
        ("percent", 49, "real"),
        ("percent", 51, "synthetic"),
        ("percent", 100, "synthetic"),
    ],
)
def test_a_rating_is_stored_with_what_it_says(scale, rating, value):
    session = make_session(study=make_open_study(scale=scale))

    assert send_answer(browser_of(session), session, rating=rating).status_code == 200

    answer = Answer.objects.get()
    assert (answer.rating, answer.value) == (rating, value)


@pytest.mark.parametrize(
    ("scale", "said", "words"),
    [
        ("confidence", {"rating": 0}, "between 1 and 6"),
        ("confidence", {"rating": 7}, "between 1 and 6"),
        ("confidence", {"value": "real"}, "A rating is needed"),
        ("confidence", {"rating": 6, "value": "real"}, "says synthetic, not real"),
        ("percent", {"rating": 50}, "choose a side"),
        ("percent", {"rating": 101}, "between 0 and 100"),
        ("binary", {"rating": 3}, "takes no ratings"),
        ("binary", {"value": "left"}, "not an answer"),
        ("binary", {"value": "none"}, "not an answer"),
        ("pair", {"value": "real"}, "possible: left, right"),
        ("binary", {}, "There is no answer"),
    ],
)
def test_what_is_no_answer_on_a_scale_is_refused_in_words(scale, said, words):
    session = make_session(study=make_open_study(scale=scale))

    response = send_answer(browser_of(session), session, **said)

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert words in response.json()["error"]
    assert not Answer.objects.exists()


def test_a_pair_comes_in_one_piece_left_then_right():
    session = make_session(study=make_open_study(scale="pair"))
    trial = session.study.trials.get(position=session.trial_order[0])

    response = browser_of(session).get(f"/read/{session.pk}/stimulus/{current_of(session).token}")

    left, right = (load_stimulus(name, image_size=16) for name in (trial.stimulus_file, trial.right_file))
    assert response.content == left + right
    assert left != right
    assert send_answer(browser_of(session), session, value="right").status_code == 200
    assert Answer.objects.get().value == "right"


# --- marks and comment ------------------------------------------------------------------------------------------


def test_marks_and_comment_are_part_of_the_answer():
    session = make_session(study=make_open_study(mark_kind="box", asks_comment=True))
    marks = [{"image": 0, "x": 1.26, "y": 2, "width": 3, "height": 4.5, "colour": "red"}]

    assert send_answer(browser_of(session), session, value="real", marks=marks, comment=" grid \n").status_code == 200

    answer = Answer.objects.get()
    assert answer.marks == [{"image": 0, "x": 1.3, "y": 2.0, "width": 3.0, "height": 4.5}]
    assert answer.comment == "grid"
    assert verify_audit().is_whole


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, {"marks": [{"x": 1, "y": 1}]}),
        ({}, {"comment": "hello"}),
        ({"mark_kind": "point"}, {"marks": [{"x": 17, "y": 1}]}),
        ({"mark_kind": "point"}, {"marks": [{"x": 1}]}),
        ({"mark_kind": "point"}, {"marks": [{"x": 1, "y": 1, "image": 1}]}),
        ({"mark_kind": "point"}, {"marks": "everywhere"}),
        ({"mark_kind": "point"}, {"marks": [{"x": 1, "y": 1}] * 21}),
        ({"mark_kind": "box"}, {"marks": [{"x": 10, "y": 1, "width": 7, "height": 1}]}),
        ({"mark_kind": "box"}, {"marks": [{"x": 10, "y": 1, "width": 0, "height": 1}]}),
        ({"asks_comment": True}, {"comment": "x" * 1001}),
    ],
)
def test_marks_and_comments_that_cannot_be_are_refused_and_nothing_is_stored(changes, said):
    session = make_session(study=make_open_study(**changes))

    assert send_answer(browser_of(session), session, value="real", **said).status_code == 400

    assert not Answer.objects.exists()


# --- practice, breaks, phases -----------------------------------------------------------------------------------


def test_practice_comes_first_tells_what_it_was_and_ends_with_a_rest():
    study = make_open_study(n_practice=2, practice_feedback=True)
    session = make_session(study=study)
    client = browser_of(session)
    right = [trial.feedback.value for trial in study.trials.filter(is_practice=True)]
    assert sorted(right) == ["real", "synthetic"]

    first = send_answer(client, session, value=right[0]).json()
    second = send_answer(client, session, value=right[0]).json()

    assert first["feedback"] == {"answer": right[0], "correct": True}
    assert (first["next"]["section"], first["next"]["position"], first["next"]["total"]) == ("practice", 2, 2)
    assert first["next"]["ahead"] is None  # the first image that counts is not fetched during the practice
    assert second["feedback"] == {"answer": right[1], "correct": False}
    assert second["next"] == {
        "state": "interlude",
        "kind": "practice-over",
        "url": f"/read/{session.pk}/",
        "answered": 0,
        "total": 4,
    }
    current = post(client, session, "continue", {}).json()["current"]
    assert (current["section"], current["position"], current["total"]) == ("study", 1, 4)
    assert "feedback" not in send_answer(client, session, value="real").json()


def test_practice_without_feedback_tells_nothing():
    session = make_session(study=make_open_study(n_practice=1))

    assert "feedback" not in send_answer(browser_of(session), session, value="real").json()


def test_a_break_lasts_until_the_reader_goes_on():
    session = make_session(study=make_open_study(break_every=2))
    client = browser_of(session)
    send_answer(client, session, value="real")
    told = send_answer(client, session, value="real").json()["next"]
    assert (told["state"], told["kind"], told["answered"], told["total"]) == ("interlude", "break", 2, 4)

    for _ in range(2):  # a reload does not end it
        assert client.get(f"/read/{session.pk}/").status_code == 200
        assert post(client, session, "attend", {}).json()["current"] == told
        assert client.get(f"/read/{session.pk}/current").json() == told
    assert session.presentations.count() == 2

    attendance = post(client, session, "attend", {}).json()["attendance"]
    assert post(client, session, "continue", {"attendance": "old"}).json()["code"] == "elsewhere"
    current = post(client, session, "continue", {"attendance": attendance}).json()["current"]
    assert (current["state"], current["position"]) == ("reading", 3)
    assert session.presentations.get(position=3).times_served == 0  # its clock starts when it is sent


def test_there_is_no_break_after_the_last_image():
    session = make_session(study=make_open_study(break_every=2))
    answer_next(session)
    answer_next(session)
    end_interlude(session=session)
    answer_next(session)

    stored = answer_next(session)

    assert stored.next is None
    session.refresh_from_db()
    assert session.finished_at is not None


def test_a_reader_who_stops_at_a_break_comes_back_to_it():
    session = make_session(study=make_open_study(break_every=2))
    answer_next(session)
    assert answer_next(session, stop=True).is_stopped

    attend(session=session)

    assert isinstance(current_of(session), Rest)


def test_a_later_phase_begins_with_its_own_words():
    phase = {
        "title": "secret title",
        "question": "Now that you know: real or not?",
        "instructions": "Half of them are **synthetic**.",
        "real_label": "Patient",
        "synthetic_label": "Computer",
        "n_real": 1,
        "n_synthetic": 1,
    }
    study = make_open_study(n_real=1, n_synthetic=1, question="Anything unusual?", later_phases=[phase])
    session = make_session(study=study)
    client = browser_of(session)
    page = client.get(f"/read/{session.pk}/").content.decode()
    assert "Anything unusual?" in page
    assert "Now that you know" not in page
    assert client.get(f"/read/{session.pk}/phase/").status_code == 302  # not yet

    send_answer(client, session, value="real")
    told = send_answer(client, session, value="real").json()["next"]

    assert (told["kind"], told["url"]) == ("phase", f"/read/{session.pk}/phase/")
    assert client.get(f"/read/{session.pk}/").url == told["url"]
    assert post(client, session, "continue", {}).json()["current"] == told  # its words come first
    words = client.get(told["url"]).content.decode()
    assert "<strong>synthetic</strong>" in words
    assert "secret title" not in words
    assert client.post(told["url"]).url == f"/read/{session.pk}/"
    page = client.get(f"/read/{session.pk}/").content.decode()
    assert "Now that you know" in page
    assert "Computer" in page
    current = post(client, session, "attend", {}).json()["current"]
    assert (current["state"], current["position"], current["total"]) == ("reading", 3, 4)
    assert verify_audit().is_whole


def test_starting_a_phase_that_is_not_due_changes_nothing():
    session = make_session(study=make_open_study(later_phases=[{"title": "B", "n_real": 1, "n_synthetic": 1}]))

    start_phase(session=session)
    resume_reading(session=session)

    session.refresh_from_db()
    assert session.phase_read == 1
    assert current_of(session).position == 1


# --- order ------------------------------------------------------------------------------------------------------


def test_each_reader_has_an_own_order_and_keeps_it():
    study = make_open_study(n_real=6, n_synthetic=6, order="per_reader")
    sessions = [make_session(study=study) for _ in range(3)]
    orders = [session.trial_order for session in sessions]
    assert len({tuple(order) for order in orders}) == 3
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(1, 13))}

    for session in sessions:
        read_all(session, ["real"] * 12)

    for session, order in zip(sessions, orders, strict=True):
        answers = session.answers.select_related("trial")
        assert [answer.trial.position for answer in answers] == order
        assert [answer.position for answer in answers] == list(range(1, 13))


def test_a_repeat_is_another_address_with_the_same_pixels():
    study = make_open_study(n_real=4, n_synthetic=4, n_repeats=2)
    session = make_session(study=study)
    client = browser_of(session)
    seen: dict[bytes, list[str]] = {}
    for _ in range(10):
        current = client.get(f"/read/{session.pk}/current").json()
        seen.setdefault(client.get(current["stimulus"]).content, []).append(current["stimulus"])
        send_answer(client, session, value="real")

    shown = sorted(len(set(addresses)) for addresses in seen.values())
    assert shown == [1] * 6 + [2] * 2


# --- limits -----------------------------------------------------------------------------------------------------


def test_no_answer_in_time_is_an_answer_of_its_own_and_comes_when_the_time_is_up():
    session = make_session(study=make_open_study(time_limit_ms=5000))
    client = browser_of(session)
    current = client.get(f"/read/{session.pk}/current").json()
    client.get(current["stimulus"])
    body = {"token": current["token"], "value": "none", "idempotency_key": str(uuid.uuid4()), "reading_ms": 5000}

    early = post(client, session, "answer", body)
    with mock.patch.object(timezone, "now", return_value=timezone.now() + timedelta(seconds=5)):
        in_time = post(client, session, "answer", body)

    assert (early.status_code, early.json()["error"]) == (400, "There is time left for an answer.")
    assert in_time.status_code == 200
    assert Answer.objects.get().value == "none"
    assert Answer.objects.get().flags == []


def test_an_answer_after_the_time_limit_is_kept_and_flagged():
    session = make_session(study=make_open_study(time_limit_ms=5000))
    client = browser_of(session)
    client.get(client.get(f"/read/{session.pk}/current").json()["stimulus"])

    with mock.patch.object(timezone, "now", return_value=timezone.now() + timedelta(seconds=7)):
        send_answer(client, session, value="real", reading_ms=6500)

    assert "over-time-limit" in Answer.objects.get().flags


# --- what readers are told --------------------------------------------------------------------------------------


def test_the_number_of_images_can_be_kept_from_readers():
    study = make_open_study(n_real=37, n_synthetic=36, shows_total=False)
    session = make_session(study=study, started=False)
    client = browser_of(session)
    received = [client.get(f"/read/{session.pk}/instructions/"), client.post(f"/read/{session.pk}/instructions/")]
    received += [client.get(f"/read/{session.pk}/"), client.get("/my-studies/")]
    received += [client.get(f"/read/{session.pk}/current"), send_answer(client, session, value="real")]

    assert client.get(f"/read/{session.pk}/current").json()["total"] is None
    assert sessions_of(session.reader)[0].total is None
    number = re.compile(rb"(?<![\w-])73(?![\w-])")  # not inside a token, an id or a user's name
    assert number.search(b"of 73 images")
    assert not [response for response in received if number.search(response.content)]


def test_consent_comes_before_everything():
    session = make_session(study=make_open_study(consent="I take part **freely**."), started=False)
    client = browser_of(session)
    assert "<strong>freely</strong>" in client.get(f"/read/{session.pk}/instructions/").content.decode()

    with pytest.raises(InvalidDeclaration):
        start_reading(session=session)
    refused = client.post(f"/read/{session.pk}/instructions/")
    session.refresh_from_db()
    assert (refused.status_code, session.consented_at, session.instructions_read_at) == (422, None, None)

    assert client.post(f"/read/{session.pk}/instructions/", {"consents": "on"}).status_code == 302
    session.refresh_from_db()
    assert session.consented_at is not None


@pytest.mark.parametrize(("years", "group"), [("0", "New"), ("4.5", "New"), ("5", "Old"), ("31", "Old")])
def test_readers_declare_their_years_and_are_grouped_by_the_fixed_rule(years, group):
    groups = [{"name": "New", "from_years": 0}, {"name": "Old", "from_years": 5}]
    session = make_session(study=make_open_study(group_by="years", groups=groups), started=False)
    client = browser_of(session)

    for wrong in ({}, {"years_experience": "-1"}, {"years_experience": "many"}, {"years_experience": "nan"}):
        assert client.post(f"/read/{session.pk}/instructions/", wrong).status_code == 422
    assert client.post(f"/read/{session.pk}/instructions/", {"years_experience": years}).status_code == 302

    session.refresh_from_db()
    assert (session.years_experience, session.grade, session.reader_group) == (float(years), "", group)


def test_or_their_grade():
    groups = [
        {"name": "Training", "grades": ["student", "resident"]},
        {"name": "Trained", "grades": ["fellow", "radiologist", "other"]},
    ]
    session = make_session(study=make_open_study(group_by="grade", groups=groups), started=False)
    client = browser_of(session)

    assert client.post(f"/read/{session.pk}/instructions/", {"grade": "king"}).status_code == 422
    assert client.post(f"/read/{session.pk}/instructions/", {"grade": "fellow"}).status_code == 302

    session.refresh_from_db()
    assert (session.grade, session.reader_group) == ("fellow", "Trained")


def test_the_score_is_told_once_the_study_is_closed_and_only_then():
    study = make_open_study(n_practice=1, shows_score=True)
    session, lazy = make_session(study=study), make_session(study=study)
    answer_next(session)
    end_interlude(session=session)
    right = truths(study)[1:]
    read_all(session, [*right[:3], "real" if right[3] == "synthetic" else "synthetic"])
    session.refresh_from_db()
    before = browser_of(session).get(f"/read/{session.pk}/done/").content.decode()
    assert (session.n_correct, study_for_reader(session).n_correct) == (None, None)

    close_study(study=study, by=None)

    session.refresh_from_db()
    lazy.refresh_from_db()
    assert (session.n_correct, session.n_scored, lazy.n_correct) == (3, 4, None)
    after = browser_of(session).get(f"/read/{session.pk}/done/").content.decode()
    assert "3 of 4" in after
    assert "3 of 4" not in before
    assert verify_audit().is_whole


def test_without_that_wish_there_is_no_score():
    session = make_session()
    read_all(session, ["real"] * 4)

    close_study(study=session.study, by=None)

    session.refresh_from_db()
    assert (session.n_correct, session.n_scored) == (None, None)


def test_time_spent_is_the_sum_of_reading_times():
    session = make_session()
    answer_next(session, reading_ms=1200)
    answer_next(session, reading_ms=2300)
    make_session(study=session.study)

    (overview,) = sessions_of(session.reader)

    assert overview.time_spent == study_for_reader(session).time_spent == timedelta(milliseconds=3500)
    assert (overview.answered, overview.total) == (2, 4)
    assert overview.last_answer_at == Answer.objects.order_by("-pk").first().answered_at


# --- second sessions --------------------------------------------------------------------------------------------


def test_a_second_session_waits_for_the_washout():
    first = make_open_study()
    done, late = make_session(study=first), make_session(study=first)
    read_all(done, ["real"] * 4)
    second = open_study(study=follow_up_study(study=first, by=None, washout_days=28), by=None)
    again, later = (ReadingSession.objects.get(study=second, reader=session.reader) for session in (done, late))
    done.refresh_from_db()

    assert again.reader_code == done.reader_code
    assert again.available_from == done.finished_at + timedelta(days=28)
    assert later.available_from is None
    for waiting in (again, later):
        with pytest.raises(NotAvailableYet):
            start_reading(session=waiting)
        page = browser_of(waiting).get(f"/read/{waiting.pk}/instructions/")
        assert page.status_code == 403
    with pytest.raises(StudyError):
        enrol_reader(study=second, user=UserFactory())

    read_all(late, ["real"] * 4)
    later.refresh_from_db()
    late.refresh_from_db()
    assert later.available_from == late.finished_at + timedelta(days=28)

    with mock.patch.object(timezone, "now", return_value=again.available_from + timedelta(seconds=1)):
        start_reading(session=again)
        answer_next(again)
    assert verify_audit().is_whole


def test_the_second_session_shows_the_same_images_in_another_order():
    first = make_open_study(n_real=8, n_synthetic=8)
    second = open_study(study=follow_up_study(study=first, by=None, washout_days=0), by=None)

    orders = [list(study.trials.values_list("stimulus_sha256", flat=True)) for study in (first, second)]

    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]
    files = [set(study.trials.values_list("stimulus_file", flat=True)) for study in (first, second)]
    assert not files[0] & files[1]


def test_answers_to_an_image_that_is_not_shown_yet_stay_impossible_on_every_scale():
    session = make_session(study=make_open_study(scale="percent"))
    ahead = Presentation.objects.get(position=2)

    response = post(
        browser_of(session),
        session,
        "answer",
        {"token": ahead.token, "rating": 3, "idempotency_key": str(uuid.uuid4())},
    )

    assert response.status_code == 409
    with pytest.raises(InvalidAnswer):
        answer_next(session, "real")
