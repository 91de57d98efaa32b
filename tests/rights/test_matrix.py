"""Who may open what: every address of the investigators' pages x everybody, of one's own project and of another's."""

import pytest
from django.test import Client
from django.urls import reverse

from config.accounts.models import User
from tests.factories import UserFactory
from tests.rights.addresses import NAMES, OF_ADMINISTRATORS, address, names_of_the_site
from tests.rights.population import Population, populate

pytestmark = pytest.mark.django_db

ALLOWED = (200, 302, 400, 405, 409, 422)  # it was found; whether it can be done just now is another matter
OUTSIDERS = ("anonymous", "reader", "annotator", "investigator")
FOR_ADMINISTRATORS = {"imaging:import_folder", "imaging:import_pacs"}
# What has no page of its own, or none in this state: then 403 or 404 is right for its owner, too.
NOT_THERE = {
    *("imaging:import_retry", "imaging:upload_part", "imaging:upload_discard", "imaging:duplicates_file"),
    "imaging:import_pacs",  # none is configured
    "imaging:dataset_flow_chart",  # of what inclusion rules made
    *("generation:measure_file", "generation:measure_pairs", "generation:sample_discard", "generation:run_sample"),
    *("generation:foreign_sample", "generation:foreign_accept", "classification:classifier_file"),
    *("classification:experiment_archive", "classification:experiment_file", "classification:screening_decide"),
    *("classification:scoring_csv", "classification:scoring_explain", "classification:screening_act"),
    *("worker:job_artefact", "turing:plan_file", "turing:report_file", "turing:preview_stimulus"),
    *("turing:preview_current", "turing:preview_answer", "turing:preview_continue", "turing:answer_table_columns"),
    *("turing:answer_table_forget", "turing:answer_table", "turing:study_image_heat"),
}
DRAWN_BY_OTHERS = {"imaging:region_draw", "imaging:region_image"}
SAYS_IT_IS_GONE = {("post", "imaging:quarantine_item")}  # of any id that does not wait: somebody may have decided
API_NOT_THERE = {  # likewise; and verbs have no GET
    *("api:measure_file", "api:report_file", "api:job_artefact", "api:upload_part", "api:upload"),
}
ANNOTATORS = {"imaging:my_regions", "imaging:region_draw", "imaging:region_image", "imaging:region_pixels"}


@pytest.fixture
def own(db) -> Population:
    return populate("alpha")


@pytest.fixture
def other(own) -> Population:
    return populate("omega")


def where(name: str, population: Population, *, prefix: bool = False) -> str:
    """The API's addresses name no project."""
    before = f"/p/{population.project.slug}" if prefix and not name.startswith("api:") else ""
    return before + address(name, population)


def ask(client: Client, verb: str, name: str, population: Population):
    more = {"data": "{}", "content_type": "application/json"} if verb == "post" and name.startswith("api:") else {}
    return getattr(client, verb)(where(name, population), **more)


def signed_in(user: User | None) -> Client:
    client = Client(raise_request_exception=True)
    if user is not None:
        client.force_login(user)
    return client


def test_every_address_is_in_the_matrix():
    assert names_of_the_site() == {*NAMES, *OF_ADMINISTRATORS}


def test_nothing_of_another_project_is_found(own, other):
    """By nobody outside, by no verb; in lists, forms and files there is not a word of it."""
    outsiders = {
        "anonymous": None,
        "reader": UserFactory(),
        "annotator": own.annotator,
        "investigator": own.investigator,
    }
    assert set(outsiders) == set(OUTSIDERS)
    wrong = []
    for who, user in outsiders.items():
        client = signed_in(user)
        for name, ids in NAMES.items():
            for verb in ("get", "post"):
                response = ask(client, verb, name, other)
                body = _body(response)
                if other.mark.encode() in body.replace(address(name, other).encode(), b""):
                    wrong.append(f"{who} {verb} {name}: says {other.mark} ({response.status_code})")
                refused = response.status_code in _refusals(who) or (verb, name) in SAYS_IT_IS_GONE
                if ids and not ids.startswith("=") and not refused:
                    wrong.append(f"{who} {verb} {name}: {response.status_code}")
    assert not wrong, "\n".join(wrong)


def test_its_own_project_is_found(own, other):
    """Otherwise the test above would pass with a site that shows nothing."""
    administrator = UserFactory(role=User.Role.ADMINISTRATOR, is_staff=True, is_superuser=True)
    wrong = []
    seen = 0
    for who, user in (("investigator", own.investigator), ("administrator", administrator)):
        client = signed_in(user)
        for name in NAMES:
            response = client.get(where(name, own, prefix=who == "administrator"))
            if name in FOR_ADMINISTRATORS and who == "investigator":
                expected = response.status_code == 403
            elif name in NOT_THERE | API_NOT_THERE or (who == "administrator" and name in DRAWN_BY_OTHERS):
                expected = response.status_code in (*ALLOWED, 403, 404)
            else:
                expected = response.status_code in ALLOWED
            if not expected:
                wrong.append(f"{who} {name}: {response.status_code}")
            body = _body(response)
            seen += own.mark.encode() in body
            if other.mark.encode() in body and who == "investigator":
                wrong.append(f"{who} {name}: says {other.mark}")
    assert not wrong, "\n".join(wrong)
    assert seen > 100


@pytest.mark.parametrize("role", [None, User.Role.READER, User.Role.ANNOTATOR, User.Role.INVESTIGATOR])
def test_people_are_the_administrators_matter(role):
    somebody = UserFactory(username="somebody", email="somebody@example.org")
    client = signed_in(None if role is None else UserFactory(role=role))
    administrator = signed_in(UserFactory(role=User.Role.ADMINISTRATOR))
    for name, n_ids in OF_ADMINISTRATORS.items():
        url = reverse(name, args=[somebody.pk] * n_ids)
        for verb in ("get", "post"):
            response = getattr(client, verb)(url)
            assert response.status_code in ((302, 405) if role is None else (403, 405)), name
            assert b"somebody" not in response.content.replace(url.encode(), b"")
        assert administrator.get(url).status_code in (200, 405), name


def test_annotators_see_what_is_given_to_them(own):
    client = signed_in(own.annotator)

    assert client.get("/").url == address("imaging:my_regions", own)
    assert b"alpha task" in client.get(address("imaging:my_regions", own)).content
    assert client.get(address("imaging:region_draw", own)).status_code == 200
    assert client.get(address("imaging:region_image", own)).status_code == 200
    assert client.get(address("imaging:region_pixels", own)).status_code == 200
    for name in set(NAMES) - ANNOTATORS - {"home", "api:reference"}:
        for verb in ("get", "post"):
            response = ask(client, verb, name, own)
            assert response.status_code in (401, 403, 404, 405), name
            assert own.mark not in _body(response).decode(errors="replace").replace(own.annotator.username, ""), name


def test_a_picture_is_the_annotators_while_the_task_is_open(own):
    from imaging.regions.services import close_task

    client = signed_in(own.annotator)
    close_task(task=own.records["task"])

    assert client.get(address("imaging:region_pixels", own)).status_code == 404
    assert client.get(address("imaging:region_draw", own)).url == address("imaging:my_regions", own)
    assert client.get(address("imaging:region_image", own)).status_code == 200  # what was drawn can still be read


def _refusals(who: str) -> tuple[int, ...]:
    # a verb that a page does not know is refused before the page is looked for; a sign-in page says nothing of it
    return (302, 401, 405) if who == "anonymous" else (403, 404, 405)


def _body(response) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content
