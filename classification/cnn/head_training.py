"""Trains the head on a frozen backbone's features: one linear layer, many seeds at once, on one CPU thread.

This loop is the only definition of head training here. It does not know whether the features that it asks for were kept
(`rows_of`) or are computed at each step from images (`through_backbone`), and a seed's result does not depend on which
other seeds are trained beside it: each seed has its own slice of every array, slices are multiplied one by one by the
same routine, and all else is element by element. It is written with numpy because a step of a few thousand numbers is
too short for PyTorch's bookkeeping (about 20 microseconds here, 300 there), and computes on the CPU because a GPU would
need longer to be told what to do than to do it.

Adam is Kingma & Ba 2015 (arXiv 1412.6980, section 2, the efficient order of computation at its end); the inverse-time
decay is that of Keras, lr / (1 + decay x steps) with decay = lr / epochs (Kong 2022).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from classification.cnn.config import ClassifierConfig
from classification.cnn.data import LabelledImages
from classification.cnn.feature_cache import Extractor

Features = NDArray[np.float32]
# rows (S, B) int64, out (S, B, d) float32: fills `out` with the features of these rows
Source = Callable[[NDArray[np.int64], Features], None]

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
MOMENTUM = 0.9
PREDICT_BLOCK = 4096  # rows


@dataclass(frozen=True, kw_only=True, eq=False)
class Head:
    """A linear layer on features. `weights` float32 (d, outputs), `bias` float32 (outputs,)."""

    weights: Features
    bias: Features
    loss: str  # "bce": one output, the logit of the positive class; "ce": a logit per class
    positive: int  # index of the positive class

    def scores(self, features: Features) -> NDArray[np.float64]:
        """Probability of the positive class, (n,) in [0, 1], of features (n, d); computed in double precision."""
        found = np.empty(len(features))
        weights = self.weights.astype(np.float64)
        for start in range(0, len(features), PREDICT_BLOCK):
            block = slice(start, start + PREDICT_BLOCK)
            logits = features[block].astype(np.float64) @ weights + self.bias
            found[block] = _positive_probability(logits, self.loss, self.positive)
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedHead:
    seed: int
    head: Head
    epochs: int  # trained to the state that was kept
    stopped_early: bool
    train_loss: tuple[float, ...]  # mean of each epoch
    tune_loss: tuple[float, ...]  # after each epoch; () without tuning images


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadTask:
    """What is learned from what.

    Parameters
    ----------
    source : gives the features of rows.
    n_features : d.
    labels : of every row that the source knows, (N,) int64.
    rows : those that each seed trains on, (S, slots, n) int64: epoch e uses slot e modulo slots.
    n_classes, positive : number of classes, and index of the positive one.
    tune : features (m, d) and labels (m,) for early stopping; None: none.
    """

    source: Source
    n_features: int
    labels: NDArray[np.int64]
    rows: NDArray[np.int64]
    n_classes: int
    positive: int
    tune: tuple[Features, NDArray[np.int64]] | None = None

    def __post_init__(self) -> None:
        if self.rows.ndim != 3 or self.rows.dtype != np.int64 or 0 in self.rows.shape:
            raise ValueError(f"rows are {self.rows.dtype} {self.rows.shape}; they must be int64 (seeds, slots, images)")
        if self.rows.min() < 0 or self.rows.max() >= len(self.labels):
            raise ValueError(f"rows go from {self.rows.min()} to {self.rows.max()} for {len(self.labels)} labels")
        if not 0 <= self.positive < self.n_classes:
            raise ValueError(f"positive is {self.positive}; it must be from 0 to {self.n_classes - 1}")


def rows_of(features: Features) -> Source:
    """Kept features (N, d), in memory or mapped."""

    def take(rows: NDArray[np.int64], out: Features) -> None:
        np.take(features, rows, axis=0, out=out, mode="clip")  # the other modes copy once more; rows were checked

    return take


def through_backbone(images: Sequence[LabelledImages], *, extractor: Extractor) -> Source:
    """The naive way: images of these sets, one set after the other, through the backbone at every step.

    Hundreds of times slower than `rows_of` and the same bits; for tests and for the benchmark's baseline.
    """
    starts = np.cumsum([0, *[len(one) for one in images]])

    def compute(rows: NDArray[np.int64], out: Features) -> None:
        for seed, own in enumerate(rows):
            which = np.searchsorted(starts, own, side="right") - 1
            pixels = [images[part].pixels[row - starts[part]] for part, row in zip(which, own, strict=True)]
            out[seed] = extractor(np.stack(pixels))

    return compute


def draw_head(*, seed: int, n_features: int, outputs: int) -> Features:
    """First weights (n_features, outputs), even in +-(6 / (n_features + outputs))^1/2: Glorot & Bengio 2010, eq. 16."""
    limit = np.sqrt(6 / (n_features + outputs))
    drawn = np.random.default_rng([seed, 1]).uniform(-limit, limit, (n_features, outputs))
    return drawn.astype(np.float32)


def draw_order(*, seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """In what order an epoch's images are seen, (count,): depends on nothing but these three numbers."""
    return np.random.default_rng([seed, 2, epoch]).permutation(count)


