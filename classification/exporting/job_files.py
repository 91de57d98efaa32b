"""Files that only the job can write, since it alone has them all: predictions of every image, and every K tried."""

from classification.cnn.arms import Outcome
from classification.cnn.config import METRICS
from classification.cnn.data import LabelledImages
from classification.cnn.sweep import SweepOutcome
from classification.cnn.training import TUNING
from turing.report.csv_files import csv_text
from turing.report.document import Data, Value
from worker.registry import JobContext

PREDICTIONS, SWEEP = "predictions.csv", "sweep.csv"


def write_job_files(context: JobContext, outcome: Outcome) -> None:
    """Write them into the job's directory, as its artefacts."""
    files = {PREDICTIONS: predictions_table(outcome)}
    if outcome.sweep is not None:
        files[SWEEP] = sweep_table(outcome.sweep)
    for name, data in files.items():
        path = context.directory / name
        path.write_bytes(csv_text(data).encode())
        context.artefact(path, kind="file")


def predictions_table(outcome: Outcome) -> Data:
    """One row per tuning and test image: what it is, and its score by every arm and seed, in [0, 1].

    `image` is "I" and the first digits of the pixel hash (a bare hash such as 1e12 would become a number in a
    spreadsheet). `patient` is a number that means nothing outside of this file: the same patient has the same one.
    Empty where patients are not known.
    """
    data = outcome.arms[0].data
    sets = {TUNING: data.tune, **data.tests}
    columns = [f"{arm.name}, seed {one.seed}" for arm in outcome.arms for one in arm.trained]
    patients: dict[str, int] = {}
    rows: list[tuple[Value, ...]] = []
    for name, images in sets.items():
        scores = [one.scores[name] for arm in outcome.arms for one in arm.trained]
        for place in range(len(images)):
            rows.append(
                (
                    f"I{images.names[place]}",
                    name,
                    _patient(images, place, patients),
                    images.classes[int(images.labels[place])],
                    *(float(one[place]) for one in scores),
                )
            )
    return Data(("image", "set", "patient", "truth", *columns), tuple(rows))


def sweep_table(found: SweepOutcome) -> Data:
    """One row per K, seed and set: every metric at the threshold of the search, and whether K was chosen."""
    rows: list[tuple[Value, ...]] = []
    for point in found.points:
        is_own = point.k == found.best_k_by_seed.get(point.seed)
        for name, measured in point.measured.items():
            values = (float(measured[metric]) for metric in METRICS)
            rows.append((point.k, point.seed, name, *values, point.k == found.best_k, is_own))
    return Data(("k", "seed", "set", *METRICS, "is_best_k", "is_best_k_of_seed"), tuple(rows))


def _patient(images: LabelledImages, place: int, numbers: dict[str, int]) -> int | None:
    if images.patients is None:
        return None
    return numbers.setdefault(images.patients[place], len(numbers) + 1)
