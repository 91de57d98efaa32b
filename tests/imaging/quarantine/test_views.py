"""Pages of the quarantine: who may see them, what each button does, and what comes next."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from imaging.models import Dataset, Image, QuarantinedImage, SignOff
from imaging.quarantine.services import reject_image
from imaging.services import freeze_dataset
from imaging.storage import delete_pixels
from tests.factories import DatasetFactory, QuarantinedImageFactory
from tests.imaging.archives import grey

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset():
    return DatasetFactory(name="Chests")


@pytest.fixture
def waiting(dataset):
    return [QuarantinedImageFactory(dataset=dataset, pixels=grey(n, 12), label="ill") for n in range(3)]


def address(name, pk) -> str:
    return reverse(f"imaging:{name}", args=[pk])


def every_address(dataset, item) -> list[str]:
    return [
        *(address(name, dataset.pk) for name in ("quarantine_list", "quarantine_move", "sign_off_list")),
        *(address(name, item.pk) for name in ("quarantine_item", "quarantine_view", "quarantine_thumbnail")),
    ]


def test_only_investigators(client, reader, dataset, waiting):
    addresses = every_address(dataset, waiting[0])
    anonymous = [client.get(one) for one in addresses]
    client.force_login(reader)

    assert [(answer.status_code, answer["Location"][:16]) for answer in anonymous] == [(302, "/accounts/login/")] * 6
    assert [client.get(one).status_code for one in addresses] == [403] * 6
    assert [client.post(one, {"decision": "rejected", "name": "x"}).status_code for one in addresses] == [403] * 6
    assert QuarantinedImage.objects.count() == 3


def test_the_dataset_says_how_many_wait_and_where(investigator_client, dataset, waiting):
    page = investigator_client.get(dataset.get_absolute_url()).content.decode()
    assert "3 images wait in quarantine" in page
    assert f'href="{address("quarantine_list", dataset.pk)}"' in page
    assert "0 images" not in page.replace("No images", "")
    assert "and 3 in quarantine" in investigator_client.get(address("dataset_delete", dataset.pk)).content.decode()


def test_the_list_takes_the_same_number_of_queries_however_long(
    investigator_client, dataset, django_assert_max_num_queries
):
    for _ in range(30):
        QuarantinedImageFactory(dataset=dataset)
    with django_assert_max_num_queries(10):
        page = investigator_client.get(address("quarantine_list", dataset.pk)).content.decode()
    assert "30 images waiting" in page
    assert page.count('<li>\n          <a href="/datasets/quarantine/') == 24
    assert "Page 1 of 2" in page


def test_pictures_are_shown_whole_and_kept_by_no_browser(investigator_client, waiting):
    for name in ("quarantine_view", "quarantine_thumbnail"):
        answer = investigator_client.get(address(name, waiting[0].pk))
        assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (200, "image/png", "no-store")
    page = investigator_client.get(address("quarantine_item", waiting[0].pk)).content.decode()
    assert f'data-darkest="{grey(0, 12).min()}"' in page
    assert "cannot be undone" in page


@pytest.mark.parametrize(
    ("posted", "decision", "images"),
    [
        ({"decision": "released"}, "released", 1),
        ({"decision": "masked", "rectangles": "0, 0, 3, 3"}, "masked", 1),
        ({"decision": "rejected", "rectangles": "0, 0, 3, 3", "note": "a name"}, "rejected", 0),
    ],
)
def test_a_decision_is_signed_and_the_next_one_comes(posted, decision, images, investigator_client, waiting, dataset):
    answer = investigator_client.post(address("quarantine_item", waiting[1].pk), posted)

    assert (answer.status_code, answer["Location"]) == (302, address("quarantine_item", waiting[2].pk))
    signed = SignOff.objects.get()
    assert (signed.decision, signed.signed_by.username, signed.note) == (
        decision,
        answer.wsgi_request.user.username,
        posted.get("note", ""),
    )
    assert signed.rectangles == ([[0, 0, 3, 3]] if decision == "masked" else [])
    assert (dataset.images.count(), dataset.quarantined.count()) == (images, 2)

    after_last = investigator_client.post(address("quarantine_item", waiting[2].pk), {"decision": "rejected"})
    assert after_last["Location"] == address("quarantine_item", waiting[0].pk)  # from the start again
    last = investigator_client.post(address("quarantine_item", waiting[0].pk), {"decision": "rejected"})
    assert last["Location"] == address("quarantine_list", dataset.pk)
    assert "Nothing waits" in investigator_client.get(last["Location"]).content.decode()
    page = investigator_client.get(address("sign_off_list", dataset.pk)).content.decode()
    assert signed.get_decision_display() in page
    assert signed.sha256_before in page


@pytest.mark.parametrize(
    ("posted", "words"),
    [
        ({"decision": "masked"}, "Draw at least one rectangle over what must go."),
        ({"decision": "masked", "rectangles": "0, 0, 3"}, "Line 1: four whole numbers are needed"),
        ({"decision": "masked", "rectangles": "0, 0, 13, 3"}, "leaves the image, which has 12 x 12 pixels."),
        ({"decision": "masked", "rectangles": "0, 0, 12, 12"}, "cover the whole image"),
        ({"decision": "released", "rectangles": "0, 0, 3, 3"}, "pressed “Release as it is”"),
        ({"decision": "forgotten"}, "Select a valid choice"),
        ({}, "This field is required"),
        ({"decision": "rejected", "note": "x" * 501}, "at most 500 characters"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(posted, words, investigator_client, waiting):
    answer = investigator_client.post(address("quarantine_item", waiting[0].pk), posted)

    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert (QuarantinedImage.objects.count(), Image.objects.count(), SignOff.objects.count()) == (3, 0, 0)


def test_pixels_that_are_gone_can_only_be_rejected(investigator_client, waiting):
    delete_pixels([waiting[0].pixel_sha256])
    item = address("quarantine_item", waiting[0].pk)

    assert investigator_client.get(item).status_code == 200
    assert investigator_client.get(address("quarantine_view", waiting[0].pk)).status_code == 404
    for posted in ({"decision": "released"}, {"decision": "masked", "rectangles": "0 0 1 1"}):
        assert "cannot be read from the storage" in investigator_client.post(item, posted).content.decode()
    assert investigator_client.post(item, {"decision": "rejected"}).status_code == 302


def test_somebody_else_was_faster(investigator_client, investigator, waiting):
    reject_image(waiting=waiting[0], signed_by=investigator)
    gone = address("quarantine_item", SignOff.objects.get().pk)  # any address of none

    assert investigator_client.get(gone).status_code == 404
    answer = investigator_client.post(gone, {"decision": "released"})
    assert "no longer waits" in str(next(iter(get_messages(answer.wsgi_request))))
    assert not Image.objects.exists()


def test_a_frozen_dataset(investigator_client, dataset, waiting):
    freeze_dataset(dataset=dataset)
    item = address("quarantine_item", waiting[0].pk)

    page = investigator_client.get(item).content.decode()
    assert "is frozen: no image can be added" in page
    assert 'value="released"' not in page
    refused = investigator_client.post(item, {"decision": "released"})
    assert (refused.status_code, "Move what waits to a new dataset" in refused.content.decode()) == (400, True)

    DatasetFactory(name="Taken")
    taken = investigator_client.post(address("quarantine_move", dataset.pk), {"name": "Taken"})
    assert (taken.status_code, "There is a dataset called “Taken” already" in taken.content.decode()) == (400, True)
    moved = investigator_client.post(address("quarantine_move", dataset.pk), {"name": "Later"})
    waiting[0].refresh_from_db()
    assert moved["Location"] == address("quarantine_list", waiting[0].dataset_id)
    assert waiting[0].dataset.name == "Later"
    assert investigator_client.post(item, {"decision": "released"}).status_code == 302
    assert waiting[0].dataset.images.count() == 1


def test_what_waits_for_a_deleted_dataset_is_not_shown_or_decided(investigator_client, dataset, waiting):
    Dataset.everything.update(state=Dataset.State.DELETED, deleted_at=timezone.now())
    for one in every_address(dataset, waiting[0]):
        if not one.endswith("/move/"):
            assert investigator_client.get(one).status_code == 404
    investigator_client.post(address("quarantine_item", waiting[0].pk), {"decision": "rejected"})
    assert QuarantinedImage.objects.count() == 3


def test_nothing_identifying_is_asked_or_shown(investigator_client, waiting):
    page = investigator_client.get(address("quarantine_item", waiting[0].pk)).content.decode()
    assert waiting[0].pixel_sha256 not in page  # nor file names, which are not kept
