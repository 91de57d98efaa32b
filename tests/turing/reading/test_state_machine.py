"""Drives reading sessions with random requests, legal and illegal, through HTTP, and holds what must always hold.

A model of what a reader may do runs beside the site: it says for each request what the answer must be. After every step
the tables are compared with it: exactly one answer for each image answered, in order, never changed; a reading time
within the server's bound, or flagged.
"""

import json
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from threading import Barrier
from unittest import mock

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.turing.builders import make_open_study, make_session
from turing.audit.verification import verify_audit
from turing.models import Answer, Presentation, ReadingSession
from turing.reading.selectors import current_of
from turing.services import close_study
from turing.timing import TOLERANCE_MS, Flag

TIMES = st.one_of(
    st.integers(-(2**40), 2**40), st.floats(), st.none(), st.text(max_size=3), st.booleans(), st.integers(0, 400)
)


MOSTLY = st.sampled_from([True, True, True, False])  # so that a run gets somewhere


class Reading(RuleBasedStateMachine):
    """One reader with two browsers, and a stranger who is a reader of the same study."""

    protocol: dict = {"n_real": 3, "n_synthetic": 2}
    said = st.sampled_from([{"value": "real"}, {"value": "synthetic"}])  # what an answer can say
    none_of_it = st.text(max_size=10).filter(lambda text: text not in ("real", "synthetic")).map(lambda v: {"value": v})

    def __init__(self):
        super().__init__()
        study = make_open_study(**self.protocol)
        self.session = make_session(study=study, started=False)
        self.stranger = make_session(study=study)
        self.browsers = [Client(), Client()]
        for browser in self.browsers:
            browser.force_login(self.session.reader)
        self.strange_browser = Client()
        self.strange_browser.force_login(self.stranger.reader)
        self.root = f"/read/{self.session.pk}"
        # the model
        trials = {trial.position: trial for trial in study.trials.all()}
        self.course = [trials[name] for name in self.session.trial_order]
        self.break_every = study.break_every
        self.n_practice = study.n_practice
        self.now = timezone.now()
        self.started = self.closed = self.shown = False
        self.resting = ""  # in what
        self.phase_read = 1
        self.token = self.ahead = ""  # of the current image, and of the one that may be fetched before its turn
        self.ahead_fetched = False
        self.past: list[dict] = []  # stored requests with the response each got
        self.rows: list[dict] = []  # stored answers, as they were when first seen

    @property
    def is_current(self) -> bool:
        return self.started and not self.closed and not self.resting and len(self.past) < len(self.course)

    def between(self, answered: int) -> str:
        """What lies between the image with this number, and the one after it."""
        if answered >= len(self.course):
            return ""
        before, after = self.course[answered - 1], self.course[answered]
        if before.phase != after.phase:
            return "phase"
        if before.is_practice and not after.is_practice:
            return "practice-over"
        counted = answered - self.n_practice
        return "break" if self.break_every and counted > 0 and counted % self.break_every == 0 else ""

    def go_where_the_server_is(self):
        current = current_of(self.session)
        self.resting = ""
        self.token, self.ahead = current.token, current.ahead or ""

    def request(self, browser: int, method: str, path: str, body: dict | None = None):
        """By the clock of the model."""
        client = self.browsers[browser]
        with mock.patch.object(timezone, "now", return_value=self.now):
            if body is None:
                return getattr(client, method)(path if path.startswith("/") else f"{self.root}/{path}")
            return client.post(f"{self.root}/{path}", json.dumps(body), content_type="application/json")

    # --- the clock: also backwards ------------------------------------------------------------------------------
    @rule(seconds=st.floats(-3600, 3600))
    def time_passes(self, seconds):
        self.now += timedelta(seconds=seconds)

    @initialize(started=st.sampled_from([True, True, True, False]))
    def most_readers_start(self, started):
        if started:
            self.start(0)

    # --- legal --------------------------------------------------------------------------------------------------
    @rule(browser=st.integers(0, 1))
    def start(self, browser):
        response = self.request(browser, "post", "instructions/")
        assert response.status_code == (403 if self.closed and not self.started else 302)
        if not self.started and not self.closed:
            self.started = True
            self.go_where_the_server_is()

    @rule(browser=st.integers(0, 1))
    def ask_what_is_current(self, browser):
        response = self.request(browser, "get", "current")
        told = response.json()
        if self.closed:
            assert (response.status_code, told["code"]) == (403, "closed")
        elif not self.started:
            assert (response.status_code, told["code"]) == (409, "not-started")
        elif self.resting == "phase" and self.phase_read == self.course[len(self.past)].phase:
            assert told["state"] == "reading"
            self.go_where_the_server_is()
        elif self.resting:
            assert (told["state"], told["kind"]) == ("interlude", self.resting)
            assert set(told) == {"state", "kind", "url", "answered", "total"}
        elif self.is_current:
            place = len(self.past) + 1
            practises = place <= self.n_practice
            assert (told["state"], told["token"]) == ("reading", self.token)
            assert (told["section"], told["position"]) == (
                ("practice", place) if practises else ("study", place - self.n_practice)
            )
            assert set(told) == {"state", "token", "stimulus", "section", "position", "total", "size", "ahead"}
            assert (told["ahead"] or {}).get("token", "") == self.ahead
        else:
            assert told["state"] == "finished"

    @rule(browser=st.integers(0, 1))
    def go_on(self, browser):
        """Ends a break and the practice, and nothing else."""
        response = self.request(browser, "post", "continue", {})
        if self.closed or not self.started:
            assert response.status_code == (403 if self.closed else 409)
        elif self.resting in ("break", "practice-over"):
            assert response.json()["current"]["state"] == "reading"
            self.go_where_the_server_is()
        else:
            expected = "interlude" if self.resting else "reading" if self.is_current else "finished"
            assert response.json()["current"]["state"] == expected
            assert response.json()["current"].get("token", "") == (self.token if self.is_current else "")

    @rule(browser=st.integers(0, 1))
    def read_the_words_of_the_phase(self, browser):
        response = self.request(browser, "post", "phase/")
        assert response.status_code == (403 if self.closed and self.resting == "phase" else 302)
        if self.resting == "phase" and not self.closed:
            self.phase_read = self.course[len(self.past)].phase

    @precondition(lambda self: self.is_current)
    @rule(browser=st.integers(0, 1))
    def load(self, browser):
        response = self.request(browser, "get", f"stimulus/{self.token}")
        assert response.status_code == 200
        assert len(response.content) == 16 * 16
        self.shown = True

    @precondition(lambda self: self.is_current)
    @rule(browser=st.integers(0, 1), data=st.data(), looks=MOSTLY, reading_ms=TIMES, hidden_ms=TIMES)
    def answer(self, browser, data, looks, reading_ms, hidden_ms):
        if looks:
            self.load(browser)
        body = {
            "token": self.token,
            **data.draw(self.said),
            "idempotency_key": str(uuid.uuid4()),
            "reading_ms": reading_ms,
            "hidden_ms": hidden_ms,
        }
        response = self.request(browser, "post", "answer", body)
        if not self.shown:
            assert (response.status_code, response.json()["code"]) == (409, "not-shown")
            return
        assert response.status_code == 200
        assert response.json()["stored"] == len(self.past) + 1
        # only of practice is it ever told what an image was
        assert ("feedback" in response.json()) == self.course[len(self.past)].is_practice
        self.past.append({"body": body, "response": response.content})
        self.shown, self.ahead_fetched = self.ahead_fetched, False
        following = response.json()["next"]
        self.resting = self.between(len(self.past))
        self.token, self.ahead = following.get("token", ""), (following.get("ahead") or {}).get("token", "")
        if self.resting:
            assert (following["state"], following["kind"]) == ("interlude", self.resting)
            self.shown = False
        else:
            assert (following["state"] == "finished") == (len(self.past) == len(self.course))

    @rule(data=st.data(), n=st.integers(1, 3))
    def read_some(self, data, n):
        """What readers do most of the time; without it few runs would come far."""
        for _ in range(n):
            if self.is_current:
                self.answer(0, data, True, 900, 0)

    @precondition(lambda self: self.is_current and self.ahead)
    @rule(browser=st.integers(0, 1))
    def fetch_the_image_ahead(self, browser):
        response = self.request(browser, "get", f"stimulus/{self.ahead}")
        assert response.status_code == 200
        assert len(response.content) == 16 * 16
        self.ahead_fetched = True

    # --- illegal, or repeated -----------------------------------------------------------------------------------
    @precondition(lambda self: self.is_current and self.ahead)
    @rule(browser=st.integers(0, 1), data=st.data())
    def answer_the_image_ahead(self, browser, data):
        body = {"token": self.ahead, **data.draw(self.said), "idempotency_key": str(uuid.uuid4())}
        response = self.request(browser, "post", "answer", body)
        assert (response.status_code, response.json()["code"]) == (409, "not-current")

    @precondition(lambda self: self.past)
    @rule(data=st.data(), browser=st.integers(0, 1))
    def replay(self, data, browser):
        """The same request again, however late: the same response, and nothing new."""
        earlier = data.draw(st.sampled_from(self.past))
        response = self.request(browser, "post", "answer", earlier["body"])
        assert response.status_code == 200
        assert response.json()["stored"] == json.loads(earlier["response"])["stored"]
        assert response.content == earlier["response"]

    @precondition(lambda self: self.past)
    @rule(data=st.data(), browser=st.integers(0, 1), same_key=st.booleans())
    def change_an_answer(self, data, browser, same_key):
        body = dict(data.draw(st.sampled_from(self.past))["body"])
        other = data.draw(self.said.filter(lambda said: not same_key or not said.items() <= body.items()))
        body |= other if same_key else {**other, "idempotency_key": str(uuid.uuid4())}
        response = self.request(browser, "post", "answer", body)
        assert response.status_code == (403 if self.closed and not same_key else 409)

    @precondition(lambda self: self.past)
    @rule(data=st.data())
    def look_again(self, data):
        token = data.draw(st.sampled_from(self.past))["body"]["token"]
        assert self.request(0, "get", f"stimulus/{token}").status_code == (403 if self.closed else 404)

    @precondition(lambda self: self.past and self.is_current)
    @rule(data=st.data())
    def use_a_key_for_two_images(self, data):
        key = data.draw(st.sampled_from(self.past))["body"]["idempotency_key"]
        body = {"token": self.token, **data.draw(self.said), "idempotency_key": key}
        assert self.request(0, "post", "answer", body).status_code == 409

    @rule(token=st.one_of(st.text("abcXYZ09-_", min_size=1, max_size=40), st.just("")), data=st.data())
    def skip_ahead_with_a_made_up_token(self, token, data):
        body = {"token": token, **data.draw(self.said), "idempotency_key": str(uuid.uuid4())}
        expected = 403 if self.closed else 404 if self.started else 409
        assert self.request(0, "post", "answer", body).status_code == expected
        if token:
            assert self.request(0, "get", f"stimulus/{token}").status_code == expected

    @rule(data=st.data())
    def use_the_token_of_somebody_else(self, data):
        """The stranger's current image is the first one; the token is real, and worth nothing here."""
        token = current_of(self.stranger).token
        body = {"token": token, **data.draw(self.said), "idempotency_key": str(uuid.uuid4())}
        expected = 403 if self.closed else 404 if self.started else 409
        assert self.request(0, "post", "answer", body).status_code == expected
        assert self.request(0, "get", f"stimulus/{token}").status_code == expected

    @rule(data=st.data())
    def come_as_somebody_else(self, data):
        body = {"token": self.token, **data.draw(self.said), "idempotency_key": str(uuid.uuid4())}
        for response in (
            self.strange_browser.get(f"{self.root}/stimulus/{self.token or 'x'}"),
            self.strange_browser.get(f"{self.root}/current"),
            self.strange_browser.post(f"{self.root}/continue"),
            self.strange_browser.post(f"{self.root}/phase/"),
            self.strange_browser.post(f"{self.root}/answer", json.dumps(body), content_type="application/json"),
        ):
            assert response.status_code == 404

    @rule(
        body=st.one_of(
            st.dictionaries(st.sampled_from(["token", "value", "idempotency_key"]), st.text(max_size=5)),
            st.lists(st.integers(), max_size=2),
            st.sampled_from(["", "{", "null", "\x00"]),
        )
    )
    def send_nonsense(self, body):
        text = body if isinstance(body, str) else json.dumps(body)
        response = self.browsers[0].post(f"{self.root}/answer", text, content_type="application/json")
        assert response.status_code == 400

    @precondition(lambda self: self.is_current and self.shown)
    @rule(data=st.data())
    def give_an_answer_that_is_none(self, data):
        body = {"token": self.token, **data.draw(self.none_of_it), "idempotency_key": str(uuid.uuid4())}
        assert self.request(0, "post", "answer", body).status_code == 400

    @precondition(lambda self: not self.closed and len(self.past) >= 3)
    @rule()
    def the_investigator_closes_the_study(self):
        close_study(study=self.session.study, by=None)
        self.closed = True

    # --- always -------------------------------------------------------------------------------------------------
    @invariant()
    def one_answer_for_each_image_in_order_and_never_changed(self):
        rows = list(Answer.objects.filter(session=self.session).order_by("pk").values())
        assert rows[: len(self.rows)] == self.rows
        self.rows = rows
        answers = Answer.objects.filter(session=self.session).order_by("pk").select_related("trial")
        assert [answer.position for answer in answers] == list(range(1, len(self.past) + 1))
        assert [answer.trial for answer in answers] == self.course[: len(self.past)]
        for row, earlier in zip(rows, self.past, strict=True):
            said = {name: row[name] for name in ("value", "rating") if name in earlier["body"]}
            assert said.items() <= earlier["body"].items()
        assert not Answer.objects.filter(session=self.stranger).exists()

    @invariant()
    def only_the_current_image_and_the_one_ahead_exist(self):
        presentations = Presentation.objects.filter(session=self.session)
        n_current = len(self.past) + (self.started and not self.resting and len(self.past) < len(self.course))
        n_existing = n_current
        if n_current > len(self.past) and n_current < len(self.course) and not self.between(n_current):
            n_existing += 1
        assert presentations.filter(became_current_at__isnull=False).count() == n_current
        assert presentations.count() == n_existing
        assert list(ReadingSession.objects.values_list("trial_order", flat=True).filter(pk=self.session.pk)) == [
            self.session.trial_order
        ]

    @invariant()
    def times_are_within_the_servers_bound_or_flagged(self):
        for row in self.rows:
            assert min(row["server_ms"], row["hidden_ms"]) >= 0
            if row["reading_ms"] is None:
                assert Flag.MISSING in row["flags"]
            elif row["reading_ms"] > row["server_ms"] + TOLERANCE_MS:
                assert Flag.LONGER_THAN_SERVER in row["flags"]
            else:
                assert row["reading_ms"] >= 0
            if row["hidden_ms"] > 0:
                assert Flag.HIDDEN in row["flags"]

    def teardown(self):
        assert verify_audit().is_whole


