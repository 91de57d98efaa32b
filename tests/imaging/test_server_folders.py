"""Folders of the server: what administrators may import from, and that nothing outside is reached."""

import os
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from imaging.intake.foreground import ForegroundContext
from imaging.intake.importing import run_import
from imaging.intake.parameters import ImportParameters
from imaging.models import Dataset
from imaging.server_folders import FolderError, find_place, import_roots, list_place
from tests.factories import UserFactory
from tests.imaging.archives import GOOD, write_folder, write_zip
from worker.models import Job

pytestmark = pytest.mark.django_db
PAGE = "imaging:import_folder"


@pytest.fixture
def tree(settings, tmp_path):
    """studies/ (set) with chest/, archive.zip, links and hidden things; secret/ beside it (not set)."""
    root = tmp_path / "studies"
    write_folder(root / "chest", GOOD)
    write_zip(root / "archive.zip", GOOD)
    (root / "notes.txt").write_text("x")
    (root / ".hidden").mkdir()
    secret = write_folder(tmp_path / "secret", GOOD)
    (root / "out").symlink_to(secret)
    (root / "chest" / "within").symlink_to(root / "archive.zip")
    settings.IMPORT_FOLDERS = [str(root), str(tmp_path / "gone"), "relative"]
    return root


@pytest.fixture
def administrator_client(db):
    client = Client()
    client.force_login(UserFactory(role="administrator"))
    return client


def test_only_folders_that_are_there_are_offered(tree):
    assert [(root.key, root.name) for root in import_roots()] == [("0", str(tree))]


def test_a_folder_lists_folders_and_archives_and_no_links(tree):
    listing = list_place(find_place("0"))
    assert [(one.key, one.is_folder) for one in listing.places] == [("0/archive.zip", False), ("0/chest", True)]
    assert (listing.n_files, listing.is_cut) == (1, False)


@pytest.mark.parametrize(
    "key",
    ["0/../secret", "0/chest/../../secret", "0/out", "0/out/normal", "0/chest/within", "0/.hidden", "0/./chest", "1",
     "2", "7", "", "x", "-1", "0/none", "0/notes.txt", "0/chest\0", "/etc", "0//etc/passwd", "0/chest/normal/1.png"],
)  # fmt: skip
def test_nothing_else_is_reached(key, tree, administrator_client):
    with pytest.raises(FolderError):
        find_place(key)
    if key:
        address = f"{reverse(PAGE)}?{urlencode({'place': key})}"
        assert administrator_client.get(address).status_code == 400
        assert administrator_client.post(address, {"dataset_name": "X", "origin": "real"}).status_code == 400
    assert not Job.objects.exists()


def test_a_root_that_is_a_link_itself_is_what_was_set(settings, tree, tmp_path):
    (tmp_path / "link").symlink_to(tree)
    settings.IMPORT_FOLDERS = [str(tmp_path / "link")]
    assert find_place("0/chest").path == tree / "chest"


@pytest.mark.parametrize("key", ["0/chest", "0/archive.zip"])
def test_what_is_imported_stays_as_it_is(key, tree, administrator_client, tmp_path):
    os.unlink(tree / "chest" / "within")  # noqa: PTH108  it would be listed as a problem
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tree.rglob("*.*") if path.is_file()}
    page = administrator_client.get(reverse(PAGE), {"place": key})
    assert page.context["form"]["dataset_name"].value() == key.split("/")[1].split(".")[0]

    answer = administrator_client.post(f"{reverse(PAGE)}?place={key}", {"dataset_name": "Chests", "origin": "real"})

    job = Job.objects.get()
    assert answer.url == reverse("imaging:import_result", args=[job.pk])
    assert job.parameters["delete_source"] is False
    (tmp_path / "job").mkdir()
    context = ForegroundContext(directory=tmp_path / "job", on_progress=lambda *_: None)
    run_import(context, ImportParameters(**job.parameters))
    assert Dataset.objects.get().images.count() == 4
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tree.rglob("*.*") if path.is_file()}
    assert after == before


def test_only_administrators(client, reader, investigator, tree, settings):
    settings.DICOMWEB_URL = "https://pacs.example.org"
    pages = [reverse(PAGE), f"{reverse(PAGE)}?place=0", reverse("imaging:import_pacs")]
    assert [client.get(page).status_code for page in pages] == [302] * 3
    for user in (reader, investigator):
        client.force_login(user)
        assert [client.get(page).status_code for page in pages] == [403] * 3
        assert [client.post(page, {"dataset_name": "X"}).status_code for page in pages] == [403] * 3
    offered = client.get(reverse("imaging:import_new")).content.decode()
    assert reverse(PAGE) not in offered
    client.force_login(UserFactory(role="administrator"))
    assert [client.get(page).status_code for page in pages] == [200] * 3
    offered = client.get(reverse("imaging:import_new")).content.decode()
    assert reverse(PAGE) in offered
    assert reverse("imaging:import_pacs") in offered
    assert not Job.objects.exists()


def test_where_nothing_is_set_nothing_is_offered(administrator_client):
    offered = administrator_client.get(reverse("imaging:import_new")).content.decode()
    assert reverse(PAGE) not in offered
    assert reverse("imaging:import_pacs") not in offered
    assert "No folder is set" in administrator_client.get(reverse(PAGE)).content.decode()
    assert administrator_client.get(reverse("imaging:import_pacs")).status_code == 404


def test_a_name_that_is_taken_is_said_at_its_field(tree, administrator_client):
    Dataset.objects.create(name="Chests", origin="real")
    answer = administrator_client.post(f"{reverse(PAGE)}?place=0/chest", {"dataset_name": "Chests", "origin": "real"})
    assert list(answer.context["form"].errors) == ["dataset_name"]
    assert not Job.objects.exists()


def test_a_name_with_strange_letters_is_found_by_its_link(tree, administrator_client):
    strange = tree / "Thorax & Ärzte #1?"
    write_folder(strange, GOOD)
    page = administrator_client.get(reverse(PAGE), {"place": "0"}).content.decode()
    assert "?place=0/Thorax%20%26%20%C3%84rzte%20%231%3F" in page
    found = administrator_client.get(f"{reverse(PAGE)}?place=0/Thorax%20%26%20%C3%84rzte%20%231%3F")
    assert found.context["place"].path == strange


def test_long_folders_are_cut(tree):
    for number in range(501):
        (tree / "chest" / f"{number:03}").mkdir()
    listing = list_place(find_place("0/chest"))
    assert (len(listing.places), listing.is_cut) == (500, True)
