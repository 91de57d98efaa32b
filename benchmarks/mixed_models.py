"""Time and peak memory of the mixed models against statsmodels and against a plain version of the same computation.

`python benchmarks/mixed_models.py` from the root of the project; numpy and scipy. `--statsmodels` adds statsmodels'
`MixedLM` and `BinomialBayesMixedGLM` where that library is installed (it is no dependency). The plain version computes
the same likelihood from the textbook's formulas with general tools. Each measurement is a process of its own, so peak
memory is its own; it says whether the plain version agrees, because a baseline that stopped early is none.
R's times are those of another run (`mixed_models_r.py` measures R and ours in one), and are printed with that label.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import linalg, optimize, sparse, special

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

NAMES = ("(Intercept)", "more")
SIZES = {"6x200": (6, 200), "100x2000": (100, 2000)}
WANTED = {  # seconds
    ("logistic", "6x200"): 0.020,
    ("linear", "6x200"): 0.020,
    ("logistic", "100x2000"): 2.0,
    ("linear", "100x2000"): 0.5,
    ("bootstrap", "6x200"): 20.0,
}
STORED_R = {  # seconds, R 4.2.2: lme4 1.1-31, lmerTest 3.1-3, glmmTMB 1.1.5; `mixed_models_r.py`, 2026-11-22
    ("logistic", "6x200"): "lme4 0.14, glmmTMB 0.35",
    ("linear", "6x200"): "lmerTest 0.06",
    ("logistic", "100x2000"): "lme4 53, glmmTMB 21",
    ("linear", "100x2000"): "lmerTest 9",
}


def simulate(n_readers: int, n_images: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(5)
    image, reader = (axis.ravel() for axis in np.meshgrid(range(n_images), range(n_readers), indexing="ij"))
    more = (reader >= n_readers / 2).astype(float)
    effects = generator.normal(0, 0.8, n_images)[image] + generator.normal(0, 0.6, n_readers)[reader]
    eta = -0.05 + 1.9 * more + effects
    correct = (generator.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(float)
    spread = generator.normal(0, 0.15, n_images)[image] + generator.normal(0, 0.35, n_readers)[reader]
    log_seconds = 2.4 + 0.15 * (1 - correct) + spread + generator.normal(0, 0.45, len(eta))
    return {"image": image, "reader": reader, "more": more, "correct": correct, "log_seconds": log_seconds}


def ours(kind: str, data: dict[str, np.ndarray]) -> list[float]:
    from turing.stats.mixed import bootstrap_coefficient, fit_linear, fit_logistic

    ones = np.ones(len(data["more"]))
    if kind == "linear":
        design = np.column_stack([ones, data["correct"]])
        linear = fit_linear(data["log_seconds"], design, data["image"], data["reader"], names=NAMES)
        return [linear["more"].estimate, linear["more"].se, linear["more"].df, linear.reml_criterion]
    design = np.column_stack([ones, data["more"]])
    fit = fit_logistic(data["correct"], design, data["image"], data["reader"], names=NAMES)
    if kind == "bootstrap":
        return [float(bootstrap_coefficient(fit, "more", n_studies=1000, seed=1).n_estimable)]
    return [fit["more"].estimate, fit["more"].se, fit.loglik]


def plain(kind: str, data: dict[str, np.ndarray]) -> list[float]:
    """What one writes first: sparse indicator matrices, a dense Cholesky factor of all random effects together, and a
    quasi-Newton search with numerical derivatives. No standard errors, no degrees of freedom, no check of anything."""
    rows = np.arange(len(data["more"]))
    z1, z2 = (sparse.csr_matrix((np.ones(len(rows)), (rows, data[by]))) for by in ("image", "reader"))
    if kind == "logistic":
        return plain_logistic(data["correct"], np.column_stack([np.ones(len(rows)), data["more"]]), z1, z2)
    return plain_linear(data["log_seconds"], np.column_stack([np.ones(len(rows)), data["correct"]]), z1, z2)


def plain_logistic(y: np.ndarray, x: np.ndarray, z1: sparse.csr_matrix, z2: sparse.csr_matrix) -> list[float]:
    """Penalised iteratively reweighted least squares inside of L-BFGS-B."""
    last = np.zeros(z1.shape[1] + z2.shape[1])

    def deviance(parameters: np.ndarray) -> float:
        nonlocal last
        z = sparse.hstack([parameters[0] * z1, parameters[1] * z2], format="csr")
        u = last
        for _ in range(30):
            eta = x @ parameters[2:] + z @ u
            mu = special.expit(eta)
            hessian = (z.T @ sparse.diags(mu * (1 - mu)) @ z).toarray() + np.eye(len(u))
            factor = linalg.cho_factor(hessian, lower=True)
            step = linalg.cho_solve(factor, z.T @ (y - mu) - u)
            if np.abs(step).max() < 1e-10:
                last = u
                break
            u = u + step / max(1.0, np.abs(step).max())  # no step above 1: far from the mode they do not converge
        else:
            last = np.zeros_like(u)
        loss = np.logaddexp(0, eta).sum() - y @ eta + u @ u / 2
        return float(2 * loss + 2 * np.log(np.diag(factor[0])).sum())

    found = optimize.minimize(
        deviance, [0.5, 0.5, 0, 1], method="L-BFGS-B", bounds=[(0, None)] * 2 + [(None, None)] * 2
    )
    return [float(found.x[3]), float("nan"), -float(found.fun) / 2]


def plain_linear(y: np.ndarray, x: np.ndarray, z1: sparse.csr_matrix, z2: sparse.csr_matrix) -> list[float]:
    """The profiled REML criterion inside of L-BFGS-B."""
    columns, degrees = np.column_stack([x, y]), len(y) - x.shape[1]

    def solve(t: np.ndarray) -> tuple[float, np.ndarray]:
        z = sparse.hstack([t[0] * z1, t[1] * z2], format="csr")
        factor = linalg.cho_factor((z.T @ z).toarray() + np.eye(z.shape[1]), lower=True)
        side = z.T @ columns
        inside = columns.T @ columns - side.T @ linalg.cho_solve(factor, side)
        beta = np.linalg.solve(inside[:-1, :-1], inside[:-1, -1])
        residual = inside[-1, -1] - inside[:-1, -1] @ beta
        log_det = 2 * np.log(np.diag(factor[0])).sum() + np.linalg.slogdet(inside[:-1, :-1])[1]
        return float(log_det + degrees * (1 + np.log(2 * np.pi * residual / degrees))), beta

    found = optimize.minimize(lambda t: solve(t)[0], [0.3, 0.5], method="L-BFGS-B", bounds=[(0, None)] * 2)
    return [float(solve(found.x)[1][1]), float("nan"), float("nan"), float(found.fun)]


def by_statsmodels(kind: str, data: dict[str, np.ndarray]) -> list[float]:
    """MixedLM takes crossed effects as components of one group; BinomialBayesMixedGLM is a variational fit."""
    import pandas as pd
    from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM
    from statsmodels.regression.mixed_linear_model import MixedLM

    frame = pd.DataFrame(data)
    parts = {"image": "0 + C(image)", "reader": "0 + C(reader)"}
    if kind == "logistic":
        found = BinomialBayesMixedGLM.from_formula("correct ~ more", parts, frame).fit_vb()
        return [float(found.fe_mean[1]), float(found.fe_sd[1]), float("nan")]
    model = MixedLM.from_formula(
        "log_seconds ~ correct", frame, groups=np.ones(len(frame)), vc_formula=parts, re_formula="0"
    )
    found = model.fit(reml=True)
    return [float(found.params["correct"]), float(found.bse["correct"]), float("nan"), -2 * float(found.llf)]


VERSIONS: dict[str, Callable[[str, dict[str, np.ndarray]], list[float]]] = {
    "ours": ours,
    "plain": plain,
    "statsmodels": by_statsmodels,
}


def measure_here(version: str, kind: str, size: str, turns: int) -> None:
    """Prints wall and processor seconds (medians and best) and peak memory as JSON; the first run is a warm-up."""
    data = simulate(*SIZES[size])
    function = VERSIONS[version]
    start = time.perf_counter()
    function(kind, data) if turns > 1 else None
    turns = turns if time.perf_counter() - start < 5 else 1
    walls, cpus, numbers = [], [], []
    for _ in range(turns):
        wall, cpu = time.perf_counter(), time.process_time()
        numbers = function(kind, data)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": statistics.median(walls), "best": min(walls), "cpu": statistics.median(cpus),
                      "megabytes": peak, "numbers": numbers}))  # fmt: skip


def measure(version: str, kind: str, size: str, turns: int) -> dict | None:
    command = [sys.executable, __file__, "--measure", version, kind, size, str(turns)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"  {version}: failed: {done.stderr.strip().splitlines()[-1]}")
        return None
    return json.loads(done.stdout)


def report(kind: str, size: str, turns: int, versions: list[str]) -> None:
    own = measure("ours", kind, size, turns)
    if own is None:
        raise SystemExit(1)
    wanted = WANTED[kind, size]
    verdict = "met" if own["wall"] <= wanted else "met by processor time only" if own["cpu"] <= wanted else "NOT met"
    print(f"\n{kind} {size}: wanted <= {wanted:g} s and < 1,000 MB: {verdict}")
    print(f"  ours         {line(own)}")
    for version in versions:
        if other := measure(version, kind, size, 1):
            # the last number is the log likelihood (or REML criterion), which statsmodels' variational fit has not
            off = abs(other["numbers"][-1] - own["numbers"][-1])
            remark = "" if off < 0.01 else ", ANOTHER LIKELIHOOD" if off > 0 else ", no likelihood to compare"
            print(f"  {version:12} {line(other)}  = {other['cpu'] / own['cpu']:.0f} x ours by processor time{remark}")
    if (kind, size) in STORED_R:
        print(f"  R in another run: {STORED_R[kind, size]} s")


def line(result: dict) -> str:
    numbers = " ".join(f"{number:.6g}" for number in result["numbers"])
    return (
        f"median {result['wall'] * 1000:9.1f} ms (best {result['best'] * 1000:.1f}), processor "
        f"{result['cpu'] * 1000:9.1f} ms, peak {result['megabytes']:5.0f} MB  [{numbers}]"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed of the mixed models.")
    parser.add_argument("--statsmodels", action="store_true", help="measure statsmodels too; it must be installed")
    parser.add_argument("--measure", nargs=4, metavar=("VERSION", "KIND", "SIZE", "TURNS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        version, kind, size, turns = options.measure
        measure_here(version, kind, size, int(turns))
        return
    load = os.getloadavg()[0]
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}")
    print(
        f"numpy {np.__version__}; in brackets: estimate, standard error, (degrees of freedom,) log likelihood or REML"
    )
    extra = ["statsmodels"] if options.statsmodels else []
    for kind in ("logistic", "linear"):
        report(kind, "6x200", 21, ["plain", *extra])
    for kind in ("logistic", "linear"):
        report(kind, "100x2000", 5, ["plain"])
    report("bootstrap", "6x200", 1, [])


if __name__ == "__main__":
    main()
