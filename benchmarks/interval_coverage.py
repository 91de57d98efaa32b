"""How often the intervals of a reader study hold the truth: coverage and width, by simulation.

`python benchmarks/interval_coverage.py` from the root of the project prints the tables of docs/statistics.md, as
Markdown; `--json FILE` keeps them. Studies are simulated from the model itself: logit P(right) = base + effect x group
+ N(0, sd_image^2) + N(0, sd_reader^2), every reader sees every image. What is compared with the truth is the log odds
ratio between the groups, or the accuracy of new readers with new images. The same seed gives the same numbers,
whatever the number of processes. A promise of 95 % is kept where between 93 % and 97 % of the intervals hold the truth.
"""

import argparse
import json
import math
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np
from scipy import special, stats

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from turing.stats.mixed import LogisticFit, bootstrap_coefficient, profile_interval
from turing.stats.mixed.layout import check_design, make_grid
from turing.stats.mixed.logistic import LogisticModel, fit_logistic_model
from turing.stats.small_sample import marginal_accuracy, measure_reader_spread, small_sample_interval

BASE = 0.2  # log odds of a right answer in the first group, an accuracy of about 55 %
CHUNK = 100  # studies per piece of work; pieces have seeds of their own
Limits = tuple[float, float]


@dataclass(frozen=True)
class Setting:
    """What is simulated. `groups` is the number of readers in each; one number: no groups, and accuracy is asked."""

    groups: tuple[int, ...] = (3, 3)
    n_images: int = 200
    base: float = BASE
    effect: float = 0.5
    sd_reader: float = 0.2
    sd_image: float = 0.5
    missing: float = 0.0

    @property
    def label(self) -> str:
        return "+".join(map(str, self.groups)) + f" x {self.n_images}" + (", 30 % missing" if self.missing else "")

    def true_accuracy(self) -> float:
        nodes, weights = np.polynomial.hermite_e.hermegauss(100)
        spread = math.hypot(self.sd_reader, self.sd_image)
        return float(special.expit(self.base + spread * nodes) @ weights / weights.sum())


def simulate(setting: Setting, generator: np.random.Generator) -> LogisticModel:
    n_readers = sum(setting.groups)
    image = np.repeat(np.arange(setting.n_images), n_readers)
    reader = np.tile(np.arange(n_readers), setting.n_images)
    more = (reader >= setting.groups[0]).astype(float)
    eta = setting.base + setting.effect * more
    eta = eta + generator.normal(0, setting.sd_image, setting.n_images)[image]
    eta = eta + generator.normal(0, setting.sd_reader, n_readers)[reader]
    y = (generator.random(len(eta)) < special.expit(eta)).astype(float)
    kept = generator.random(len(y)) >= setting.missing
    columns = [np.ones(len(y)), more][: len(setting.groups)]
    design = check_design(np.column_stack(columns)[kept], ("(Intercept)", "more")[: len(columns)], int(kept.sum()))
    return LogisticModel(y[kept], design, make_grid(image[kept], reader[kept], int(kept.sum())))


# --- intervals of the log odds ratio ---------------------------------------------------------------------------
def quantile(df: float) -> float:
    return float(special.stdtrit(df, 0.975))


def wald(fit: LogisticFit) -> Limits:
    return fit["more"].low, fit["more"].high


def wald_t(fit: LogisticFit) -> Limits:
    """Between-within degrees of freedom: a property of readers has R - p."""
    half = quantile(fit.n_readers - 2) * fit["more"].se
    return fit["more"].estimate - half, fit["more"].estimate + half


def _restricted(fit: LogisticFit) -> tuple[float, float]:
    """Variance with sd_reader^2 times R / (R - p), which is what REML would make of it, and its part of readers."""
    of_reader = np.zeros(fit.n_readers)
    of_reader[fit.model.grid.reader_of_row] = fit.model.design.matrix[:, 1]
    per_unit = 1 / of_reader.sum() + 1 / (1 - of_reader).sum()
    rescale = fit.n_readers / (fit.n_readers - 2)
    readers = fit.sd_reader**2 * rescale * per_unit
    return fit["more"].se ** 2 + readers * (1 - 1 / rescale), readers


