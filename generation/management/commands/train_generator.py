"""`manage.py train_generator --dataset NAME --name NAME`: queues a training run; a worker does it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from config.projects.commands import ProjectCommand
from generation.command_line import add_setting_options, apply_setting_options, follow
from generation.gan.class_mix import find_normal
from generation.gan.common_settings import Preset
from generation.gan.registry import get_generator, list_generators
from generation.parameters import DEVICES, MEASURES
from generation.preset_choices import default_preset, get_preset, is_demonstration, list_presets
from generation.services import start_training
from imaging.models import Dataset
from imaging.selectors import dataset_counts
from worker.command_line import parse_limits


class Command(ProjectCommand):
    help = "Train a generator on a dataset of real images. Exit status 1 when it cannot start, or --wait sees it fail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        presets = [preset.name for _, group in list_presets() for preset in group]
        parser.add_argument("--dataset", required=True, metavar="NAME", help="dataset of real images")
        parser.add_argument("--name", required=True, help="name of the run")
        parser.add_argument("--preset", choices=presets, help="settings to begin with (default: kong)")
        parser.add_argument(
            "--generator",
            choices=[kind.name for kind in list_generators()],
            help="without a preset: begin with this generator's own defaults",
        )
        parser.add_argument(
            "--normal",
            metavar="LABEL",
            help="the normal class, for a preset that chooses classes by it (jang-normal, jang-abnormal); needed where "
            "its name does not say so; empty when no class is normal",
        )
        parser.add_argument("--label", action="append", default=[], help="train on this class only (repeatable)")
        parser.add_argument("--split", action="append", default=[], help="train on this split only (repeatable)")
        parser.add_argument(
            "--at-most",
            action="append",
            default=[],
            metavar="LABEL=N",
            help="take no more than N images of this class, drawn by the seed (repeatable)",
        )
        parser.add_argument(
            "--measure",
            dest="best_by",
            choices=MEASURES,
            default="",
            help="distance to real images at every checkpoint; the best states are kept",
        )
        parser.add_argument("--keep-best", type=int, default=3, metavar="N", help="how many of these")
        parser.add_argument("--device", choices=DEVICES, default="auto")
        parser.add_argument(
            "--gpus",
            type=int,
            default=1,
            metavar="N",
            help="GPUs of one machine that train the run together; with --device cpu, processes that share the CPU",
        )
        parser.add_argument("--wait", action="store_true", help="follow the run to its end")
        add_setting_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        dataset = Dataset.objects.filter(name=options["dataset"]).first()
        if dataset is None:
            raise CommandError(f"There is no dataset called “{options['dataset']}”.")
        preset = _preset(options["preset"], options["generator"])
        labels, limits = _classes(preset, dataset, options)
        config = apply_setting_options(preset.make(0), options, generator=preset.generator)
        try:
            run = start_training(
                name=options["name"],
                dataset=dataset,
                generator=preset.generator,
                config=config,
                filters={"labels": labels, "splits": options["split"]},
                created_by=None,
                is_demonstration=is_demonstration(preset, config),
                device=options["device"],
                processes=options["gpus"],
                limits=limits,
                best_by=options["best_by"],
                keep_best=options["keep_best"],
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Queued “{run.name}” as job {run.job_id}")
        if options["wait"]:
            follow(run.job)


def _classes(preset: Preset, dataset: Dataset, options: dict[str, Any]) -> tuple[list[str], dict[str, int]]:
    """Labels to train on and the most images of a label: as typed, or as the preset's mix says."""
    limits = parse_limits(options["at_most"])
    if preset.mix is None:
        if options["normal"] is not None:
            raise CommandError(f"The preset {preset.name} takes every class alike. Leave --normal out, or use --label.")
        return options["label"], limits
    if options["label"]:
        raise CommandError(f"The preset {preset.name} chooses the classes: {preset.mix.words}. Leave --label out.")
    counts = dataset_counts(dataset)
    normal = find_normal(counts) if options["normal"] is None else options["normal"]
    if normal is None:
        raise CommandError(f"Say which class is the normal one with --normal; there are {', '.join(counts)}.")
    try:
        labels, proposed = preset.mix.choose(counts, normal=normal or None)
    except ValueError as error:
        raise CommandError(f"{error}.") from error
    return labels if len(labels) < len(counts) else [], {**proposed, **limits}


def _preset(name: str | None, generator: str | None) -> Preset:
    if name is None and generator is not None:
        return default_preset(get_generator(generator))
    preset = get_preset(name or "kong")
    if generator not in (None, preset.generator):
        raise CommandError(
            f"The preset {preset.name} is of the generator {preset.generator}, not of {generator}. "
            "Leave one of them out."
        )
    return preset
