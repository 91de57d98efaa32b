"""The methods of an experiment in sentences that a paper can take over, written from its record; with its sources."""

from typing import Any

from classification.cnn.config import ClassifierConfig, JangSettings, SingleSettings, SweepSettings
from classification.exporting.references import references
from classification.models import Experiment
from classification.results import Results
from classification.selectors import classifier_config, design_of
from classification.wording import listed
from imaging.models import Dataset
from worker.compute.settings import setting_range

DECAYS = {"inverse_time": "with inverse-time decay of the rate by rate/epochs at each step", "none": "constant"}
OPTIMISERS = {"adam": "Adam", "sgd": "stochastic gradient descent with momentum 0.9"}
LOSSES = {"bce": "binary cross-entropy", "ce": "cross-entropy"}


def methods_markdown(experiment: Experiment, results: Results) -> str:
    """Images, networks, arms, statistics, provenance: a paragraph each; then the list of sources."""
    config = classifier_config(experiment)
    paragraphs = (
        _images(experiment, results),
        _network(config, results),
        _arms(experiment, results),
        _statistics(results),
        _making(experiment, results),
    )
    sources = "\n".join(f"{number}. {text}" for number, text in enumerate(references(experiment, results, config), 1))
    warnings = "".join(f"\n* {text}" for text in results.warnings)
    limits = f"\n\n## To be said with the results\n{warnings}" if warnings else ""
    return f"# {experiment.name}: methods\n\n" + "\n\n".join(paragraphs) + f"{limits}\n\n## Sources\n\n{sources}\n"


def _images(experiment: Experiment, results: Results) -> str:
    first = results.test_sets[0].first
    if experiment.kind == Experiment.Kind.ORIGIN:
        task = "to tell synthetic from real images"
    else:
        task = f"to tell {first.positive} from {first.negative} images"
    sets = [
        f"{one.name.removeprefix('external: ') if one.name.startswith('external: ') else 'the internal test set'}: "
        f"{one.first.n_positive:,} {one.first.positive} and {one.first.n_negative:,} {one.first.negative} images of "
        f"{one.first.n_patients:,} patients"
        for one in results.test_sets
    ]
    limits = [f"{most:,} of {label}" for label, most in sorted(experiment.limits.items())]
    parts = [
        f"Classifiers were trained {task}; the positive class is {first.positive}. Images came from "
        f"{_named(experiment.dataset)}, divided into training, tuning and test sets that share no "
        "picture and, as far as patients are known, no patient. Thresholds and temperature were chosen on "
        f"{first.n_tuning:,} tuning images. Classifiers were tested on {'; on '.join(sets)}.",
    ]
    if limits:
        parts.append(
            f"To see the effect where images are scarce, training images were limited to {listed(limits)}, drawn with "
            f"seed {experiment.config['seed']}."
        )
    if experiment.synthetic is not None:
        parts.append(
            f"Synthetic images were those of {_named(experiment.synthetic)}. Experiments were refused if the generator "
            "was known to have seen a tuning or test image, or another image of such a patient."
        )
    return " ".join(parts)


def _named(dataset: Dataset) -> str:
    citation = f" ({dataset.citation.strip().rstrip('.')})" if dataset.citation.strip() else ""
    return f"the dataset “{dataset.name}”{citation}"


def _network(config: ClassifierConfig, results: Results) -> str:
    fields = ClassifierConfig.__dataclass_fields__
    backbone = (setting_range(fields["backbone"]).choices or {})[config.backbone].split(",")[0]
    weights = results.weights
    learns = (
        "and the whole network was trained"
        if config.fine_tune
        else "which stayed as they were; only a linear head on the averaged last feature maps was trained"
    )
    weighing = " with classes weighted to count the same" if config.class_weights == "balanced" else ""
    stopping = (
        f", ending after {config.patience} epochs without a lower loss on the tuning set, of which the best was kept"
        if config.patience
        else ""
    )
    decay = DECAYS[config.decay]
    rate = (
        f"a learning rate of {config.learning_rate:g} ({decay})"
        if config.decay == "none"
        else (f"an initial learning rate of {config.learning_rate:g} {decay}")
    )
    return (
        f"The network was {backbone} with images of {config.input_side} × {config.input_side} pixels. It began with "
        f"{weights['title']} (SHA-256 {weights['sha256'][:12]}…), {learns}. Training minimised "
        f"{LOSSES[config.loss]}{weighing} with {OPTIMISERS[config.optimiser]} in batches of {config.batch_size} for "
        f"{'up to ' if config.patience else ''}{config.epochs} epochs with {rate}{stopping}."
    )