def restricted_t(fit: LogisticFit) -> Limits:
    half = quantile(fit.n_readers - 2) * math.sqrt(_restricted(fit)[0])
    return fit["more"].estimate - half, fit["more"].estimate + half


def restricted_satterthwaite(fit: LogisticFit) -> Limits:
    """Degrees of freedom grow without end as the estimated sd_reader goes to 0."""
    variance, readers = _restricted(fit)
    df = variance**2 / (readers**2 / (fit.n_readers - 2)) if readers else math.inf
    half = quantile(max(df, fit.n_readers - 2)) * math.sqrt(variance)
    return fit["more"].estimate - half, fit["more"].estimate + half


def spread_t(fit: LogisticFit) -> Limits:
    interval = small_sample_interval(fit, term="more")
    return interval.low, interval.high


def spread_t_never_below(fit: LogisticFit) -> Limits:
    """Knapp and Hartung's q not below 1: never narrower than the model's standard error with the same t."""
    spread = measure_reader_spread(fit)
    expected = float(spread.covariance[1, 1])
    variance = max(spread.ratio, 1.0) * expected + max(fit["more"].se ** 2 - expected, 0.0)
    half = quantile(spread.df) * math.sqrt(variance)
    return fit["more"].estimate - half, fit["more"].estimate + half


def two_stage_welch(fit: LogisticFit) -> Limits:
    """Welch's t test of each reader's own log odds (0.5 added where one is always right): another estimand, marginal
    over images, nearer to 0."""
    grid = fit.model.grid
    right = np.bincount(grid.reader_of_row, fit.model.y)
    seen = np.bincount(grid.reader_of_row)
    odds = np.log((right + 0.5) / (seen - right + 0.5))
    more = np.zeros(len(seen), bool)
    more[grid.reader_of_row] = fit.model.design.matrix[:, 1] == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # readers with the same number of right answers
        found = stats.ttest_ind(odds[more], odds[~more], equal_var=False).confidence_interval()
    return float(found.low), float(found.high)


def profile(fit: LogisticFit) -> Limits:
    found = profile_interval(fit, "more")
    return found.low, found.high


def profile_t(fit: LogisticFit) -> Limits:
    """The profile likelihood cut at the squared t quantile in the place of the chi-square one."""
    confidence = 1 - 2 * float(special.ndtr(-quantile(fit.n_readers - 2)))
    found = profile_interval(fit, "more", confidence=confidence)
    return found.low, found.high


Method = Callable[[LogisticFit], Limits]
QUICK: dict[str, Method] = {
    "Wald": wald,
    "t, R - p": wald_t,
    "restricted, t": restricted_t,
    "restricted, Satterthwaite": restricted_satterthwaite,
    "**spread of readers, t**": spread_t,
    "the same, q >= 1": spread_t_never_below,
    "two-stage Welch": two_stage_welch,
}
SLOW: dict[str, Method] = {"profile": profile, "profile, t": profile_t}
CHOSEN = {"Wald": wald, "**spread of readers, t**": spread_t}


# --- intervals of the accuracy ---------------------------------------------------------------------------------
def accuracy_of_model(fit: LogisticFit) -> Limits:
    found = marginal_accuracy(fit)
    return found.low, found.high


def accuracy_of_answers(fit: LogisticFit) -> Limits:
    """Clopper-Pearson on all answers, as if they were independent."""
    k, n = int(fit.model.y.sum()), fit.n_answers
    return float(stats.beta.ppf(0.025, k, n - k + 1)), float(stats.beta.ppf(0.975, k + 1, n - k))


ACCURACY = {"Clopper-Pearson, pooled": accuracy_of_answers, "**spread of readers, t**": accuracy_of_model}


