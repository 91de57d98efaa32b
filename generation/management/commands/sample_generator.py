"""`manage.py sample_generator --run NAME --per-class 100 --seed 1 --name NAME`: queues sampling; a worker does it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from config.projects.commands import ProjectCommand
from generation.command_line import follow
from generation.gan.balancing import balancing_counts
from generation.gan.sampling_options import DEVICES, EXACT, PRECISIONS, SamplingOptions
from generation.models import Checkpoint, TrainingRun
from generation.selectors import run_counts
from generation.services import start_sampling


class Command(ProjectCommand):
    help = "Draw synthetic images from a trained generator into a new dataset. Exit status 1 when that fails."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--run", required=True, metavar="NAME", help="training run, or generator from elsewhere, to draw from"
        )
        parser.add_argument("--name", required=True, help="name of the new dataset")
        numbers = parser.add_mutually_exclusive_group(required=True)
        numbers.add_argument("--per-class", type=int, metavar="N", help="images of each class")
        numbers.add_argument(
            "--mix", nargs="+", metavar="CLASS=N", help="numbers of their own: --mix normal=20000 oedema=30000"
        )
        numbers.add_argument(
            "--balance",
            action="store_true",
            help="as many of each class as make it, with its real images, as large as the largest (Kong 2022)",
        )
        parser.add_argument("--label", action="append", default=[], help="with --per-class: only this class")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--iteration", type=int, help="the checkpoint to draw from; the last one when left out")
        parser.add_argument("--precision", choices=PRECISIONS, default=EXACT)
        parser.add_argument("--device", choices=DEVICES, default="auto", help="for a precision that is not exact")
        parser.add_argument("--truncation", type=float, default=1.0, help="0 to 2; StyleGAN2 only")
        parser.add_argument("--wait", action="store_true", help="follow the job to its end")

    def handle(self, *args: Any, **options: Any) -> None:
        checkpoint = _checkpoint(options["run"], options["iteration"])
        try:
            sample_run = start_sampling(
                checkpoint=checkpoint,
                per_class=_numbers(checkpoint, options),
                seed=options["seed"],
                dataset_name=options["name"],
                options=SamplingOptions(
                    precision=options["precision"], device=options["device"], truncation=options["truncation"]
                ),
                created_by=None,
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Queued “{sample_run.dataset_name}” as job {sample_run.job_id}")
        if options["wait"]:
            follow(sample_run.job)


def _numbers(checkpoint: Checkpoint, options: dict[str, Any]) -> dict[str, int]:
    if options["mix"]:
        return dict(_number(text) for text in options["mix"])
    if not options["balance"]:
        return dict.fromkeys(options["label"] or checkpoint.classes, options["per_class"])
    run = checkpoint.run
    if run is None:
        raise CommandError("What it was trained on is not known here, so its classes cannot be balanced. Use --mix.")
    counts = run_counts(run)
    if set(counts) != set(run.classes):
        raise CommandError(f"“{run}” was trained without classes, so there are none to balance. Use --per-class.")
    return balancing_counts(counts)


def _number(text: str) -> tuple[str, int]:
    name, _, count = text.rpartition("=")
    if not name or not count.isdecimal():
        raise CommandError(f"--mix {text}: write a class and a number, as in normal=20000")
    return name, int(count)


def _checkpoint(name: str, iteration: int | None) -> Checkpoint:
    run = TrainingRun.objects.filter(name=name).first()
    if run is None:
        foreign = Checkpoint.objects.filter(foreign__name=name).first()
        if foreign is None:
            raise CommandError(f"There is no training run called “{name}”.")
        return foreign
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
