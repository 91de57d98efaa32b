"""`manage.py sample_generator --run NAME --per-class 100 --seed 1 --name NAME`: queues sampling; a worker does it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from generation.command_line import follow
from generation.models import Checkpoint, TrainingRun
from generation.services import start_sampling


class Command(BaseCommand):
    help = "Draw synthetic images from a trained generator into a new dataset. Exit status 1 when that fails."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--run", required=True, metavar="NAME", help="training run to draw from")
        parser.add_argument("--name", required=True, help="name of the new dataset")
        parser.add_argument("--per-class", required=True, type=int, metavar="N", help="images of each class")
        parser.add_argument("--label", action="append", default=[], help="only this class (repeatable)")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--iteration", type=int, help="the checkpoint to draw from; the last one when left out")
        parser.add_argument("--wait", action="store_true", help="follow the job to its end")

    def handle(self, *args: Any, **options: Any) -> None:
        run = TrainingRun.objects.filter(name=options["run"]).first()
        if run is None:
            raise CommandError(f"There is no training run called “{options['run']}”.")
        try:
            sample_run = start_sampling(
                checkpoint=_checkpoint(run, options["iteration"]),
                per_class=dict.fromkeys(options["label"] or run.classes, options["per_class"]),
                seed=options["seed"],
                dataset_name=options["name"],
                created_by=None,
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Queued “{sample_run.dataset_name}” as job {sample_run.job_id}")
        if options["wait"]:
            follow(sample_run.job)


def _checkpoint(run: TrainingRun, iteration: int | None) -> Checkpoint:
    checkpoints = list(run.checkpoints.order_by("iteration"))
    if not checkpoints:
        raise CommandError(f"“{run}” has no checkpoint yet: wait until a tenth of its training is done.")
    if iteration is None:
        return checkpoints[-1]
    found = [checkpoint for checkpoint in checkpoints if checkpoint.iteration == iteration]
    if not found:
        known = ", ".join(str(checkpoint.iteration) for checkpoint in checkpoints)
        raise CommandError(f"“{run}” has no checkpoint at iteration {iteration}; there are {known}.")
    return found[0]
