"""The networks have the published layout, sizes and identities."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from generation.gan.pggan_config import PgganConfig, feature_maps
from generation.gan.pggan_networks import (
    EqualisedConv,
    EqualisedDense,
    PgganDiscriminator,
    PgganGenerator,
    double_nearest,
    fade_reals,
    group_size,
    halve_box,
    minibatch_stddev,
    pixel_norm,
)
from generation.gan.registry import create_generator

SMALL = {"image_size": 32, "feature_maps_base": 64, "feature_maps_max": 6, "latent_dim": 7}


def small(**changes) -> PgganConfig:
    return PgganConfig(**{**SMALL, **changes})


def count(network: nn.Module) -> int:
    return sum(values.numel() for values in network.parameters())


def doubled(network: nn.Module) -> nn.Module:
    return network.double().eval()


@pytest.fixture
def pair() -> tuple[PgganGenerator, PgganDiscriminator]:
    torch.manual_seed(0)
    return doubled(PgganGenerator(small(), n_classes=1)), doubled(PgganDiscriminator(small(), n_classes=1))


def latents(count: int = 4, dim: int = 7) -> torch.Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


NO_CLASS = torch.zeros(4, dtype=torch.int64)


class TestSizes:
    def test_feature_maps_are_those_of_table_2(self):
        config = PgganConfig(image_size=1024)

        assert [feature_maps(config, level) for level in range(9)] == [512, 512, 512, 512, 256, 128, 64, 32, 16]

    def test_each_full_network_has_23_1_million_parameters(self):
        """Karras et al. 2018, Table 2: "Total trainable parameters 23.1M", for both; here to the last one.

        The table counts one toRGB; with those of all nine resolutions, as while growing, and three channels, the sums
        below are what its rows give.
        """
        config = PgganConfig(image_size=1024, channels=3)
        generator, discriminator = PgganGenerator(config, n_classes=1), PgganDiscriminator(config, n_classes=1)
        widths = [512, 512, 512, 512, 256, 128, 64, 32, 16]

        def conv(width, channels, kernel=3):
            return width * channels * kernel * kernel + channels

        dense = 512 * 512 * 16 + 512
        grown = sum(conv(a, b) + conv(b, b) for a, b in pairwise(widths))
        shrunk = sum(conv(b, b) + conv(b, a) for a, b in pairwise(widths))
        to_rgb, from_rgb = sum(conv(width, 3, 1) for width in widths), sum(conv(3, width, 1) for width in widths)
        assert count(generator) == dense + conv(512, 512) + grown + to_rgb == 23_079_115
        assert count(discriminator) == from_rgb + shrunk + conv(513, 512) + dense + 513 == 23_087_249
        assert f"{count(generator) / 1e6:.1f}" == f"{count(discriminator) / 1e6:.1f}" == "23.1"

    @pytest.mark.parametrize(
        ("level", "published"),
        # Table 2, parameters of the two convolutions of each resolution; 4 x 4: "Conv 4 x 4" and "Conv 3 x 3"
        [
            (0, (4.2e6, 2.4e6)),
            (1, (2.4e6, 2.4e6)),
            (2, (2.4e6, 2.4e6)),
            (3, (2.4e6, 2.4e6)),
            (4, (1.2e6, 590e3)),
            (5, (295e3, 148e3)),
            (6, (74e3, 37e3)),
            (7, (18e3, 9.2e3)),
            (8, (4.6e3, 2.3e3)),
        ],
    )
    def test_parameters_of_each_resolution_are_those_of_table_2(self, level, published):
        with torch.device("meta"):
            generator = PgganGenerator(PgganConfig(image_size=1024, channels=3), n_classes=1)
        block = generator.blocks[level - 1] if level else None
        layers = (block.first, block.second) if block else (generator.dense, generator.conv)

        for layer, parameters in zip(layers, published, strict=True):
            assert count(layer) == pytest.approx(parameters, rel=0.03)  # the table rounds to two digits

    @pytest.mark.parametrize("channels", [1, 3])
    def test_images_of_every_level(self, channels):
        config = small(channels=channels)
        generator, discriminator = PgganGenerator(config, n_classes=1), PgganDiscriminator(config, n_classes=1)

        for level, side in enumerate((4, 8, 16, 32)):
            for network in (generator, discriminator):
                network.set_stage(level=level, alpha=0.3)
            images = generator(torch.randn(3, 7), NO_CLASS[:3])

            assert generator.side == side
            assert images.shape == (3, channels, side, side)
            assert discriminator(images, NO_CLASS[:3]).shape == (3,)

    def test_a_stage_out_of_range_is_refused(self, pair):
        with pytest.raises(ValueError, match=r"level is 4 and alpha 1\.0; level must be 0 to 3"):
            pair[0].set_stage(level=4)
        with pytest.raises(ValueError, match=r"alpha 1\.5"):
            pair[1].set_stage(level=1, alpha=1.5)


class TestEqualisedLearningRate:
    @pytest.mark.parametrize(
        ("name", "scale"),
        [
            ("dense", math.sqrt(2) / 4 / math.sqrt(512)),
            ("conv", math.sqrt(2) / math.sqrt(512 * 9)),
            ("blocks.3.first", math.sqrt(2) / math.sqrt(512 * 9)),
            ("blocks.3.second", math.sqrt(2) / math.sqrt(256 * 9)),
            ("to_image.4", 1 / math.sqrt(256)),
        ],
    )
    def test_scale_of_the_generators_layers(self, name, scale):
        with torch.device("meta"):
            layer = PgganGenerator(PgganConfig(image_size=64), n_classes=1).get_submodule(name)

        assert layer.scale == pytest.approx(scale, rel=1e-15)

    @pytest.mark.parametrize(
        ("name", "scale"),
        [
            ("from_image.4", math.sqrt(2) / math.sqrt(3)),
            ("blocks.3.first", math.sqrt(2) / math.sqrt(256 * 9)),
            ("blocks.3.second", math.sqrt(2) / math.sqrt(256 * 9)),
            ("conv", math.sqrt(2) / math.sqrt(513 * 9)),
            ("dense", math.sqrt(2) / math.sqrt(512 * 16)),
            ("score", 1 / math.sqrt(512)),
        ],
    )
    def test_scale_of_the_discriminators_layers(self, name, scale):
        with torch.device("meta"):
            layer = PgganDiscriminator(PgganConfig(image_size=64, channels=3), n_classes=1).get_submodule(name)

        assert layer.scale == pytest.approx(scale, rel=1e-15)

    def test_weights_start_standard_normal_and_biases_at_zero(self):
        torch.manual_seed(0)
        network = PgganGenerator(PgganConfig(image_size=8, feature_maps_max=64), n_classes=1)

        for layer in network.modules():
            if isinstance(layer, EqualisedConv | EqualisedDense):
                assert float(layer.bias.detach().abs().max()) == 0.0
                if layer.weight.numel() > 10_000:
                    assert float(layer.weight.detach().std()) == pytest.approx(1.0, rel=0.02)

    def test_the_scale_is_applied_when_used_and_not_to_the_bias(self):
        layer = EqualisedConv(3, 5, kernel=3).double()
        with torch.no_grad():
            layer.bias.copy_(torch.arange(5.0))
        maps = torch.randn(2, 3, 6, 6, dtype=torch.float64)

        wanted = functional.conv2d(maps, layer.weight * (math.sqrt(2) / math.sqrt(27)), padding=1)

        assert torch.allclose(layer(maps), wanted + torch.arange(5.0, dtype=torch.float64)[:, None, None], atol=1e-14)

    def test_a_layer_keeps_the_deviation_of_what_it_gets(self):
        """He's initialisation: with gain sqrt 2, the mean square after LeakyReLU 0.2 of normal input is 1.04."""
        torch.manual_seed(0)
        layer = EqualisedConv(256, 256, kernel=3)

        with torch.no_grad():
            maps = functional.leaky_relu(layer(torch.randn(4, 256, 16, 16))[:, :, 1:-1, 1:-1], 0.2)

        assert float(maps.square().mean()) == pytest.approx((1 + 0.2**2) / 2 * 2, rel=0.03)


