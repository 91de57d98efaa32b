"""Who may open what: every address of the app x every kind of user, in each status of the study."""

import json
import uuid

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from config.accounts.models import User
from tests.factories import UserFactory
from tests.turing.builders import answer_next, make_draft, make_open_study, make_session
from turing import rules
from turing.models import Invitation, Study
from turing.planning_job import PlanParameters, start_planning
from turing.reading.selectors import current_of
from turing.reports.services import start_report
from turing.reports.settings import ReportSettings
from turing.services import close_study, create_invitations, follow_up_study

pytestmark = pytest.mark.django_db

INVESTIGATORS_GET = (
    *("study_list", "study_create", "study_detail", "study_edit", "study_progress", "study_results"),
    *("study_answers_csv", "study_images", "study_image_png", "study_image_heat", "matching_count"),
    *("preview", "preview_instructions", "preview_phase", "preview_done"),
    *("planning", "plan_detail", "plan_file", "study_reports", "report_detail", "report_file"),
    *("answer_tables", "answer_table_example", "answer_table", "answer_table_columns", "comparisons"),
)
RESULTS = ("study_results", "study_answers_csv", "study_images", "study_image_png", "study_image_heat", "study_reports")
INVESTIGATORS_POST = (
    *("study_open", "study_close", "study_delete", "study_edit", "study_create", "study_clone", "invitation_create"),
    *("invitation_revoke", "second_session_create", "preview_instructions", "preview_phase", "planning"),
    *("study_reports", "report_remove", "comparisons", "answer_tables", "answer_table", "answer_table_columns"),
    *("answer_table_forget", "answer_table_remove"),
)
PREVIEW_DATA_GET = ("preview_current", "preview_stimulus")
PREVIEW_DATA_POST = ("preview_attend", "preview_answer", "preview_continue")
READERS_PAGES = ("read", "read_instructions", "read_phase", "read_done")
READERS_DATA = ("read_attend", "read_current", "read_stimulus", "read_answer", "read_continue")
FOR_EVERYBODY = ("invite", "my_studies")  # the link's secret is the permission; the list holds only one's own


@pytest.fixture
def session():
    return make_session()


@pytest.fixture
def clients(session):
    """One signed-in client per kind of user."""
    users = {
        "anonymous": None,
        "reader": session.reader,
        "other reader": UserFactory(),
        "investigator": UserFactory(role=User.Role.INVESTIGATOR),
        "administrator": UserFactory(role=User.Role.ADMINISTRATOR, is_staff=True, is_superuser=True),
    }
    clients = {}
    for kind, user in users.items():
        clients[kind] = Client()
        if user is not None:
            clients[kind].force_login(user)
    return clients


def address(name, session):
    if name in (
        "study_list",
        "study_create",
        "my_studies",
        "planning",
        "answer_tables",
        "answer_table_example",
        "comparisons",
    ):
        return reverse(f"turing:{name}")
    if name == "invitation_revoke":
        ((invitation, _),) = create_invitations(study=session.study, count=1, by=None)
        return reverse("turing:invitation_revoke", args=[invitation.pk])
    if name == "matching_count":
        return reverse("turing:matching_count", args=["real"])
    if name in ("plan_detail", "plan_file"):
        job = start_planning(parameters=PlanParameters(), by=UserFactory(role=User.Role.INVESTIGATOR))
        return reverse(f"turing:{name}", args=[job.pk, *(["csv"] if name == "plan_file" else [])])
    if name.startswith("answer_table"):  # somebody's own: nobody else's, see tests/turing/reports/test_table_views.py
        return reverse(f"turing:{name}", args=[uuid.uuid4()])
    if name in ("report_detail", "report_file", "report_remove"):
        closed = close_study(study=make_open_study(), by=None)
        report = start_report(about=closed, settings=ReportSettings(), by=None)
        return reverse(f"turing:{name}", args=[report.pk, *(["report.pdf"] if name == "report_file" else [])])
    if name == "preview_stimulus":
        return reverse("turing:preview_stimulus", args=[session.study_id, "made-up"])
    if name in ("study_image_png", "study_image_heat"):
        return reverse(f"turing:{name}", args=[session.study_id, 1, 0])
    if name == "read_stimulus":
        return reverse("turing:read_stimulus", args=[session.pk, current_of(session).token])
    return reverse(f"turing:{name}", args=[session.pk if name.startswith("read") else session.study_id])


