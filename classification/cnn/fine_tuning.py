"""Trains the whole network, backbone and head: one loop, resumed exactly at the end of an epoch.

First weights of the head, order of images, losses and decay are those of `head_training`; only here they go through
PyTorch's autograd. What is random depends on (seed, epoch) alone, so a state to go on from needs no random states
except PyTorch's own, which nothing here draws from.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from classification.cnn.augmentation import Augmentation
from classification.cnn.backbones import Backbone, wrap_module
from classification.cnn.config import ClassifierConfig
from classification.cnn.data import LabelledImages
from classification.cnn.feature_cache import DTYPES, Extractor
from classification.cnn.head_training import MOMENTUM, Head, class_weights, draw_head, draw_order, tuning_loss
from worker.compute.devices import deterministic_algorithms

SKIP_LIMIT = 50  # steps in a row; float16 leaves out some at its start, while it finds its loss scale


class FineTuningError(ArithmeticError):
    """Training diverged, or a stored state belongs to another run. The text says what to do."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FineTuned:
    """A backbone with trained weights, for evaluation, and its head."""

    seed: int
    backbone: Backbone
    head: Head
    epochs: int  # trained to the state that was kept
    stopped_early: bool
    train_loss: tuple[float, ...]
    tune_loss: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class FineTuningData:
    """Images of several sets, one after the other, and which of them are trained on.

    `rows` (n,) int64 are places in the sets laid end to end. With `augmentation`, epoch e sees variant e modulo `slots`
    of the first `n_augmented_sets` sets' images.
    """

    sets: tuple[LabelledImages, ...]
    rows: NDArray[np.int64]
    positive: int
    tune: LabelledImages | None = None
    augmentation: Augmentation | None = None
    slots: int = 1

    @property
    def labels(self) -> NDArray[np.int64]:
        return np.concatenate([one.labels for one in self.sets])

    def read(self, rows: NDArray[np.int64], epoch: int) -> NDArray[np.uint8]:
        """Images (B, side, side) as epoch `epoch` sees them. Raises ValueError where sides differ."""
        starts = np.cumsum([0, *[len(one) for one in self.sets]])
        found = []
        for row, part in zip(rows, np.searchsorted(starts, rows, side="right") - 1, strict=True):
            place = int(row - starts[part])
            pixels = np.asarray(self.sets[part].pixels[place])
            if self.augmentation is not None:
                pixels = self.augmentation.apply(pixels, self.sets[part].hashes[place], epoch % self.slots)
            found.append(pixels)
        return np.stack(found)


