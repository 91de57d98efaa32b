"""`manage.py export_generator --run NAME --output FOLDER`: weights as safetensors and settings as JSON."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from safetensors.torch import save_file

from config.projects.commands import ProjectCommand
from generation.gan.checkpoint import load_checkpoint
from generation.models import TrainingRun


class Command(ProjectCommand):
    help = "Write the generator of a run as files that import_generator takes in elsewhere. They run no code."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--run", required=True, metavar="NAME")
        parser.add_argument("--iteration", type=int, help="the checkpoint; the last one when left out")
        parser.add_argument("--output", required=True, type=Path, metavar="FOLDER")

    def handle(self, *args: Any, **options: Any) -> None:
        run = TrainingRun.objects.filter(name=options["run"]).first()
        if run is None:
            raise CommandError(f"There is no training run called “{options['run']}”.")
        checkpoints = run.checkpoints.order_by("-iteration")
        if options["iteration"] is not None:
            checkpoints = checkpoints.filter(iteration=options["iteration"])
        checkpoint = checkpoints.first()
        if checkpoint is None:
            raise CommandError(f"“{run}” has no such checkpoint.")
        try:
            data = load_checkpoint(checkpoint.path, sha256=checkpoint.sha256)
        except ValueError as error:
            raise CommandError(str(error)) from error
        folder: Path = options["output"]
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: tensor.contiguous() for name, tensor in data.networks["generator"].items()}
        save_file(state, folder / "generator.safetensors")
        settings = {"generator": data.generator, "config": data.config, "classes": data.classes}
        (folder / "generator.json").write_text(json.dumps(settings, indent=2) + "\n")
        self.stdout.write(f"Wrote generator.safetensors and generator.json to {folder}")
