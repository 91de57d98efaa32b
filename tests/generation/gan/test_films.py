"""The way from image to image: on the sphere for latents, straight for styles; films and grids that can be opened."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from generation.gan.acgan import AcganGenerator
from generation.gan.config import AcganConfig
from generation.gan.films import film_frames, has_styles, save_film, spherical, style_mixing
from generation.gan.registry import create_generator
from generation.gan.sampling import LoadedGenerator, sample_block
from generation.gan.sampling_options import SamplingOptions
from generation.gan.stylegan2_config import StyleGan2Config
from tests.generation.gan.conftest import SMALL
from tests.generation.gan.test_stylegan2 import SMALL as SMALL_STYLEGAN2
from tests.generation.gan.test_stylegan2 import trained


@pytest.fixture
def generator() -> LoadedGenerator:
    config = AcganConfig(**SMALL)
    torch.manual_seed(0)
    network = AcganGenerator(config, n_classes=2)
    network.latent.weight.data.mul_(30)
    network.up3.weight.data.mul_(20)  # untrained, it makes nearly flat images
    return loaded(network.double().eval(), config)


def loaded(network: nn.Module, config: AcganConfig, *, truncation: float = 1.0) -> LoadedGenerator:
    return LoadedGenerator(
        name="acgan",
        network=network,
        config=config,
        classes=("disc", "hole"),
        iteration=1,
        sha256="0" * 64,
        options=SamplingOptions(truncation=truncation),
    )


class StyleNetwork(nn.Module):
    """The interface of a style-based network, small: layer k of w is a whole image of its own frequency."""

    supports_truncation = True

    def __init__(self, dim: int, layers: int = 3) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(0)
        self.map = nn.Parameter(torch.randn(dim, 4, generator=random, dtype=torch.float64))
        self.pictures = nn.Parameter(torch.randn(layers, 4, 16 * 16, generator=random, dtype=torch.float64))
        self.register_buffer("w_mean", torch.full((4,), 0.25, dtype=torch.float64))
        self.layers = layers

    def mapping(self, latents, classes):
        w = torch.tanh(latents @ self.map.to(latents.dtype))
        return w[:, None].expand(-1, self.layers, -1)

    def synthesis(self, w):
        flat = torch.einsum("blk,lkp->bp", w, self.pictures.to(w.dtype))
        return torch.tanh(flat / 3).view(-1, 1, 16, 16)

    def forward(self, latents, classes, *, truncation: float = 1.0):
        mean = self.w_mean.to(latents.dtype)
        return self.synthesis(mean + truncation * (self.mapping(latents, classes) - mean))


class TestSpherical:
    @given(st.integers(0, 10_000), st.floats(0, 1))
    @settings(max_examples=60, deadline=None)
    def test_it_keeps_the_length_and_turns_evenly(self, seed, share):
        random = torch.Generator().manual_seed(seed)
        first, second = torch.randn(2, 3, 8, generator=random, dtype=torch.float64)
        second = second * (first.norm(dim=1, keepdim=True) / second.norm(dim=1, keepdim=True))

        point = spherical(first, second, share)

        assert torch.allclose(point.norm(dim=1), first.norm(dim=1))
        angle = torch.arccos(torch.cosine_similarity(first, second).clamp(-1, 1))
        turned = torch.arccos(torch.cosine_similarity(first, point).clamp(-1, 1))
        assert torch.allclose(turned, share * angle, atol=1e-6)

    def test_the_ends_are_the_ends(self):
        first, second = torch.randn(2, 4, 6, dtype=torch.float64)

        assert torch.allclose(spherical(first, second, 0.0), first)
        assert torch.allclose(spherical(first, second, 1.0), second)

    def test_parallel_opposite_and_zero_rows_are_finite(self):
        first = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
        second = torch.tensor([[2.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])

        middle = spherical(first, second, 0.5)

        assert torch.isfinite(middle).all()
        assert torch.allclose(middle[0], torch.tensor([1.5, 0.0]))

    def test_other_shapes_are_refused(self):
        with pytest.raises(ValueError, match=r"both must be \(B, dim\)"):
            spherical(torch.zeros(2, 3), torch.zeros(2, 4), 0.5)


class TestFilm:
    def test_it_goes_through_the_images_that_sampling_draws(self, generator):
        frames = list(film_frames(generator, seed=3, class_indices=[0, 1], columns=2, stops=3, steps=5))

        assert len(frames) == 15
        assert frames[0].shape == (2, 2, 56, 56)
        for class_index in (0, 1):
            drawn = sample_block(generator, seed=3, class_index=class_index, block=0, block_size=6)
            for stop in range(3):
                assert np.array_equal(frames[5 * stop][class_index], drawn[[stop, 3 + stop]])

    def test_neighbouring_frames_are_nearer_than_the_stops(self, generator):
        frames = [frame.astype(int) for frame in film_frames(generator, seed=3, class_indices=[0], stops=2, steps=8)]

        between = max(np.abs(frames[n] - frames[n + 1]).mean() for n in range(8))
        assert 0 < between < np.abs(frames[0] - frames[8]).mean() / 2

    def test_styles_are_interpolated_straight(self):
        config = AcganConfig(**SMALL)
        generator = loaded(StyleNetwork(8), config)

        frames = list(film_frames(generator, seed=3, class_indices=[0], columns=1, stops=2, steps=2))

        network = generator.network
        latents = [_latent(generator, index) for index in (0, 1)]
        w = [network.mapping(latent, None) for latent in latents]
        middle = network.synthesis((w[0] + w[1]) / 2)
        assert np.array_equal(frames[1][0, 0], _grey(middle))

    def test_as_a_file(self, generator, tmp_path):
        frames = list(film_frames(generator, seed=3, class_indices=[0, 1], columns=3, stops=2, steps=4))

        save_film(tmp_path / "film.webp", frames, frames_per_second=10)

        with Image.open(tmp_path / "film.webp") as film:
            assert (film.n_frames, film.size, film.info["loop"]) == (8, (3 * 58 - 2, 2 * 58 - 2), 0)
            film.seek(5)
            shown = np.asarray(film.convert("L"), dtype=int)[:56, :56]
        assert np.abs(shown - frames[5][0, 0]).mean() < 4  # it is compressed
        assert not list(tmp_path.glob("*.tmp"))

    @pytest.mark.parametrize("values", [{"stops": 1}, {"steps": 0}, {"columns": 0}, {"stops": 30, "steps": 30}])
    def test_numbers_out_of_range_are_refused(self, generator, values):
        with pytest.raises(ValueError, match=r"at least 2, 1 and 1|at most 600"):
            next(film_frames(generator, seed=3, class_indices=[0], **values))


class TestStyleMixing:
    def test_coarse_layers_of_the_row_fine_ones_of_the_column(self):
        generator = loaded(StyleNetwork(8), AcganConfig(**SMALL))

        grid = style_mixing(generator, seed=3, class_index=0, rows=2, columns=3, crossover=1)

        assert grid.shape == (3, 4, 16, 16)
        network = generator.network
        w = [network.mapping(_latent(generator, index), None) for index in range(5)]
        assert np.array_equal(grid[1, 0], _grey(network.synthesis(w[0])))
        assert np.array_equal(grid[0, 2], _grey(network.synthesis(w[3])))
        mixed = torch.cat([w[1][:, :1], w[4][:, 1:]], dim=1)
        assert np.array_equal(grid[2, 3], _grey(network.synthesis(mixed)))
        assert (grid[0, 0] == 255).all()

    def test_truncation_draws_towards_the_mean(self):
        grids = [
            style_mixing(
                loaded(StyleNetwork(8), AcganConfig(**SMALL), truncation=psi), seed=3, class_index=0, crossover=1
            ).astype(int)
            for psi in (1.0, 0.5, 0.0)
        ]

        spread = [np.ptp(grid[1:, 1:], axis=(0, 1)).mean() for grid in grids]
        assert spread[0] > spread[1] > spread[2] == 0

    def test_a_network_without_styles_says_so(self, generator):
        assert not has_styles(generator.network)
        with pytest.raises(ValueError, match="This generator has no styles to mix"):
            style_mixing(generator, seed=3, class_index=0, crossover=1)

    @pytest.mark.parametrize("crossover", [0, 3])
    def test_a_crossover_that_mixes_nothing_is_refused(self, crossover):
        generator = loaded(StyleNetwork(8), AcganConfig(**SMALL))

        with pytest.raises(ValueError, match=f"crossover is {crossover}; this network has 3 layers, so 1 to 2"):
            style_mixing(generator, seed=3, class_index=0, crossover=crossover)


def _latent(generator: LoadedGenerator, index: int) -> torch.Tensor:
    from generation.gan.sampling import draw_latents

    return torch.from_numpy(draw_latents(seed=3, class_index=0, indices=[index], dim=8, std=1.0))


def _grey(images: torch.Tensor) -> np.ndarray:
    return np.clip(np.round((images.detach().numpy()[0, 0] + 1) * 127.5), 0, 255).astype(np.uint8)


class TestStyleGan2:
    """The real network of the product, small and untrained, through the same three tools."""

    @pytest.fixture
    def stylegan2(self) -> LoadedGenerator:
        config = StyleGan2Config(**SMALL_STYLEGAN2)
        torch.manual_seed(1)
        network = trained(create_generator("stylegan2", config, n_classes=2))
        return LoadedGenerator(
            name="stylegan2",
            network=network.double().eval(),
            config=config,
            classes=("disc", "hole"),
            iteration=1,
            sha256="0" * 64,
        )

    def test_film_and_mixing(self, stylegan2):
        frames = list(film_frames(stylegan2, seed=3, class_indices=[1], columns=1, stops=2, steps=3))
        drawn = sample_block(stylegan2, seed=3, class_index=1, block=0, block_size=2)
        grid = style_mixing(stylegan2, seed=3, class_index=1, rows=1, columns=1, crossover=1)

        assert np.array_equal(frames[3][0, 0], drawn[1])
        assert np.array_equal(grid[1, 0], drawn[0])
        assert np.array_equal(grid[0, 1], drawn[1])
        assert not np.array_equal(grid[1, 1], drawn[0])
        assert not np.array_equal(grid[1, 1], drawn[1])

    def test_truncation_of_samples_is_that_of_the_network(self, stylegan2):
        stylegan2.network.w_mean.fill_(0.3)
        whole, none = (
            sample_block(
                LoadedGenerator(**{**vars(stylegan2), "options": SamplingOptions(truncation=psi)}),
                seed=3,
                class_index=0,
                block=0,
                block_size=4,
            )
            for psi in (1.0, 0.0)
        )

        assert len({image.tobytes() for image in none}) == 1
        assert len({image.tobytes() for image in whole}) == 4
