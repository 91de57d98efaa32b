"""All measures of one synthetic set against the real images it was trained on, each with its real-real floor.

The result is plain: numbers, text, lists and dictionaries, as JSON takes them. Nothing here reads files or a database.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generation.gan.measures.config import MeasureSettings
from generation.gan.measures.floor import Halves, floor_value, split_by_patient
from generation.gan.measures.frechet import fit_gaussian, frechet_distance
from generation.gan.measures.kernel import kernel_distance
from generation.gan.measures.memorisation import Memorisation, check_memorisation
from generation.gan.measures.mifid import memorisation_informed
from generation.gan.measures.precision_recall import precision_recall

Features = NDArray[np.floating]
Progress = Callable[[int, int, str], None]  # steps done, steps in all, what comes next

TITLES = {
    "fid": "Fréchet distance (FID)",
    "kid": "Kernel distance (KID)",
    "precision": "Precision",
    "recall": "Recall",
    "mifid": "Memorisation-informed Fréchet distance (MiFID)",
}
FID_NEEDS = 2000  # images; below, KID is the measure to quote
LEAST_IMAGES = 10  # in each set, and of real ones twice as many


def measure_features(
    training: Features,
    synthetic: Features,
    *,
    patients: Sequence[str],
    held_out: Features | None = None,
    settings: MeasureSettings | None = None,
    progress: Progress | None = None,
) -> tuple[dict[str, Any], Memorisation]:
    """Every measure of features (n, d), and the memorisation check in full.

    `patients` (n_training,): pseudonyms, "" where not known. Raises ValueError when there are too few images.
    """
    settings = settings or MeasureSettings()
    if len(synthetic) < LEAST_IMAGES or len(training) < 2 * LEAST_IMAGES:
        raise ValueError(
            f"{len(synthetic)} synthetic and {len(training)} real images: measures need at least {LEAST_IMAGES} and "
            f"{2 * LEAST_IMAGES}"
        )
    steps = 5 + settings.floor_splits
    done = 0

    def step(what: str) -> None:
        nonlocal done
        if progress:
            progress(done, steps, what)
        done += 1

    step("Fréchet distance")
    gaussian = fit_gaussian(training)
    frechet = frechet_distance(gaussian, fit_gaussian(synthetic))
    step("Kernel distance")
    kernel = kernel_distance(
        training, synthetic, subsets=settings.kid_subsets, subset_size=settings.kid_subset_size, seed=settings.seed
    )
    step("Precision and recall")
    precision = precision_recall(
        training,
        synthetic,
        neighbours=settings.neighbours,
        most=settings.most_neighbour_images,
        seed=settings.seed,
    )
    informed = memorisation_informed(training, synthetic, frechet=frechet)
    halves = split_by_patient(
        patients,
        n_synthetic=len(synthetic),
        splits=settings.floor_splits,
        seed=settings.seed,
        most=settings.most_neighbour_images,
    )
    splits: list[tuple[dict[str, float], dict[str, float]]] = []
    for number, half in enumerate(halves, start=1):
        step(f"Real-real floor, split {number} of {len(halves)}")
        splits.append(_measure_split(half, training, synthetic, settings))
    step("Memorisation")
    names = np.array([name or f"\x00{position}" for position, name in enumerate(patients)])
    check = check_memorisation(
        training, synthetic, held_out=held_out, training_patients=names, level=settings.suspicion
    )
    floors = {
        key: floor_value([(real[key], made[key]) for real, made in splits], n=len(halves[0].first)) for key in TITLES
    }
    values = {
        "fid": (frechet.value, asdict(frechet)),
        "kid": (kernel.value, asdict(kernel)),
        "precision": (precision.precision, asdict(precision)),
        "recall": (precision.recall, asdict(precision)),
        "mifid": (informed.value, asdict(informed)),
    }
    few = min(len(training), len(synthetic)) < FID_NEEDS
    if progress:
        progress(steps, steps, "")
    return {
        "n_training": len(training),
        "n_synthetic": len(synthetic),
        "n_held_out": 0 if held_out is None else len(held_out),
        "n_without_patient": sum(not name for name in patients),
        "headline": "kid" if few else "fid",
        "measures": [
            {"key": key, "title": TITLES[key], "value": value, "details": details, "floor": asdict(floors[key])}
            for key, (value, details) in values.items()
        ],
        "memorisation": describe_memorisation(check),
        "settings": settings.to_dict(),
    }, check


def describe_memorisation(check: Memorisation) -> dict[str, Any]:
    low, high = check.share_interval
    return {
        "n_flagged": check.n_flagged,
        "n": len(check.flagged),
        "share": check.share,
        "low": low,
        "high": high,
        "multiple": check.multiple,
        "level": check.level,
        "threshold": check.threshold,
        "reference": check.reference,
        "n_reference": len(check.reference_distance),
        "median_distance": float(np.median(check.distance)),
        "median_reference": float(np.median(check.reference_distance)),
    }


def _measure_split(
    half: Halves, training: Features, synthetic: Features, settings: MeasureSettings
) -> tuple[dict[str, float], dict[str, float]]:
    """Every measure of the other real half, and of as many synthetic images, against the first half."""
    first = training[half.first]
    gaussian = fit_gaussian(first)
    found = []
    for other in (training[half.second], synthetic[half.synthetic]):
        frechet = frechet_distance(gaussian, fit_gaussian(other))
        kernel = kernel_distance(
            first, other, subsets=settings.kid_subsets, subset_size=settings.kid_subset_size, seed=settings.seed
        )
        neighbours = min(settings.neighbours, len(first) - 1)
        precision = precision_recall(first, other, neighbours=neighbours)
        found.append(
            {
                "fid": frechet.value,
                "kid": kernel.value,
                "precision": precision.precision,
                "recall": precision.recall,
                "mifid": memorisation_informed(first, other, frechet=frechet).value,
            }
        )
    return found[0], found[1]