# --- counting --------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Task:
    setting: Setting
    methods: str
    studies: int
    seed: tuple[int, ...]


def methods_named(name: str) -> dict[str, Method]:
    return {"quick": QUICK, "slow": SLOW, "chosen": CHOSEN, "accuracy": ACCURACY}[name]


def run(task: Task) -> dict[str, list[float]]:
    """Per method: intervals that hold the truth, those that exist, sum of widths; and `studies` without estimate."""
    generator = np.random.default_rng(task.seed)
    if task.methods == "bootstrap":
        return run_bootstrap(task, generator)
    truth = task.setting.true_accuracy() if task.methods == "accuracy" else task.setting.effect
    counts = {name: [0.0, 0.0, 0.0] for name in methods_named(task.methods)}
    for _ in range(task.studies):
        fit = fit_logistic_model(simulate(task.setting, generator))
        if fit.estimable:
            for name, method in methods_named(task.methods).items():
                add(counts[name], method(fit), truth)
    return counts


def run_bootstrap(task: Task, generator: np.random.Generator) -> dict[str, list[float]]:
    counts = {f"bootstrap, {kind}": [0.0, 0.0, 0.0] for kind in ("percentile", "basic", "studentised")}
    for _ in range(task.studies):
        fit = fit_logistic_model(simulate(task.setting, generator))
        if fit.estimable:
            bootstrap = bootstrap_coefficient(fit, "more", n_studies=199, seed=generator)
            for name, count in counts.items():
                interval = bootstrap.interval(name.removeprefix("bootstrap, "))
                add(count, (interval.low, interval.high), task.setting.effect)
    return counts


def add(count: list[float], limits: Limits, truth: float) -> None:
    low, high = limits
    if not (math.isnan(low) or math.isnan(high)):
        count[0] += low <= truth <= high
        count[1] += 1
        count[2] += min(high - low, 20.0)  # an open limit counts as 20


def measure(
    pool: ProcessPoolExecutor | None, number: int, settings: list[Setting], methods: str, studies: int, seed: int
) -> Iterator[dict]:
    """One row per setting, as soon as it is there. Table `number` and the setting's place make the seeds."""
    for place, setting in enumerate(settings):
        pieces = range(0, studies, CHUNK)
        tasks = [Task(setting, methods, min(CHUNK, studies - k), (seed, number, place, k)) for k in pieces]
        results = list(pool.map(run, tasks) if pool else map(run, tasks))
        row = {"setting": asdict(setting) | {"label": setting.label}, "studies": studies, "methods": {}}
        for name in results[0]:
            held, used, width = np.sum([result[name] for result in results], axis=0)
            row["methods"][name] = {"coverage": held / used, "width": width / used, "intervals": int(used)}
        yield row


# --- the tables ------------------------------------------------------------------------------------------------
def six_readers() -> list[Setting]:
    grid = product((0.0, 0.2, 0.5), (0.5, 1.0), (0.0, 0.5, 1.0))
    return [Setting(sd_reader=reader, sd_image=image, effect=effect) for reader, image, effect in grid]


def other_designs() -> list[Setting]:
    groups = ((2, 2), (1, 5), (2, 4), (4, 4), (6, 6), (10, 10))
    settings = [Setting(groups=group, sd_reader=sd) for group, sd in product(groups, (0.0, 0.2, 0.5))]
    settings += [Setting(missing=0.3, sd_reader=sd) for sd in (0.0, 0.2, 0.5)]
    return settings + [Setting(n_images=100, effect=1.0, sd_reader=sd) for sd in (0.0, 0.2, 0.5)]


def accuracies() -> list[Setting]:
    six = product((6,), (0.0, 0.5, 1.2, 2.2), (0.0, 0.2, 0.5))
    other = product((4, 12, 20), (0.0, 1.2), (0.0, 0.2, 0.5))
    return [
        Setting(groups=(readers,), base=base, effect=0.0, sd_reader=sd, sd_image=0.8)
        for readers, base, sd in (*six, *other)
    ]