def class_weights(labels: NDArray[np.int64], *, n_classes: int, how: str) -> NDArray[np.float32]:
    """Weight of an image of each class, (n_classes,): 1, or for "balanced" n / (n_classes x images of the class)."""
    if how == "none":
        return np.ones(n_classes, dtype=np.float32)
    counts = np.bincount(labels, minlength=n_classes)
    if (counts == 0).any():
        raise ValueError(f"class_weights is 'balanced', but class number {int(np.argmin(counts)) + 1} has no image")
    return (len(labels) / (n_classes * counts)).astype(np.float32)


def train_heads(
    task: HeadTask,
    *,
    config: ClassifierConfig,
    seeds: Sequence[int],
    progress: Callable[[int, int], None] | None = None,  # epochs done, of all
    abort: Callable[[], bool] | None = None,
) -> list[TrainedHead] | None:
    """A head for each seed, in their order; None when `abort` said so before the last epoch was done.

    `task.rows[i]` belongs to `seeds[i]`. A step's loss is the mean over its images of class weight x cross-entropy.
    Raises ValueError for a loss that cannot tell the classes apart, FloatingPointError when a weight is not finite.
    """
    if len(task.rows) != len(seeds):
        raise ValueError(f"rows are of {len(task.rows)} seeds, but there are {len(seeds)} seeds")
    if config.loss == "bce" and task.n_classes != 2:
        raise ValueError(f"loss is 'bce', which knows two classes; there are {task.n_classes}. Choose 'ce'")
    # The same sums in the same order on any number of cores; of numpy alone, since a source may use PyTorch's threads
    with threadpool_limits(limits=1, user_api="blas"):
        stack = _Stack(task, config, seeds)
        for epoch in range(config.epochs):
            if abort and abort():
                return None
            if not stack.active.size:
                break
            stack.train_epoch(epoch)
            if progress:
                progress(epoch + 1, config.epochs)
        return stack.finish()


