"""`manage.py measure_dataset --dataset NAME --wait`: queues the measuring of a synthetic set; a worker does it."""

import json
from argparse import ArgumentParser
from dataclasses import fields
from typing import Any

from django.core.management.base import CommandError

from config.projects.commands import ProjectCommand
from generation.command_line import follow
from generation.gan.measures.config import MeasureSettings
from generation.measuring.services import start_measuring, training_run_of
from generation.parameters import DEVICES
from imaging.models import Dataset, DatasetReport
from worker.compute.settings import setting_range
from worker.models import Job
from worker.watching import watch_job


class Command(ProjectCommand):
    help = (
        "Measure synthetic images against the real ones they were trained on: FID, KID, precision, recall, MS-SSIM, "
        "MiFID, each with its real-real floor, and the memorisation check. Exit status 1 when it cannot start or fails."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dataset", required=True, metavar="NAME", help="synthetic dataset")
        parser.add_argument("--training", metavar="NAME", help="real dataset; that of the generator when left out")
        parser.add_argument("--split", action="append", default=[], help="trained on this split only (repeatable)")
        parser.add_argument("--held-out", metavar="NAME", help="real dataset that was not trained on")
        parser.add_argument("--held-out-split", action="append", default=[], help="only this split (repeatable)")
        parser.add_argument("--device", choices=DEVICES, default="auto")
        parser.add_argument("--wait", action="store_true", help="follow it to its end and print what was found")
        parser.add_argument("--json", action="store_true", help="wait, and print all values as JSON and nothing else")
        group = parser.add_argument_group("settings")
        for one in fields(MeasureSettings):
            words = setting_range(one).help.replace("%", "%%")
            group.add_argument(
                f"--{one.name.replace('_', '-')}", type=type(one.default), default=one.default, help=words
            )

    def handle(self, *args: Any, **options: Any) -> None:
        dataset = _dataset(options["dataset"])
        run = training_run_of(dataset)
        if options["training"] is None and run is None:
            raise CommandError(f"“{dataset.name}” was not drawn from a generator here: name its --training images.")
        training = _dataset(options["training"]) if options["training"] else run.dataset  # type: ignore[union-attr]
        filters = dict(run.filters) if run is not None and run.dataset_id == training.pk else {}
        if options["split"]:
            filters["splits"] = options["split"]
        try:
            job = start_measuring(
                dataset=dataset,
                training=training,
                training_filters=filters,
                held_out=_dataset(options["held_out"]) if options["held_out"] else None,
                held_out_filters={"splits": options["held_out_split"]},
                settings=MeasureSettings(**{one.name: options[one.name] for one in fields(MeasureSettings)}),
                device=options["device"],
                created_by=None,
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self._print_json(job)
            return
        self.stdout.write(f"Queued the measurement of “{dataset.name}” as job {job.pk}")
        if options["wait"]:
            follow(job)
            for sentence in DatasetReport.objects.get(pk=job.pk).values["summary"]:
                self.stdout.write(f"* {sentence}")

    def _print_json(self, job: Job) -> None:
        from rich.console import Console

        ended = watch_job(job.pk, Console(stderr=True))
        if ended.state != Job.State.SUCCEEDED:
            raise CommandError(f"{ended.title}: {ended.state}. {ended.error}".strip())
        report = DatasetReport.objects.get(pk=job.pk)
        self.stdout.write(json.dumps(report.values, indent=2, ensure_ascii=False))


def _dataset(name: str) -> Dataset:
    dataset = Dataset.objects.filter(name=name).first()
    if dataset is None:
        raise CommandError(f"There is no dataset called “{name}”.")
    return dataset
