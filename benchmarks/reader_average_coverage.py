"""How often intervals of a reader-averaged AUC hold the true value, by simulation: U-statistics (Gallas; readers and
images random), Obuchowski-Rockette with Hillis' degrees of freedom, and, as the baseline, the mean of the readers'
areas with the variance over images alone (readers fixed).

Ratings follow Roe and Metz (1997): mean + reader + image + reader x image, normal, with the class effect of a reader
random, cut into six steps. The true AUC is that of the two distributions of steps, averaged over readers.

    python benchmarks/reader_average_coverage.py [studies per row]
"""

import os
import platform
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from scipy import special, stats

from turing.stats.graded import average_area, obuchowski_rockette

CUTS = np.array([-1.0, -0.4, 0.1, 0.6, 1.2])  # thresholds, before adding half the distance of the means


def main(studies: int) -> None:
    print(f"{platform.processor() or platform.machine()}, numpy {np.__version__}; {studies} studies per row")
    print(
        "| readers | real + synthetic | true AUC | sd reader | sd image | U-statistics (df) | Obuchowski-Rockette | "
        "readers fixed | mean estimated / true variance |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    started = time.perf_counter()
    for readers, images in ((3, 50), (6, 50), (6, 100), (12, 100)):
        for mean in (0.0, 1.0):
            for sd_reader, sd_image in ((0.0, 0.6), (0.3, 0.6), (0.5, 0.3)):
                row(readers, images, mean, sd_reader, sd_image, studies)
    print(f"{time.perf_counter() - started:.0f} s")


def row(readers: int, images: int, mean: float, sd_reader: float, sd_image: float, studies: int) -> None:
    generator = np.random.default_rng([readers, images, int(10 * mean), int(10 * sd_reader)])
    true = true_area(mean, sd_reader, sd_image)
    hits, estimates, variances = np.zeros(3), [], []
    for _ in range(studies):
        own = mean + generator.normal(0, sd_reader, readers)
        sd_rest = np.sqrt(1 - sd_image**2)
        cases, controls = (
            np.digitize(
                shift + generator.normal(0, sd_image, (images, 1)) + generator.normal(0, sd_rest, (images, readers)),
                CUTS + mean / 2,
            )
            for shift in (own, 0.0)
        )
        average = average_area(cases, controls)
        anova = obuchowski_rockette(cases, controls)
        hits += [
            average.low <= true <= average.high,
            anova.low <= true <= anova.high,
            average.low_images <= true <= average.high_images,
        ]
        estimates.append(average.estimate)
        variances.append(np.dot(average.coefficients, average.moments) - average.moments[-1])
    shares = " | ".join(f"{100 * share:.1f} %" for share in hits / studies)
    ratio = np.mean(variances) / np.var(estimates, ddof=1)
    print(
        f"| {readers} | {images} + {images} | {true:.3f} | {sd_reader} | {sd_image} | {shares} | {ratio:.2f} |",
        flush=True,
    )


def true_area(mean: float, sd_reader: float, sd_image: float) -> float:
    """Mean over readers (Gauss-Hermite) of the area of six steps; the image variance is part of the total of 1."""
    nodes, weights = special.roots_hermitenorm(61)
    cuts = CUTS + mean / 2
    below = np.diff(np.r_[0, stats.norm.cdf(cuts), 1])
    area = 0.0
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        above = np.diff(np.r_[0, stats.norm.cdf(cuts - mean - sd_reader * node), 1])
        area += weight * float(above @ (np.cumsum(below) - below / 2))
    return area


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