class TestResampling:
    def test_nearest_up_and_box_down(self):
        images = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])

        up = double_nearest(images)

        assert up.tolist() == [[[[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]]]
        assert halve_box(images).tolist() == [[[[2.5]]]]
        assert torch.equal(halve_box(up), images)

    @pytest.mark.parametrize("side", [1, 2, 5])
    def test_up_convolution_is_nearest_then_convolution(self, side):
        layer = EqualisedConv(3, 4, up=True).double()
        plain = EqualisedConv(3, 4).double()
        plain.load_state_dict(layer.state_dict())
        maps = torch.randn(2, 3, side, side, dtype=torch.float64)

        assert torch.allclose(layer(maps), plain(double_nearest(maps)), atol=1e-14)


class TestPixelNorm:
    @settings(deadline=None, max_examples=30)
    @given(seed=st.integers(0, 10**6), scale=st.floats(1e-2, 1e3), channels=st.integers(1, 9))
    def test_mean_square_over_the_maps_is_one_and_the_direction_stays(self, seed, scale, channels):
        random = torch.Generator().manual_seed(seed)
        maps = torch.randn(2, channels, 3, 3, generator=random, dtype=torch.float64) * scale

        normed = pixel_norm(maps)

        expected = maps.square().mean(dim=1) / (maps.square().mean(dim=1) + 1e-8)
        assert torch.allclose(normed.square().mean(dim=1), expected)
        assert torch.equal(normed.sign(), maps.sign())

    def test_equation_of_section_4_2(self):
        maps = torch.tensor([[[[3.0]], [[4.0]]]], dtype=torch.float64)

        root = math.sqrt((9 + 16) / 2 + 1e-8)

        assert pixel_norm(maps).flatten().tolist() == pytest.approx([3 / root, 4 / root], rel=1e-15)

    def test_the_latents_length_has_no_effect(self, pair):
        assert torch.allclose(pair[0](latents(), NO_CLASS), pair[0](latents() * 7.0, NO_CLASS), atol=1e-6)


class TestMinibatchStddev:
    def test_by_hand(self):
        """Eight samples of two features at one place, two groups: samples 0 2 4 6 and 1 3 5 7."""
        first = torch.tensor([0.0, 10.0, 2.0, 10.0, 4.0, 10.0, 6.0, 10.0], dtype=torch.float64)
        second = torch.tensor([1.0, 0.0, 1.0, 4.0, 1.0, 0.0, 1.0, 4.0], dtype=torch.float64)
        maps = torch.stack([first, second], dim=1).view(8, 2, 1, 1)

        variety = minibatch_stddev(maps).flatten().tolist()

        # biased: 0 2 4 6 has the variance (9 + 1 + 1 + 9) / 4 = 5; 1 1 1 1 has 0; 10 10 10 10 has 0; 0 4 0 4 has 4
        even = (math.sqrt(5 + 1e-8) + math.sqrt(1e-8)) / 2
        odd = (math.sqrt(1e-8) + math.sqrt(4 + 1e-8)) / 2
        assert variety == pytest.approx([even, odd] * 4, rel=1e-12)

    def test_shape_and_one_number_per_group(self):
        maps = torch.randn(8, 3, 4, 5)

        variety = minibatch_stddev(maps)

        assert variety.shape == (8, 1, 4, 5)
        assert variety.unique().numel() == 2
        assert torch.equal(variety[0], variety[2])

    def test_every_nth_sample_keeps_its_groups(self):
        """What makes n processes equal to one."""
        maps = torch.randn(16, 3, 2, 2, dtype=torch.float64)

        whole = minibatch_stddev(maps)

        for rank in range(2):
            assert torch.allclose(minibatch_stddev(maps[rank::2]), whole[rank::2], atol=1e-15)

    @pytest.mark.parametrize(
        ("batch", "size"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 3), (7, 7), (8, 4), (14, 2)]
    )
    def test_size_of_a_group(self, batch, size):
        assert group_size(batch) == size


