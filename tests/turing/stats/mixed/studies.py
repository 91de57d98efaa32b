"""Reader studies for the tests of mixed models: the reference ones, simulated ones, and textbook formulas."""

from dataclasses import dataclass, replace

import numpy as np

from tests.turing.stats.oracle import answers_of

PARTS = ("all", "real", "synthetic")
NAMES = ("(Intercept)", "experiencemore")
TIME_NAMES = ("(Intercept)", "correct")


@dataclass(frozen=True)
class Study:
    correct: np.ndarray
    more: np.ndarray
    image: np.ndarray
    reader: np.ndarray
    log_seconds: np.ndarray

    @property
    def design(self) -> np.ndarray:
        return np.column_stack([np.ones(len(self.more)), self.more])

    @property
    def time_design(self) -> np.ndarray:
        return np.column_stack([np.ones(len(self.more)), self.correct])

    @property
    def logistic(self) -> tuple[np.ndarray, ...]:
        return self.correct, self.design, self.image, self.reader

    @property
    def linear(self) -> tuple[np.ndarray, ...]:
        return self.log_seconds, self.time_design, self.image, self.reader

    def rows(self, chosen: np.ndarray) -> "Study":
        return Study(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    def changed(self, **columns: np.ndarray) -> "Study":
        return replace(self, **columns)


def oracle_study(name: str, part: str = "all") -> Study:
    rows = [row for row in answers_of(name) if part in ("all", row["truth"])]
    return Study(
        correct=np.array([float(row["correct"]) for row in rows]),
        more=np.array([float(row["experience"] == "more") for row in rows]),
        image=np.array([row["image"] for row in rows]),
        reader=np.array([row["reader"] for row in rows]),
        log_seconds=np.log(np.array([float(row["seconds"]) for row in rows]) + 1),
    )


def simulated_study(
    seed: int, *, n_images: int = 30, n_readers: int = 6, sd_image: float = 0.8, sd_reader: float = 0.6,
    effect: float = 1.0, missing: float = 0.0, repeats: int = 0,
) -> Study:  # fmt: skip
    """Readers alternate between the groups; `repeats` answers are given twice, with answers of their own."""
    generator = np.random.default_rng(seed)
    image, reader = (axis.ravel() for axis in np.meshgrid(range(n_images), range(n_readers), indexing="ij"))
    kept = generator.random(len(image)) >= missing
    image, reader = image[kept], reader[kept]
    again = generator.choice(len(image), repeats, replace=False)
    image, reader = np.r_[image, image[again]], np.r_[reader, reader[again]]
    more = (reader % 2).astype(float)
    effects = generator.normal(0, sd_image, n_images)[image] + generator.normal(0, sd_reader, n_readers)[reader]
    correct = (generator.random(len(image)) < 1 / (1 + np.exp(-(0.2 + effect * more + effects)))).astype(float)
    seconds = 2 + 0.1 * correct + 0.3 * effects + generator.normal(0, 0.5, len(image))
    return Study(correct, more, image, reader, seconds)


def indicators(labels: np.ndarray) -> np.ndarray:
    return (labels[:, None] == np.unique(labels)).astype(float)
