"""Time of everything for one study: reading the file, analysis, and the report in every format; 6 readers x 200 images.

`python benchmarks/whole_analysis.py` from the root of the project. The baseline ("plain") is a part of the same work as
one writes it first: Fleiss' kappa drawn again 2,000 times image by image for all, real and synthetic images, and the
three logistic and six linear mixed models with the plain fitter of `mixed_models.py`; no groups, no chance, no report.
So the ratio is all of ours against a part of theirs. Each measurement is a process of its own, importing included; the
report is timed apart, because it is what somebody waits for on the page.
"""

import argparse
import csv
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

WANTED = 3.0  # seconds, analysis and report
KINDS = ("analysis", "analysis and report", "plain")
N_DRAWS = 2000


def write_study(path: Path, *, n_readers: int = 6, n_images: int = 200) -> None:
    """A study as groups have it in a drawer: two groups of readers, times, positions, six-step ratings."""
    generator = np.random.default_rng(6)
    ease, skill = generator.normal(0, 0.8, n_images), generator.normal(0, 0.5, n_readers)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["reader", "image", "truth", "answer", "experience", "seconds", "position", "rating"])
        for reader in range(n_readers):
            for image in range(n_images):
                synthetic = image % 2
                right = 0.3 + 0.8 * (reader % 2) + skill[reader] + ease[image] + generator.normal(0, 1)
                called = synthetic if right > 0 else 1 - synthetic
                rating = (4 if called else 1) + generator.integers(0, 3)
                seconds = np.exp(2.3 + generator.normal(0, 0.5))
                group = ("less", "more")[reader % 2]
                names = [("real", "synthetic")[code] for code in (synthetic, called)]
                row = [f"R{reader + 1}", f"I{image + 1}", *names, group, f"{seconds:.2f}", image + 1, rating]
                writer.writerow(row)


def analyse_it(path: Path, *, with_report: bool) -> None:
    from turing.analysis import analyse, read_csv

    analysis = analyse(read_csv(path))
    if with_report:
        from turing.report.writing import write_report

        with tempfile.TemporaryDirectory() as folder:
            write_report(analysis, folder)


def plain(path: Path) -> None:
    import mixed_models

    from turing.analysis import read_csv
    from turing.stats.agreement import fleiss_kappa

    answers = read_csv(path)
    generator = np.random.default_rng(1)
    for part in (None, "real", "synthetic"):
        chosen = answers if part is None else answers.select(truth=part)
        table = chosen.table()
        for _ in range(N_DRAWS):
            fleiss_kappa(table[generator.integers(0, len(table), len(table))])
        images = np.unique(chosen.image, return_inverse=True)[1]
        data = {
            "image": images,
            "reader": chosen.reader,
            "more": chosen.group.astype(float),
            "correct": chosen.correct,
            "log_seconds": np.log(chosen.seconds + 1),
        }
        mixed_models.plain("logistic", data)
        mixed_models.plain("linear", data)
        mixed_models.plain("linear", data)


def measure(kind: str, path: Path) -> dict[str, float]:
    """In this process: wall and processor time, after importing what it needs."""
    import turing.analysis

    if kind == "analysis and report":
        import turing.report.writing  # noqa: F401
    began, used = time.perf_counter(), time.process_time()
    if kind == "plain":
        plain(path)
    else:
        analyse_it(path, with_report=kind != "analysis")
    return {"wall": time.perf_counter() - began, "processor": time.process_time() - used}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="of each; the median counts")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one[0], Path(options.one[1]))))
        return 0
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    medians = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.csv"
        write_study(path)
        for kind in KINDS:
            runs = []
            for _ in range(1 if kind == "plain" else options.runs):
                command = [sys.executable, __file__, "--one", kind, str(path)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                runs.append(json.loads(done.stdout))
            medians[kind] = {name: statistics.median(run[name] for run in runs) for name in ("wall", "processor")}
            print(f"{kind:<20} {medians[kind]['wall']:6.2f} s wall, {medians[kind]['processor']:6.2f} s processor")
    for kind in KINDS[:2]:
        ratio = medians["plain"]["processor"] / medians[kind]["processor"]
        print(f"plain / {kind}: {ratio:.1f} (processor time)")
    both = medians["analysis and report"]
    print(f"wanted: <= {WANTED:g} s; {'met' if both['wall'] <= WANTED else 'not met'} by wall time, "
          f"{'met' if both['processor'] <= WANTED else 'not met'} by processor time")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
