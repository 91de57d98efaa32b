"""Forged, malformed and misdirected requests, sent to every address of the URL map."""

import re
from urllib.parse import urljoin, urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tests.factories import PASSWORD, DatasetFactory, JobFactory, UserFactory
from tests.security.addresses import every_address
from tests.turing.builders import make_draft

pytestmark = pytest.mark.django_db

PUBLIC = {  # what anybody may see: the sign-in and what leads to it; the rest of allauth shows a form or a "closed"
    "invite",
    "admin:login",
    "admin:logout",
    "admin:jsi18n",
    "socialaccount_login_cancelled",
    "socialaccount_login_error",
}
ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "https:evil.example",
    "http:///evil.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    "\thttps://evil.example/",
    "/%09/evil.example/",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
]


def is_public(name: str) -> bool:
    return name in PUBLIC or name.split(":")[-1] in PUBLIC or name.startswith(("account_", "livez", "readyz"))


def test_the_walk_finds_the_site():
    """An empty walk would make every test here pass."""
    names = {address.name for address in every_address()}

    assert {"home", "imaging:dataset_detail", "turing:read_answer", "worker:job_cancel", "admin:index"} <= names
    assert len(names) > 150


def test_nothing_is_shown_to_who_is_not_signed_in(client):
    shown = {}
    for address in every_address():
        if is_public(address.name):
            continue
        for answer in (client.get(address.url()), client.post(address.url())):
            to_sign_in = answer.status_code == 302 and "login" in answer["Location"]
            if not to_sign_in and answer.status_code not in (400, 401, 403, 404, 405):
                shown[address.name] = answer.status_code

    assert shown == {}


