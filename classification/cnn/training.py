"""Classifiers trained on a choice of images, once per seed, and what they say about tuning and test images.

`Trainer` is the one place that knows both ways: heads on kept features of a frozen backbone (`feature_cache`,
`head_training`), or the whole network (`fine_tuning`). Experiments only say which images.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from classification.cnn.augmentation import Augmentation
from classification.cnn.backbones import Backbone, BackboneWeights, create_backbone
from classification.cnn.checkpoint import ClassifierData, load_safely, save_atomically
from classification.cnn.config import ClassifierConfig
from classification.cnn.data import LabelledImages
from classification.cnn.feature_cache import Extractor, FeatureCache, Wanted
from classification.cnn.fine_tuning import FineTuningData, fine_tune
from classification.cnn.head_training import Head, HeadTask, rows_of, train_heads
from classification.cnn.measures.predictions import Predictions

TUNING = "tuning"
SCORE_BLOCK = 512  # images that are read at a time when a classifier scores many

Progress = Callable[[str, int, int], None]  # what is being done in words, steps done, of all


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """One classifier and its scores, probability of the positive class, by name of the set: "tuning" and the tests."""

    seed: int
    head: Head
    backbone: Backbone
    fine_tuned: bool
    epochs: int  # trained to the state that was kept
    stopped_early: bool
    train_loss: tuple[float, ...]  # by epoch
    tune_loss: tuple[float, ...]
    scores: Mapping[str, NDArray[np.float64]]


class Trainer:
    """Trains on rows of `train` and `synthetic`, laid end to end; scores `tune` and every set of `tests`.

    `folder` gets kept features, which other runs share, and `work` what only this run needs.
    """

    def __init__(
        self,
        *,
        backbone: Backbone,
        config: ClassifierConfig,
        train: LabelledImages,
        synthetic: LabelledImages | None,
        tune: LabelledImages,
        tests: Mapping[str, LabelledImages],
        positive: str,
        folder: Path,
        work: Path,
        writer: str,  # names this run among those that use `folder` at the same time
        progress: Progress | None = None,
        abort: Callable[[], bool] | None = None,
    ) -> None:
        if TUNING in tests:
            raise ValueError(f"A test set is called {TUNING!r}, which is the name of the tuning set; rename it")
        if backbone.name != config.backbone or backbone.input_side != config.input_side:
            raise ValueError(
                f"backbone is {backbone.name} at {backbone.input_side} px; the settings say {config.backbone} at "
                f"{config.input_side} px"
            )
        self.backbone, self.config, self.work = backbone, config, work
        self.sets = (train,) if synthetic is None else (train, synthetic)
        self.evaluated = {TUNING: tune, **tests}
        self.labels = np.concatenate([one.labels for one in self.sets])
        self.positive = train.class_index(positive)
        self.augmentation = Augmentation(
            mirror=config.mirror, rotation_degrees=config.rotation_degrees, seed=config.augmentation_seed
        )
        self.extractor = Extractor(backbone, batch_size=config.extraction_batch, precision=config.precision)
        self.progress, self.abort = progress, abort
        work.mkdir(parents=True, exist_ok=True)
        self.cache = None if config.fine_tune else FeatureCache(folder, extractor=self.extractor, writer=writer)
        self._evaluation: dict[str, NDArray[np.float32]] = {}

    def train(
        self, rows: NDArray[np.int64], *, seeds: Sequence[int], name: str, augmented: bool = False
    ) -> list[Trained] | None:
        """A classifier for each seed on `rows` (seeds, n), or None when it was stopped.

        With `augmented` all of them are seen as mirrored and turned variants. `name` is that of the experiment: files
        by which a stopped run goes on carry it.
        """
        if self.config.fine_tune:
            return self._train_whole(rows, seeds, name, augmented)
        return self._train_heads(rows, seeds, name, augmented)

    def predictions(self, trained: Trained, set_name: str) -> Predictions:
        """What a classifier said about the images of a set."""
        images = self.evaluated[set_name]
        return make_predictions(trained.scores[set_name], images, positive=self.positive)

    def forget(self, name: str) -> None:
        """Remove the files by which experiment `name` would go on."""
        for path in self.work.glob(f"{name}-*.state.pt"):
            path.unlink(missing_ok=True)

    def _train_heads(
        self, rows: NDArray[np.int64], seeds: Sequence[int], name: str, augmented: bool
    ) -> list[Trained] | None:
        assert self.cache is not None  # noqa: S101
        if not self._prepare_evaluation():
            return None
        needed = np.unique(rows)
        first = len(self.sets[0])
        slots = tuple(range(min(self.config.augmentation_slots, self.config.epochs))) if augmented else ()
        parts = [needed[needed < first], needed[needed >= first] - first][: len(self.sets)]
        # Slot by slot, so that a row's place is slot x images + its place among them
        wanted = [
            Wanted(
                images=images,
                rows=part,
                augmentation=self.augmentation if slots else None,
                slots=() if slot is None else (slot,),
            )
            for slot in (slots or (None,))
            for images, part in zip(self.sets, parts, strict=True)
            if len(part)
        ]
        table = self.work / f"{name}.npy"
        try:
            features = self._features(wanted, table, f"Features of the images of {name}")
            if features is None:
                return None
            places = np.searchsorted(needed, rows)
            tune = self.evaluated[TUNING]
            task = HeadTask(
                source=rows_of(features),
                n_features=self.backbone.n_features,
                labels=np.tile(self.labels[needed], max(1, len(slots))),
                rows=np.stack([places + slot * len(needed) for slot in range(max(1, len(slots)))], axis=1),
                n_classes=len(tune.classes),
                positive=self.positive,
                tune=(self._evaluation[TUNING], tune.labels),
            )
            heads = train_heads(
                task, config=self.config, seeds=seeds, progress=self._say(f"Training {name}"), abort=self.abort
            )
        finally:
            table.unlink(missing_ok=True)
        if heads is None:
            return None
        return [
            Trained(
                seed=one.seed,
                head=one.head,
                backbone=self.backbone,
                fine_tuned=False,
                epochs=one.epochs,
                stopped_early=one.stopped_early,
                train_loss=one.train_loss,
                tune_loss=one.tune_loss,
                scores={key: one.head.scores(features) for key, features in self._evaluation.items()},
            )
            for one in heads
        ]

    def _train_whole(
        self, rows: NDArray[np.int64], seeds: Sequence[int], name: str, augmented: bool
    ) -> list[Trained] | None:
        found = []
        for seed, own in zip(seeds, rows, strict=True):
            path = self.work / f"{name}-{seed}.state.pt"
            data = FineTuningData(
                sets=self.sets,
                rows=own,
                positive=self.positive,
                tune=self.evaluated[TUNING],
                augmentation=self.augmentation if augmented else None,
                slots=self.config.augmentation_slots,
            )
            one = fine_tune(
                self.backbone,
                data,
                config=self.config,
                seed=seed,
                resume=load_safely(path) if path.exists() else None,
                save=_saver(path),
                progress=self._say(f"Training {name}, seed {seed}"),
                abort=self.abort,
            )
            if one is None:
                return None
            extractor = Extractor(
                one.backbone, batch_size=self.config.extraction_batch, precision=self.config.precision
            )
            found.append(
                Trained(
                    seed=seed,
                    head=one.head,
                    backbone=one.backbone,
                    fine_tuned=True,
                    epochs=one.epochs,
                    stopped_early=one.stopped_early,
                    train_loss=one.train_loss,
                    tune_loss=one.tune_loss,
                    scores={key: score_images(extractor, one.head, images) for key, images in self.evaluated.items()},
                )
            )
        return found

    def _prepare_evaluation(self) -> bool:
        """Features of tuning and test images, once; False when it was stopped."""
        for number, (name, images) in enumerate(self.evaluated.items()):
            if name in self._evaluation:
                continue
            out = self.work / f"evaluated-{number}.npy"
            features = self._features([Wanted(images=images)], out, f"Features of the {name} set")
            if features is None:
                return False
            self._evaluation[name] = features
        return True

    def _features(self, wanted: Sequence[Wanted], out: Path, what: str) -> NDArray[np.float32] | None:
        assert self.cache is not None  # noqa: S101
        return self.cache.features(wanted, out=out, progress=self._say(what), abort=self.abort)

    def _say(self, what: str) -> Callable[[int, int], None] | None:
        progress = self.progress
        return None if progress is None else lambda done, total: progress(what, done, total)


def _saver(path: Path) -> Callable[[dict[str, Any]], None]:
    def save(state: dict[str, Any]) -> None:
        save_atomically(path, state)

    return save


def make_predictions(scores: NDArray[np.float64], images: LabelledImages, *, positive: int) -> Predictions:
    """Scores (n,) of images as measures take them; of several classes all but the positive one are the negative."""
    others = [name for index, name in enumerate(images.classes) if index != positive]
    return Predictions(
        scores=scores,
        is_positive=images.labels == positive,
        patients=images.patients,
        positive=images.classes[positive],
        negative=others[0] if len(others) == 1 else f"not {images.classes[positive]}",
    )


def score_images(
    extractor: Extractor,
    head: Head,
    images: LabelledImages,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float64]:
    """Probability of the positive class of each image, (N,) in [0, 1], in blocks: in bounded memory."""
    scores = np.empty(len(images))
    for start in range(0, len(images), SCORE_BLOCK):
        rows = np.arange(start, min(start + SCORE_BLOCK, len(images)))
        scores[rows] = head.scores(extractor(images.read(rows)))
        if progress:
            progress(int(rows[-1]) + 1, len(images))
    return scores


def to_file(trained: Trained, *, config: ClassifierConfig, classes: tuple[str, ...], **about: Any) -> ClassifierData:
    """What `save_classifier` takes; a frozen backbone's weights are left out, since they are in a file of their own."""
    backbone = trained.backbone
    state = {name: values.detach().cpu() for name, values in backbone.module.state_dict().items()}
    return ClassifierData(
        backbone=backbone.name,
        normalisation=backbone.normalisation,
        input_side=backbone.input_side,
        weights_title=backbone.weights.title,
        weights_sha256=backbone.weights_sha256,
        backbone_state=state if trained.fine_tuned else None,
        head_weights=torch.from_numpy(trained.head.weights),
        head_bias=torch.from_numpy(trained.head.bias),
        loss=trained.head.loss,
        classes=classes,
        positive=classes[trained.head.positive],
        config=config.to_dict(),
        seed=trained.seed,
        epochs=trained.epochs,
        about=about,
    )


def from_file(
    data: ClassifierData, path: Path, *, weights: BackboneWeights | None = None, device: str = "cpu"
) -> tuple[Extractor, Head]:
    """A stored classifier, ready to score images. `path` is its file.

    One with a frozen backbone needs the `weights` that it began with. Raises ValueError when they are missing or
    others.
    """
    if data.backbone_state is not None:
        weights = BackboneWeights(kind="trained_here", path=path)
    elif weights is None:
        raise ValueError(
            f"{path.name} holds the head alone; its backbone's weights are needed too ({data.weights_title})"
        )
    backbone = create_backbone(data.backbone, weights=weights, input_side=data.input_side, device=device)
    if data.backbone_state is None and backbone.weights_sha256 != data.weights_sha256:
        raise ValueError(
            f"{path.name} was trained on features of other weights than {weights.title}; choose: {data.weights_title}"
        )
    config = ClassifierConfig.from_dict(data.config)
    head = Head(
        weights=data.head_weights.numpy(),
        bias=data.head_bias.numpy(),
        loss=data.loss,
        positive=data.classes.index(data.positive),
    )
    return Extractor(backbone, batch_size=config.extraction_batch, precision=config.precision), head
