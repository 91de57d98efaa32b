"""The projector finds an image that the generator itself made, better than any of a thousand random ones."""

import numpy as np
import pytest
import torch

from generation.gan.acgan import AcganGenerator
from generation.gan.config import AcganConfig
from generation.gan.data import to_grey_levels
from generation.gan.projector import distances, project
from generation.gan.sampling import LoadedGenerator, sample_block
from generation.gan.sampling_options import SamplingOptions
from tests.generation.gan.conftest import SMALL
from tests.generation.gan.test_films import StyleNetwork


def in_single_precision(network: torch.nn.Module) -> LoadedGenerator:
    return LoadedGenerator(
        name="acgan",
        network=network.float().eval(),
        config=AcganConfig(**SMALL),
        classes=("disc", "hole"),
        iteration=1,
        sha256="0" * 64,
        options=SamplingOptions(precision="float32", device="cpu"),
    )


@pytest.fixture
def generator() -> LoadedGenerator:
    torch.manual_seed(0)
    network = AcganGenerator(AcganConfig(**SMALL), n_classes=2)
    network.latent.weight.data.mul_(30)
    network.class_map.weight.data.mul_(30)
    network.up3.weight.data.mul_(40)  # untrained, it makes nearly flat images
    return in_single_precision(network)


class TestDistance:
    def test_zero_for_the_image_itself_and_above_for_others(self):
        images = torch.rand(3, 1, 16, 16) * 2 - 1

        assert distances(images[:1], images[:1]).item() == 0
        assert (distances(images[1:], images[:1]) > 0).all()

    def test_a_constant_shift_is_all_in_the_pixels_and_the_coarsest_level(self):
        target = torch.zeros(1, 1, 16, 16)

        assert distances(target + 0.5, target).item() == pytest.approx(0.5**2 + 0.5)

    def test_a_checkerboard_is_all_in_the_pixels_and_the_finest_level(self):
        board = (torch.arange(16)[:, None] + torch.arange(16)) % 2 * 2.0 - 1

        assert distances(board[None, None], torch.zeros(1, 1, 16, 16)).item() == pytest.approx(1 + 1)


class TestProjection:
    def test_its_own_image_is_found_better_than_a_thousand_random_ones(self, generator):
        image = sample_block(generator, seed=77, class_index=1, block=0, block_size=4)[3]

        found = project(generator, image, seed=1, steps=150, random_images=1000)

        assert found.class_index == 1
        assert found.distance < found.random_distance / 3
        assert found.mean_difference < np.abs(found.nearest_random.astype(int) - image).mean() / 3
        again = generator.network(torch.from_numpy(found.latent)[None], torch.tensor([1]))
        assert np.abs(to_grey_levels(again)[0].astype(int) - found.image).max() <= 1
        assert found.curve[-1] == found.distance
        assert list(found.curve) == sorted(found.curve, reverse=True)

    def test_in_the_styles_of_a_network_that_has_them(self):
        generator = in_single_precision(StyleNetwork(8))
        image = sample_block(generator, seed=77, class_index=0, block=0, block_size=2)[1]

        found = project(generator, image, seed=1, steps=150, random_images=200)

        assert found.style is not None
        assert found.style.shape == (3, 4)
        assert found.distance < found.random_distance / 3

    def test_the_same_seed_finds_the_same(self, generator):
        image = sample_block(generator, seed=77, class_index=0, block=0, block_size=1)[0]

        one, two = (project(generator, image, seed=4, steps=10, random_images=32, class_index=0) for _ in range(2))

        assert np.array_equal(one.latent, two.latent)
        assert one.curve == two.curve

    def test_progress_reaches_its_total_and_may_stop_it(self, generator):
        image = sample_block(generator, seed=77, class_index=0, block=0, block_size=1)[0]
        seen = []

        project(generator, image, steps=5, random_images=40, progress=lambda *values: seen.append(values))
        assert seen[-1] == (7, 7)

        def stop(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            project(generator, image, steps=5, random_images=40, progress=stop)

    def test_another_size_is_refused(self, generator):
        with pytest.raises(ValueError, match=r"this generator makes 56 x 56, uint8"):
            project(generator, np.zeros((64, 64), dtype=np.uint8), steps=1, random_images=4)
