"""`manage.py remake_image ID`: makes a synthetic image again from its provenance and compares it."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from generation.gan.sampling import remake_image
from generation.selectors import find_checkpoint
from imaging.models import Image
from imaging.storage import encode_png, pixel_sha256


class Command(BaseCommand):
    help = "Make a synthetic image again and verify that it is the stored one, bit for bit. Exit status 1 when not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("image", help="id of the image, as its page shows it")
        parser.add_argument("--output", type=Path, metavar="FILE", help="also write the image as PNG")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            image = Image.objects.get(pk=options["image"])
        except (Image.DoesNotExist, ValidationError) as error:
            raise CommandError(f"There is no image with the id {options['image']}.") from error
        try:
            pixels = remake_image(find_checkpoint(image).path, image.provenance)
        except ValueError as error:
            raise CommandError(str(error)) from error
        found = pixel_sha256(pixels)
        if found != image.pixel_sha256:
            raise CommandError(
                f"Made again, image {image.pk} has the pixel hash {found}; stored is {image.pixel_sha256}. "
                "The checkpoint is the recorded one, so the stored image or its provenance was changed."
            )
        if options["output"]:
            options["output"].write_bytes(encode_png(pixels))
        self.stdout.write(f"Identical: image {image.pk} has the pixel hash {found}")
