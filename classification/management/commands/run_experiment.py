"""`manage.py run_experiment --kind kong --dataset NAME --name NAME --positive LABEL`: queued; a worker does it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from classification.cnn.config import PRESETS, ClassifierConfig
from classification.models import Classifier, Experiment
from classification.parameters import DEVICES
from classification.selectors import DESIGNS, SYNTHETIC
from classification.services import start_experiment
from config.projects.commands import ProjectCommand
from imaging.models import Dataset
from worker.command_line import add_options, apply_options, follow, parse_limits


class Command(ProjectCommand):
    help = "Run an experiment with classifiers. Exit status 1 when it cannot start, or --wait sees it fail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True, help="name of the experiment")
        parser.add_argument(
            "--kind",
            choices=Experiment.Kind.values,
            default=Experiment.Kind.KONG,
            help="; ".join(f"{value}: {label}" for value, label in Experiment.Kind.choices),
        )
        parser.add_argument("--dataset", required=True, metavar="NAME", help="real images: train, tune and test")
        parser.add_argument("--synthetic", metavar="NAME", help="synthetic images; not for the kind single")
        parser.add_argument("--positive", metavar="LABEL", help="what a high score stands for; not for the kind origin")
        parser.add_argument(
            "--external", action="append", default=[], metavar="NAME", help="another test set (repeatable)"
        )
        parser.add_argument(
            "--at-most",
            action="append",
            default=[],
            metavar="LABEL=N",
            help="learn from no more than N images of this class, drawn by the seed (repeatable)",
        )
        parser.add_argument("--preset", choices=PRESETS, default="kong", help="settings to begin with (default: kong)")
        parser.add_argument(
            "--weights",
            metavar="FILE or EXPERIMENT/ARM/SEED",
            help="what the backbone begins with: a file in the folder of weights, or a classifier trained here; random "
            "weights when left out",
        )
        parser.add_argument(
            "--chooser", metavar="EXPERIMENT/ARM/SEED", help="kind jang: the classifier whose score chooses"
        )
        parser.add_argument("--device", choices=DEVICES, default="auto")
        parser.add_argument("--wait", action="store_true", help="follow it to its end and print what it comes to")
        add_options(
            parser, {"": ClassifierConfig}, prefix="set", title="classifier", text="each replaces that of the preset"
        )
        add_options(
            parser,
            {kind.value: settings for kind, settings in DESIGNS.items()},
            prefix="design",
            title="design",
            text="what the kind of experiment settles",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        kind, preset = Experiment.Kind(options["kind"]), PRESETS[options["preset"]]
        config = apply_options(preset.make(0), options, prefix="set", owner="A classifier")
        design = apply_options(
            DESIGNS[kind](), options, prefix="design", owner=f"The kind {kind}", otherwise=", or choose another --kind"
        )
        try:
            experiment = start_experiment(
                name=options["name"],
                kind=kind,
                dataset=_dataset(options["dataset"]),
                synthetic=_dataset(options["synthetic"]) if options["synthetic"] else None,
                external=[_dataset(name) for name in options["external"]],
                positive=_positive(kind, options["positive"]),
                limits=parse_limits(options["at_most"]),
                config=config,
                design=design,
                weights=_weights(options["weights"]),
                chooser=_classifier(options["chooser"]) if options["chooser"] else None,
                device=options["device"],
                is_demonstration=preset.is_demonstration,
                created_by=None,
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Queued “{experiment.name}” as job {experiment.job_id}")
        if options["wait"]:
            follow(experiment.job)
            experiment.refresh_from_db()
            for sentence in experiment.results["summary"]:
                self.stdout.write(f"* {sentence}")


def _positive(kind: Experiment.Kind, label: str | None) -> str:
    if kind == Experiment.Kind.ORIGIN:
        if label is not None:
            raise CommandError("The positive class of a machine reader is “synthetic”. Leave --positive out.")
        return SYNTHETIC
    if label is None:
        raise CommandError("Say with --positive which label a high score stands for.")
    return label


def _weights(text: str | None) -> dict[str, str]:
    if text is None:
        return {"kind": "none"}
    if "/" in text:
        return {"kind": "classifier", "classifier": str(_classifier(text).pk)}
    return {"kind": "file", "file": text}


def _classifier(text: str) -> Classifier:
    """Of EXPERIMENT/ARM/SEED; the name of an experiment may have slashes of its own."""
    name, _, rest = text.rpartition("/")
    name, _, arm = name.rpartition("/")
    if not name or not arm or not rest.isdecimal():
        raise CommandError(f"{text!r} names no classifier; write EXPERIMENT/ARM/SEED, for example “First/OD/7”.")
    found = Classifier.objects.filter(experiment__name=name, arm=arm, seed=int(rest)).first()
    if found is None:
        known = Classifier.objects.filter(experiment__name=name).values_list("arm", "seed")
        there = ", ".join(f"{arm}/{seed}" for arm, seed in known) or "none"
        raise CommandError(f"There is no classifier {arm}/{rest} of “{name}”; there are: {there}.")
    return found


def _dataset(name: str) -> Dataset:
    dataset = Dataset.objects.filter(name=name).first()
    if dataset is None:
        raise CommandError(f"There is no dataset called “{name}”.")
    return dataset