def test_every_address_of_the_app_is_in_this_matrix():
    patterns = get_resolver("turing.urls").reverse_dict
    names = {name for name in patterns if isinstance(name, str)}

    assert names == {
        *(*INVESTIGATORS_GET, *INVESTIGATORS_POST, *PREVIEW_DATA_GET, *PREVIEW_DATA_POST),
        *(*READERS_PAGES, *READERS_DATA, *FOR_EVERYBODY),
    }


@pytest.mark.parametrize("name", INVESTIGATORS_GET)
def test_investigators_pages(clients, session, name):
    url = address(name, session)

    assert clients["anonymous"].get(url).url.startswith("/accounts/login/")
    for kind in ("reader", "other reader"):
        response = clients[kind].get(url)
        assert response.status_code == 403
        assert session.study.name not in response.content.decode()
    # the study is open: it cannot be edited any more, and its results cannot be seen yet
    expected = {"study_edit": 302, **dict.fromkeys(RESULTS, 403)}
    expected |= {
        "preview_phase": 302,
        "preview_done": 302,
        "plan_file": 404,
        "report_file": 404,
        "answer_table": 404,
        "answer_table_columns": 404,
    }  # not there yet
    for kind in ("investigator", "administrator"):
        assert clients[kind].get(url).status_code == expected.get(name, 200)


@pytest.mark.parametrize("name", [*PREVIEW_DATA_GET, *PREVIEW_DATA_POST])
def test_data_of_previews(clients, session, name):
    url = address(name, session)
    body = {"token": "x", "value": "real", "idempotency_key": str(uuid.uuid4())}

    def ask(kind):
        if name in PREVIEW_DATA_GET:
            return clients[kind].get(url)
        return clients[kind].post(url, json.dumps(body), content_type="application/json")

    assert (ask("anonymous").status_code, ask("anonymous").json()["code"]) == (401, "signed-out")
    for kind in ("reader", "other reader"):
        response = ask(kind)
        assert (response.status_code, response.json()["code"]) == (403, "forbidden")
        assert session.study.name not in response.content.decode()
    # nothing is previewed yet: only a page that loads begins
    expected = 200 if name == "preview_attend" else 404
    for kind in ("investigator", "administrator"):
        assert ask(kind).status_code == expected


@pytest.mark.parametrize("name", INVESTIGATORS_POST)
def test_investigators_verbs(clients, session, name):
    url = address(name, session)
    before = _everything()

    assert clients["anonymous"].post(url).url.startswith("/accounts/login/")
    for kind in ("reader", "other reader"):
        assert clients[kind].post(url).status_code == 403
    assert _everything() == before
    not_there = name.startswith("answer_table") and name != "answer_tables"
    expected = (403,) if name in RESULTS else (404,) if not_there else (200, 302, 422)
    assert clients["investigator"].post(url).status_code in expected


def _everything():
    return list(Study.objects.values()), list(Invitation.objects.values())


@pytest.mark.parametrize(
    "name",
    [
        *("study_open", "study_close", "study_delete", "study_clone", "second_session_create", "invitation_create"),
        *("invitation_revoke", *PREVIEW_DATA_POST),
    ],
)
def test_verbs_are_not_links(clients, session, name):
    assert clients["investigator"].get(address(name, session)).status_code == 405


@pytest.mark.parametrize("name", READERS_PAGES)
def test_readers_pages(clients, session, name):
    url = address(name, session)

    assert clients["anonymous"].get(url).url.startswith("/accounts/login/")
    assert clients["reader"].get(url).status_code == (302 if name in ("read_phase", "read_done") else 200)
    for kind in ("other reader", "investigator", "administrator"):
        response = clients[kind].get(url)
        assert response.status_code == 404
        assert session.study.name not in response.content.decode()


