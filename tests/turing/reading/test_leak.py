"""Crawls all that a reader can reach and looks for anything that says what an image is.

The study of this test has markers wherever truth, or a hint at it, could come from; none may reach a reader in a body
or in a header. The database's log shows that the tables with truth are not even asked.
"""

import json
import re
import uuid

import pytest
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext

from imaging.models import Image
from tests.turing.builders import make_dataset, make_draft
from turing.models import Answer, ReadingSession, Study
from turing.services import create_invitations, open_study

pytestmark = pytest.mark.django_db

N_REAL, N_SYNTHETIC = 61, 67  # above 59: not a minute or a second in a date header
SEED = 918273645
LINK = re.compile(r'(?:href|action|src|data-[a-z-]*url)="(/[^"#]*)"')


@pytest.fixture
def study(investigator):
    draft = make_draft(
        name="Neutral name",
        real_dataset=make_dataset(n=N_REAL, size=8, labels=["markerlabelreal"], name="markerdatasetreal"),
        synthetic_dataset=make_dataset(
            origin="synthetic", n=N_SYNTHETIC, size=8, labels=["markerlabelsynthetic"], name="markerdatasetsynthetic"
        ),
        n_real=N_REAL,
        n_synthetic=N_SYNTHETIC,
        seed=SEED,
        real_filters={"labels": ["markerlabelreal"]},
        positive_class="synthetic",
        created_by=investigator,
    )
    return open_study(study=draft, by=investigator)


@pytest.fixture
def secret(study, investigator):
    ((_, secret),) = create_invitations(study=study, count=1, by=investigator, note="markernote")
    return secret


class Crawl:
    """A reader's browser that keeps everything it ever received."""

    def __init__(self):
        self.client = Client()
        self.received: list[tuple[str, str]] = []  # address, headers and body
        self.contexts: list = []
        self.to_visit: list[str] = []
        self.visited: set[str] = set()

    def __call__(self, method: str, address: str, *arguments, **options):
        response = getattr(self.client, method)(address, *arguments, **options)
        body = b"".join(response.streaming_content) if response.streaming else response.content
        text = body.decode("latin-1")
        headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        cookies = response.cookies.output()
        self.received.append((f"{method} {address}", f"{response.status_code}\n{headers}\n{cookies}\n\n{text}"))
        self.contexts.append(response.context)
        if response.get("Content-Type", "").startswith("text/html"):
            self.to_visit += LINK.findall(text)
        if response.status_code in (301, 302):
            self.to_visit.append(response.url)
        return response

    def follow_all(self):
        while self.to_visit:
            address = self.to_visit.pop()
            if address not in self.visited and not address.startswith("/static/") and "logout" not in address:
                self.visited.add(address)
                self("get", address)


def crawl_everything(study: Study, secret: str) -> Crawl:
    crawl = Crawl()
    crawl("get", f"/invite/{secret}/")
    password = "a good long password"
    form = {"username": "newcomer", "password": password, "password_again": password}
    assert crawl("post", f"/invite/{secret}/", form).status_code == 302
    session = ReadingSession.objects.get(reader__username="newcomer")
    root = f"/read/{session.pk}"
    crawl("get", f"{root}/")
    crawl("post", f"{root}/instructions/", {"consents": "on", "years_experience": "7"})
    keys = []
    for value in ("real", "synthetic", "real"):
        current = crawl("get", f"{root}/current").json()
        if current["state"] == "interlude":
            current = crawl("post", f"{root}/continue", "{}", content_type="application/json").json()["current"]
        crawl("get", current["stimulus"])
        if current["ahead"] is not None:
            assert crawl("get", current["ahead"]["stimulus"]).status_code == 200
        body = {"token": current["token"], "value": value, "idempotency_key": str(uuid.uuid4()), "reading_ms": 900}
        keys.append(body)
        for _ in range(2):
            assert crawl("post", f"{root}/answer", json.dumps(body), content_type="application/json").status_code == 200
        for wrong in ({**body, "value": "maybe"}, {**body, "idempotency_key": str(uuid.uuid4())}, {}, {"token": "x"}):
            crawl("post", f"{root}/answer", json.dumps(wrong), content_type="application/json")
        crawl("get", current["stimulus"])  # gone
    for address in ("", "results/", "results/answers.csv", "progress/", "edit/"):
        assert crawl("get", f"/studies/{study.pk}/{address}").status_code == 403
    for address in ("/", "/studies/", "/datasets/", f"/datasets/{study.real_dataset_id}/", "/my-studies/", "/admin/"):
        crawl("get", address)
    crawl("get", f"/invite/{secret}/")
    crawl("get", f"{root}/done/")
    crawl.follow_all()
    return crawl


def test_nothing_a_reader_receives_tells_the_truth(study, secret):
    forbidden = [
        "marker",
        str(SEED),
        study.protocol_sha256[:12],
        study.manifest_sha256[:12],
        str(study.real_dataset_id),
        str(study.synthetic_dataset_id),
        *(trial.stimulus_file.split("/")[1][:12] for trial in study.trials.all()),
        *(trial.stimulus_sha256[:12] for trial in study.trials.all()),
        *(image.pixel_sha256[:12] for image in Image.objects.all()),
        *(str(pk) for pk in Image.objects.values_list("pk", flat=True)),
    ]
    numbers = re.compile(rf"(?<![\w-])({N_REAL}|{N_SYNTHETIC})(?![\w-])")

    with CaptureQueriesContext(connection) as queries:
        crawl = crawl_everything(study, secret)

    assert Answer.objects.count() == 3
    assert len(crawl.received) > 40
    for address, text in crawl.received:
        own_request = address.partition(" ")[2]
        text = text.replace(own_request, "")  # an error page may repeat the address it was asked for
        if "/stimulus/" not in address:  # pixels are noise and may hold any byte
            found = [word for word in forbidden if word in text] + numbers.findall(text)
            assert found == [], address
    truth_tables = ("turing_trialtruth", "turing_leakreport", "imaging_image", "imaging_dataset")
    asked = [query["sql"] for query in queries if any(f'"{table}"' in query["sql"] for table in truth_tables)]
    assert asked == []


def test_the_crawl_would_notice():
    """An investigator who writes a marker into the instructions: the crawl comes across it."""
    leaky = open_study(study=make_draft(instructions="Images of markerdatasetreal."), by=None)
    ((_, secret),) = create_invitations(study=leaky, count=1, by=None)

    crawl = crawl_everything(leaky, secret)

    assert any("markerdatasetreal" in text for _, text in crawl.received)


def test_templates_of_readers_are_given_no_model_rows(study, secret):
    """Only the allow-lists of `turing.reading.selectors`, and the reader's own account."""
    crawl = crawl_everything(study, secret)

    seen = set()
    for context in crawl.contexts:
        for layer in context or []:
            for values in layer.dicts if hasattr(layer, "dicts") else [layer]:
                for name, value in dict(values).items():
                    items = value if isinstance(value, list | tuple) else [value]
                    seen |= {(name, type(item).__name__) for item in items if isinstance(item, models.Model)}
    assert {kind for _, kind in seen} <= {"User", "SimpleLazyObject", "Session"}
