"""Samples depend on seed, class and index alone, and each can be made again from its provenance."""

from itertools import islice

import numpy as np
import pytest
import torch
from scipy import stats

from generation.gan.checkpoint import CheckpointError, save_checkpoint
from generation.gan.config import AcganConfig
from generation.gan.sampling import (
    draw_latents,
    image_provenance,
    load_generator,
    remake_image,
    sample_block,
    sample_class,
)
from generation.gan.state import TrainingState
from generation.gan.training import train


@pytest.fixture
def checkpoint(tmp_path, small_config, images):
    """A trained one: its batch norms have statistics of their own."""
    path = tmp_path / "checkpoint.pt"
    train(generator="acgan", config=small_config, images=images, save=lambda data: save_checkpoint(path, data))
    return path


PINNED = [-0.0654165562340147, 0.8971583989210321, 1.991625896775132]


class TestLatents:
    def test_a_row_depends_on_its_own_index_alone(self):
        many = draw_latents(seed=4, class_index=1, indices=range(10, 30), dim=7, std=1.0)
        one = draw_latents(seed=4, class_index=1, indices=[17], dim=7, std=1.0)

        assert np.array_equal(many[7], one[0])

    def test_seed_class_and_index_each_make_other_rows(self):
        rows = [
            draw_latents(seed=seed, class_index=class_index, indices=[index], dim=4, std=1.0)[0].tolist()
            for seed in (0, 1)
            for class_index in (0, 1)
            for index in (0, 1)
        ]

        assert len({tuple(row) for row in rows}) == 8

    def test_they_are_standard_normal_times_the_deviation(self):
        values = draw_latents(seed=1, class_index=0, indices=range(2000), dim=9, std=2.5)

        assert stats.kstest(values.ravel() / 2.5, "norm").pvalue > 0.01
        assert np.abs(np.corrcoef(values, rowvar=False) - np.eye(9)).max() < 0.1

    def test_the_stream_is_what_it_was(self):
        """Pinned: another value would make every stored image impossible to make again. Made by NumPy 2.4.6."""
        row = draw_latents(seed=1, class_index=2, indices=[3], dim=3, std=1.0)[0]

        assert row.tolist() == pytest.approx(PINNED, abs=1e-12)

    @pytest.mark.parametrize("values", [{"seed": -1}, {"seed": 2**63}, {"class_index": -1}, {"indices": [-1]}])
    def test_negative_and_too_large_numbers_are_refused(self, values):
        with pytest.raises(ValueError, match=r"seed is|must not be negative"):
            draw_latents(**{"seed": 0, "class_index": 0, "indices": [0], "dim": 3, "std": 1.0, **values})


class TestImages:
    def test_the_same_request_gives_the_same_bytes(self, checkpoint):
        def draw(seed: int) -> list[bytes]:
            images = sample_class(load_generator(checkpoint), seed=seed, class_index=1)
            return [image.tobytes() for _, image in islice(images, 40)]

        first, second, other = draw(9), draw(9), draw(10)

        assert first == second
        assert len(set(first)) == 40
        assert not set(first) & set(other)

    def test_thread_count_and_block_size_do_not_change_an_image(self, checkpoint):
        generator = load_generator(checkpoint)
        one = sample_block(generator, seed=9, class_index=0, block=0, block_size=32)

        torch.set_num_threads(2)
        two = sample_block(generator, seed=9, class_index=0, block=0, block_size=32)
        small = np.concatenate(
            [sample_block(generator, seed=9, class_index=0, block=n, block_size=8) for n in range(4)]
        )

        assert np.array_equal(one, two)
        assert np.array_equal(one, small)

    @pytest.mark.parametrize("index", [0, 31, 32, 77])
    def test_any_image_is_made_again_from_its_provenance(self, checkpoint, index):
        generator = load_generator(checkpoint)
        image = dict(islice(sample_class(generator, seed=3, class_index=1), 100))[index]
        provenance = {**image_provenance(generator, seed=3, class_index=1, index=index), "run": "of the caller"}

        assert np.array_equal(remake_image(checkpoint, provenance), image)
        assert np.array_equal(remake_image(generator, provenance), image)
        assert not np.array_equal(remake_image(checkpoint, {**provenance, "index": index + 1}), image)

    def test_evaluation_mode_an_image_does_not_depend_on_its_neighbours(self, checkpoint):
        """In training mode batch norm would mix them; here 1-image blocks give what 32-image blocks give."""
        generator = load_generator(checkpoint)

        alone = sample_block(generator, seed=3, class_index=0, block=5, block_size=1)[0]

        assert np.array_equal(alone, sample_block(generator, seed=3, class_index=0, block=0)[5])

    def test_three_channels_become_one_grey(self, tmp_path, small_config, images):
        config = AcganConfig.from_dict({**small_config.to_dict(), "channels": 3})
        path = tmp_path / "three.pt"
        save_checkpoint(path, TrainingState(generator="acgan", config=config, images=images).snapshot())

        assert sample_block(load_generator(path), seed=0, class_index=0, block=0).shape == (32, 56, 56)


class TestRefusals:
    def test_another_checkpoint(self, checkpoint, tmp_path, small_config, images):
        provenance = image_provenance(load_generator(checkpoint), seed=3, class_index=1, index=0)
        other = tmp_path / "other.pt"
        save_checkpoint(other, TrainingState(generator="acgan", config=small_config, images=images).snapshot())

        with pytest.raises(CheckpointError, match="has changed since it was recorded"):
            remake_image(other, provenance)
        with pytest.raises(CheckpointError, match="The image was made by checkpoint"):
            remake_image(load_generator(other), provenance)

    def test_incomplete_provenance(self, checkpoint):
        with pytest.raises(ValueError, match="Provenance lacks checkpoint_sha256, seed, class, class_index, index"):
            remake_image(checkpoint, {"block_size": 32})

    def test_a_class_that_is_not_the_generators(self, checkpoint):
        provenance = image_provenance(load_generator(checkpoint), seed=3, class_index=1, index=0)

        with pytest.raises(ValueError, match="Class 'disc' is not number 1 of disc, hole"):
            remake_image(checkpoint, {**provenance, "class": "disc"})

    def test_a_class_out_of_range(self, checkpoint):
        with pytest.raises(ValueError, match="class_index is 2; this generator has 2 classes"):
            sample_block(load_generator(checkpoint), seed=3, class_index=2, block=0)
