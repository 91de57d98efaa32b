"""How often readers are called indistinguishable from chance, by simulation: the overall test of an analysis against
the exact test on pooled answers, which takes all answers as independent.

`python benchmarks/equivalence_size.py [--studies 250]` from the root of the project. Every reader sees every image,
half of them synthetic, and right answers are more frequent about real images than about synthetic ones. At an accuracy
of 60 %, the edge of the margin of 10 points, no more than 5 % of the studies may be called equivalent to chance; at
50 % as many as possible should be. The same seed gives the same studies.
"""

import argparse
import math
import sys
from pathlib import Path

import numpy as np
from scipy import optimize, special

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from turing.analysis import AnalysisOptions, Answers, make_answers
from turing.analysis.chance import judge_chance
from turing.stats.equivalence import proportion_equivalence

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(61)
BIAS, SD_IMAGE = 0.5, 0.7  # logits: real images are that much easier, synthetic ones harder; images differ
SETTINGS = [(6, 0.1, 0.6), (6, 0.3, 0.6), (6, 0.6, 0.6), (12, 0.3, 0.6), (6, 0.3, 0.5), (12, 0.3, 0.5)]


def intercept_for(accuracy: float, sd: float) -> float:
    """Log odds at which the accuracy, over readers, images and both classes, is the one wanted."""

    def off(log_odds: float) -> float:
        both = [special.expit(log_odds + shift + sd * NODES) @ WEIGHTS / WEIGHTS.sum() for shift in (-BIAS, BIAS)]
        return float(np.mean(both)) - accuracy

    return float(optimize.brentq(off, -6, 6))


def simulate(
    n_readers: int, n_images: int, sd_reader: float, accuracy: float, generator: np.random.Generator
) -> Answers:
    truth = np.arange(n_images) % 2
    log_odds = intercept_for(accuracy, math.hypot(sd_reader, SD_IMAGE)) + np.where(truth == 1, -BIAS, BIAS)
    effects = generator.normal(0, SD_IMAGE, n_images) + generator.normal(0, sd_reader, (n_readers, 1))
    right = generator.random((n_readers, n_images)) < special.expit(log_odds + effects)
    reader, image = (axis.ravel() for axis in np.meshgrid(range(n_readers), range(n_images), indexing="ij"))
    return make_answers(
        reader=[f"R{code}" for code in reader],
        image=[f"I{code}" for code in image],
        truth=truth[image],
        answer=np.where(right, truth, 1 - truth).ravel(),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=250)
    parser.add_argument("--images", type=int, default=100)
    options = parser.parse_args()
    settings = AnalysisOptions()
    print(f"{options.studies} studies of {options.images} images each, margin {settings.margin:g}")
    print("| readers | sd reader | accuracy | called equivalent | by pooled answers | interval holds | p < 0.05 |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for n_readers, sd_reader, accuracy in SETTINGS:
        generator = np.random.default_rng([n_readers, int(100 * sd_reader), int(100 * accuracy)])
        found = []
        for _ in range(options.studies):
            row = judge_chance(simulate(n_readers, options.images, sd_reader, accuracy, generator), settings).overall
            pooled = proportion_equivalence(row.k, row.n, margin=settings.margin)
            holds = row.marginal is not None and row.marginal.low <= accuracy <= row.marginal.high
            found.append((row.equivalence.holds, pooled.holds, holds, row.p_chance < 0.05))
        shares = " | ".join(f"{100 * share:.1f} %" for share in np.mean(found, axis=0))
        print(f"| {n_readers} | {sd_reader:g} | {100 * accuracy:g} % | {shares} |", flush=True)


if __name__ == "__main__":
    main()
