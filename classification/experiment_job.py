"""Runs an experiment's job: brings images and weights to `classification.cnn`, and its findings to the record.

It may be started any number of times after crashes and cancels: features are kept, and so is every K that was tried.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from classification.cnn.arms import Arm, ExperimentData, Outcome
from classification.cnn.backbones import Backbone, create_backbone
from classification.cnn.config import METRIC_NAMES, JangSettings, SingleSettings
from classification.cnn.data import HygieneError, LabelledImages
from classification.cnn.experiments import VALUES_OF_K, run_jang, run_kong
from classification.cnn.single import run_single
from classification.cnn.sweep import SweepOutcome, SweepPoint
from classification.cnn.training import score_images, to_file
from classification.experiment_figures import draw_figures
from classification.experiment_results import make_results
from classification.exporting.job_files import write_job_files
from classification.image_sets import collect_images, names_seen_before
from classification.layers import describe_layers
from classification.loading import find_weights, open_classifier
from classification.models import Classifier, Experiment
from classification.parameters import ExperimentParameters
from classification.selectors import classifier_config, design_of
from classification.services import record_results
from worker.compute.devices import choose_device, device_name
from worker.registry import JobContext, JobError

POINTS = "points.json"  # every K that was tried, so that a resumed search goes on after it
FEATURES = "features"  # kept for all experiments: below MEDIA_ROOT
TEST = "test set"


def run_experiment(context: JobContext, parameters: ExperimentParameters) -> dict[str, Any]:
    """Train and test the arms. Returns what the job's page shows. Raises JobError in words that a user understands."""
    experiment = Experiment.objects.select_related("dataset", "synthetic").get(pk=parameters.experiment_id)
    if experiment.results:  # killed between the last transaction and the verdict
        return {"experiment_id": str(experiment.pk), "arms": len(experiment.results["arms"])}
    try:
        device = choose_device(parameters.device)
        context.device(device_name(device))
        backbone = _backbone(experiment, device)
        context.log(f"Backbone: {backbone.title}, {backbone.weights.title}")
        data = _data(context, experiment)
        for warning in data.warnings:
            context.log(warning, level="warning")
        outcome = _run(context, experiment, data, backbone)
    except HygieneError as error:
        raise JobError("These images may not be used together.\n" + "\n".join(error.problems)) from error
    except (ValueError, FloatingPointError) as error:  # WeightsError is one of the first
        raise JobError(str(error)) from error
    if outcome is None:
        context.raise_if_stopped()
        raise JobError(
            "The experiment ended early, and nobody asked it to. Start it again; if it happens twice, show the log to "
            "an administrator."
        )
    config = classifier_config(experiment)
    results = make_results(experiment, outcome, backbone)
    files = _save_classifiers(context, experiment, outcome)
    results["figures"] = draw_figures(context, outcome, results)
    write_job_files(context, outcome)
    about = {"fine_tuned": config.fine_tune, "layers": describe_layers(backbone)}
    with context.fenced():
        for arm, seed, name, sha256 in files:
            Classifier.objects.get_or_create(
                experiment=experiment,
                arm=arm,
                seed=seed,
                defaults={"file_name": name, "sha256": sha256, **about},
            )
        record_results(experiment=experiment, results=results)
    for sentence in results["summary"]:
        context.log(sentence)
    return {"experiment_id": str(experiment.pk), "arms": len(outcome.arms)}


def _run(context: JobContext, experiment: Experiment, data: ExperimentData, backbone: Backbone) -> Outcome | None:
    """All arms of its kind; None when it was stopped."""
    design = design_of(experiment)
    common: dict[str, Any] = {
        "backbone": backbone,
        "config": classifier_config(experiment),
        "folder": Path(settings.MEDIA_ROOT) / FEATURES,
        "work": context.directory / "work",
        "writer": context.job_id,
        "progress": _Progress(context),
        "abort": context.should_stop,
    }
    if isinstance(design, SingleSettings):
        return run_single(data, single=design, **common)
    if isinstance(design, JangSettings):
        scores = None if experiment.chooser is None else _scores_of_pool(context, experiment.chooser, data, backbone)
        return run_jang(data, jang=design, abnormal_scores=scores, **common)
    return run_kong(
        data,
        sweep=design,
        points=_kept_points(context.directory / POINTS),
        save=lambda points: _keep_points(context.directory / POINTS, points),
        curve=lambda found: _curve(context, found),
        **common,
    )