@pytest.mark.parametrize("name", READERS_DATA)
def test_readers_data(clients, session, name):
    url = address(name, session)
    clients["reader"].get(address("read_stimulus", session))
    body = {"token": current_of(session).token, "value": "real", "idempotency_key": str(uuid.uuid4()), "reading_ms": 1}

    def ask(kind):
        if name in ("read_answer", "read_attend", "read_continue"):
            return clients[kind].post(url, json.dumps(body), content_type="application/json")
        return clients[kind].get(url)

    assert ask("anonymous").status_code == 401
    for kind in ("other reader", "investigator", "administrator"):
        assert (ask(kind).status_code, ask(kind).json()["code"]) == (404, "unknown-image")
    assert session.answers.count() == 0
    assert ask("reader").status_code == 200


def test_lists_hold_what_is_mine(clients, session):
    content = {
        kind: clients[kind].get(reverse("turing:my_studies")).content.decode()
        for kind in ("reader", "other reader", "investigator")
    }

    assert {kind: session.study.name in html for kind, html in content.items()} == {
        "reader": True,
        "other reader": False,
        "investigator": False,
    }


def test_an_open_study_is_blind_for_everybody(clients, session):
    """Also for a superuser, to whom Django's own permissions grant everything."""
    answer_next(session)

    for kind in ("investigator", "administrator"):
        page = clients[kind].get(address("study_results", session))
        assert "No results before the study is closed" in page.content.decode()
        for name in RESULTS:
            assert clients[kind].get(address(name, session)).status_code == 403
        close_url = address("study_detail", session)
        assert "Results</a>" not in clients[kind].get(close_url).content.decode()


def test_a_closed_study_shows_its_results_to_investigators_only(clients, session):
    close_study(study=session.study, by=None)

    for kind, status in {"reader": 403, "other reader": 403, "investigator": 200, "administrator": 200}.items():
        for name in RESULTS:
            unmarked = name == "study_image_heat" and status == 200  # nobody left a mark: there is no heat map
            assert clients[kind].get(address(name, session)).status_code == (404 if unmarked else status)


@pytest.mark.parametrize(
    ("predicate", "allowed"),
    [
        (rules.can_change_study, {"draft"}),
        (rules.can_delete_study, {"draft"}),
        (rules.can_open_study, {"draft"}),
        (rules.can_preview_study, {"draft", "open"}),
        (rules.can_clone_study, {"draft", "open", "closed"}),
        (rules.can_follow_up_study, {"open", "closed"}),
        (rules.can_close_study, {"open"}),
        (rules.can_invite_readers, {"draft", "open"}),
        (rules.can_view_results, {"closed"}),
    ],
)
def test_rules_by_status(investigator, reader, predicate, allowed):
    studies = {
        "draft": make_draft(),
        "open": make_open_study(),
        "closed": close_study(study=make_open_study(), by=None),
    }

    assert {status for status, study in studies.items() if predicate(investigator, study)} == allowed
    assert not any(predicate(reader, study) for study in studies.values())


def test_nobody_is_invited_to_an_example(investigator):
    example = make_open_study(is_example=True)

    assert rules.can_invite_readers(investigator, example) is False
    assert rules.can_follow_up_study(investigator, example) is False


def test_nobody_is_invited_to_a_second_session(investigator):
    second = follow_up_study(study=make_open_study(), by=None, washout_days=1)

    assert rules.can_invite_readers(investigator, second) is False


def test_a_preview_is_its_investigators_own(clients, session):
    """It stands in the web session: the token of one is nothing to another, nor is a reader's."""
    attend = reverse("turing:preview_attend", args=[session.study_id])
    told = clients["investigator"].post(attend, "{}", content_type="application/json").json()["current"]
    tokens = [told["token"], current_of(session).token]
    clients["administrator"].post(attend, "{}", content_type="application/json")

    for token in tokens:
        url = reverse("turing:preview_stimulus", args=[session.study_id, token])
        assert clients["administrator"].get(url).status_code == 404
        assert (
            clients["reader"].get(reverse("turing:read_stimulus", args=[session.pk, told["token"]])).status_code == 404
        )
