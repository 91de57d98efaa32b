"""Two tabs, replays, a closing investigator and several people with one link, truly at the same time."""

import json
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from django.db import connection
from django.test import Client

from tests.factories import UserFactory
from tests.turing.builders import make_open_study, make_session
from turing.errors import StudyError
from turing.models import Answer, Invitation, Presentation, ReadingSession
from turing.reading.enrolment import accept_invitation
from turing.reading.selectors import current_of
from turing.services import close_study, create_invitations

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 6


def at_once(*actions):
    """Results in order; each action in a thread with a database connection of its own."""
    barrier = Barrier(len(actions))

    def run(action):
        barrier.wait()
        try:
            return action()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


class Tab:
    """A browser tab of the session's reader."""

    def __init__(self, session):
        self.client = Client()
        self.client.force_login(session.reader)
        self.root = f"/read/{session.pk}"

    def current(self):
        return self.client.get(f"{self.root}/current").json()

    def load(self):
        current = self.current()
        assert self.client.get(current["stimulus"]).status_code == 200
        return current

    def post(self, token, value, key):
        body = {"token": token, "value": value, "idempotency_key": key, "reading_ms": 5, "hidden_ms": 0}
        return self.client.post(f"{self.root}/answer", json.dumps(body), content_type="application/json")


def test_two_tabs_that_answer_at_once_give_one_answer():
    session = make_session(study=make_open_study(n_real=ROUNDS, n_synthetic=1))
    tabs = [Tab(session), Tab(session)]

    for position in range(1, ROUNDS + 1):
        token = tabs[0].load()["token"]
        responses = at_once(
            lambda token=token: tabs[0].post(token, "real", str(uuid.uuid4())),
            lambda token=token: tabs[1].post(token, "synthetic", str(uuid.uuid4())),
        )

        assert sorted(response.status_code for response in responses) == [200, 409]
        winner = "real" if responses[0].status_code == 200 else "synthetic"
        assert Answer.objects.get(trial__position=position).value == winner
        assert tabs[0].current()["position"] == position + 1
    assert Presentation.objects.count() == ROUNDS + 1


def test_a_request_sent_several_times_at_once_is_stored_once():
    session = make_session(study=make_open_study(n_real=ROUNDS, n_synthetic=1))
    tabs = [Tab(session) for _ in range(3)]

    for _ in range(ROUNDS):
        token, key = tabs[0].load()["token"], str(uuid.uuid4())
        responses = at_once(*(partial(tab.post, token, "real", key) for tab in tabs))

        assert [response.status_code for response in responses] == [200, 200, 200]
        assert len({response.content for response in responses}) == 1
    assert Answer.objects.count() == ROUNDS


def test_no_answer_is_stored_after_the_closing_was_confirmed():
    for _ in range(ROUNDS):
        study = make_open_study(n_real=1, n_synthetic=1)
        tabs = [Tab(make_session(study=study)) for _ in range(3)]
        tokens = [tab.load()["token"] for tab in tabs]

        def close(study=study):
            close_study(study=study, by=None)
            return Answer.objects.filter(session__study=study).count()

        counted, *responses = at_once(
            close,
            *(
                lambda tab=tab, token=token: tab.post(token, "real", str(uuid.uuid4()))
                for tab, token in zip(tabs, tokens, strict=True)
            ),
        )

        assert Answer.objects.filter(session__study=study).count() == counted
        assert (
            Counter(response.status_code for response in responses)
            == Counter({200: counted, 403: 3 - counted}) - Counter()
        )


def test_one_link_lets_one_reader_in():
    study = make_open_study()
    ((_, secret),) = create_invitations(study=study, count=1, by=None)
    readers = [UserFactory() for _ in range(4)]

    def accept(reader):
        try:
            return accept_invitation(secret=secret, user=reader).reader_code
        except StudyError as error:
            return str(error)

    results = at_once(*(lambda reader=reader: accept(reader) for reader in readers))

    assert results.count("R01") == 1
    assert sum("was used already" in result for result in results) == 3
    assert ReadingSession.objects.count() == 1
    assert Invitation.objects.get().state == "used"


def test_readers_who_join_at_once_get_different_codes():
    study = make_open_study()
    links = create_invitations(study=study, count=4, by=None)
    readers = [UserFactory() for _ in links]

    codes = at_once(
        *(
            lambda secret=secret, reader=reader: accept_invitation(secret=secret, user=reader).reader_code
            for (_, secret), reader in zip(links, readers, strict=True)
        )
    )

    assert sorted(codes) == ["R01", "R02", "R03", "R04"]


def test_starting_twice_at_once_shows_one_first_image():
    session = make_session(started=False)
    tabs = [Tab(session), Tab(session)]

    responses = at_once(*(lambda tab=tab: tab.client.post(f"{tab.root}/instructions/") for tab in tabs))

    assert [response.status_code for response in responses] == [302, 302]
    assert list(Presentation.objects.values_list("trial__position", flat=True).order_by("pk")) == [1, 2]
    session.refresh_from_db()
    assert current_of(session).position == 1
