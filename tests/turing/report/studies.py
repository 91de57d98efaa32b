"""Analyses to make reports of: simulated ones that need no file, and the reference studies where they are."""

import functools

import numpy as np

from tests.turing.stats import oracle
from turing.analysis import Analysis, AnalysisOptions, Answers, analyse, make_answers, read_csv

OPTIONS = AnalysisOptions(n_bootstrap_kappa=200)


def simulate_answers(
    *,
    n_readers: int = 4,
    n_images: int = 30,
    seed: int = 1,
    groups: bool = True,
    graded: bool = False,
    times: bool = True,
    missing: float = 0.0,
    names: tuple[str, ...] = (),
    positive_class: str = "real",
    pairs: bool = False,
) -> Answers:
    """Readers who are right about two of three images."""
    rng = np.random.default_rng(seed)
    names = names or tuple(f"R{number:02d}" for number in range(1, n_readers + 1))
    reader = [name for name in names for _ in range(n_images)]
    image = [f"I{number:03d}" for _ in names for number in range(1, n_images + 1)]
    truth = np.array([number % 2 for _ in names for number in range(n_images)])
    answer = np.where(rng.random(len(truth)) < 0.67, truth, 1 - truth)
    more: dict[str, object] = {}
    if graded:
        rating = np.where(answer == 1, rng.integers(51, 101, len(truth)), rng.integers(0, 50, len(truth)))
        more["rating"] = rating.astype(float)
    answer = np.where(rng.random(len(truth)) < missing, -1, answer)
    return make_answers(
        reader=reader,
        image=image,
        truth=truth,
        answer=answer,
        seconds=rng.lognormal(2, 0.5, len(truth)) if times else None,
        group=["less" if names.index(name) < len(names) / 2 else "more" for name in reader] if groups else None,
        position=np.tile(np.arange(1, n_images + 1), len(names)),
        positive_class=positive_class,
        source="simulated.csv",
        is_pairs=pairs,
        **more,
    )


@functools.cache
def simulated(**settings: object) -> Analysis:
    return analyse(simulate_answers(**settings), OPTIONS)  # type: ignore[arg-type]


@functools.cache
def reference(name: str) -> Analysis:
    """A reference study, analysed; the test skips where they are not there."""
    oracle.answers_of(name)
    return analyse(read_csv(oracle.FOLDER / f"{name}.csv"), OPTIONS)


SOME_NAMES = ("<b>R&D</b>", "R_1 $x$ 50%", "=SUM(1)", "Müller, “M” \\ {κ}")
