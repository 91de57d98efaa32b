"""`manage.py remake_image ID`: makes a synthetic image again from its provenance and compares it."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from numpy.typing import NDArray

from config.projects.commands import ProjectCommand
from generation.image_source import remake
from generation.selectors import find_checkpoint
from imaging.models import Image
from imaging.storage import encode_png, load_pixels, pixel_sha256


class Command(ProjectCommand):
    help = (
        "Make a synthetic image again and verify that it is the stored one: bit for bit, or within the tolerance that "
        "is on record for an image drawn in a fast precision. Exit status 1 when not."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("image", help="id of the image, as its page shows it")
        parser.add_argument("--output", type=Path, metavar="FILE", help="also write the image as PNG")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            image = Image.objects.get(pk=options["image"])
        except (Image.DoesNotExist, ValidationError) as error:
            raise CommandError(f"There is no image with the id {options['image']}.") from error
        try:
            pixels = remake(find_checkpoint(image), image.provenance)
        except ValueError as error:
            raise CommandError(str(error)) from error
        words = _compare(image, pixels)
        if options["output"]:
            options["output"].write_bytes(encode_png(pixels))
        self.stdout.write(words)


def _compare(image: Image, pixels: NDArray[np.uint8]) -> str:
    """What was found, in words. Raises CommandError when it is not the stored image."""
    found = pixel_sha256(pixels)
    if found == image.pixel_sha256:
        return f"Identical: image {image.pk} has the pixel hash {found}"
    if "tolerance" not in image.provenance:
        raise CommandError(
            f"Made again, image {image.pk} has the pixel hash {found}; stored is {image.pixel_sha256}. "
            "The checkpoint is the recorded one, so the stored image or its provenance was changed."
        )
    tolerance, stored = image.provenance["tolerance"], load_pixels(image)
    if tolerance is None:
        raise CommandError(f"Image {image.pk} was made by a generator that never makes an image twice.")
    if stored.shape != pixels.shape:
        raise CommandError(f"Made again, image {image.pk} has shape {pixels.shape}; stored is {stored.shape}.")
    difference = int(np.abs(stored.astype(np.int16) - pixels).max())
    if difference > tolerance:
        raise CommandError(
            f"Made again, image {image.pk} differs by {difference} of 255 grey levels; at most {tolerance} are on "
            f"record for its precision ({image.provenance.get('precision', 'of its file')}). The stored image or its "
            "provenance was changed."
        )
    return (
        f"The same within its tolerance: image {image.pk}, drawn in {image.provenance.get('precision', 'its own')} "
        f"precision, differs by at most {difference} of 255 grey levels ({tolerance} are on record)"
    )
