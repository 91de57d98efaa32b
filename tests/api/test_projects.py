"""What lies in other projects is not there: by no address, in no list, and by no id that is sent."""

import pytest

from config.accounts.models import User
from config.projects.models import Project, first_project
from config.projects.scope import projects_in_sight
from config.projects.services import add_member
from imaging.models import Dataset
from tests.api.conftest import Api
from tests.api.filled import fill_site
from tests.factories import UserFactory
from tests.turing.builders import make_dataset

pytestmark = pytest.mark.django_db

OF_OTHERS = (
    "datasets", "images", "jobs", "training-runs", "samples", "experiments", "scorings", "studies", "reports",
)  # fmt: skip
LISTS = (
    "datasets", "jobs", "training-runs", "samples", "measures", "experiments", "classifiers", "scorings", "studies",
    "screenings", "region-tasks", "foreign-generators",
)  # fmt: skip


@pytest.fixture
def elsewhere(db) -> Project:
    first_project()
    return Project.objects.create(name="Elsewhere", slug="elsewhere")


def test_nothing_of_another_project_is_there(elsewhere):
    filled = fill_site()
    inside = Api(filled.investigator)
    outside = Api(UserFactory(role=User.Role.INVESTIGATOR, projects=[elsewhere]))
    for kind in OF_OTHERS:
        for key in filled.keys[kind]:
            assert inside.look(f"{kind}/{key}/").status_code == 200, kind
            assert outside.look(f"{kind}/{key}/").status_code == 404, kind
    for kind in LISTS:
        assert outside.look(f"{kind}/").json()["results"] == [], kind
    for kind, key in (("studies", 0), ("datasets", 0)):
        for verb in {"studies": ("open", "close", "invitations", "reports"), "datasets": ("freeze", "split")}[kind]:
            body = {"train": 1, "tune": 0, "test": 0, "seed": 1} if verb == "split" else {}
            assert outside.send(f"{kind}/{filled.keys[kind][key]}/{verb}/", body).status_code == 404, verb
    for address in ("results", "answers", "readers", "reports"):
        assert outside.look(f"studies/{filled.keys['studies'][2]}/{address}/").status_code == 404
    sent = {"name": "Taken", "real_dataset": filled.keys["real_dataset"][0], "n_real": 1, "n_synthetic": 1}
    refused = outside.send("studies/", {**sent, "synthetic_dataset": filled.keys["synthetic_dataset"][0]})
    assert refused.status_code == 422
    assert {one["field"] for one in refused.json()["errors"]} == {"real_dataset", "synthetic_dataset"}


def test_what_is_made_belongs_to_the_project_that_is_named(elsewhere):
    with projects_in_sight(elsewhere.pk):
        there = make_dataset(name="There")
    here = make_dataset(name="Here")
    user = UserFactory(role=User.Role.INVESTIGATOR)
    add_member(project=elsewhere, user=user, by=None)
    api = Api(user)

    assert {one["name"] for one in api.look("datasets/").json()["results"]} == {"Here", "There"}
    narrow = api.get("/api/v1/datasets/", headers={"x-project": "elsewhere"}).json()["results"]
    assert [one["name"] for one in narrow] == ["There"]
    assert api.get("/api/v1/datasets/", headers={"x-project": "nowhere"}).status_code == 404
    body = {"name": "x.zip", "key": "k", "size": 5}
    unsaid = api.send("uploads/", body)
    assert (unsaid.status_code, unsaid.json()["errors"][0]["field"]) == (422, "X-Project")
    assert api.send("uploads/", body, **{"X-Project": "elsewhere"}).status_code == 201
    Dataset.anywhere.get(pk=there.pk).images.update(age_years=30)
    made = api.send(f"datasets/{there.pk}/include/", {"name": "Adults", "youngest": 19}).json()["dataset"]
    assert Dataset.anywhere.get(pk=made["id"]).project == elsewhere
    assert here.project == first_project()
    assert [one["slug"] for one in api.look("projects/").json()["results"]] == ["main", "elsewhere"]
