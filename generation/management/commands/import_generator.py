"""`manage.py import_generator FILE --name NAME ...`: takes in a generator from elsewhere; a worker tries it."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from config.projects.commands import ProjectCommand
from generation.command_line import follow
from generation.gan.foreign_settings import CHANNELS, CLASS_INPUTS, FORMATS, LATENT_SHAPES, LATENTS, RANGES, Declaration
from generation.importing.services import accept_generator, read_settings, take_in_generator


class Command(ProjectCommand):
    help = (
        "Take in a generator that was trained elsewhere and draw a few images from it on trial. Look at them on its "
        "page, and accept it there; --accept accepts what does what was declared. Exit status 1 when it is refused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--name", required=True)
        parser.add_argument("--made-with", required=True, help="program, paper or group; stays with every image")
        parser.add_argument("--format", choices=FORMATS, required=True)
        parser.add_argument("--network-settings", type=Path, help="safetensors: JSON as export_generator writes it")
        parser.add_argument("--label", action="append", default=[], help="a class, in the generator's order")
        parser.add_argument("--latent-dim", type=int, default=100)
        parser.add_argument("--latent", choices=LATENTS, default="normal")
        parser.add_argument("--latent-shape", choices=LATENT_SHAPES, default="vector")
        parser.add_argument("--class-input", choices=CLASS_INPUTS, default="none")
        parser.add_argument("--value-range", choices=RANGES, default="-1..1")
        parser.add_argument("--channels", type=int, choices=CHANNELS, default=1)
        parser.add_argument("--licence", default="")
        parser.add_argument("--citation", default="")
        parser.add_argument("--wait", action="store_true", help="follow the trial drawing to its end")
        parser.add_argument("--accept", action="store_true", help="follow it, and accept the generator without a look")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            foreign = take_in_generator(
                source=options["file"],
                file_name=options["file"].name,
                name=options["name"],
                made_with=options["made_with"],
                licence=options["licence"],
                citation=options["citation"],
                declaration=_declaration(options),
                created_by=None,
            )
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Queued the trial of “{foreign.name}” as job {foreign.job_id}")
        if options["wait"] or options["accept"]:
            follow(foreign.job)
        if options["accept"]:
            foreign.refresh_from_db()
            accept_generator(foreign=foreign)
            self.stdout.write(f"Accepted “{foreign.name}”: samples can be drawn from it")


def _declaration(options: dict[str, Any]) -> Declaration:
    if options["format"] == "safetensors":
        if options["network_settings"] is None:
            raise CommandError("A state of weights needs the settings of its network: --network-settings FILE.json")
        read = read_settings(options["network_settings"].read_bytes())
        return Declaration(
            format="safetensors",
            classes=tuple(read["classes"]),
            generator=read["generator"],
            config=read["config"],
            latent_dim=read["config"]["latent_dim"],
            channels=read["config"]["channels"],
            class_input="index",
        )
    names = ("format", "latent_dim", "latent", "latent_shape", "class_input", "value_range", "channels")
    return Declaration(classes=tuple(options["label"]), **{name: options[name] for name in names})
