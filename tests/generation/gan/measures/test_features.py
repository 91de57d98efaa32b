"""What was computed is kept through crashes, and nothing half written is taken for features."""

import hashlib

import numpy as np
import pytest

from generation.gan.measures.extractors import Extractor
from generation.gan.measures.features import BATCH_SIZE, FeatureCache, extract_missing


def mean_and_sd(batch):
    """A real, tiny extractor: mean, SD and first column of a picture."""
    x = batch[:, 0].float()
    import torch

    return torch.stack([x.mean(dim=(1, 2)), x.std(dim=(1, 2)), x[:, 0, 0]], dim=1)


def tiny(name: str = "tiny", sha256: str = "a" * 64) -> Extractor:
    return Extractor(
        name=name, title="Tiny", weights_sha256=sha256, n_features=3, input_side=8, is_random=True, device="cpu",
        _network=mean_and_sd,
    )  # fmt: skip


class Pictures:
    def __init__(self, count: int) -> None:
        random = np.random.default_rng(0)
        arrays = random.integers(0, 256, (count, 8, 8)).astype(np.uint8)
        self.by_hash = {hashlib.sha256(array.tobytes()).hexdigest(): array for array in arrays}
        self.hashes = list(self.by_hash)
        self.loaded: list[str] = []

    def load(self, sha256: str) -> np.ndarray:
        self.loaded.append(sha256)
        return self.by_hash[sha256]


def extract(pictures: Pictures, cache: FeatureCache, hashes: list[str] | None = None) -> list[int]:
    return list(extract_missing(hashes or pictures.hashes, pictures.load, extractor=tiny(), cache=cache))


def cache_of(tmp_path, *, writer: str = "one", extractor: Extractor | None = None, side: int = 8) -> FeatureCache:
    return FeatureCache(tmp_path / "features", extractor=extractor or tiny(), side=side, writer=writer)


def test_features_come_back_in_the_order_asked_for(tmp_path):
    pictures, cache = Pictures(70), cache_of(tmp_path)

    counts = extract(pictures, cache)
    order = [*reversed(pictures.hashes), pictures.hashes[3]]
    found = cache.gather(order, tmp_path / "out.npy")

    assert counts == [0, BATCH_SIZE, 2 * BATCH_SIZE, 70]
    assert found.shape == (71, 3)
    assert np.array_equal(found, [tiny()(pictures.by_hash[sha256][None])[0] for sha256 in order])


def test_nothing_is_computed_twice_not_even_by_another_writer(tmp_path):
    pictures = Pictures(70)
    extract(pictures, cache_of(tmp_path), pictures.hashes[:40])
    pictures.loaded.clear()

    counts = extract(pictures, cache_of(tmp_path, writer="two"))

    assert pictures.loaded == pictures.hashes[40:]
    assert counts[0] == 40


def test_a_picture_named_twice_is_computed_once(tmp_path):
    pictures = Pictures(3)
    assert extract(pictures, cache_of(tmp_path), pictures.hashes * 2)[-1] == 3
    assert len(pictures.loaded) == 3


@pytest.mark.parametrize("lost", [1, 11, 48, 49])
def test_what_was_half_written_is_computed_again(tmp_path, lost):
    pictures, cache = Pictures(10), cache_of(tmp_path)
    extract(pictures, cache)
    with cache.path.open("r+b") as file:
        file.truncate(10 * cache.record.itemsize - lost)
    pictures.loaded.clear()

    again = cache_of(tmp_path)
    extract(pictures, again)

    assert pictures.loaded == pictures.hashes[10 - -(-lost // cache.record.itemsize) :]
    assert len(again.gather(pictures.hashes, tmp_path / "out.npy")) == 10
    assert again.path.stat().st_size == 10 * again.record.itemsize


@pytest.mark.parametrize("place", [0, 33, 45])  # in the hash, in the features, in the checksum
def test_a_damaged_record_is_not_there(tmp_path, place):
    pictures, cache = Pictures(10), cache_of(tmp_path)
    extract(pictures, cache)
    with cache.path.open("r+b") as file:
        file.seek(4 * cache.record.itemsize + place)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))

    again = cache_of(tmp_path, writer="two")

    assert [sha256 in again for sha256 in pictures.hashes] == [n != 4 for n in range(10)]


def test_another_extractor_or_size_has_its_own(tmp_path):
    pictures = Pictures(3)
    extract(pictures, cache_of(tmp_path))
    for other in (
        cache_of(tmp_path, extractor=tiny(sha256="b" * 64)),
        cache_of(tmp_path, extractor=tiny(name="other")),
        cache_of(tmp_path, side=16),
    ):
        assert pictures.hashes[0] not in other


def test_a_picture_without_features_cannot_be_gathered(tmp_path):
    with pytest.raises(KeyError):
        cache_of(tmp_path).gather(["0" * 64], tmp_path / "out.npy")
