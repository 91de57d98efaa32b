"""Pages of projects, and the project in the address of every other page."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from config.accounts.models import User
from config.projects.models import Membership, Project
from config.projects.scope import projects_in_sight
from config.projects.services import ProjectError, add_member, create_project, join_only_project, remove_member
from imaging.models import Dataset
from tests.factories import DatasetFactory, UserFactory
from tests.turing.builders import make_open_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna() -> User:
    return UserFactory(username="anna", role=User.Role.INVESTIGATOR, projects=[])


@pytest.fixture
def client(anna) -> Client:
    client = Client()
    client.force_login(anna)
    return client


@pytest.fixture
def two(anna) -> tuple[Project, Project]:
    return create_project(name="Chests", by=anna), create_project(name="Sinuses", by=anna)


def test_somebody_without_a_project_is_told_what_to_do(client):
    assert "You are in no project yet" in client.get("/projects/").content.decode()
    assert client.get("/datasets/").status_code == 200
    response = client.post("/projects/new/", {"name": " Chests ", "description": ""})

    project = Project.objects.get(name="Chests")
    assert response.url == f"/p/chests/projects/{project.pk}/"
    assert project.memberships.get().role == Membership.Role.OWNER
    assert client.get("/datasets/").status_code == 200  # the only one needs no address of its own


def test_a_name_is_taken_once(client, two):
    response = client.post("/p/chests/projects/new/", {"name": "Sinuses"})

    assert response.status_code == 422
    assert "There is a project “Sinuses” already" in response.content.decode()


def test_every_address_names_the_project(client, two):
    """Two tabs work in two projects, and what one makes does not end up in the other."""
    for project in two:
        with projects_in_sight(project.pk):
            DatasetFactory(name=f"Images of {project}")
    page = client.get("/p/sinuses/datasets/").content.decode()

    assert "Images of Sinuses" in page
    assert "Images of Chests" not in page
    links = re.findall(r'(?:href|action)="(/[^"]*)"', page)
    assert len(links) > 8
    ours = [link for link in links if not link.startswith(("/p/chests/", "/static/"))]
    assert [link for link in ours if not link.startswith("/p/sinuses/")] == []
    chests = Dataset.objects.get(name="Images of Chests")
    client.post(f"/p/chests/datasets/{chests.pk}/freeze/")
    chests.refresh_from_db()
    assert chests.frozen_at is not None


def test_an_address_without_a_project_leads_to_what_it_names(client, two):
    with projects_in_sight(two[1].pk):
        dataset = DatasetFactory()

    assert client.get(f"/datasets/{dataset.pk}/?page=2").url == f"/p/sinuses/datasets/{dataset.pk}/?page=2"
    assert client.get("/studies/").url == "/p/chests/studies/"


def test_a_page_says_in_which_of_ones_projects_something_lies(client, two):
    with projects_in_sight(two[1].pk):
        dataset = DatasetFactory(name="Waters")
    response = client.get(f"/p/chests/datasets/{dataset.pk}/")

    assert response.status_code == 404
    assert f'href="/p/sinuses/datasets/{dataset.pk}/"' in response.content.decode()
    assert "Waters" not in response.content.decode()
    remove_member(project=_with_another_owner(two[1]), user=User.objects.get(username="anna"))
    gone = client.get(f"/p/chests/datasets/{dataset.pk}/").content.decode()
    assert "sinuses" not in gone.lower()


def test_a_project_of_others_is_as_one_that_is_not_there(client, two):
    other = create_project(name="Secret", by=UserFactory(role=User.Role.INVESTIGATOR, projects=[]))

    refused = [client.get("/p/secret/datasets/"), client.get(f"/p/chests/projects/{other.pk}/")]
    made_up = client.get("/p/made-up/datasets/")

    assert [response.status_code for response in refused] == [404, 404]
    assert _without_path(refused[0]) == _without_path(made_up)


def test_readers_get_no_word_of_a_project(client, two):
    with projects_in_sight(two[0].pk):
        study = make_open_study()
    page = client.post(f"/p/chests/studies/{study.pk}/invitations/", {"count": 1, "valid_days": 7, "note": ""})
    link = re.search(r"http://testserver(/[^\s<\"]*invite/[^\s<\"]*)", page.content.decode())[1]

    assert link.startswith("/invite/")
    reader = Client()
    assert reader.get(link).status_code == 200
    reader.force_login(UserFactory())
    assert reader.get("/p/chests/").status_code == 404
    assert reader.get("/p/chests/my-studies/").url == "/my-studies/"
    assert "chests" not in reader.get("/my-studies/").content.decode().lower()


@pytest.mark.parametrize("path", ["*", "//read/", "/p/chests//read/", "/p/chests//example.org/"])
def test_an_odd_address_is_not_found_and_leads_nowhere_else(client, two, path):
    answer = client.generic("GET", "/", PATH_INFO=path)

    assert answer.status_code == 404 or answer.url.startswith("/p/chests/")


def test_signing_out_works_from_within_a_project(client, two):
    page = client.get("/p/chests/datasets/").content.decode()
    address = re.search(r'action="([^"]*logout[^"]*)"', page)[1]

    client.post(address)

    assert client.get("/p/chests/datasets/").url.startswith("/p/chests/accounts/login/")


def test_owners_choose_members(client, two, anna):
    ben = UserFactory(username="ben", role=User.Role.INVESTIGATOR, projects=[])
    own = f"/p/chests/projects/{two[0].pk}/"
    client.post(f"{own}members/", {"user": ben.pk, "role": "member"})
    as_ben = Client()
    as_ben.force_login(ben)

    assert as_ben.get(f"/projects/{two[0].pk}/").status_code == 200
    assert as_ben.post(f"/projects/{two[0].pk}/members/", {"user": anna.pk, "role": "member"}).status_code == 403
    assert as_ben.post(f"/projects/{two[0].pk}/members/{anna.pk}/remove/").status_code == 403
    assert as_ben.post(f"/projects/{two[0].pk}/", {"name": "Ben’s"}).status_code == 403

    client.post(f"{own}members/{ben.pk}/", {"role": "owner"})
    assert as_ben.post(f"/projects/{two[0].pk}/", {"name": "Ben’s"}).status_code == 302
    client.post(f"{own}members/{anna.pk}/remove/")
    assert client.get(own).status_code == 404
    assert as_ben.get(f"/projects/{two[0].pk}/").status_code == 200


def test_a_project_keeps_an_owner(two, anna):
    with pytest.raises(ProjectError, match="only owner"):
        remove_member(project=two[0], user=anna)
    with pytest.raises(ProjectError, match="only owner"):
        add_member(project=two[0], user=anna, role="member", by=None)


def test_readers_are_no_members(two):
    with pytest.raises(ProjectError, match="is a reader"):
        add_member(project=two[0], user=UserFactory(), by=None)
    annotator = UserFactory(role=User.Role.ANNOTATOR, projects=[])
    with pytest.raises(ProjectError, match="only an investigator can own"):
        add_member(project=two[0], user=annotator, role="owner", by=None)


def test_the_only_project_is_everybodys():
    first = UserFactory(role=User.Role.INVESTIGATOR, projects=[])
    join_only_project(user=first)
    second = UserFactory(role=User.Role.INVESTIGATOR, projects=[])
    join_only_project(user=second)
    reader = UserFactory()
    join_only_project(user=reader)

    assert list(Membership.objects.values_list("user", "role")) == [(first.pk, "owner"), (second.pk, "member")]
    create_project(name="Another", by=first)
    third = UserFactory(role=User.Role.INVESTIGATOR, projects=[])
    join_only_project(user=third)
    assert not third.memberships.exists()


@pytest.mark.parametrize("page", ["project_list", "project_new"])
def test_only_investigators_see_projects(page):
    reader = Client()
    reader.force_login(UserFactory())

    assert reader.get(reverse(f"projects:{page}")).status_code == 403


def _with_another_owner(project: Project) -> Project:
    add_member(project=project, user=UserFactory(role=User.Role.INVESTIGATOR, projects=[]), role="owner", by=None)
    return project


def _without_path(response) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"|"X-CSRFToken": "[^"]*"', "", response.content.decode())
