"""Decisions about what waits: what they leave in the dataset, on the disk and in the record."""

from pathlib import Path

import numpy as np
import pytest
from django.db import IntegrityError, transaction
from django.db.models.deletion import ProtectedError

from imaging.including import plan_inclusion
from imaging.inclusion import InclusionRules
from imaging.models import Dataset, Image, QuarantinedImage, SignOff
from imaging.quarantine.masking import MaskError, Rectangle, mask_pixels
from imaging.quarantine.selectors import next_waiting, other_holders
from imaging.quarantine.services import QuarantineError, move_quarantine, reject_image, release_image
from imaging.services import DatasetError, delete_dataset, freeze_dataset, plan_splits, sweep_pixel_files
from imaging.storage import encode_png, has_pixels, load_pixels
from tests.factories import DatasetFactory, ImageFactory, QuarantinedImageFactory
from tests.imaging.archives import grey

pytestmark = pytest.mark.django_db
CORNER = Rectangle(0, 0, 4, 3)
KNOWN = {
    "label": "ill",
    "split": "tune",
    "patient_pseudonym": "P",
    "source_pseudonym": "S",
    "age_years": 51.0,
    "sex": "F",
    "view_position": "PA",
    "manufacturer": "GE",
    "modality": "DX",
    "body_part": "CHEST",
    "pixel_spacing_mm": 0.2,
    "follow_up": 3,
    "provenance": {"made_with": "x"},
}


@pytest.fixture
def waiting():
    return QuarantinedImageFactory(dataset__name="Chests", pixels=grey(5, 12), reason="yes", **KNOWN)


@pytest.fixture
def do_commit(django_capture_on_commit_callbacks):
    """Call something, and run what it leaves for the end of the transaction."""

    def call(function, **options):
        with django_capture_on_commit_callbacks(execute=True):
            return function(**options)

    return call