class TestFadeIn:
    @pytest.mark.parametrize("level", [1, 2, 3])
    def test_generator_at_0_is_the_old_level_and_at_1_the_new_one(self, pair, level):
        generator, _ = pair
        generator.set_stage(level=level - 1)
        old = generator(latents(), NO_CLASS)
        generator.set_stage(level=level, alpha=1.0)
        new = generator(latents(), NO_CLASS)
        generator.set_stage(level=level, alpha=0.0)
        begun = generator(latents(), NO_CLASS)
        generator.set_stage(level=level, alpha=0.25)
        between = generator(latents(), NO_CLASS)

        assert torch.equal(begun, double_nearest(old))
        assert torch.allclose(between, 0.75 * double_nearest(old) + 0.25 * new, atol=1e-14)
        assert not torch.allclose(begun, new)

    @pytest.mark.parametrize("level", [1, 2, 3])
    def test_discriminator_at_0_is_the_old_level(self, pair, level):
        _, discriminator = pair
        images = torch.randn(4, 1, 4 << level, 4 << level, dtype=torch.float64)
        discriminator.set_stage(level=level - 1)
        old = discriminator(halve_box(images), NO_CLASS)
        discriminator.set_stage(level=level, alpha=0.0)
        begun = discriminator(images, NO_CLASS)
        discriminator.set_stage(level=level, alpha=1 - 1e-12)
        nearly = discriminator(images, NO_CLASS)
        discriminator.set_stage(level=level, alpha=1.0)
        new = discriminator(images, NO_CLASS)

        assert torch.equal(begun, old)
        assert torch.allclose(nearly, new, atol=1e-9)
        assert not torch.allclose(begun, new)

    def test_reals(self):
        images = torch.randn(2, 1, 8, 8, dtype=torch.float64)
        coarse = double_nearest(halve_box(images))

        assert torch.equal(fade_reals(images, 1.0), images)
        assert torch.equal(fade_reals(images, 0.0), coarse)
        assert torch.allclose(fade_reals(images, 0.3), 0.7 * coarse + 0.3 * images, atol=1e-15)
        assert torch.allclose(halve_box(fade_reals(images, 0.3)), halve_box(images), atol=1e-15)