class _Stack:
    """Heads of all seeds that still learn, first axis, and what the optimiser remembers of each."""

    def __init__(self, task: HeadTask, config: ClassifierConfig, seeds: Sequence[int]) -> None:
        self.task, self.config, self.seeds = task, config, list(seeds)
        outputs = 1 if config.loss == "bce" else task.n_classes
        weights = [draw_head(seed=seed, n_features=task.n_features, outputs=outputs) for seed in seeds]
        bias = np.zeros((len(seeds), 1, outputs), dtype=np.float32)
        # The bias is the last row: one array for the optimiser
        self.values = np.concatenate([np.stack(weights), bias], axis=1)
        self.first, self.second = np.zeros_like(self.values), np.zeros_like(self.values)
        self.active = np.arange(len(seeds))  # which of `seeds` each slice is
        self.kept = self.values.copy()  # of all seeds: what is the result
        self.best = np.full(len(seeds), np.inf)
        self.best_epoch = np.full(len(seeds), config.epochs)
        self.stopped = np.zeros(len(seeds), dtype=bool)
        self.train_loss: list[list[float]] = [[] for _ in seeds]
        self.tune_loss: list[list[float]] = [[] for _ in seeds]
        self.steps = 0
        counted = [task.labels[rows[0]] for rows in task.rows]
        self.weight_of_class = np.stack(
            [class_weights(labels, n_classes=task.n_classes, how=config.class_weights) for labels in counted]
        )
        self.targets = self._targets()

    def train_epoch(self, epoch: int) -> None:
        task, config = self.task, self.config
        slot = epoch % task.rows.shape[1]
        count = task.rows.shape[2]
        order = np.stack([draw_order(seed=self.seeds[one], epoch=epoch, count=count) for one in self.active])
        rows = np.take_along_axis(task.rows[self.active, slot], order, axis=1)
        labels = task.labels[rows]
        targets = self.targets[labels]  # (S, n, outputs)
        weights = np.take_along_axis(self.weight_of_class[self.active], labels, axis=1)[..., None]
        losses = np.zeros(len(self.active))
        work = _Work(self.values, task.n_features, min(config.batch_size, count))
        for start in range(0, count, config.batch_size):
            part = slice(start, start + config.batch_size)
            step = work if rows[:, part].shape[1] == work.batch else work.smaller(rows[:, part].shape[1])
            task.source(rows[:, part], step.features)
            np.matmul(step.features, self.values[:, :-1], out=step.logits)
            step.logits += self.values[:, -1:]
            losses += self._loss_and_slope(step, targets[:, part], weights[:, part])
            np.matmul(step.features.transpose(0, 2, 1), step.slope, out=step.gradient[:, :-1])
            np.sum(step.slope, axis=1, keepdims=True, out=step.gradient[:, -1:])
            self._move(step)
        if not np.isfinite(self.values).all():
            raise FloatingPointError(
                f"Training diverged in epoch {epoch + 1}: a weight of the head is not a finite number. Lower "
                "learning_rate (by half, say)"
            )
        for place, one in enumerate(self.active):
            self.train_loss[one].append(float(losses[place] / count))
        self._keep(epoch)

    def finish(self) -> list[TrainedHead]:
        return [
            TrainedHead(
                seed=seed,
                head=self._head(self.kept[one]),
                epochs=int(self.best_epoch[one]),
                stopped_early=bool(self.stopped[one]),
                train_loss=tuple(self.train_loss[one]),
                tune_loss=tuple(self.tune_loss[one]),
            )
            for one, seed in enumerate(self.seeds)
        ]

    def _targets(self) -> NDArray[np.float32]:
        """What the outputs should be for each class: (classes, outputs)."""
        if self.config.loss == "ce":
            return np.eye(self.task.n_classes, dtype=np.float32)
        return (np.arange(2) == self.task.positive).astype(np.float32)[:, None]

    def _loss_and_slope(self, work: "_Work", targets: Features, weights: Features) -> NDArray[np.float64]:
        """Fills `work.slope` with the loss's derivatives by the logits; returns the sum of losses of each seed."""
        z, slope = work.logits, work.slope
        if self.config.loss == "bce":
            np.negative(np.abs(z), out=slope)
            np.exp(slope, out=slope)  # never above 1
            loss = np.maximum(z, 0) - z * targets + np.log1p(slope)
            np.divide(np.where(z >= 0, np.float32(1), slope), 1 + slope, out=slope)
        else:
            shifted = z - z.max(axis=2, keepdims=True)
            np.exp(shifted, out=slope)
            total = slope.sum(axis=2, keepdims=True)
            loss = np.log(total) - (shifted * targets).sum(axis=2, keepdims=True)
            slope /= total
        slope -= targets
        slope *= weights
        slope *= np.float32(1 / z.shape[1])
        summed: NDArray[np.float64] = (loss * weights).sum(axis=(1, 2), dtype=np.float64)
        return summed

    def _move(self, work: "_Work") -> None:
        """One step of the optimiser, in place."""
        config, gradient, room = self.config, work.gradient, work.room
        rate = config.learning_rate
        if config.decay == "inverse_time":
            rate /= 1 + self.steps * config.learning_rate / config.epochs
        self.steps += 1
        self.first *= np.float32(BETA1 if config.optimiser == "adam" else MOMENTUM)
        if config.optimiser == "sgd":
            self.first += gradient
            np.multiply(self.first, np.float32(rate), out=room)
            self.values -= room
            return
        # Sums instead of means: their factors (1 - beta) are in the rate and in epsilon
        self.first += gradient
        np.multiply(gradient, gradient, out=room)
        self.second *= np.float32(BETA2)
        self.second += room
        root = np.sqrt((1 - BETA2**self.steps) / (1 - BETA2))
        np.sqrt(self.second, out=room)
        room += np.float32(EPSILON * root)
        np.divide(self.first, room, out=room)
        room *= np.float32(rate * root * (1 - BETA1) / (1 - BETA1**self.steps))
        self.values -= room

    def _keep(self, epoch: int) -> None:
        """The result so far; seeds that no longer get better on the tuning images leave the stack."""
        config, task = self.config, self.task
        if task.tune is None:
            self.kept[self.active] = self.values
            return
        features, labels = task.tune
        leaving = []
        for place, one in enumerate(self.active):
            loss = tuning_loss(self._head(self.values[place]), features, labels)
            self.tune_loss[one].append(loss)
            if not config.patience or loss < self.best[one]:
                self.best[one], self.best_epoch[one] = loss, epoch + 1
                self.kept[one] = self.values[place]
            elif epoch + 1 - self.best_epoch[one] >= config.patience:
                self.stopped[one] = True
                leaving.append(place)
        if leaving:
            self.active = np.delete(self.active, leaving)
            self.values, self.first, self.second = (
                np.delete(one, leaving, axis=0) for one in (self.values, self.first, self.second)
            )

    def _head(self, values: Features) -> Head:
        return Head(
            weights=values[:-1].copy(), bias=values[-1].copy(), loss=self.config.loss, positive=self.task.positive
        )