def one_effect() -> list[Setting]:
    return [setting for setting in six_readers() if setting.effect == 0.5]


def some() -> list[Setting]:
    return [Setting(sd_reader=sd) for sd in (0.0, 0.2, 0.5)]


def print_row(row: dict, heading: bool) -> None:
    setting, methods = row["setting"], row["methods"]
    is_accuracy = len(setting["groups"]) == 1
    first = ["readers x images", "sd reader", "sd image", "true accuracy" if is_accuracy else "log OR"]
    if heading:
        print("\n| " + " | ".join([*first, *methods]) + " |\n" + "| --- " * (len(first) + len(methods)) + "|")
    truth = Setting(**{key: value for key, value in setting.items() if key != "label"}).true_accuracy()
    shown = f"{100 * truth:.1f} %" if is_accuracy else f"{setting['effect']:g}"
    cells = [setting["label"], f"{setting['sd_reader']:g}", f"{setting['sd_image']:g}", shown]
    for result in methods.values():
        width = f"{100 * result['width']:.1f}" if is_accuracy else f"{result['width']:.2f}"
        left_out = row["studies"] - result["intervals"]
        cells.append(f"{100 * result['coverage']:.1f} ({width})" + (f" [{left_out} without]" if left_out else ""))
    print("| " + " | ".join(cells) + " |", flush=True)


TABLES: dict[str, tuple[str, Callable[[], list[Setting]], str, float]] = {
    # what, settings, methods, share of --studies
    "kinds": ("Kinds of intervals, 3 + 3 readers", six_readers, "quick", 1.0),
    "profile": ("Profile likelihood, 3 + 3 readers", one_effect, "slow", 0.5),
    "designs": ("Other numbers of readers", other_designs, "chosen", 1.0),
    "accuracy": ("Accuracy of new readers with new images (width in percentage points)", accuracies, "accuracy", 1.0),
    "bootstrap": ("Parametric bootstrap of 199 studies, 3 + 3 readers", some, "bootstrap", 0.1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Coverage of the intervals of a reader study.")
    parser.add_argument("--studies", type=int, default=2000, help="simulated studies per setting (default 2000)")
    parser.add_argument("--seed", type=int, default=4, help="default 4")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES), help="default: all")
    parser.add_argument("--processes", type=int, default=1, help="at the same time (default 1)")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    print(f"`python benchmarks/interval_coverage.py {' '.join(sys.argv[1:])}`; {time.strftime('%Y-%m-%d')}, ", end="")
    print(f"seed {options.seed}, numpy {np.__version__}, {platform.platform()}, {os.cpu_count()} cores")
    print("Coverage in % of intervals of 95 % (mean width).")
    kept: dict[str, list[dict]] = {}
    pool = ProcessPoolExecutor(options.processes) if options.processes > 1 else None
    for number, (name, (title, settings, methods, share)) in enumerate(TABLES.items()):
        if name not in options.tables:
            continue
        studies = max(1, round(share * options.studies))
        start = time.perf_counter()
        print(f"\n## {title}: {studies:,} studies per setting (Monte Carlo error of 95 %: "
              f"{100 * math.sqrt(0.95 * 0.05 / studies):.1f})")  # fmt: skip
        kept[name] = []
        for row in measure(pool, number, settings(), methods, studies, options.seed):
            print_row(row, heading=not kept[name])
            kept[name].append(row)
        for method in kept[name][0]["methods"]:
            values = [100 * row["methods"][method]["coverage"] for row in kept[name]]
            print(f"{method}: {min(values):.1f} to {max(values):.1f} % over {len(values)} settings")
        print(f"({time.perf_counter() - start:.0f} s)")
        if options.json:
            options.json.write_text(json.dumps({"seed": options.seed, "tables": kept}, indent=1))


if __name__ == "__main__":
    main()
