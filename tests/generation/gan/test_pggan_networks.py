"""The layers of the networks of the progressive GAN have the published layout, sizes and identities."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from generation.gan.pggan_config import PgganConfig, feature_maps
from generation.gan.pggan_networks import (
    EqualisedConv,
    EqualisedDense,
    PgganDiscriminator,
    PgganGenerator,
    double_nearest,
    group_size,
    halve_box,
    minibatch_stddev,
    pixel_norm,
)
from tests.generation.gan.small_pggan import NO_CLASS, count, doubled, latents, small


@pytest.fixture
def pair() -> tuple[PgganGenerator, PgganDiscriminator]:
    torch.manual_seed(0)
    return doubled(PgganGenerator(small(), n_classes=1)), doubled(PgganDiscriminator(small(), n_classes=1))


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