def fine_tune(
    backbone: Backbone,
    data: FineTuningData,
    *,
    config: ClassifierConfig,
    seed: int,
    resume: dict[str, Any] | None = None,
    save: Callable[[dict[str, Any]], None] | None = None,  # after every epoch: tensors, numbers and text
    progress: Callable[[int, int], None] | None = None,  # steps done, of all
    abort: Callable[[], bool] | None = None,  # asked before every step
) -> FineTuned | None:
    """Train a copy of `backbone` (which stays as it is) and a new head; None when `abort` said so.

    With `resume`, what `save` was last given, it goes on at that epoch's end with the same bits. Steps whose loss or
    gradient is not finite are left out. Raises FineTuningError when more than 50 in a row are, or when `resume` is of
    another run; ValueError for a loss that does not fit the classes.
    """
    n_classes = len(data.sets[0].classes)
    if config.loss == "bce" and n_classes != 2:
        raise ValueError(f"loss is 'bce', which knows two classes; there are {n_classes}. Choose 'ce'")
    run = _Run(backbone, data, config, seed)
    start = run.load(resume) if resume is not None else 0
    count = len(data.rows)
    steps = -(-count // config.batch_size)
    with deterministic_algorithms():
        for epoch in range(start, config.epochs):
            order = data.rows[draw_order(seed=seed, epoch=epoch, count=count)]
            run.module.train(config.batch_norm == "trained")
            summed = 0.0
            for step in range(steps):
                if abort and abort():
                    return None
                rows = order[step * config.batch_size : (step + 1) * config.batch_size]
                summed += run.step(data.read(rows, epoch), run.labels[rows]) * len(rows)
                if progress:
                    progress(epoch * steps + step + 1, config.epochs * steps)
            run.end_epoch(epoch, summed / count)
            if save:
                save(run.state(epoch + 1))
            if run.stopped_early:
                break
    return run.finish()


class _Run:
    """All that changes while it trains."""

    def __init__(self, backbone: Backbone, data: FineTuningData, config: ClassifierConfig, seed: int) -> None:
        self.original, self.data, self.config, self.seed = backbone, data, config, seed
        self.module = copy.deepcopy(backbone.module)
        self.device = torch.device(backbone.device)
        self.labels = data.labels
        self.n_classes = len(data.sets[0].classes)
        outputs = 1 if config.loss == "bce" else self.n_classes
        self.head = nn.Linear(backbone.n_features, outputs)
        with torch.no_grad():
            drawn = draw_head(seed=seed, n_features=backbone.n_features, outputs=outputs)
            self.head.weight.copy_(torch.from_numpy(drawn.T.copy()))
            self.head.bias.zero_()
        self.head.to(self.device)
        self.parameters = [*self.module.parameters(), *self.head.parameters()]
        self.optimiser: torch.optim.Optimizer = (
            torch.optim.Adam(self.parameters, lr=config.learning_rate)
            if config.optimiser == "adam"
            else torch.optim.SGD(self.parameters, lr=config.learning_rate, momentum=MOMENTUM)
        )
        weights = class_weights(self.labels[data.rows], n_classes=self.n_classes, how=config.class_weights)
        self.weights = torch.from_numpy(weights).to(self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=config.precision == "float16")
        self.steps = self.skipped = 0
        self.best, self.best_epoch, self.stopped_early = float("inf"), 0, False
        self.kept: dict[str, Any] | None = None
        self.train_loss: list[float] = []
        self.tune_loss: list[float] = []

    def step(self, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
        """One step of the optimiser on images (B, side, side); returns their mean loss."""
        config = self.config
        dtype = DTYPES[config.precision]
        rate = config.learning_rate
        if config.decay == "inverse_time":
            rate /= 1 + self.steps * config.learning_rate / config.epochs
        self.steps += 1
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        images = torch.from_numpy(pixels).unsqueeze(1).to(self.device)
        truth = torch.from_numpy(labels).to(self.device)
        with torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not None):
            x = self.original.preprocess(images).contiguous(memory_format=torch.channels_last)
            features = self.module(x)
        loss = self._loss(self.head(features.float()), truth)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimiser)
        norm = nn.utils.get_total_norm([one.grad for one in self.parameters if one.grad is not None])
        if bool(torch.isfinite(norm) & torch.isfinite(loss)):
            self.skipped = 0
        else:
            self.skipped += 1
        if self.scaler.is_enabled():
            self.scaler.step(self.optimiser)
        elif not self.skipped:
            self.optimiser.step()
        self.scaler.update()
        self.optimiser.zero_grad(set_to_none=True)
        if self.skipped > SKIP_LIMIT:
            raise FineTuningError(
                f"Training diverged: a loss or gradient of each of the last {self.skipped} steps was not a finite "
                "number. Lower learning_rate (by half, say), or compute in float32"
            )
        return float(loss.detach()) if not self.skipped else 0.0

    def _loss(self, logits: Tensor, truth: Tensor) -> Tensor:
        if self.config.loss == "bce":
            wanted = (truth == self.data.positive).float()
            each = functional.binary_cross_entropy_with_logits(logits[:, 0], wanted, reduction="none")
        else:
            each = functional.cross_entropy(logits, truth, reduction="none")
        return (each * self.weights[truth]).mean()

    def end_epoch(self, epoch: int, train_loss: float) -> None:
        """What the tuning images say; keeps the best state, and stops where patience is at its end."""
        self.train_loss.append(train_loss)
        tune, patience = self.data.tune, self.config.patience
        if tune is not None:
            backbone, head = self._now()
            extractor = Extractor(backbone, batch_size=self.config.extraction_batch, precision=self.config.precision)
            loss = tuning_loss(head, extractor(tune.read(np.arange(len(tune)))), tune.labels)
            self.tune_loss.append(loss)
            if patience and loss >= self.best:
                self.stopped_early = epoch + 1 - self.best_epoch >= patience
                return
            self.best = loss
        self.best_epoch = epoch + 1
        self.kept = _copied({"module": self.module.state_dict(), "head": self.head.state_dict()}) if patience else None

    def state(self, epoch: int) -> dict[str, Any]:
        return {
            "epoch": epoch,
            "identity": self._identity(),
            "module": self.module.state_dict(),
            "head": self.head.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "steps": self.steps,
            "skipped": self.skipped,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "stopped_early": self.stopped_early,
            "kept": self.kept,
            "train_loss": list(self.train_loss),
            "tune_loss": list(self.tune_loss),
        }

    def load(self, state: dict[str, Any]) -> int:
        """Take over a stored state; returns the epochs that are done."""
        if state.get("identity") != self._identity():
            raise FineTuningError(
                "The stored state belongs to another run: its settings, seed, weights or number of images differ. "
                "Start anew"
            )
        self.module.load_state_dict(state["module"])
        self.head.load_state_dict(state["head"])
        self.optimiser.load_state_dict(copy.deepcopy(state["optimiser"]))
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(state["scaler"])
        for name in ("steps", "skipped", "best", "best_epoch", "stopped_early", "kept"):
            setattr(self, name, state[name])
        self.train_loss, self.tune_loss = list(state["train_loss"]), list(state["tune_loss"])
        return self.config.epochs if self.stopped_early else int(state["epoch"])

    def finish(self) -> FineTuned:
        if self.kept is not None:
            self.module.load_state_dict(self.kept["module"])
            self.head.load_state_dict(self.kept["head"])
        backbone, head = self._now()
        return FineTuned(
            seed=self.seed,
            backbone=backbone,
            head=head,
            epochs=self.best_epoch,
            stopped_early=self.stopped_early,
            train_loss=tuple(self.train_loss),
            tune_loss=tuple(self.tune_loss),
        )

    def _identity(self) -> dict[str, Any]:
        return {
            "config": self.config.to_dict(),
            "seed": self.seed,
            "weights": self.original.weights_sha256,
            "images": [len(one) for one in self.data.sets],
            "rows": len(self.data.rows),
        }

    def _now(self) -> tuple[Backbone, Head]:
        original = self.original
        backbone = wrap_module(
            original.name,
            self.module,
            n_features=original.n_features,
            layers=original.layers,
            normalisation=original.normalisation,
            weights=original.weights,
            input_side=original.input_side,
            device=original.device,
        )
        weights = self.head.weight.detach().cpu().numpy().T.astype(np.float32).copy()
        bias = self.head.bias.detach().cpu().numpy().astype(np.float32).copy()
        return backbone, Head(weights=weights, bias=bias, loss=self.config.loss, positive=self.data.positive)


def _copied(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _copied(value) if isinstance(value, dict) else value.detach().clone() for name, value in values.items()
    }
