"""Verbs of the quarantine: release as it is, release masked, reject; and move what waits to a new dataset.

Each decision is one transaction and leaves a `SignOff`. Pixels that nobody needs any more go from the disk right after
it; should the process be killed in between, `imaging.services.sweep_pixel_files` takes them away.
"""

from collections.abc import Callable, Sequence
from functools import partial

from django.db import transaction

from config.accounts.models import User
from imaging import storage
from imaging.models import Dataset, Image, Picture
from imaging.quarantine.masking import Rectangle, mask_pixels
from imaging.quarantine.models import QuarantinedImage, SignOff
from imaging.services import DatasetError, create_dataset, lock_pixel_files, remove_unreferenced_pixels

STATEMENTS = {
    SignOff.Decision.RELEASED: "I looked at the whole image: nothing identifying is in it.",
    SignOff.Decision.MASKED: "I looked at the whole image: nothing identifying is in it outside the masked rectangles.",
    SignOff.Decision.REJECTED: "This image is not to be used. It is removed.",
}
MOVED = [field.name for field in Picture._meta.get_fields() if field.name not in ("id", "created_at")]


class QuarantineError(DatasetError):
    """A decision that cannot be made; says why and what to do."""


@transaction.atomic
def release_image(
    *, waiting: QuarantinedImage, signed_by: User, rectangles: Sequence[Rectangle] = (), note: str = ""
) -> SignOff:
    """Make `waiting` an image of its dataset, with `rectangles` painted over where there are any.

    With rectangles the picture gets a new hash, and the unmasked pixels leave the storage for good, unless another
    record has these very pixels (see `selectors.other_holders`). The dataset may have the released picture already:
    then nothing is added to it. Raises QuarantineError when it was decided meanwhile or the dataset is frozen,
    MaskError for rectangles that cannot be used, FileNotFoundError and ValueError as `storage.load_pixels`.
    """
    dataset, current = _locked(waiting)
    if dataset.frozen_at is not None:
        raise QuarantineError(
            f"The dataset “{dataset.name}” is frozen since {dataset.frozen_at:%Y-%m-%d %H:%M} because a study or a "
            "training run uses it: no image can be added. Move what waits to a new dataset, and release it there."
        )
    values = {name: getattr(current, name) for name in MOVED}
    lock_pixel_files()
    if rectangles:
        stored = storage.store_pixels(mask_pixels(storage.load_pixels(current.pixel_sha256), rectangles))
        if stored.sha256 == current.pixel_sha256:
            raise QuarantineError(
                "The rectangles change nothing: all under them is black already. Draw them over what must go, or "
                "release the image as it is."
            )
        values["pixel_sha256"] = stored.sha256
    elif not storage.has_pixels(current.pixel_sha256):
        raise FileNotFoundError(storage.pixel_name(current.pixel_sha256))
    Image.objects.get_or_create(dataset=dataset, pixel_sha256=values.pop("pixel_sha256"), defaults=values)
    decision = SignOff.Decision.MASKED if rectangles else SignOff.Decision.RELEASED
    after = stored.sha256 if rectangles else current.pixel_sha256
    return _sign(current, decision, signed_by=signed_by, note=note, rectangles=rectangles, after=after)


@transaction.atomic
def reject_image(*, waiting: QuarantinedImage, signed_by: User, note: str = "") -> SignOff:
    """Remove `waiting` and its pixels, unless another record has them; in a frozen dataset too, which stays as it is.

    Raises QuarantineError when it was decided meanwhile.
    """
    _, current = _locked(waiting)
    return _sign(current, SignOff.Decision.REJECTED, signed_by=signed_by, note=note)


@transaction.atomic
def move_quarantine(*, dataset: Dataset, name: str, created_by: User) -> Dataset:
    """A new, empty dataset of the same kind, for which everything that waits in `dataset` waits from now on.

    Sign-offs stay where they were given. Raises DatasetError when nothing waits or the name cannot be used.
    """
    if not dataset.quarantined.exists():
        raise QuarantineError(f"Nothing waits in the quarantine of “{dataset.name}”.")
    made = create_dataset(
        name=name,
        origin=dataset.origin,
        description=dataset.description,
        licence=dataset.licence,
        citation=dataset.citation,
        is_phantom=dataset.is_phantom,
        created_by=created_by,
    )
    made.import_record = dataset.import_record
    made.save(update_fields=["import_record"])
    dataset.quarantined.update(dataset=made)
    return made


def _locked(waiting: QuarantinedImage) -> tuple[Dataset, QuarantinedImage]:
    """Both rows, held until the end of the transaction."""
    dataset = Dataset.objects.select_for_update().filter(pk=waiting.dataset_id).first()
    current = QuarantinedImage.objects.select_for_update(of=("self",)).filter(pk=waiting.pk, dataset=dataset).first()
    if dataset is None or current is None:
        raise QuarantineError("This image no longer waits here: somebody else has decided about it, or moved it.")
    return dataset, current


def _sign(
    current: QuarantinedImage,
    decision: SignOff.Decision,
    *,
    signed_by: User,
    note: str,
    rectangles: Sequence[Rectangle] = (),
    after: str = "",
) -> SignOff:
    signed = SignOff.objects.create(
        dataset_id=current.dataset_id,
        decision=decision,
        statement=STATEMENTS[decision],
        reason=current.reason,
        label=current.label,
        source_pseudonym=current.source_pseudonym,
        width=current.width,
        height=current.height,
        rectangles=[one.as_list() for one in rectangles],
        sha256_before=current.pixel_sha256,
        sha256_after=after,
        note=note.strip(),
        signed_by=signed_by,
    )
    current.delete()
    if after != signed.sha256_before:
        remove: Callable[[], int] = partial(remove_unreferenced_pixels, [signed.sha256_before])
        transaction.on_commit(remove)
    return signed