@dataclass(eq=False)
class _Work:
    """Arrays that every step fills anew, made once an epoch."""

    values: Features
    n_features: int
    batch: int
    features: Features = field(init=False)
    logits: Features = field(init=False)
    slope: Features = field(init=False)
    gradient: Features = field(init=False)
    room: Features = field(init=False)

    def __post_init__(self) -> None:
        n_seeds, _, outputs = self.values.shape
        empty: Any = np.empty
        self.features = empty((n_seeds, self.batch, self.n_features), dtype=np.float32)
        self.logits = empty((n_seeds, self.batch, outputs), dtype=np.float32)
        self.slope = np.empty_like(self.logits)
        self.gradient, self.room = np.empty_like(self.values), np.empty_like(self.values)

    def smaller(self, batch: int) -> "_Work":
        return _Work(self.values, self.n_features, batch)


def tuning_loss(head: Head, features: Features, labels: NDArray[np.int64]) -> float:
    """Mean cross-entropy of the true class, every image alike, of features (m, d)."""
    logits = features.astype(np.float64) @ head.weights.astype(np.float64) + head.bias
    return cross_entropy(logits, labels, loss=head.loss, positive=head.positive)


def cross_entropy(logits: NDArray[np.float64], labels: NDArray[np.int64], *, loss: str, positive: int) -> float:
    """Mean over logits (m, outputs), in nats."""
    if loss == "bce":
        z = logits[:, 0]
        return float(np.mean(np.logaddexp(0, z) - z * (labels == positive)))
    shifted = logits - logits.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]))


def _positive_probability(logits: NDArray[np.float64], loss: str, positive: int) -> NDArray[np.float64]:
    if loss == "bce":
        z = logits[:, 0]
        small = np.exp(-np.abs(z))
        found: NDArray[np.float64] = np.where(z >= 0, 1.0, small) / (1 + small)
        return found
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = shifted[:, positive] / shifted.sum(axis=1)
    return probabilities
