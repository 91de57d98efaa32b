"""Distance to real images while a generator trains: the same latents and the same real images each time, so that only
the network changes. Cheap enough for every checkpoint; the whole set of measures is for datasets.
"""

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from generation.gan.data import TrainingImages, to_grey_levels
from generation.gan.measures.extractors import Extractor
from generation.gan.measures.features import BATCH_SIZE, extract_features
from generation.gan.measures.frechet import fit_gaussian, frechet_distance
from generation.gan.measures.kernel import kernel_distance

KINDS = ("kid", "fid")


class Network(Protocol):
    training: bool

    def __call__(self, latents: Tensor, classes: Tensor) -> Tensor: ...
    def train(self, mode: bool = True) -> Any: ...
    def parameters(self) -> Any: ...


class TrainingMeasure:
    """`measure` is what `train(measure=...)` takes.

    real: the images to compare with, training or better held-out ones; at most `n_images` of them, drawn at random
    with each class in its share, are used, and their features are computed at the first call.
    kind: "kid" (default, sound for few images) or "fid" (depends on n: compare within this run only).
    n_images: generated images, of each class its share of `real`. Latents come from a generator of their own: neither
    PyTorch's nor the run's random state changes, so a run with measures has the same weights as one without.
    every: real images seen between two measurements; a call that comes earlier gives {}. Counted in whole intervals of
    `images_seen`, so that a resumed run measures where an uninterrupted one does.
    """

    def __init__(
        self,
        *,
        real: TrainingImages,
        extractor: Extractor,
        latent_dim: int,
        latent_std: float = 1.0,
        n_images: int = 256,
        kind: str = "kid",
        every: int = 0,
        seed: int = 0,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"kind is {kind!r}; it must be {' or '.join(KINDS)}")
        if n_images < 4:
            raise ValueError(f"n_images is {n_images}; at least 4 are needed")
        if every < 0:
            raise ValueError(f"every is {every}; it must not be negative")
        self.extractor, self.kind, self.every, self.seed = extractor, kind, every, seed
        self._last = 0
        random = np.random.default_rng(seed)
        chosen = np.arange(len(real))
        if len(chosen) > n_images:
            chosen = np.sort(_in_shares(real.labels, n_images, random))
        self._real_pixels: NDArray[np.uint8] | None = real.pixels[chosen]
        self._real_features: NDArray[np.float32] | None = None
        self.latents = torch.randn(n_images, latent_dim, generator=torch.Generator().manual_seed(seed)) * latent_std
        counts = np.bincount(real.labels, minlength=len(real.classes)) / len(real)
        edges = np.round(np.cumsum(counts) * n_images).astype(int)
        self.classes = torch.from_numpy(np.searchsorted(edges, np.arange(n_images), side="right").astype(np.int64))

    @property
    def name(self) -> str:
        """Of the curve: the measure, the extractor and the first digits of its weights' hash."""
        return f"{self.kind}_{self.extractor.name.replace('-', '_')}_{self.extractor.weights_sha256[:8]}"

    def is_due(self, images_seen: int) -> bool:
        return not self.every or images_seen // self.every > self._last // self.every

    def measure(self, images_seen: int, network: Network) -> dict[str, float]:
        """{name: value} of `network` now, or {} when it is not due. Raises ValueError when images are not finite."""
        if not self.is_due(images_seen):
            return {}
        self._last = images_seen
        features = self._generated(network)
        real = self._features_of_real()
        if self.kind == "kid":
            return {self.name: kernel_distance(real, features, subsets=20, seed=self.seed).value}
        return {self.name: frechet_distance(fit_gaussian(real), fit_gaussian(features)).value}

    def resumed_at(self, images_seen: int) -> None:
        """Tell a new process where the run goes on, so that it does not measure again what was measured."""
        self._last = images_seen

    @torch.no_grad()
    def _generated(self, network: Network) -> NDArray[np.float32]:
        weights = next(iter(network.parameters()))
        was_training = network.training
        network.train(False)
        try:
            parts = []
            for start in range(0, len(self.latents), BATCH_SIZE):
                latents = self.latents[start : start + BATCH_SIZE].to(weights.device, weights.dtype)
                images = network(latents, self.classes[start : start + BATCH_SIZE].to(weights.device))
                if not bool(torch.isfinite(images).all()):
                    raise ValueError("The generator made images that are not finite: the training has diverged")
                parts.append(self.extractor(to_grey_levels(images.float())))
        finally:
            network.train(was_training)
        return np.concatenate(parts)

    def _features_of_real(self) -> NDArray[np.float32]:
        if self._real_features is None:
            assert self._real_pixels is not None  # noqa: S101  set until the features are there
            self._real_features = extract_features(self._real_pixels, extractor=self.extractor)
            self._real_pixels = None
        return self._real_features


def _in_shares(labels: NDArray[np.int64], n: int, random: np.random.Generator) -> NDArray[np.int64]:
    """About `n` positions, of each class its share, at least one."""
    parts = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        parts.append(random.choice(members, max(1, round(n * len(members) / len(labels))), replace=False))
    return np.concatenate(parts)