def bytes_on_disk(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def test_released_as_it_is(waiting, investigator, do_commit):
    before = waiting.pixel_sha256

    signed = do_commit(release_image, waiting=waiting, signed_by=investigator, note=" looked twice ")

    image = waiting.dataset.images.get()
    assert {name: getattr(image, name) for name in KNOWN} == KNOWN
    assert (image.pixel_sha256, image.width, image.height, image.bit_depth) == (before, 12, 12, 8)
    assert (load_pixels(image) == grey(5, 12)).all()
    assert not QuarantinedImage.objects.exists()
    assert (signed.decision, signed.sha256_before, signed.sha256_after) == ("released", before, before)
    assert (signed.rectangles, signed.note, signed.signed_by, signed.reason) == (
        [],
        "looked twice",
        investigator,
        "yes",
    )
    assert signed.statement == "I looked at the whole image: nothing identifying is in it."


def test_released_masked_leaves_no_byte_of_what_was_masked(waiting, investigator, do_commit, data_dir):
    """Neither the file, nor its raw pixels, nor anything under its hash; what is left is the masked picture."""
    before, file = waiting.pixel_sha256, encode_png(grey(5, 12))
    assert file in bytes_on_disk(data_dir)

    signed = do_commit(
        release_image, waiting=waiting, signed_by=investigator, rectangles=[CORNER, Rectangle(9, 9, 3, 3)]
    )

    image = waiting.dataset.images.get()
    expected = grey(5, 12)
    expected[:3, :4] = expected[9:, 9:] = grey(5, 12).min()
    assert (load_pixels(image) == expected).all()
    assert {name: getattr(image, name) for name in KNOWN} == KNOWN
    (kept,) = (data for data in bytes_on_disk(data_dir) if data.startswith(b"\x89PNG"))
    assert kept == encode_png(expected)
    assert not has_pixels(before)
    assert not any(file in data or grey(5, 12).tobytes() in data for data in bytes_on_disk(data_dir))
    assert not [path for path in data_dir.rglob("*") if before in path.name]
    assert (signed.decision, signed.sha256_before, signed.sha256_after) == ("masked", before, image.pixel_sha256)
    assert signed.rectangles == [[0, 0, 4, 3], [9, 9, 3, 3]]


def test_rejected(waiting, investigator, do_commit, data_dir):
    signed = do_commit(reject_image, waiting=waiting, signed_by=investigator)

    assert not Image.objects.exists()
    assert not QuarantinedImage.objects.exists()
    assert not [data for data in bytes_on_disk(data_dir) if data.startswith(b"\x89PNG")]
    assert (signed.decision, signed.sha256_after) == ("rejected", "")


@pytest.mark.parametrize("holder", [ImageFactory, QuarantinedImageFactory])
def test_pixels_that_another_record_has_stay(holder, waiting, investigator, do_commit):
    other = holder(pixels=grey(5, 12))
    assert other_holders(waiting) == 1

    do_commit(release_image, waiting=waiting, signed_by=investigator, rectangles=[CORNER])

    assert (load_pixels(other) == grey(5, 12)).all()


def test_a_release_that_the_dataset_has_already_adds_nothing(waiting, investigator, do_commit):
    there = ImageFactory(dataset=waiting.dataset, pixels=mask_pixels(grey(5, 12), [CORNER]), label="normal")

    signed = do_commit(release_image, waiting=waiting, signed_by=investigator, rectangles=[CORNER])

    assert list(waiting.dataset.images.all()) == [there]
    assert signed.sha256_after == there.pixel_sha256


@pytest.mark.parametrize(
    ("rectangles", "words"),
    [([Rectangle(0, 0, 13, 1)], "leaves the image"), ([Rectangle(0, 0, 12, 12)], "whole image")],
)
def test_a_mask_that_cannot_be_used_changes_nothing(rectangles, words, waiting, investigator):
    with pytest.raises(MaskError, match=words):
        release_image(waiting=waiting, signed_by=investigator, rectangles=rectangles)
    assert (QuarantinedImage.objects.count(), Image.objects.count(), SignOff.objects.count()) == (1, 0, 0)


def test_a_mask_over_black_is_no_mask(investigator):
    pixels = grey(1, 12)
    pixels[:3, :4] = pixels.min()
    waiting = QuarantinedImageFactory(pixels=pixels)
    with pytest.raises(QuarantineError, match="change nothing"):
        release_image(waiting=waiting, signed_by=investigator, rectangles=[CORNER])


def test_what_was_decided_cannot_be_decided_again(waiting, investigator):
    reject_image(waiting=waiting, signed_by=investigator)
    for decide in (reject_image, release_image):
        with pytest.raises(QuarantineError, match="no longer waits"):
            decide(waiting=waiting, signed_by=investigator)
    assert SignOff.objects.count() == 1


def test_a_sign_off_cannot_be_changed_but_goes_with_its_dataset(waiting, investigator, do_commit):
    signed = reject_image(waiting=waiting, signed_by=investigator)
    with pytest.raises(IntegrityError, match="a sign-off cannot be changed"), transaction.atomic():
        SignOff.objects.update(note="other")
    with pytest.raises(ProtectedError):
        investigator.delete()
    assert SignOff.objects.get() == signed

    do_commit(delete_dataset, dataset=waiting.dataset)
    assert not SignOff.objects.exists()


@pytest.mark.parametrize(("decision", "after"), [("rejected", "b" * 64), ("masked", "a" * 64), ("released", "b" * 64)])
def test_hashes_fit_the_decision(decision, after, investigator):
    with pytest.raises(IntegrityError), transaction.atomic():
        SignOff.objects.create(dataset=DatasetFactory(), decision=decision, reason="yes", label="x", width=1, height=1,
                               sha256_before="a" * 64, sha256_after=after, signed_by=investigator)  # fmt: skip


def test_a_frozen_dataset_takes_nothing_but_lets_go(waiting, investigator, do_commit):
    freeze_dataset(dataset=waiting.dataset)

    for rectangles in ((), [CORNER]):
        with pytest.raises(QuarantineError, match=r"“Chests” is frozen since .* Move what waits to a new dataset"):
            release_image(waiting=waiting, signed_by=investigator, rectangles=rectangles)
    second = QuarantinedImageFactory(dataset=waiting.dataset)
    do_commit(reject_image, waiting=second, signed_by=investigator)

    made = move_quarantine(dataset=waiting.dataset, name="Later", created_by=investigator)
    waiting.refresh_from_db()
    assert (waiting.dataset, made.origin, made.images.count()) == (made, "real", 0)
    do_commit(release_image, waiting=waiting, signed_by=investigator)
    assert [image.label for image in made.images.all()] == ["ill"]
    with pytest.raises(QuarantineError, match="Nothing waits"):
        move_quarantine(dataset=made, name="Again", created_by=investigator)


def test_nothing_moves_to_a_name_that_is_taken(waiting, investigator):
    DatasetFactory(name="Taken")
    with pytest.raises(DatasetError, match="There is a dataset called “Taken” already"):
        move_quarantine(dataset=waiting.dataset, name="Taken", created_by=investigator)
    assert waiting.dataset.quarantined.count() == 1


def test_what_waits_is_in_no_split_and_no_inclusion(waiting):
    for n in range(6):
        ImageFactory(dataset=waiting.dataset, pixels=grey(100 + n), age_years=40)
    chosen = plan_splits(dataset=waiting.dataset, shares={"train": 0.5, "tune": 0.5}, seed=0, keep_test=False)
    assert len(chosen) == 6
    assert waiting.pk not in chosen
    assert len(plan_inclusion(waiting.dataset, InclusionRules(youngest=19)).reasons) == 6


def test_the_sweep_keeps_what_waits(waiting):
    assert sweep_pixel_files() == 0
    assert (load_pixels(waiting.pixel_sha256) == grey(5, 12)).all()


def test_deleting_a_dataset_removes_what_waits_for_it(waiting, do_commit, data_dir):
    ImageFactory(dataset=waiting.dataset)

    do_commit(delete_dataset, dataset=waiting.dataset)

    assert not QuarantinedImage.objects.exists()
    assert not [data for data in bytes_on_disk(data_dir) if data.startswith(b"\x89PNG")]
    assert not Dataset.objects.exists()


def test_the_next_one_comes_in_order_and_then_from_the_start():
    dataset = DatasetFactory()
    first, second, third = (QuarantinedImageFactory(dataset=dataset) for _ in range(3))
    QuarantinedImageFactory()  # of another dataset

    assert next_waiting(dataset=dataset) == first
    assert [next_waiting(dataset=dataset, after=one) for one in (first, second, third)] == [second, third, first]
    second.delete()
    third.delete()
    assert next_waiting(dataset=dataset, after=first) is None


def test_sixteen_bits_are_masked_with_their_own_darkest_value(investigator, do_commit):
    pixels = np.arange(500, 500 + 144, dtype=np.uint16).reshape(12, 12) * 7
    waiting = QuarantinedImageFactory(pixels=pixels)

    do_commit(release_image, waiting=waiting, signed_by=investigator, rectangles=[Rectangle(6, 6, 2, 2)])

    found = load_pixels(waiting.dataset.images.get())
    assert set(found[6:8, 6:8].ravel()) == {3500}
    assert (found != pixels).sum() == 4
