"""`manage.py explore_generator TOOL --run NAME`: queues what the page of a run offers besides samples."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from config.projects.commands import ProjectCommand
from generation.command_line import follow
from generation.gan.sampling_options import DEVICES
from generation.models import Checkpoint
from generation.services import start_tool
from generation.tool_parameters import TOOLS, ToolParameters


class Command(ProjectCommand):
    help = (
        "Make a film from image to image, a mixture of styles (StyleGAN2), or the nearest image that a generator can "
        "make to a given one. Exit status 1 when that fails."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tool", choices=TOOLS)
        parser.add_argument("--run", required=True, metavar="NAME", help="training run")
        parser.add_argument("--iteration", type=int, help="the checkpoint; the last one when left out")
        parser.add_argument("--label", default="", help="only this class")
        parser.add_argument("--image", default="", help="projection: id of the image, as its page shows it")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--columns", type=int, default=4)
        parser.add_argument("--stops", type=int, default=4, help="film: images that it passes")
        parser.add_argument("--steps", type=int, help="film: frames between them (24); projection: of the search (300)")
        parser.add_argument("--crossover", type=int, default=2, help="mixing: layers that follow the row")
        parser.add_argument("--truncation", type=float, default=1.0)
        parser.add_argument("--device", choices=DEVICES, default="auto")
        parser.add_argument("--wait", action="store_true", help="follow the job to its end")

    def handle(self, *args: Any, **options: Any) -> None:
        checkpoints = Checkpoint.objects.filter(run__name=options["run"]).order_by("-iteration")
        if options["iteration"] is not None:
            checkpoints = checkpoints.filter(iteration=options["iteration"])
        checkpoint = checkpoints.first()
        if checkpoint is None:
            raise CommandError(f"There is no run called “{options['run']}” with such a checkpoint.")
        default_steps = 300 if options["tool"] == "projection" else 24
        same = ("tool", "label", "seed", "columns", "stops", "crossover", "truncation", "device")
        try:
            parameters = ToolParameters(
                checkpoint_id=str(checkpoint.pk),
                image_id=options["image"],
                steps=options["steps"] or default_steps,
                **{name: options[name] for name in same},
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        job = start_tool(checkpoint=checkpoint, parameters=parameters, created_by=None)
        self.stdout.write(f"Queued as job {job.pk}; its files will be in {Path(job.directory)}")
        if options["wait"]:
            follow(job)