def _arms(experiment: Experiment, results: Results) -> str:
    design, config = design_of(experiment), classifier_config(experiment)
    arms = "; ".join(f"{arm['name']}: {_lower(arm['title'])} ({_counted(arm)})" for arm in results.arms)
    seeds = results.seeds
    repeated = (
        f"Each arm was trained {len(seeds)} times, with seeds {seeds[0]} to {seeds[-1]}; tables, comparisons and "
        f"figures are of the first (seed {seeds[0]}), which was settled beforehand, and mean and standard deviation of "
        "the AUC are given over all."
        if len(seeds) > 1
        else f"It was trained once, with seed {seeds[0]}."
    )
    parts = [f"Arms (with their training images): {arms}."]
    if any(arm["augmented"] for arm in results.arms):
        mirrored = "mirrored and " if config.mirror else ""
        parts.append(
            f"Augmented images were {mirrored}turned by up to {config.rotation_degrees:g}°, in "
            f"{config.augmentation_slots} variants of each image."
        )
    if isinstance(design, SweepSettings):
        parts.append(_search(design, results.sweep))
    elif isinstance(design, JangSettings):
        chosen = (
            "by chance"
            if design.selection == "random"
            else f"as those with the highest score of the classifier “{experiment.chooser}”"
        )
        parts.append(f"As in Jang 2023, synthetic images took the place of real ones; they were chosen {chosen}.")
    elif isinstance(design, SingleSettings) and len(results.arms) == 1:
        parts = [f"The classifier learnt from {_counted(results.arms[0])} images."]
    return " ".join([*parts, repeated])


def _search(design: SweepSettings, found: dict[str, Any]) -> str:
    return (
        "As in Kong 2022, the multiple K of synthetic images was found by a sliding window: K = 1, 2, 3, … were "
        f"trained in turn until none of the last {design.window} values was better than the best, or K = "
        f"{design.largest_k} or the end of the synthetic images was reached. The mean over repetitions on the tuning "
        f"set decided; the test sets had no say. {found['words']}"
    )


def _counted(arm: dict[str, Any]) -> str:
    found = [
        f"{one[origin]:,} {origin} {one['label'] if one['label'] != origin else ''}".rstrip()
        for one in arm["counts"]
        for origin in ("real", "synthetic")
        if one[origin]
    ]
    return listed(found)


def _statistics(results: Results) -> str:
    first = results.test_sets[0].first
    level = f"{100 * first.confidence:g} %"
    clustered = any(one.first.n_patients < one.first.n_positive + one.first.n_negative for one in results.test_sets)
    areas = (
        "Obuchowski’s form of DeLong’s method, since patients have several images" if clustered else "DeLong’s method"
    )
    shares = (
        f"a bootstrap that draws patients with all their images ({first.n_draws:,} draws, percentiles, seed "
        f"{first.seed}), or exact over patients where a share is 0 or 1"
        if clustered
        else "Clopper and Pearson’s exact method (F1: that of Jaccard’s index, transformed)"
    )
    parts = [
        f"The area under the ROC curve (AUC) is given with a {level} confidence interval by {areas} (exact where the "
        f"AUC is 0 or 1), and with one by bootstrap over patients ({first.n_draws:,} draws, seed {first.seed}), which "
        f"average precision has too. Accuracy, sensitivity, specificity, F1 and predictive values have intervals by "
        f"{shares}. Besides 0.5, thresholds were chosen on the tuning set: by Youden’s index, and as that with the "
        "highest sensitivity at a specificity of at least 90 %.",
    ]
    if len(results.arms) > 1:
        parts.append(
            f"Each arm was compared with {results.arms[0]['name']} on the same images: AUCs by DeLong’s paired test"
            f"{' in Obuchowski’s form' if clustered else ''}, calls at 0.5 by McNemar’s test"
            f"{' with patients as the units (exact exchange within patients)' if clustered else ' (exact, mid-p)'}. "
            "p values were corrected by Holm and by Benjamini and Hochberg; p < 0.05 after Holm’s correction was "
            "called a difference."
        )
    parts.append(
        "Calibration is given as Brier score and expected calibration error over ten bins, before and after scaling by "
        "a temperature fitted on the tuning set. Intervals and tests speak of new patients for these trained "
        "classifiers; how much hangs on the seed is shown by the repetitions."
    )
    return " ".join(parts)


def _making(experiment: Experiment, results: Results) -> str:
    versions = {name: str(value) for name, value in sorted(experiment.job.versions.items()) if value}
    software = "; ".join(f"{name} {value}" for name, value in versions.items())
    device = f" on {experiment.job.device}" if experiment.job.device else ""
    return (
        f"Computed by Turing Reader{device}{f' ({software})' if software else ''}. All settings stand in "
        f"settings.json; predictions of every tuning and test image, from which the numbers can be computed again, in "
        "predictions.csv."
    )


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]