class RichReading(Reading):
    """The same with everything a protocol can ask for: practice, phases, repeats, breaks, grades, a limit of time."""

    protocol = {
        "n_real": 2,
        "n_synthetic": 1,
        "scale": "confidence",
        "n_practice": 1,
        "practice_feedback": True,
        "n_repeats": 1,
        "order": "per_reader",
        "break_every": 2,
        "time_limit_ms": 1000,
        "asks_comment": True,
        "mark_kind": "point",
        "later_phases": [{"title": "Informed", "n_real": 1, "n_synthetic": 1}],
    }
    said = st.fixed_dictionaries(
        {"rating": st.integers(1, 6)},
        optional={
            "comment": st.sampled_from(["", "grid", "lines\nof text"]),
            "marks": st.lists(st.fixed_dictionaries({"x": st.integers(0, 16), "y": st.integers(0, 16)}), max_size=2),
        },
    )
    none_of_it = st.one_of(
        Reading.none_of_it.filter(lambda said: said["value"] != "none"),
        st.integers().filter(lambda rating: not 1 <= rating <= 6).map(lambda rating: {"rating": rating}),
        st.sampled_from([{"rating": 2, "value": "synthetic"}, {"rating": 2, "marks": [{"x": -1, "y": 3}]}]),
        st.sampled_from([{"rating": 2.5}, {"rating": True}, {"rating": "2"}, {"rating": 3, "comment": "x" * 1001}]),
    )

    @precondition(lambda self: self.is_current and self.shown)
    @rule()
    def give_no_answer_before_the_time_is_up(self):
        """Sent at the moment at which it became current, or was shown: there is time left by any clock."""
        since = Presentation.objects.get(token=self.token).first_served_at
        self.now = since + timedelta(milliseconds=900)
        body = {"token": self.token, "value": "none", "idempotency_key": str(uuid.uuid4())}
        assert self.request(0, "post", "answer", body).status_code == 400