def test_no_request_is_taken_without_its_token(administrator):
    """Cross-site request forgery: a POST that another site made the browser send."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(administrator)

    taken = {}
    for address in every_address():
        status = client.post(address.url()).status_code
        if status not in (401, 403):
            taken[address.name] = status

    assert taken == {}


def test_a_token_is_good_for_our_own_origin_only(administrator):
    client = Client(enforce_csrf_checks=True)
    client.force_login(administrator)
    token = client.get(reverse("imaging:import_new")).cookies["csrftoken"].value
    job = JobFactory()
    address = reverse("worker:job_cancel", args=[job.pk])

    def post(**headers: str) -> int:
        return client.post(address, {"csrfmiddlewaretoken": token}, headers=headers).status_code

    refused = [post(origin=origin) for origin in ("https://evil.example", "null", "http://testserver.evil.example")]
    taken = post(origin="http://testserver")
    client.cookies["csrftoken"] = "x" * 32

    assert (refused, taken) == ([403] * 3, 302)
    assert post(origin="http://testserver") == 403  # a token that is not that of the cookie


@pytest.mark.parametrize("target", ELSEWHERE, ids=range(len(ELSEWHERE)))
def test_nobody_is_sent_elsewhere(target, client):
    user = UserFactory()
    sign_in = {"login": user.username, "password": PASSWORD, "next": target}
    job = JobFactory()

    after_sign_in = client.post(f"{reverse('account_login')}", sign_in)
    signed_in_already = client.get(reverse("account_login"), {"next": target})
    client.force_login(UserFactory(role="investigator"))
    after_button = client.post(
        reverse("worker:job_cancel", args=[job.pk]), {"next": target}, headers={"referer": target}
    )
    after_sign_out = client.post(reverse("account_logout"), {"next": target})

    answers = [after_sign_in, signed_in_already, after_button, after_sign_out]
    assert [answer.status_code for answer in answers] == [302] * 4
    assert [where_a_browser_goes(answer["Location"]) for answer in answers] == ["http://testserver"] * 4


def where_a_browser_goes(location: str) -> str:
    """Origin, as browsers read an address: tabs and line ends fall out, a backslash is a slash (WHATWG URL)."""
    read = re.sub(r"[\t\r\n]", "", location).strip().replace("\\", "/")
    found = urlsplit(urljoin("http://testserver/page/", re.sub(r"^/{2,}", "//", read)))
    return f"{found.scheme}://{found.netloc}" if found.netloc else found.scheme


def test_a_page_that_was_asked_for_comes_after_the_sign_in(client):
    """The same way with an address of ours: the test above does not pass because `next` is never used."""
    user = UserFactory()

    answer = client.post(
        reverse("account_login"), {"login": user.username, "password": PASSWORD, "next": "/my-studies/"}
    )

    assert answer["Location"] == "/my-studies/"


@pytest.mark.parametrize("host", ["evil.example", "testserver@evil.example", "evil.example:80", "testserver.evil", ""])
def test_links_are_never_made_for_another_host(host, administrator_client, settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    study = make_draft()
    address = reverse("turing:invitation_create", args=[study.pk])

    refused = administrator_client.post(address, {"count": 1}, headers={"host": host})
    forwarded = administrator_client.post(address, {"count": 1}, headers={"x-forwarded-host": "evil.example"})

    assert refused.status_code == 400
    assert forwarded.status_code == 200
    page = forwarded.content.decode()
    assert "http://testserver/invite/" in page
    assert "evil.example" not in page


def test_methods_that_no_page_has_are_refused(administrator_client):
    """TRACE, and verbs of other protocols; PUT, PATCH and DELETE belong to the API alone."""
    answered = {}
    for address in every_address():
        methods = ["TRACE", "PROPFIND", "CONNECT", "DEBUG"]
        if not address.route.startswith("/api/"):
            methods += ["PUT", "PATCH", "DELETE"]
        for method in methods:
            status = administrator_client.generic(method, address.url()).status_code
            if status != 405:
                answered[address.name, method] = status

    assert answered == {}


def test_every_answer_carries_the_headers_of_defence(administrator_client):
    """Pages, files, redirections, refusals and what is not there."""
    lacking = {}
    answers = {address.name: administrator_client.get(address.url()) for address in every_address()}
    answers["nowhere"] = administrator_client.get("/nowhere/")
    answers["bad host"] = administrator_client.get("/", headers={"host": "evil.example"})
    answers["no token"] = Client(enforce_csrf_checks=True).post("/accounts/login/")
    for name, answer in answers.items():
        missing = missing_defences(answer)
        if missing:
            lacking[name] = missing

    assert lacking == {}
    assert {200, 302, 403, 404, 405, 400} <= {answer.status_code for answer in answers.values()}


def missing_defences(answer: HttpResponse) -> list[str]:
    policy = answer.get("Content-Security-Policy", "")
    cache = answer.get("Cache-Control", "")
    wanted = {
        "nosniff": answer.get("X-Content-Type-Options") == "nosniff",
        # of old browsers; a wrong host is refused before this one is set, and frame-ancestors stands there all the same
        "frames": answer.get("X-Frame-Options") == "DENY" or answer.status_code == 400,
        "referrer": answer.get("Referrer-Policy") == "same-origin",
        "opener": answer.get("Cross-Origin-Opener-Policy") == "same-origin",
        "policy": "default-src 'none'" in policy and "unsafe-" not in policy,
        "frame-ancestors": "frame-ancestors 'none'" in policy,
        "base-uri": "base-uri 'none'" in policy,
        "not kept": "no-store" in cache or "private" in cache,
        "no software named": "Server" not in answer and "X-Powered-By" not in answer,
    }
    return [name for name, is_there in wanted.items() if not is_there]


HOSTILE = [
    "a\x00b",
    "'\"<>&%_\\ ../../etc/passwd {{7*7}}",
    "9" * 400,
    "-1",
    "\ud7ff\uffff" + "\U0001f4a5" * 300,
]
PARAMETERS = (
    *("page", "q", "query", "search", "order", "sort", "by", "show", "state", "labels", "splits", "age_min", "age_max"),
    *("name", "dataset", "study", "classifier", "after", "from", "attempt", "origin", "kind", "run", "training", "of"),
    *("next", "o", "p", "e", "all", "_popup", "project", "device", "tab", "view", "reason", "status", "code"),
)


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_no_parameter_breaks_a_page(hostile, administrator_client):
    """Values that a database, a number or a path would choke on; an error would be raised here."""
    dataset = DatasetFactory()
    values = dict.fromkeys(PARAMETERS, hostile)

    broken = {}
    for address in every_address():
        url = address.url(**dict.fromkeys(("pk", "dataset_id"), dataset.pk))
        answer = administrator_client.get(url, values)
        if answer.status_code >= 500:
            broken[address.name] = answer.status_code

    assert broken == {}