class TestState:
    def test_a_state_dict_of_any_moment_samples_as_it_did(self, pair):
        generator, _ = pair
        generator.set_stage(level=2, alpha=0.3)
        before = generator(latents(), NO_CLASS)

        again = doubled(create_generator("pggan", small().to_dict(), n_classes=1))
        assert again.side == 32
        again.load_state_dict(generator.state_dict())

        assert again.side == 16
        assert torch.equal(again(latents(), NO_CLASS), before)

    def test_a_state_of_an_impossible_level_is_refused(self, pair):
        generator, _ = pair
        state = generator.state_dict() | {"level": torch.tensor(9)}

        with pytest.raises(ValueError, match="level is 9"):
            generator.load_state_dict(state)

    def test_double_precision_agrees_with_single(self):
        torch.manual_seed(0)
        generator = PgganGenerator(small(), n_classes=1).eval()
        single = generator(latents().float(), NO_CLASS)

        exact = doubled(generator)(latents().float().double(), NO_CLASS)

        assert exact.dtype == torch.float64
        assert torch.allclose(single.double(), exact, atol=1e-5)


class TestOutput:
    def test_it_is_linear_in_the_last_layer(self, pair):
        generator, _ = pair
        images = generator(latents(), NO_CLASS)

        with torch.no_grad():
            generator.to_image[3].weight.mul_(100.0)
        larger = generator(latents(), NO_CLASS)

        assert torch.allclose(larger, images * 100.0, atol=1e-10)
        assert float(larger.detach().abs().max()) > 1.5  # no tanh

    def test_the_score_is_linear_too(self, pair):
        _, discriminator = pair
        images = torch.randn(4, 1, 32, 32, dtype=torch.float64)
        scores = discriminator(images, NO_CLASS)

        with torch.no_grad():
            discriminator.score.weight.mul_(50.0)

        assert torch.allclose(discriminator(images, NO_CLASS), scores * 50.0, atol=1e-10)


class TestClasses:
    @pytest.fixture
    def conditional(self) -> tuple[PgganGenerator, PgganDiscriminator]:
        torch.manual_seed(0)
        config = small(conditional=True)
        return doubled(PgganGenerator(config, n_classes=3)), doubled(PgganDiscriminator(config, n_classes=3))

    def test_the_class_changes_image_and_score(self, conditional):
        generator, discriminator = conditional
        images = generator(latents(), NO_CLASS)

        assert not torch.allclose(images, generator(latents(), NO_CLASS + 1))
        assert not torch.allclose(discriminator(images, NO_CLASS), discriminator(images, NO_CLASS + 1))

    def test_the_score_is_the_common_one_plus_a_projection(self, conditional):
        _, discriminator = conditional
        images = torch.randn(4, 1, 32, 32, dtype=torch.float64)
        with_classes = torch.stack([discriminator(images, NO_CLASS + index) for index in range(3)])

        with torch.no_grad():
            discriminator.projection.mul_(2.0)
        twice = torch.stack([discriminator(images, NO_CLASS + index) for index in range(3)])
        with torch.no_grad():
            discriminator.projection.zero_()
        common = torch.stack([discriminator(images, NO_CLASS + index) for index in range(3)])

        assert torch.equal(common[0], common[1])
        assert torch.allclose(twice - common, 2 * (with_classes - common), atol=1e-12)

    @pytest.mark.parametrize(("conditional", "n_classes"), [(False, 3), (True, 1)])
    def test_without_condition_the_class_is_ignored(self, conditional, n_classes):
        torch.manual_seed(0)
        config = small(conditional=conditional)
        generator = doubled(PgganGenerator(config, n_classes=n_classes))

        assert generator.embedding is None
        assert torch.equal(generator(latents(), NO_CLASS), generator(latents(), NO_CLASS + n_classes - 1))
