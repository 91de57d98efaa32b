"""Answers come from the reader of the current image, and from nobody else."""

import uuid

import pytest

from config.accounts.models import User
from tests.api.conftest import Api
from tests.factories import UserFactory
from tests.turing.builders import make_open_study, make_session
from turing.models import Answer
from turing.reading.services import attend
from turing.services import create_invitations
from turing.timing import Flag

pytestmark = pytest.mark.django_db


@pytest.fixture
def study():
    return make_open_study(n_real=2, n_synthetic=2)


@pytest.fixture
def session(study, reader):
    return make_session(study=study, reader=reader, started=False)


def begin(api, session) -> dict:
    return api.send(f"reading/{session.pk}/start/").json()


def answer(api, session, state: dict, **changes):
    pixels = api.look(f"reading/{session.pk}/stimulus/{state['token']}/")
    assert (pixels.status_code, len(pixels.content)) == (200, 16 * 16)
    body = {"token": state["token"], "idempotency_key": str(uuid.uuid4()), "value": "real", **changes}
    return api.send(f"reading/{session.pk}/answer/", body)


def test_a_reader_reads_a_study_to_its_end(reader_api, session):
    (mine,) = reader_api.look("reading/").json()["results"]
    assert (mine["id"], mine["is_started"]) == (str(session.pk), False)
    state = begin(reader_api, session)
    for place in range(1, 5):
        assert (state["state"], state["position"], state["total"]) == ("reading", place, 4)
        assert reader_api.look(f"reading/{session.pk}/current/").json() == state
        state = answer(reader_api, session, state).json()["next"]
    assert state == {"state": "finished"}
    session.refresh_from_db()
    assert session.finished_at is not None


def test_an_answer_of_a_program_has_no_reading_time_and_is_flagged(reader_api, session):
    sent = answer(reader_api, session, begin(reader_api, session), value="synthetic")
    assert sent.status_code == 200
    stored = Answer.objects.get()
    assert (stored.value, stored.reading_ms) == ("synthetic", None)
    assert stored.flags == [Flag.MISSING, Flag.THROUGH_API]
    state = sent.json()["next"]
    refused = answer(reader_api, session, state, reading_ms=1500)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "reading_ms")


def test_an_investigator_cannot_answer_for_a_reader(api, reader_api, session):
    state = begin(reader_api, session)
    reader_api.look(f"reading/{session.pk}/stimulus/{state['token']}/")
    body = {"token": state["token"], "idempotency_key": str(uuid.uuid4()), "value": "real"}
    for address in ("", "current/", f"stimulus/{state['token']}/"):
        assert api.look(f"reading/{session.pk}/{address}").status_code == 404
    assert api.send(f"reading/{session.pk}/answer/", body).status_code == 404
    boss = Api(UserFactory(role=User.Role.ADMINISTRATOR, is_superuser=True))
    assert boss.send(f"reading/{session.pk}/answer/", body).status_code == 404
    narrow = Api(UserFactory(role=User.Role.INVESTIGATOR), "studies:write", "results:read")
    assert narrow.send(f"reading/{session.pk}/answer/", body).status_code == 403
    assert not Answer.objects.exists()


def test_another_reader_cannot_answer_nor_see(study, reader_api, session):
    state = begin(reader_api, session)
    reader_api.look(f"reading/{session.pk}/stimulus/{state['token']}/")
    other = Api(make_session(study=study, reader=UserFactory()).reader)
    body = {"token": state["token"], "idempotency_key": str(uuid.uuid4()), "value": "real"}
    assert other.send(f"reading/{session.pk}/answer/", body).status_code == 404
    assert other.look(f"reading/{session.pk}/stimulus/{state['token']}/").status_code == 404
    own = other.look("reading/").json()["results"][0]["id"]
    assert other.send(f"reading/{own}/answer/", body).status_code == 404
    assert not Answer.objects.exists()


def test_past_future_and_repeated(reader_api, session):
    state = begin(reader_api, session)
    key = str(uuid.uuid4())
    first = answer(reader_api, session, state, idempotency_key=key)
    same = {"token": state["token"], "idempotency_key": key, "value": "real"}
    assert reader_api.send(f"reading/{session.pk}/answer/", same).json() == first.json()

    past = reader_api.send(f"reading/{session.pk}/answer/", {**same, "idempotency_key": str(uuid.uuid4())})
    assert (past.status_code, past.json()["type"]) == (409, "urn:turing-reader:problem:answered-already")
    changed = reader_api.send(f"reading/{session.pk}/answer/", {**same, "value": "synthetic"})
    assert changed.status_code == 409
    future = {**same, "token": "never-given-to-anybody", "idempotency_key": str(uuid.uuid4())}
    assert reader_api.send(f"reading/{session.pk}/answer/", future).status_code == 404
    coming = first.json()["next"]["token"]
    unseen = {**same, "token": coming, "idempotency_key": str(uuid.uuid4())}
    assert reader_api.send(f"reading/{session.pk}/answer/", unseen).json()["type"].endswith("not-shown")
    assert Answer.objects.count() == 1


def test_a_page_that_was_opened_since_goes_on_alone(reader_api, session):
    state = begin(reader_api, session)
    attend(session=session)
    body = {"token": state["token"], "idempotency_key": str(uuid.uuid4()), "value": "real"}
    refused = reader_api.send(f"reading/{session.pk}/answer/", body)
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "elsewhere")
    assert answer(reader_api, session, reader_api.send(f"reading/{session.pk}/continue/").json()).status_code == 200


@pytest.mark.parametrize("limit", ["exposure_limit_ms", "time_limit_ms"])
def test_limits_of_time_are_for_the_page_alone(reader_api, reader, limit):
    session = make_session(study=make_open_study(**{limit: 5000}), reader=reader, started=False)
    refused = answer(reader_api, session, begin(reader_api, session))
    assert refused.status_code == 409
    assert "Only the reading page" in refused.json()["detail"]
    assert not Answer.objects.exists()


def test_a_reader_joins_by_the_secret_of_an_invitation(study, reader_api, investigator):
    ((_, secret),) = create_invitations(study=study, count=1, by=investigator)
    joined = reader_api.send("reading/join/", {"secret": secret})
    assert joined.status_code == 201
    told = reader_api.look(f"reading/{joined.json()['id']}/").json()
    assert (told["scale"], told["image_size"]) == ("binary", 16)
    assert reader_api.send("reading/join/", {"secret": "guessed"}).status_code == 409
    as_investigator = Api(investigator).send("reading/join/", {"secret": secret})
    assert "already" in as_investigator.json()["detail"]
