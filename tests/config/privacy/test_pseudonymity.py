"""Readers are codes: their names and addresses reach nobody but administrators on the pages of people, and who invited.

Every address of the site is asked, as an investigator who invited nobody and as an administrator, before and after a
study closes; a new page is walked as soon as it has an address.
"""

import itertools
import logging

import pytest
from django.test import Client
from django.urls import get_resolver
from django.urls.converters import IntConverter, UUIDConverter

from config.accounts.models import User
from tests.factories import UserFactory
from tests.turing.builders import answer_next, make_open_study
from tests.turing.reading.test_visibility import addresses, fill
from turing.reading.enrolment import accept_invitation
from turing.reading.services import start_reading
from turing.reports.services import start_report
from turing.reports.settings import ReportSettings
from turing.services import close_study, create_invitations

pytestmark = pytest.mark.django_db
IDENTITY = ("markername", "markermail", "markerfirst", "markerlast", "markernote")
PEOPLES_PAGES = ("/people/", "/admin/")  # of these, see below


@pytest.fixture
def inviter(db):
    return UserFactory(username="inviter", role=User.Role.INVESTIGATOR)


@pytest.fixture
def session(inviter):
    reader = UserFactory(
        username="markername", email="markermail@example.org", first_name="Markerfirst", last_name="Markerlast"
    )
    study = make_open_study(created_by=inviter)
    ((_, secret),) = create_invitations(study=study, count=1, by=inviter, note="markernote")
    session = start_reading(session=accept_invitation(secret=secret, user=reader), consents=True)
    Client().post("/accounts/login/", {"login": "markername", "password": "wrong"})
    while session.answers.count() < len(session.trial_order):
        answer_next(session)
    return session


def leaks(client, values) -> dict[str, set[str]]:
    """Addresses whose answers hold an identity, with what they hold; and how many were asked, under ""."""
    found, asked = {}, 0
    for pattern, converters in addresses(get_resolver().url_patterns):
        for chosen in itertools.product(*(values[_kind(one)] for one in converters.values())):
            address = "/" + fill(pattern, dict(zip(converters, chosen, strict=True)))
            if "logout" in address or any(word in address.lower() for word in IDENTITY):
                continue
            answer = client.get(address)
            asked += 1
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            text = (body.decode("latin-1") + str(answer.headers)).lower()
            if held := {word for word in IDENTITY if word in text}:
                found[address] = held
    assert asked > 100
    return found


def _kind(converter) -> str:
    if isinstance(converter, UUIDConverter):
        return "uuid"
    return "int" if isinstance(converter, IntConverter) else "text"


def test_no_page_file_or_log_names_a_reader(session, inviter, caplog):
    caplog.set_level(logging.DEBUG)
    study = session.study
    administrator = UserFactory(role=User.Role.ADMINISTRATOR, is_staff=True, is_superuser=True)
    clients = {"investigator": Client(), "administrator": Client(), "inviter": Client()}
    clients["investigator"].force_login(UserFactory(role=User.Role.INVESTIGATOR))
    clients["administrator"].force_login(administrator)
    clients["inviter"].force_login(inviter)
    of_study = f"/studies/{study.pk}/"
    assert [client.get(of_study).status_code for client in clients.values()] == [200, 200, 200]
    values = {
        "uuid": [study.pk, session.pk],
        "int": [session.reader_id],
        "text": [str(study.pk)],
    }
    pages = {}
    for state in ("open", "closed"):
        if state == "closed":
            close_study(study=study, by=inviter)
            values["uuid"].append(start_report(about=study, settings=ReportSettings(), by=inviter).pk)
        pages[state] = {kind: leaks(clients[kind], values) for kind in ("investigator", "administrator")}
        of_the_inviter = clients["inviter"].get(of_study).content.decode()
        assert {word for word in IDENTITY if word in of_the_inviter.lower()} == {"markername", "markernote"}

    for found in pages.values():
        assert found["investigator"] == {}
        others = {address for address in found["administrator"] if not address.startswith(PEOPLES_PAGES)}
        assert others == set()
        in_admin = {address for address in found["administrator"] if address.startswith("/admin/")}
        assert all(address.startswith(("/admin/accounts/", "/admin/account/", "/admin/mfa/")) for address in in_admin)
        assert f"/people/{session.reader_id}/" in found["administrator"]  # the walk would notice
    written = "\n".join(record.getMessage() for record in caplog.records if record.name != "django.db.backends")
    assert not any(word in written.lower() for word in IDENTITY)


def test_no_report_or_table_names_a_reader(session, inviter):
    """The files of an analysis, made by its job, and the CSV of the answers."""
    close_study(study=session.study, by=inviter)
    client = Client()
    client.force_login(inviter)

    answers = client.get(f"/studies/{session.study_id}/results/answers.csv")
    text = (b"".join(answers.streaming_content) if answers.streaming else answers.content).decode().lower()

    assert session.reader_code.lower() in text
    assert not any(word in text for word in IDENTITY)
