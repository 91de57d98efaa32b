"""Kept features are the bits that the backbone gives, whoever asks, in whatever order, after whatever crash."""

import numpy as np
import pytest
import torch
from torch import nn

from classification.cnn.augmentation import Augmentation
from classification.cnn.backbones import BackboneWeights, create_backbone
from classification.cnn.feature_cache import Extractor, FeatureCache, Wanted
from tests.classification.cnn.conftest import make_images


@pytest.fixture
def extractor(tiny) -> Extractor:
    return Extractor(tiny, batch_size=8)


def open_cache(tmp_path, extractor, writer="one") -> FeatureCache:
    return FeatureCache(tmp_path / "features", extractor=extractor, writer=writer)


def count_batches(extractor, monkeypatch) -> list[int]:
    seen = []
    one_batch = extractor._one_batch
    monkeypatch.setattr(
        extractor, "_one_batch", lambda pixels, size: seen.append(len(pixels)) or one_batch(pixels, size)
    )
    return seen


class TestExtractor:
    def test_bits_do_not_depend_on_order_or_company(self, extractor):
        pixels = make_images(21).pixels
        order = np.random.default_rng(1).permutation(21)
        whole = extractor(pixels)

        assert np.array_equal(extractor(pixels[order]), whole[order])
        assert np.array_equal(np.concatenate([extractor(pixels[n : n + 1]) for n in range(21)]), whole)
        assert extractor.batch_size(20) == 8

    def test_densenet_121_gives_the_same_bits_in_every_place(self):
        """Batches of 8 and of 4 have other last bits on a CPU, which is why their shape is fixed."""
        backbone = create_backbone("densenet121", weights=BackboneWeights(seed=1), input_side=32)
        extractor = Extractor(backbone, batch_size=4)
        pixels = make_images(6).pixels

        assert np.array_equal(extractor(pixels)[[5, 0, 3]], extractor(pixels[[5, 0, 3]]))

    def test_features_are_those_of_a_plain_forward_pass_in_evaluation_mode(self, extractor, tiny):
        tiny.module.norm.running_mean.fill_(0.3)
        tiny.module.train()
        pixels = make_images(5).pixels
        found = extractor(pixels)
        with torch.no_grad():
            plain = tiny.features(torch.from_numpy(pixels).unsqueeze(1))

        assert np.allclose(found, plain.numpy(), rtol=1e-5, atol=1e-6)
        assert tiny.module.norm.running_mean.unique().tolist() == pytest.approx([0.3])

    def test_where_images_of_a_batch_are_not_independent_each_goes_alone(self, tiny_kind):
        class Mixing(nn.Module):
            """As a kernel would be that sums over the batch in another order at another place."""

            def forward(self, x):
                features = x.mean(dim=(2, 3))
                return features + 1e-6 * torch.arange(len(x), device=x.device).view(-1, 1)

        backbone = create_backbone(tiny_kind, weights=BackboneWeights(), input_side=32)
        object.__setattr__(backbone, "module", Mixing())
        object.__setattr__(backbone, "n_features", 3)
        extractor = Extractor(backbone, batch_size=8)
        pixels = make_images(5).pixels

        assert extractor.batch_size(20) == 1
        assert np.array_equal(extractor(pixels)[::-1], extractor(pixels[::-1]))

    def test_infinite_features_and_wrong_arrays_are_named(self, extractor, tiny):
        with pytest.raises(ValueError, match="must be uint8"):
            extractor(np.zeros((2, 20, 20)))
        with torch.no_grad():
            tiny.module.second.bias.fill_(float("inf"))
        with pytest.raises(FloatingPointError, match="not finite"):
            extractor(make_images(2).pixels)
        with pytest.raises(ValueError, match="batch_size is 0"):
            Extractor(tiny, batch_size=0)

    def test_whatever_changes_bits_changes_the_key(self, tiny_kind, tiny):
        other_weights = create_backbone(tiny_kind, weights=BackboneWeights(seed=1), input_side=32)
        other_side = create_backbone(tiny_kind, weights=BackboneWeights(), input_side=48)
        keys = {
            Extractor(tiny).key,
            Extractor(tiny, batch_size=8).key,
            Extractor(tiny, precision="bfloat16").key,
            Extractor(other_weights).key,
            Extractor(other_side).key,
        }
        assert len(keys) == 5
        assert Extractor(create_backbone(tiny_kind, weights=BackboneWeights(), input_side=32)).key in keys


class TestCache:
    def test_gives_what_the_extractor_gives_in_the_order_asked_for(self, tmp_path, extractor):
        images, others = make_images(21), make_images(5, seed=4, side=24)
        rows = np.array([20, 3, 3])
        found = open_cache(tmp_path, extractor).features(
            [Wanted(images=images, rows=rows), Wanted(images=others), Wanted(images=images)], out=tmp_path / "all.npy"
        )

        assert isinstance(found, np.memmap)
        assert np.array_equal(found[:3], extractor(images.pixels[rows]))
        assert np.array_equal(found[3:8], extractor(others.pixels))
        assert np.array_equal(found[8:], extractor(images.pixels))

    def test_variants_are_kept_by_seed_and_slot(self, tmp_path, extractor, monkeypatch):
        images, augmentation = make_images(3), Augmentation(seed=9)
        cache = open_cache(tmp_path, extractor)
        found = cache.features(
            [Wanted(images=images, augmentation=augmentation, slots=(0, 4))], out=tmp_path / "all.npy"
        )
        turned = [
            augmentation.apply(images.pixels[row], images.hashes[row], slot) for slot in (0, 4) for row in range(3)
        ]
        seen = count_batches(extractor, monkeypatch)

        assert np.array_equal(found, extractor(np.stack(turned)))
        seen.clear()
        cache.features([Wanted(images=images, augmentation=augmentation, slots=(4,))], out=tmp_path / "b.npy")
        assert seen == []
        cache.features([Wanted(images=images, augmentation=Augmentation(seed=8), slots=(4,))], out=tmp_path / "c.npy")
        assert seen == [3]

    def test_what_was_computed_before_the_end_came_is_not_computed_again(self, tmp_path, extractor, monkeypatch):
        images = make_images(20)
        extractor.batch_size(20)
        seen = count_batches(extractor, monkeypatch)
        asked = []
        stopped = open_cache(tmp_path, extractor).features(
            [Wanted(images=images)], out=tmp_path / "all.npy", abort=lambda: asked.append(0) or len(asked) > 2
        )
        assert stopped is None
        assert seen == [8, 8]
        assert not (tmp_path / "all.npy").exists()

        steps = []
        again = open_cache(tmp_path, extractor, writer="two")
        found = again.features(
            [Wanted(images=images)], out=tmp_path / "all.npy", progress=lambda done, total: steps.append((done, total))
        )
        assert seen == [8, 8, 4]
        assert steps == [(16, 20), (20, 20)]
        assert np.array_equal(found, extractor(images.pixels))
