"""The mixed models in R and in ours: the same models of the same data, in one run.

    python benchmarks/mixed_models_r.py [--rscript Rscript] [--studies paper_like ...] [--large]

Needs R with lme4 and lmerTest (glmmTMB is measured where it is there). Without them it says so and ends well, because R
is no dependency of the project. Times are of a fit with its standard errors (and Satterthwaite's degrees of freedom),
inside of the R process: without its start, loading of packages or reading of the table. Ours is measured before and
after R, so that a machine that changed its speed meanwhile is seen. `--large` adds 100 readers x 2,000 images
(simulated), one fit by each of R's: about two minutes.
"""

import argparse
import csv
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # R's and ours
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np

from benchmarks.mixed_models import NAMES, SIZES, simulate
from turing.stats.mixed import fit_linear, fit_logistic

PROGRAM = Path(__file__).with_name("mixed_models.R")
REFERENCE = ROOT.parent / "shared" / "oracle"
STUDIES = ("paper_like", "weak_effect", "unbalanced", "medium_20x400")
METHODS = {"logistic": ("lme4", "glmmTMB"), "linear": ("lmerTest",)}
R_TURNS, TURNS = 7, 21
PLAN = ("study", "file", "kind", "method", "turns")

Columns = dict[str, np.ndarray]


def main() -> int:
    parser = argparse.ArgumentParser(description="Time of the mixed models beside R's.")
    parser.add_argument("--rscript", default="Rscript", help="the program that runs R (default: %(default)s)")
    parser.add_argument("--studies", nargs="*", default=STUDIES, help="reference studies (default: %(default)s)")
    parser.add_argument("--large", action="store_true", help="also 100 readers x 2,000 images")
    options = parser.parse_args()
    missing = why_not(options.rscript)
    if missing:
        print(f"Not measured: {missing}.")
        return 0
    studies = {name: read_study(REFERENCE / f"{name}.csv") for name in options.studies if REFERENCE.exists()}
    studies["simulated 6x200"] = simulated(*SIZES["6x200"])
    if options.large:
        studies["simulated 100x2000"] = simulated(*SIZES["100x2000"])
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"Python {platform.python_version()}, numpy {np.__version__}; ", end="")
    before = {name: measure_ours(columns) for name, columns in studies.items()}
    versions, theirs = measure_r(options.rscript, studies)
    after = {name: measure_ours(columns) for name, columns in studies.items()}
    print(versions)
    for name, columns in studies.items():
        sizes = [len(np.unique(columns[key])) for key in ("reader", "image")]
        print(f"\n{name}: {sizes[0]} readers, {sizes[1]} images, {len(columns['reader'])} answers")
        for kind in METHODS:
            print_row(kind, before[name][kind], after[name][kind], theirs[name, kind])
    return 0


def why_not(rscript: str) -> str:
    """What is missing; empty where R can be measured."""
    if shutil.which(rscript) is None:
        return f"there is no {rscript} (R with the packages lme4 and lmerTest is needed; --rscript names the program)"
    asked = 'cat(setdiff(c("lme4", "lmerTest"), rownames(installed.packages())))'
    done = subprocess.run([rscript, "-e", asked], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"{rscript} ended with an error: {done.stderr.strip()}"
    return f"R lacks the packages {done.stdout.strip()}" if done.stdout.strip() else ""


def read_study(path: Path) -> Columns:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    column = lambda name: np.array([row[name] for row in rows])  # noqa: E731
    return {
        "image": column("image"),
        "reader": column("reader"),
        "more": (column("experience") == "more").astype(float),
        "correct": column("correct").astype(float),
        "log_seconds": np.log(column("seconds").astype(float) + 1),
    }


def simulated(n_readers: int, n_images: int) -> Columns:
    data = simulate(n_readers, n_images)
    return data | {name: data[name].astype(str) for name in ("image", "reader")}


def measure_ours(columns: Columns) -> dict[str, tuple[float, list[float]]]:
    """Median seconds and [estimate, standard error, log likelihood or REML criterion] of each kind of model."""
    ones = np.ones(len(columns["more"]))
    by = columns["image"], columns["reader"]
    turns = TURNS if len(ones) < 20_000 else 3

    def logistic() -> list[float]:
        fit = fit_logistic(columns["correct"], np.column_stack([ones, columns["more"]]), *by, names=NAMES)
        return [fit["more"].estimate, fit["more"].se, fit.loglik]

    def linear() -> list[float]:
        design = np.column_stack([ones, columns["correct"]])
        fit = fit_linear(columns["log_seconds"], design, *by, names=NAMES)
        return [fit["more"].estimate, fit["more"].se, fit.reml_criterion]

    return {"logistic": timed(logistic, turns), "linear": timed(linear, turns)}


def timed(fit: Callable[[], list[float]], turns: int) -> tuple[float, list[float]]:
    numbers, seconds = fit(), []  # the first one is a warm-up
    for _ in range(turns):
        start = time.perf_counter()
        numbers = fit()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), numbers


def measure_r(
    rscript: str, studies: dict[str, Columns]
) -> tuple[str, dict[tuple[str, str], dict[str, tuple[float, list[float]]]]]:
    """Versions in words; for (study, kind) and the method, median seconds and the same numbers."""
    found: dict[tuple[str, str], dict[str, tuple[float, list[float]]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        plan = [PLAN]
        for number, (name, columns) in enumerate(studies.items()):
            path = Path(folder) / f"{number}.csv"
            write_study(path, columns)
            turns = R_TURNS if len(columns["more"]) < 20_000 else 1
            plan += [(name, path, kind, method, turns) for kind in METHODS for method in METHODS[kind]]
        with (Path(folder) / "plan.csv").open("w", newline="") as file:
            csv.writer(file).writerows(plan)
        done = subprocess.run(
            [rscript, str(PROGRAM), str(Path(folder) / "plan.csv")], capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise SystemExit(f"R ended with an error:\n{done.stderr}")
    first, *lines = (json.loads(line) for line in done.stdout.splitlines())
    for line in lines:
        result = statistics.median(line["seconds"]), line["numbers"]
        found.setdefault((line["study"], line["kind"]), {})[line["method"]] = result
    return first["versions"], found


def write_study(path: Path, columns: Columns) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "reader", "experience", "correct", "log_seconds"])
        words = np.where(columns["more"] == 1, "more", "less")
        seconds = [repr(float(value)) for value in columns["log_seconds"]]
        correct = columns["correct"].astype(int)
        writer.writerows(zip(columns["image"], columns["reader"], words, correct, seconds, strict=True))


def print_row(
    kind: str,
    before: tuple[float, list[float]],
    after: tuple[float, list[float]],
    theirs: dict[str, tuple[float, list[float]]],
) -> None:
    ours = (before[0] + after[0]) / 2
    print(f"  {kind:9} ours     {1000 * ours:10.1f} ms (before R {1000 * before[0]:.1f}, after {1000 * after[0]:.1f})")
    for method, (seconds, numbers) in theirs.items():
        estimate, error, fit = (abs(one - other) for one, other in zip(numbers, before[1], strict=True))
        print(
            f"  {'':9} {method:8} {1000 * seconds:10.1f} ms = {seconds / ours:5.1f} x ours; "
            f"differs by {estimate:.0e} (estimate), {error:.0e} (its standard error), {fit:.0e} (likelihood or REML)"
        )


if __name__ == "__main__":
    sys.exit(main())
