"""The locked order: one current image, final answers, nothing lost, nothing twice."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import UserFactory
from tests.turing.builders import answer_next, make_open_study, make_session, read_all
from turing.models import Answer, Presentation, ReadingSession
from turing.reading.errors import (
    AnsweredAlready,
    InvalidAnswer,
    NotCurrent,
    NotShown,
    NotStarted,
    ReadsElsewhere,
    StudyClosed,
    UnknownImage,
)
from turing.reading.selectors import current_of, current_presentation, sessions_of, study_for_reader
from turing.reading.services import Screen, attend, record_answer, resume_reading, serve_stimulus, start_reading
from turing.services import close_study
from turing.stimuli import load_stimulus

pytestmark = pytest.mark.django_db


def answer(session, token, value="real", **changes):
    values = {"idempotency_key": uuid.uuid4(), "reading_ms": 1000, **changes}
    return record_answer(session=session, token=token, value=value, **values)


def test_before_the_start_there_is_no_image():
    session = make_session(started=False)

    assert current_of(session) is None
    assert Presentation.objects.count() == 0
    with pytest.raises(NotStarted):
        serve_stimulus(session=session, token="anything")


def test_starting_makes_the_first_image_current_once():
    session = make_session(started=False)

    session = start_reading(session=session)
    token = current_of(session).token
    started_at = start_reading(session=session).instructions_read_at

    current = current_of(session)
    assert (current.position, current.total, current.size, current.token) == (1, 4, 16, token)
    assert started_at == session.instructions_read_at
    assert Presentation.objects.count() == 2  # the current one and the one after it


def test_only_the_current_image_and_the_one_after_it_exist():
    session = make_session()

    for expected in (1, 2, 3):
        assert current_of(session).position == expected
        positions = session.presentations.order_by("trial__position").values_list("trial__position", flat=True)
        assert list(positions) == list(range(1, expected + 2))
        assert session.presentations.get(trial__position=expected).became_current_at is not None
        assert session.presentations.get(trial__position=expected + 1).became_current_at is None
        answer_next(session)
    assert current_of(session).ahead is None  # the last one
    assert session.presentations.count() == 4


def test_the_image_after_the_current_one_can_be_fetched_and_not_answered():
    session = make_session()
    ahead = current_of(session).ahead

    for _ in range(3):
        pixels = serve_stimulus(session=session, token=ahead)
    with pytest.raises(NotCurrent):
        answer(session, ahead)

    trial = session.study.trials.get(position=2)
    assert pixels == load_stimulus(trial.stimulus_file, image_size=16)
    assert Answer.objects.count() == 0
    assert current_of(session).position == 1
    # and while nobody has fetched the current one, an answer to that is refused too
    with pytest.raises(NotShown):
        answer(session, current_of(session).token)


def test_fetching_ahead_skips_nothing():
    """However often the next image is fetched, the one after it does not come into being."""
    session = make_session()
    for _ in range(5):
        serve_stimulus(session=session, token=current_of(session).ahead)

    assert not session.presentations.filter(trial__position=3).exists()
    assert current_of(session).position == 1


def test_the_clock_of_an_image_sent_ahead_starts_when_it_becomes_current():
    session = make_session()
    current = current_of(session)
    serve_stimulus(session=session, token=current.token)
    for _ in range(2):  # the page was reloaded while the image before was current
        serve_stimulus(session=session, token=current.ahead)
    sent = session.presentations.get(trial__position=2)
    before = timezone.now()

    stored = answer(session, current.token)

    now_current = session.presentations.get(trial__position=2)
    assert (sent.first_served_at, sent.times_served) == (None, 0)
    assert sent.sent_ahead_at <= before <= now_current.became_current_at
    assert now_current.first_served_at == now_current.became_current_at
    assert now_current.times_served == 1
    answer(
        session, stored.next.token, reading_ms=2000, received_at=now_current.became_current_at + timedelta(seconds=3)
    )
    row = Answer.objects.get(trial__position=2)
    assert (row.server_ms, row.flags) == (3000, [])


def test_an_image_not_sent_ahead_is_timed_from_being_sent():
    session = make_session()
    answer_next(session)
    following = session.presentations.get(trial__position=2)

    assert (following.first_served_at, following.times_served) == (None, 0)
    with pytest.raises(NotShown):
        answer(session, following.token)
    serve_stimulus(session=session, token=following.token)
    following.refresh_from_db()
    assert following.first_served_at > following.became_current_at
    assert following.times_served == 1


def test_a_reload_of_an_image_that_was_sent_ahead_is_flagged():
    session = make_session()
    serve_stimulus(session=session, token=current_of(session).ahead)
    answer_next(session)

    answer_next(session, reading_ms=0)  # fetches the current one again, as a page after a reload does

    assert Answer.objects.get(trial__position=2).flags == ["shown-again"]


def test_stopping_makes_nothing_current_until_reading_is_resumed():
    session = make_session()
    current = current_of(session)
    serve_stimulus(session=session, token=current.token)
    serve_stimulus(session=session, token=current.ahead)
    key = uuid.uuid4()

    stored = answer(session, current.token, stop=True, idempotency_key=key)

    assert (stored.next, stored.is_stopped) == (None, True)
    assert stored == answer(session, current.token, stop=True, idempotency_key=key)
    with pytest.raises(UnknownImage):  # what was fetched ahead is no way to the next image
        serve_stimulus(session=session, token=current.ahead)
    before = timezone.now()
    resume_reading(session=session)
    resume_reading(session=session)
    resumed = current_of(session)
    assert (resumed.position, resumed.token == current.ahead) == (2, False)
    presentation = current_presentation(session)
    assert presentation.became_current_at >= before
    assert presentation.times_served == 0
    answer_next(session, reading_ms=0)
    assert Answer.objects.get(trial__position=2).flags == ["after-break"]


def test_a_break_before_an_image_that_was_not_sent_ahead_is_no_flag():
    session = make_session()
    answer_next(session, stop=True)
    resume_reading(session=session)
    answer_next(session, reading_ms=0)

    assert Answer.objects.get(trial__position=2).flags == []


def test_stopping_at_the_last_image_is_finishing():
    session = make_session()
    read_all(session, ["real"] * 3)

    stored = answer_next(session, stop=True)

    session.refresh_from_db()
    assert (stored.next, stored.is_stopped) == (None, False)
    assert session.finished_at is not None


def test_pixels_are_those_of_the_trial_and_serving_is_noted():
    session = make_session()
    presentation = current_presentation(session)

    pixels = [serve_stimulus(session=session, token=presentation.token) for _ in range(2)]

    presentation.refresh_from_db()
    assert pixels[0] == pixels[1] == load_stimulus(presentation.trial.stimulus_file, image_size=16)
    assert presentation.times_served == 2
    assert presentation.first_served_at < presentation.last_served_at


def test_an_answered_image_is_gone():
    session = make_session()
    token = current_of(session).token
    answer_next(session)

    with pytest.raises(UnknownImage):
        serve_stimulus(session=session, token=token)


def test_an_answer_is_stored_with_its_times():
    session = make_session()
    presentation = current_presentation(session)
    serve_stimulus(session=session, token=presentation.token)
    presentation.refresh_from_db()
    received_at = presentation.first_served_at + timedelta(milliseconds=2345)

    stored = answer(session, presentation.token, "synthetic", reading_ms=2000, hidden_ms=30, received_at=received_at)

    row = Answer.objects.get()
    assert (row.session, row.trial, row.value) == (session, presentation.trial, "synthetic")
    assert (row.reading_ms, row.hidden_ms, row.server_ms, row.answered_at) == (2000, 30, 2345, received_at)
    assert row.flags == ["hidden"]
    assert (stored.position, stored.next.position) == (1, 2)


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({"reading_ms": None}, ["missing"]),
        ({"reading_ms": -5}, ["missing"]),
        ({"reading_ms": 2**40}, ["missing"]),
        ({"reading_ms": 2500}, ["longer-than-server"]),
        ({"reading_ms": 900, "hidden_ms": -1}, []),
        ({"reading_ms": 900, "paused_ms": 1000}, ["paused"]),
        ({"reading_ms": 1500, "paused_ms": 1000}, ["longer-than-server", "paused"]),
        ({"reading_ms": 900, "paused_ms": -1}, []),
    ],
)
def test_a_doubtful_time_is_flagged_and_the_answer_kept(changes, flags):
    session = make_session()
    presentation = current_presentation(session)
    serve_stimulus(session=session, token=presentation.token)
    presentation.refresh_from_db()

    answer(session, presentation.token, received_at=presentation.first_served_at + timedelta(seconds=2), **changes)

    assert list(Answer.objects.get().flags) == flags


def test_a_reload_is_flagged_and_timed_from_the_first_showing():
    session = make_session()
    presentation = current_presentation(session)
    serve_stimulus(session=session, token=presentation.token)
    first = Presentation.objects.get(pk=presentation.pk).first_served_at
    serve_stimulus(session=session, token=presentation.token)

    answer(session, presentation.token, received_at=first + timedelta(seconds=60))

    row = Answer.objects.get()
    assert (row.server_ms, row.flags) == (60_000, ["server-much-longer", "shown-again"])


def test_a_clock_set_back_gives_no_negative_time():
    session = make_session()
    presentation = current_presentation(session)
    serve_stimulus(session=session, token=presentation.token)

    answer(session, presentation.token, received_at=timezone.now() - timedelta(hours=1))

    assert (Answer.objects.get().server_ms, Answer.objects.get().flags) == (0, ["longer-than-server"])


def test_repeating_a_request_gives_the_stored_result_also_much_later():
    session = make_session()
    token, key = current_of(session).token, uuid.uuid4()
    serve_stimulus(session=session, token=token)
    first = answer(session, token, idempotency_key=key)
    again = answer(session, token, idempotency_key=key)
    read_all(session, ["real"] * 3)
    close_study(study=session.study, by=None)

    assert first == again == answer(session, token, idempotency_key=key)
    assert Answer.objects.filter(trial__position=1).count() == 1


def test_an_answer_cannot_be_changed():
    session = make_session()
    token, key = current_of(session).token, uuid.uuid4()
    serve_stimulus(session=session, token=token)
    answer(session, token, "real", idempotency_key=key)

    for changes in ({}, {"idempotency_key": key}):
        with pytest.raises(AnsweredAlready):
            answer(session, token, "synthetic", **changes)

    assert [row.value for row in Answer.objects.all()] == ["real"]


def test_a_key_of_another_answer_is_refused():
    session = make_session()
    key = uuid.uuid4()
    answer_next(session, idempotency_key=key)

    with pytest.raises(AnsweredAlready):
        answer_next(session, idempotency_key=key)

    assert current_of(session).position == 2


def test_an_image_that_was_not_fetched_cannot_be_answered():
    session = make_session()

    with pytest.raises(NotShown):
        answer(session, current_of(session).token)

    assert Answer.objects.count() == 0


def test_only_the_newest_page_is_served_and_may_answer():
    session = make_session()
    old, new = attend(session=session), attend(session=session)
    token = current_of(session).token

    for attendance in (old.token, "made-up", ""):
        for attempt in (
            lambda attendance=attendance: serve_stimulus(session=session, token=token, attendance=attendance),
            lambda attendance=attendance: answer(session, token, attendance=attendance),
        ):
            with pytest.raises(ReadsElsewhere):
                attempt()
    assert Presentation.objects.get(token=token).times_served == 0
    serve_stimulus(session=session, token=token, attendance=new.token)
    assert answer(session, token, attendance=new.token).position == 1


def test_a_page_that_was_left_behind_still_learns_that_its_answer_is_stored():
    session = make_session()
    old = attend(session=session).token
    token, key = current_of(session).token, uuid.uuid4()
    serve_stimulus(session=session, token=token, attendance=old)
    stored = answer(session, token, idempotency_key=key, attendance=old)
    attend(session=session)

    assert answer(session, token, idempotency_key=key, attendance=old) == stored


def test_an_answer_of_an_earlier_page_is_taken_from_the_newest():
    """What a page does with an answer that it could not send before it was reloaded."""
    session = make_session()
    old = attend(session=session).token
    token = current_of(session).token
    serve_stimulus(session=session, token=token, attendance=old)

    new = attend(session=session).token

    assert answer(session, token, attendance=new).position == 1


def test_attending_resumes_and_keeps_what_the_page_said_of_its_screen():
    session = make_session()
    answer_next(session, stop=True)

    attendance = attend(session=session, screen=Screen(browser="Firefox", pixel_ratio=1.25, stage_side=900))

    assert current_presentation(session).became_current_at is not None
    attendance.refresh_from_db()
    assert (attendance.browser, attendance.pixel_ratio, attendance.stage_side) == ("Firefox", 1.25, 900)
    assert (attendance.zoom_percent, attendance.sees_dark_patch) == (None, None)


def test_attending_needs_an_open_study_that_was_started():
    with pytest.raises(NotStarted):
        attend(session=make_session(started=False))
    session = make_session()
    close_study(study=session.study, by=None)
    with pytest.raises(StudyClosed):
        attend(session=session)


@pytest.mark.parametrize("value", ["", "Real", "maybe", "TRUE"])
def test_only_the_two_answers_are_taken(value):
    session = make_session()
    token = current_of(session).token
    serve_stimulus(session=session, token=token)

    with pytest.raises(InvalidAnswer):
        answer(session, token, value)


def test_tokens_of_other_sessions_and_made_up_ones_are_alike():
    study = make_open_study()
    mine, theirs = make_session(study=study), make_session(study=study)
    messages = set()

    for token in (current_of(theirs).token, "made-up"):
        with pytest.raises(UnknownImage) as error:
            serve_stimulus(session=mine, token=token)
        messages.add(str(error.value))
        with pytest.raises(UnknownImage) as error:
            answer(mine, token)
        messages.add(str(error.value))

    assert len(messages) == 1


def test_tokens_are_fresh_for_every_reader_and_image():
    study = make_open_study()
    sessions = [make_session(study=study) for _ in range(3)]
    for session in sessions:
        read_all(session, ["real"] * 4)

    tokens = Presentation.objects.values_list("token", flat=True)
    assert len(set(tokens)) == 12
    assert {len(token) for token in tokens} == {32}


def test_all_readers_see_the_same_images_in_the_same_order():
    study = make_open_study()
    seen = []
    for _ in range(2):
        session = make_session(study=study)
        order = []
        for _ in range(4):
            token = current_of(session).token
            order.append(serve_stimulus(session=session, token=token))
            answer(session, token)
        seen.append(order)

    assert seen[0] == seen[1]
    assert len(set(seen[0])) == 4


def test_the_last_answer_finishes():
    session = make_session()

    read_all(session, ["real"] * 3)
    session.refresh_from_db()
    assert session.finished_at is None
    stored = answer_next(session)

    session.refresh_from_db()
    assert stored.next is None
    assert session.finished_at is not None
    assert current_of(session) is None
    assert study_for_reader(session).is_finished is True


def test_a_closed_study_takes_and_shows_nothing_more():
    session = make_session()
    token = current_of(session).token
    serve_stimulus(session=session, token=token)
    close_study(study=session.study, by=None)

    for attempt in (
        lambda: serve_stimulus(session=session, token=token),
        lambda: answer(session, token),
        lambda: start_reading(session=make_session_of_closed(session.study)),
    ):
        with pytest.raises(StudyClosed):
            attempt()
    assert Answer.objects.count() == 0


def make_session_of_closed(study):
    return ReadingSession.objects.create(study=study, reader=UserFactory(), reader_code="R99")


def test_overview_counts_images_and_answers_apart():
    session = make_session()
    read_all(session, ["real", "real"])

    (overview,) = sessions_of(session.reader)

    assert (overview.answered, overview.total, overview.is_open, overview.is_started) == (2, 4, True, True)