class _Progress:
    """Says how far it is: of a stage, or, while K is looked for, of the values of K, so that what is left is right."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._tried: tuple[int, int] | None = None  # values of K, of how many

    def __call__(self, words: str, done: int, total: int) -> None:
        if words == VALUES_OF_K:
            self._tried = (done, total)
        elif self._tried is None or "K=" not in words:
            self._context.progress(done, total, "", words)
            return
        self._context.progress(*self._tried, "values of K", words)


def _scores_of_pool(
    context: JobContext, chooser: Classifier, data: ExperimentData, backbone: Backbone
) -> NDArray[np.float64]:
    """The chooser's score of each synthetic image, at the size at which this experiment has them."""

    def step(done: int, total: int) -> None:
        context.raise_if_stopped()
        context.progress(done, total, "images", f"Scores by {chooser}")

    extractor, head = open_classifier(chooser, device=str(backbone.device))
    return score_images(extractor, head, data.pool, progress=step)


def _backbone(experiment: Experiment, device: str) -> Backbone:
    config = classifier_config(experiment)
    weights = find_weights(experiment.weights, backbone=config.backbone)
    return create_backbone(config.backbone, weights=weights, input_side=config.input_side, device=device)


def _data(context: JobContext, experiment: Experiment) -> ExperimentData:
    sets = collect_images(context, experiment, side=classifier_config(experiment).input_side)
    tests: dict[str, LabelledImages] = {TEST: sets["test"]}
    tests |= {role: images for role, images in sets.items() if role.startswith("external: ")}
    return ExperimentData(
        train=sets["train"],
        tune=sets["tune"],
        tests=tests,
        synthetic=sets.get("synthetic"),
        positive=experiment.positive,
        tells_origin=experiment.kind == Experiment.Kind.ORIGIN,
        seen_before=names_seen_before(experiment),
    )


def _kept_points(path: Path) -> list[SweepPoint]:
    return [SweepPoint.from_dict(one) for one in json.loads(path.read_text())] if path.exists() else []


def _keep_points(path: Path, points: tuple[SweepPoint, ...]) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps([point.to_dict() for point in points]))
    temporary.replace(path)


def _curve(context: JobContext, found: SweepOutcome) -> None:
    """The means of the last K as a point of the live curves: "<metric>" of "<set>", one chart per metric."""
    last = found.points[-1]
    for set_name, metrics in last.measured.items():
        for metric in metrics:
            line = found.curve(set_name, metric)
            name = f"{set_name.removesuffix(' set')}_{METRIC_NAMES[metric]}"
            context.metric(line.k[-1], **{name: line.mean[-1]})


def _save_classifiers(context: JobContext, experiment: Experiment, outcome: Outcome) -> list[tuple[str, int, str, str]]:
    """(arm, seed, file relative to the job's directory, digest) of every classifier."""
    from classification.cnn.checkpoint import save_classifier

    config, saved = classifier_config(experiment), []
    for arm in outcome.arms:
        for trained in arm.trained:
            name = f"classifiers/{_file_name(arm, trained.seed)}"
            data = to_file(
                trained,
                config=config,
                classes=tuple(experiment.classes),
                experiment=str(experiment.pk),
                arm=arm.name,
            )
            saved.append((arm.name, trained.seed, name, save_classifier(context.directory / name, data)))
    return saved


def _file_name(arm: Arm, seed: int) -> str:
    return f"{arm.name.lower().replace('+', '-')}-{seed}.classifier.pt"
