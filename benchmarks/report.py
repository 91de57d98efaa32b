"""Time of the whole report of a study of 6 readers and 200 images, from the table of answers to the last file.

    python benchmarks/report.py [--readers 6] [--images 200] [--repeats 5]

Baseline of the same run: the analysis alone, without a report. Also each format by itself, figures drawn anew, and the
same figures as matplotlib's own PDF writer makes them (instead of ours, which writes through reportlab).
"""

import argparse
import io
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import matplotlib as mpl
import numpy as np

from turing.analysis import Analysis, AnalysisOptions, Answers, analyse, make_answers
from turing.report.building import build_document
from turing.report.figure_files import STYLE, Pictures
from turing.report.writing import FORMATS, write_report

WANTED_SECONDS = 3.0


def simulate(n_readers: int, n_images: int, seed: int = 1) -> Answers:
    rng = np.random.default_rng(seed)
    reader, image = (grid.ravel() for grid in np.mgrid[:n_readers, :n_images])
    truth = image % 2
    more = reader >= n_readers / 2
    chance = 1 / (1 + np.exp(-(0.2 + 1.5 * more + rng.normal(0, 0.7, n_images)[image])))
    answer = np.where(rng.random(len(reader)) < chance, truth, 1 - truth)
    return make_answers(
        reader=[f"R{code + 1:02d}" for code in reader],
        image=[f"I{code + 1:04d}" for code in image],
        truth=truth,
        answer=answer,
        seconds=np.round(rng.lognormal(2.3, 0.6, len(reader)), 2),
        group=["more" if one else "less" for one in more],
        position=image + 1,
        source="simulated.csv",
    )


def measure(what: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median processor and wall time, in seconds."""
    processor, wall = [], []
    for _ in range(repeats):
        start = time.process_time(), time.perf_counter()
        what()
        processor.append(time.process_time() - start[0])
        wall.append(time.perf_counter() - start[1])
    return statistics.median(processor), statistics.median(wall)


def by_matplotlib(analysis: Analysis) -> None:
    """PDF files of the figures by matplotlib's own writer."""
    pictures = Pictures()
    for figure in build_document(analysis).figures():
        with mpl.rc_context({**STYLE, "pdf.fonttype": 42}):
            pictures.canvas(figure).savefig(io.BytesIO(), format="pdf")


def by_us(analysis: Analysis) -> None:
    pictures = Pictures()
    for figure in build_document(analysis).figures():
        pictures.file(figure, "pdf")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=6)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    answers = simulate(options.readers, options.images)
    settings = AnalysisOptions()
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}; {options.readers} x {options.images}")
    with tempfile.TemporaryDirectory() as folder:
        whole = lambda: write_report(analyse(answers, settings), folder)  # noqa: E731
        whole()  # imports and fonts are read once
        baseline = measure(lambda: analyse(answers, settings), options.repeats)
        total = measure(whole, options.repeats)
        print(f"{'analysis alone (baseline)':32s} processor {baseline[0]:6.2f} s, wall {baseline[1]:6.2f} s")
        print(
            f"{'analysis and whole report':32s} processor {total[0]:6.2f} s, wall {total[1]:6.2f} s, "
            f"{total[0] / baseline[0]:.1f} x the baseline; wanted {WANTED_SECONDS:g} s: "
            f"{'met' if total[0] <= WANTED_SECONDS else 'not met'}"
        )
        analysis = analyse(answers, settings)
        for format_name in FORMATS:
            alone = measure(lambda name=format_name: write_report(analysis, folder, formats=[name]), options.repeats)
            print(f"{'  ' + format_name + ' alone':32s} processor {alone[0]:6.2f} s, wall {alone[1]:6.2f} s")
        ours, theirs = measure(lambda: by_us(analysis), 3), measure(lambda: by_matplotlib(analysis), 3)
        print(f"{'figures as PDF, ours':32s} processor {ours[0]:6.2f} s; matplotlib's {theirs[0]:.2f} s, "
              f"ratio {theirs[0] / ours[0]:.1f}")  # fmt: skip
    return 0 if total[0] <= WANTED_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
