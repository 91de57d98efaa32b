"""Verbs on experiments: start one, record what came of it."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction

from classification.cnn.config import ClassifierConfig, JangSettings
from classification.models import Classifier, Experiment
from classification.parameters import EXPERIMENT, ExperimentParameters
from classification.selectors import (
    DESIGNS,
    REAL,
    SYNTHETIC,
    Design,
    classifier_config,
    split_table,
    starting_classifiers,
)
from config.accounts.models import User
from imaging.models import Dataset
from imaging.services import freeze_dataset
from worker.services import enqueue_job


class ClassificationError(ValueError):
    """A request that cannot be carried out; its text says why and what to do."""


@transaction.atomic
def start_experiment(
    *,
    name: str,
    kind: str,
    dataset: Dataset,
    positive: str,
    config: ClassifierConfig,
    design: Design,
    weights: Mapping[str, Any],
    synthetic: Dataset | None = None,
    external: Sequence[Dataset] = (),
    limits: Mapping[str, int] | None = None,
    chooser: Classifier | None = None,
    device: str = "auto",
    is_demonstration: bool = False,
    created_by: User | None,
) -> Experiment:
    """Freeze the datasets and queue an experiment on the train, tune and test images of `dataset`.

    `positive` is the label that a high score stands for; the dataset has two labels. A machine reader (kind "origin")
    tells the images of `dataset` from those of `synthetic`, whatever their labels; its positive class is "synthetic".
    `design` is what the kind settles (`selectors.DESIGNS`). `limits` (label -> number) takes no more training images of
    a label, drawn by the seed of `config`. `weights` as `loading.find_weights` has them. `chooser` scores the synthetic
    images of Jang's experiment when its design says so. Raises ClassificationError when the name is taken, a split or a
    class has no image, a dataset has the wrong origin or classes, or a classifier cannot be used; ValueError for
    settings that are not valid.
    """
    name, kind = _checked_name(name), Experiment.Kind(kind)
    if not isinstance(design, DESIGNS[kind]):
        raise ClassificationError(f"The settings are {type(design).__name__}; they must be {DESIGNS[kind].__name__}.")
    origin = kind == Experiment.Kind.ORIGIN
    classes = _checked_classes(dataset, positive, tells_origin=origin)
    limits = dict(limits or {})
    _check_limits(limits, classes)
    if kind == Experiment.Kind.SINGLE:
        if synthetic is not None:
            raise ClassificationError("One classifier on real images takes no synthetic ones.")
    elif synthetic is None:
        raise ClassificationError("Choose the synthetic images.")
    else:
        _check_other(synthetic, Dataset.Origin.SYNTHETIC, None if origin else classes, "synthetic images")
    if origin and external:
        raise ClassificationError("A machine reader has no external test sets: score a dataset or a study with it.")
    for other in external:
        if other == dataset:
            raise ClassificationError(f"The experiment learns from “{dataset.name}”: it is no external test set.")
        _check_other(other, Dataset.Origin.REAL, classes, "an external test set")
    _check_weights(weights, config)
    chooser = _checked_chooser(design, chooser, positive)
    used = [one for one in (dataset, synthetic, *external) if one is not None]
    for one in used:
        if one.project_id != dataset.project_id:
            raise ClassificationError(f"“{one}” belongs to another project than “{dataset}”. Import it into this one.")
    for one in used:
        freeze_dataset(dataset=one)
    experiment_id = uuid.uuid4()
    job = enqueue_job(
        kind=EXPERIMENT,
        parameters=ExperimentParameters(experiment_id=str(experiment_id), device=device),
        title=f"Experiment “{name}”",
        created_by=created_by,
        seed=config.seed,
    )
    try:
        with transaction.atomic():
            experiment = Experiment.objects.create(
                id=experiment_id,
                name=name,
                kind=kind,
                dataset=dataset,
                synthetic=synthetic,
                classes=classes,
                positive=positive,
                limits=limits,
                config=config.to_dict(),
                design=design.to_dict(),
                weights=dict(weights),
                chooser=chooser,
                is_demonstration=is_demonstration,
                job=job,
                created_by=created_by,
            )
    except IntegrityError as error:  # somebody else took it since the check above
        raise ClassificationError(_taken(name)) from error
    experiment.external.set(external)
    return experiment


@transaction.atomic
def record_results(*, experiment: Experiment, results: dict[str, Any]) -> None:
    """Keep what came of an experiment, once: a second result of the same job changes nothing."""
    updated = Experiment.objects.filter(pk=experiment.pk, results={}).update(results=results)
    if updated:
        experiment.results = results


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= 200:
        raise ClassificationError("The experiment needs a name of 1 to 200 characters.")
    if Experiment.objects.filter(name=name).exists():
        raise ClassificationError(_taken(name))
    return name


def _checked_classes(dataset: Dataset, positive: str, *, tells_origin: bool) -> list[str]:
    if dataset.origin != Dataset.Origin.REAL:
        raise ClassificationError(f"“{dataset.name}” is synthetic. An experiment is done on real images.")
    table = split_table(dataset)
    for split, words in (("train", "training"), ("tune", "tuning"), ("test", "test")):
        if not table.get(split):
            raise ClassificationError(
                f"“{dataset.name}” has no {words} images. Split it on its page, under “Train, tune, test”, before a "
                "generator learns from its training images."
            )
    if tells_origin:
        if positive != SYNTHETIC:
            raise ClassificationError(f"The positive class of a machine reader is “{SYNTHETIC}”, not {positive!r}.")
        return [REAL, SYNTHETIC]
    classes = sorted({label for counts in table.values() for label in counts})
    if len(classes) != 2:
        raise ClassificationError(
            f"“{dataset.name}” has {len(classes)} classes ({', '.join(classes)}); an experiment tells two apart."
        )
    if positive not in classes:
        raise ClassificationError(f"The positive class is {positive!r}; it must be {' or '.join(classes)}.")
    for split, counts in table.items():
        missing = [label for label in classes if not counts.get(label)] if split else []
        if missing:
            raise ClassificationError(f"The {split} images of “{dataset.name}” have none of class {missing[0]}.")
    return classes


def _check_limits(limits: Mapping[str, int], classes: Sequence[str]) -> None:
    for label, most in limits.items():
        if label not in classes:
            raise ClassificationError(f"There is a limit for class {label}, which the dataset does not have.")
        if isinstance(most, bool) or not isinstance(most, int) or most < 2:
            raise ClassificationError(f"The limit for class {label} is {most!r}; it must be a whole number from 2.")


def _check_weights(weights: Mapping[str, Any], config: ClassifierConfig) -> None:
    if weights.get("kind", "none") == "none" and config.fine_tune and config.batch_norm == "frozen":
        raise ClassificationError(
            "A network of random weights has no statistics of batch normalisation to keep: let it learn them, or begin "
            "with a network that was trained."
        )
    if weights.get("kind") != "classifier":
        return
    classifier = starting_classifiers().filter(pk=weights["classifier"]).first()
    if classifier is None:
        raise ClassificationError(
            "The classifier to begin with is not there, or only its head was trained: choose one of which the whole "
            "network was trained."
        )
    theirs = classifier_config(classifier.experiment)
    if theirs.backbone != config.backbone:
        raise ClassificationError(f"“{classifier}” is a {theirs.backbone}; with it the backbone must be that too.")


def _checked_chooser(design: Design, chooser: Classifier | None, positive: str) -> Classifier | None:
    if not isinstance(design, JangSettings) or design.selection != "score":
        return None
    if chooser is None:
        raise ClassificationError("Choose the classifier whose score chooses the synthetic images.")
    if chooser.experiment.positive != positive:
        raise ClassificationError(
            f"A high score of “{chooser}” stands for {chooser.experiment.positive}, not for {positive}: choose another."
        )
    return chooser


def _check_other(other: Dataset, origin: str, classes: Sequence[str] | None, role: str) -> None:
    if other.origin != origin:
        raise ClassificationError(f"“{other.name}” is {other.origin}; it cannot be used as {role}.")
    labels = sorted(other.images.order_by().values_list("label", flat=True).distinct())
    if classes is not None and labels != list(classes):
        raise ClassificationError(
            f"“{other.name}” has the classes {', '.join(labels) or 'none'}; as {role} it must have "
            f"{' and '.join(classes)}."
        )


def _taken(name: str) -> str:
    return f"There is an experiment called “{name}” already. Choose another name."