# The same examples come first on each database. Every rule of the model is among the first ones many times; what a
# database does otherwise, it does each time. How rules combine is the program's matter, not the database's.
EXAMPLES = 25 if connection.vendor == "sqlite" else 8
MACHINES = [(Reading, EXAMPLES, 30), (RichReading, EXAMPLES, 50)]


@pytest.mark.django_db
@pytest.mark.parametrize(("machine", "examples", "steps"), MACHINES)
def test_whatever_is_sent_the_locked_order_holds(machine, examples, steps):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )


# --- the same with real threads ---------------------------------------------------------------------------------


class Hasty:
    """A browser that sends whatever comes to its mind, without waiting for another one of the same reader."""

    def __init__(self, session, seed):
        self.client = Client(raise_request_exception=False)
        self.client.force_login(session.reader)
        self.root = f"/read/{session.pk}"
        self.random = Random(seed)
        self.accepted: list[tuple[int, str, str]] = []  # position, value, key
        self.statuses = Counter()

    def post(self, body):
        response = self.client.post(f"{self.root}/answer", json.dumps(body), content_type="application/json")
        self.statuses[response.status_code] += 1
        if response.status_code == 200:
            self.accepted.append((response.json()["stored"], body["value"], body["idempotency_key"]))

    def run(self, barrier):
        last: dict = {}
        barrier.wait()
        try:
            for _ in range(400):
                current = self.client.get(f"{self.root}/current").json()
                if current["state"] == "finished":
                    return
                if self.random.random() < 0.8:
                    self.client.get(current["stimulus"])
                body = {
                    "token": current["token"],
                    "value": self.random.choice(["real", "synthetic"]),
                    "idempotency_key": str(uuid.uuid4()),
                    "reading_ms": self.random.choice([None, 0, 10, 10**6]),
                }
                for _ in range(self.random.choice([1, 1, 2])):
                    self.post(body)
                if last and self.random.random() < 0.3:
                    self.post(last)
                    self.post({**last, "value": "real", "idempotency_key": str(uuid.uuid4())})
                last = body
        finally:
            connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_sent_at_once_the_locked_order_holds(seed):
    study = make_open_study(n_real=4, n_synthetic=4)
    sessions = [make_session(study=study) for _ in range(2)]
    browsers = [
        (session, Hasty(session, seed * 100 + place * 10 + n))
        for place, session in enumerate(sessions)
        for n in range(3)
    ]
    barrier = Barrier(len(browsers))

    with ThreadPoolExecutor(len(browsers)) as pool:
        for future in [pool.submit(browser.run, barrier) for _, browser in browsers]:
            future.result()

    for session in sessions:
        mine = [browser for owner, browser in browsers if owner == session]
        stored = {
            (answer.trial.position, answer.value, str(answer.idempotency_key))
            for answer in Answer.objects.filter(session=session).select_related("trial")
        }
        rows = Answer.objects.filter(session=session).order_by("pk")
        assert list(rows.values_list("trial__position", flat=True)) == list(range(1, 9))
        # every 200 is in the table as it was sent, and nothing is in the table that no browser was told of
        assert {entry for browser in mine for entry in browser.accepted} == stored
        assert set().union(*(browser.statuses for browser in mine)) <= {200, 409, 403}
        assert sum(browser.statuses[409] for browser in mine) > 0
        for answer in rows:
            late = answer.reading_ms is not None and answer.reading_ms > answer.server_ms + TOLERANCE_MS
            assert (Flag.LONGER_THAN_SERVER in answer.flags) == late
    assert verify_audit().is_whole
